"""English words that say how a customer feels and what he talks about; written for retail and service feedback.

A trailing * stands for any ending. Words of the strong lists weigh twice. `NEUTRAL` phrases contain a word of another
list without its meaning, and win because they are longer.
"""

STRONG_POSITIVE = """
10 out of 10, a pleasure, amaz*, awesome, best, brilliant, can't complain, can't go wrong, could not be happier,
couldn't be happier, definitely come back, delicious, delight*, exceeded, excellent, exceptional*, fabulous,
fantastic, five stars, flawless*, gorgeous, highly recommend*, impressed, impressive*, incredibl*,
keep up the good work, life saver, love, loved, lovely, loves, loving, never let us down, never lets me down,
no complaints, nothing to complain about, outstanding, perfect*, phenomenal, second to none, superb*, terrific,
thrilled, top notch, will be back, wonderful*, works great
"""
POSITIVE = """
a must, able to help, accurate*, affordable, agreeable, always fresh, apologised, apologized, appreciat*,
as good as, at ease, at once, attentive, authentic, bargain, beautiful*, better, blown away, bright, caring, charm*,
cheap, cheaper, cheapest, clean, cleaner, clear sound, come back again, comfortabl*, comfy, coming back,
compliment*, convenient*, cool, correct, courteous, cozy, crisp, cute, decent, dependabl*, durable, easier, easily,
easy, effective, efficient*, effortless*, elegant, enjoy*, exactly what, fair price, fair prices, fairly priced,
fast, faster, finally, fine, flavorful, flavourful, fresh, fresher, freshest, friendliest, friendly, fun, gem,
generous, genuine, glad, good, good value, great, great value, greatest, handy, happier, happy, healthy, helped,
helpful*, here on tuesday, hospitable, hot and fresh, huge selection, i like, i liked, ideal, improved,
improvement*, in no time, inexpensive, innovative, interesting, jewel, joy, juicy, kept their word, kind, lasts,
life easier, like new, liked, likes, memorable, neat, never a wait, next day, nice, nicely, nicest, no failures,
no issues, no problem, no problems, no trouble, no waiting, on the next day, on time, organised, organized, patient,
patiently, pleasant*, pleasantly, pleased, plenty, polite*, powerful, practical, pretty good, professional*,
prompt*, proper size, punctual, quality, quick*, quiet, really like, reasonabl*, recommend*, refreshing, reliabl*,
respectful, responsive, rich, right away, robust, safe, satisf*, saved, saved us, saves, seamless*, sharp, simple,
skilled, smart, smooth*, solid, spacious, speedy, spot on, spotless, stable, stay fresh, stays fresh, straight away,
stress free, strong, sturdy, stylish, success*, super, support well, sweet, tasty, tender, thank, thank you, thanks,
thorough*, thoughtful, thumbs up, tidy, tracked well, trust*, trustworthy, upgrade, useful, valuable,
value for money, warm, we like, we liked, welcom*, well, well made, well organised, well organized, well packed,
well stocked, without the receipt, without trouble, worked great, works, works fine, works perfectly, works well,
worth, wow, yummy
"""
STRONG_NEGATIVE = """
abysmal, appalling, ashamed, atrocious, avoid, awful*, broke, broken, cheat*, complete waste, crap*, crash*,
dangerous, defective, disappoint*, disaster, disgust*, dreadful*, filthy, fraud*, furious, garbage, gross,
had to throw, hate*, horrend*, horribl*, horrific, hung up, inedible, insult*, junk, lousy, moldy, mouldy, nasty,
never again, never coming back, never going back, nightmare, not worth, outrage*, pathetic, poisoning, rip off,
ripped off, rotten, rubbish, rude*, scam*, slimy, stay away, suck, sucked, sucks, terribl*, throw away, thrown away,
unacceptable, unbearable, unusable, useless, waste of money, waste of time, will not be back, won't be back, worst,
worthless, zero stars
"""
NEGATIVE = """
a mess, above last year's price, almost nothing left, although the order was cancelled, angry, annoy*, arrogan*,
bad, badly, blah, blame*, bland, bored, boring, bother*, brown, bruised, burned, burnt, can't get, can't log,
cannot log, careless*, chaotic, charged me for, charged twice, cheap feel, cheap plastic, cheaper down the road,
cheaper elsewhere, cheaply made, closes too early, clumsy, cold, complain*, complaint*, complicated, confus*,
contaminated, could not log, couldn't log, cracked, crooked, crowded, cumbersome, cut off, damage*, dead, declined,
delay*, delayed, dented, did not call, did not like, did not scan, did not show up, did not work, didn't like,
didn't scan, didn't show up, didn't work, died, difficult*, dirty, disconnect*, dishonest, dislike*, dismissive,
do not buy, do not like, does not work, doesn't work, don't bother, don't buy, don't like, don't waste, don't work,
drained, drains, dropped, drops calls, drug store prices, dry, dull, empty, endless, error*, exhaust*, expensive,
expired, fail*, fake, false, far above, fault*, faulty, fell apart, fell off, fewer brands, flaw*, flimsy,
for half an hour, forced, forgot*, forgotten, freezes, freezing, froze, frustrat*, gave up, go elsewhere, greasy,
grey inside, had been frozen, had to ask, had to return, had to wait, half of my, half thawed, hard as, hard to,
harder to, hassle, high prices, higher than, hit or miss, hurt, ignor*, impolite, impossible, in the rain,
inaccurate, incompetent, inconsistent, inconvenient*, incorrect*, inferior, inflexible, invalid, invoiced twice,
irritat*, issue*, kept us waiting, lack*, lame, late, lazy, leak*, leaky, left in the rain, left without, less for,
let down, limited, lines are endless, lines are long, long line, long lines, long queue*, long wait, lost, loud,
low quality, mediocre, mess, messy, miserabl*, misleading, misplaced, missed, missing, missing from, mistake*,
much cheaper down, muddy, mushy, negative, neglect*, never answered, never arrived, never came, never got,
never received, no answer, no apology, no carts left, no idea, no longer works, no one, no reply, no response,
no sound, no thanks, no tracking, nobody, noisy, not applied, not enough, not good enough, not impressed,
not long enough, not match, not once, not received, not take, not work, not working, nothing left, nothing useful,
nowhere to, nuisance, obsolete, odd smell, old and noisy, on hold, once again, out of date, out of order,
out of stock, outdated, over priced, overcharged, overcooked, overloaded, overpriced, overrated, pain, painful*,
past its best, past its date, poor, poor quality, poorly, price increase, prices went up, pricey, problem*,
problematic, pushy, ran out, ranted, refus*, refused, regret*, reject*, returned it, rolled her eyes,
rolled his eyes, ruined, sad, salty, scratch*, screwed, shabby, shame, shattered, short of, shortage, shrugged,
shut down, sick, sketchy, sloppy, slow, slower, slowly, smaller than, smashed, smell*, smelled off, smelt,
so much plastic, soft at the bottom, soggy, sold out, sore, sorry, sour, spam, spilled, spoiled, spoilt, stale,
sticky, still get, still waiting, stingy, stolen, stop sending, stopped, stopped working, stressful, stuck, stupid,
tasteless, tear, thawed, third month running, third time, three times, threw, timid, tiny, tired of, too bad,
too big, too cold, too early, too expensive, too few, too heavy, too high, too hot, too late, too little, too long,
too loud, too many, too much, too salty, too slow, too small, too sweet, too tight, torn, tough, trouble*,
two weeks to reply, ugly, unable, unavailable, unbearably, unclear, uncomfortabl*, uncooked, undercook*,
undercooked, underwhelm*, unfair, unfortunate*, unfriendly, unhappy, unhelpful, unhygienic, unimpressed, unpleasant,
unprofessional*, unreachable, unreliabl*, unsafe, unsatisf*, unsubscribed twice, untrained, upset*, vague, violat*,
waited, waiting for my, weak, weird, wilted, worn out, would not scan, wouldn't come back, wrong, wrongly, yet again
"""
NEUTRAL = """
as well, as well as, back in stock, best regards, better than nothing, cold cuts, cold drinks, dead sea,
easy to break, expired certificate, fast food, feel like, feels like, felt like, fixed the problem, free of,
fresh food offer, fresh produce section, fresh-food, good afternoon, good day, good morning,
high quality requirements, hot dog, hot dogs, how well, is it possible, just like, kind of, kind regards, like a,
like the, like to, look like, looks like, missing link, no later than, no matter, problem solved,
problem was solved, quality control, quality department, quality manager, quick question, right now, safe deposit,
self checkout, smart phone, solved the problem, solves the problem, sort of, super market, sweet potato,
thank you in advance, thanks in advance, value added tax, warm up, well done steak, would be a great,
would be better, would be good, would be great, would be lovely, would be nice, would help, would like,
wrong size chart
"""
NEGATORS = """
ain't, anything but, aren't, barely, can't, cannot, cant, couldn't, couldnt, didn't, didnt, doesn't, doesnt, don't,
dont, far from, hadn't, hardly, hasn't, haven't, isn't, isnt, lacking, lacks, neither, never, no, nobody, none, nor,
not, nothing, rarely, scarcely, shouldn't, stopped being, wasn't, wasnt, weren't, without, won't, wont, wouldn't,
wouldnt
"""
STRONGER = """
absolutely, completely, especially, extremely, far, highly, incredibly, much, really, so, super, too, totally,
truly, very
"""
WEAKER = """
a bit, a little, almost, fairly, occasionally, quite, rather, slightly, sometimes, somewhat
"""
TURNS = """
although, but, except, however, nevertheless, sadly, still, though, unfortunately, whereas, while, yet
"""
COMMON = """
about, after, again, all, also, always, and, another, any, anything, anyone, anywhere, are, asked, at, back, be,
because, been, before, being, both, bought, buy, by, came, come, could, customer, day, days, did, does, each, else,
even, every, everyone, everything, first, for, from, get, give, go, going, good, got, had, has, have, he, her, here,
him, his, how, i, i'll, i'm, i've, if, into, is, it, it's, its, just, last, like, made, make, many, month, more, most,
my, need, new, next, now, of, off, often, ok, okay, one, only, order, ordered, other, our, out, own, people, please,
same, sell, she, should, since, some, someone, something, than, that, that's, the, their, them, then, there, these,
they, this, those, through, time, to, today, told, two, until, up, us, use, used, was, we, we've, week, weeks, went,
were, what, when, where, which, who, why, with, work, would, year, years, yes, you, your
"""
"""Plain words that tell an English text."""
SHARED = """
a, am, an, as, do, in, me, no, on, or, over, so, will
"""
"""Words that tell none, because another language writes them too."""
THEMES = {
    "goods": """
apple*, as described, avocado*, banana*, batch*, battery, battery life, bearing*, beef, berries, bland, bread,
broke, broken, build, bunches, cake*, case, charger, cheese, chicken, coffee, cookie*, cut i ordered, defective,
deli made, delicious, device*, dish*, dress, durable, egg*, expired milk, fabric, family pack*, faulty, fish,
flavor*, flavour*, flower*, food, fresh, fresher, freshness, frozen, fruit cup*, fruit*, goods, ground beef, ham,
headset, herb*, inspection, jacket, jumper, kettle, leak*, lettuce, lunch bowl*, machine*, material, mattress,
meal*, meat, menu, milk, moldy, mouldy, overcooked, packs, paint, part*, past its date, pastry, peach*, phone,
pizza, plate was, portion*, prime rib, produce, product*, pump, pumpkin*, quality, ready meal*, roast, rose*,
rotten, salad, salad bar, salty, sandwich*, seafood, shoes, slimy, small pack*, smelled, smelled off, soup,
sourdough, stale, steak*, stopped working, store brand, strawberr*, sturdy, taste*, tasted, tasty, tea, tortilla*,
turkey, undercooked, vacuum*, valve*, vegetable*, wilted, wine, yogurt
""",
    "price": """
above last year's price, afford*, bargain, basics are far above, cheap, cheaper, cheapest, cost*, expensive, fee,
fees, inexpensive, money, not worth, overpriced, per ounce, per pound, price*, priced, pricey, pricing, quotation,
quote, quoted, rip off, ripped off, surcharge*, value, value for money, worth
""",
    "delivery": """
arrived, courier, deliver*, delivery, dispatch*, driver, home delivery, in transit, missing items, ordered on,
pallet, parcel, pick up order*, pick-up, postman, shipment*, shipped, shipping, tracking, warehouse
""",
    "staff": """
account manager, advice, answered, answers, apologised, attentive, butcher, call back, called back, cashier*, clerk,
contract, courteous, customer service, desk, employee*, engineer, exactly the way, explained, feel taken seriously,
friendly, helped me, helpful, hotline, lady at, let us down, man at the desk, manager, my emails, no one could help,
nobody at, polite, professional*, replied, reply, rude, say hello, server, service, someone walked me,
special order, staff, support, team, technician, the way i asked, they opened, three emails, unfriendly, unhelpful,
waiter, waitress, young man
""",
    "queue": """
cashier line, checkout, forty minutes, half an hour, kept me on hold, line, line grew, lines, long line*,
minutes at, on hold, one register, only one register, queue*, quick in and out, register open, registers open,
self checkout, slow service, stood at, third register, till, tills, twenty minutes, wait, waited, waiting
""",
    "returns_refunds": """
exchange*, money back, refund*, replaced, replacement, return, returned, returning, returns, send back,
sending back, shoes back, take back, took back, warranty, without the receipt
""",
    "website_app": """
app, apps, basket, browser, captcha, checkout page, crashes, download, interface, log in, logged me out, login,
online order*, online shop, ordering through, page, password, portal, search on, site, software, web shop, website,
website checkout
""",
    "availability": """
almost nothing left, assortment, availability, available, carry, choice, choices, corner is small, discontinued,
empty shelves, everything i needed, fewer brands, in stock, looking for, not refilled, offer sandwiches,
out of diapers, out of stock, ran out, range, refilled, run out, selection, shelf with, shelves, shelves were empty,
size 42, sizes, sold out, spare parts, stock, stocked, unavailable, variety, well stocked
""",
    "invoice_payment": """
bill, billed, billing, card was charged, charged, charged twice, credit card, debit, double charge*, e-invoice*,
gift card, invoice*, invoiced, invoicing, my card, overcharged, paid, pay, paying, payment*, rang up, receipt*,
register price, statement, tax number, vat
""",
    "premises": """
air conditioning, aisle*, ambiance, ambience, atmosphere, bathroom*, bench, car park, cart, carts, clean,
close and open late, closes, cozy, decor, dirty, entrance, filthy, find my way, floor, hours, lighting, location,
loud, music, nice place, noisy, open late, opening hours, opens, park, parking, parking lot, patio, restaurant is,
restroom*, seating, shelf labels, shop is, store, store is, store was, the store, time do you open, toilet*,
trolley*, view
""",
    "packaging": """
bag, bags, box, boxes, carton, lid, packag*, packed, packing, padding, paper bags, plastic, seal, sealed, torn open,
well packed, wrapped, wrapping
""",
    "offers_points": """
bonus, coupon*, deal, deals, discount*, double points, flyer, free coffee, fuel points, loyalty, member price,
membership, offer*, points, promo*, promotion*, rewards, sale, sale flyer, sale item, voucher*
""",
    "messages": """
by mail and by app, cold call*, emails a week, get mail, mail for, mailer*, marketing call*, monthly mail,
newsletter*, notification*, opt out, paper mail, phone calls, recipe mail, reminder text, spam, stop sending,
text message*, texts, the call came, unsubscrib*
""",
}
