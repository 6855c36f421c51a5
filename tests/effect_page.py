"""The page `docs/effect_study.md`, made from the figures of `effect_study`."""

from collections.abc import Callable, Iterable
from math import sqrt

TIERS = ("high", "potential", "general", "risk")
CAMPAIGNS = [("default", tier) for tier in TIERS] + [("small", "potential"), ("balanced", "potential")]
KPIS = {"money": "net revenue", "rate": "share with an order", "orders": "orders"}
WAYS = {
    "shipped": "**what is shipped** (hold-out, expectation, permutation)",
    "after_only": "after the campaign, beside the hold-out (Welch)",
    "difference": "difference in differences, beside the hold-out",
    "same_tier": "expectation x actual/expected of the untreated of the tier",
    "before_after": "before and after (paired t, previous quarter)",
    "year_ago": "same quarter last year (paired t)",
    "other_tiers": "difference in differences, beside the other tiers",
    "model_alone": "expectation alone, no control group",
    "expectation": "those left, with the expectation taken out (as is shipped for a hold-out)",
}
PICKED = {
    "dip": "who bought less than usual last quarter",
    "biggest": "who spent most in 12 months",
    "anybody": "anybody, by lot",
}
WORDS = ("effective", "partly_effective", "not_effective", "harmful", "inconclusive", "no_verdict")
Cell = dict
Find = Callable[..., Cell]


def page(figures: dict) -> str:
    cells = {tuple(c[k] for k in ("review", "tier", "kpi", "effect", "way")): c for c in figures["cells"]}

    def find(review: str, tier: str, kpi: str, effect: float = 0.0, way: str = "shipped") -> Cell:
        return cells[review, tier, kpi, effect, way]

    parts = [_intro(figures), _alarms(find), _coverage(find), _power(find), _verdicts(find), _rivals(find)]
    parts += [_by_hand(find), _engine(list(cells.values())), _follows(find, figures)]
    return "\n\n".join(parts) + "\n"


def _intro(figures: dict) -> str:
    draws = {review: " / ".join(map(str, counts)) for review, counts in figures["draws"].items()}
    return f"""# How often the review of campaigns is right

Made by `python tests/effect_study.py --worlds {figures["worlds"]} --write`; the figures behind it are in `tests/effect_study.json`. Seed
{figures["seed"]}, {figures["worlds"]} worlds of {figures["customers"]:,} customers each. Same seed and number of worlds,
same bytes.

## What was simulated

- Customers buy as BG/NBD says (r 0.9, alpha 41 days, a 1, b 9): about eight orders in a first year, and one in ten
  leaves after each. They joined evenly over three years. An order is worth about 10 units, more or less by customer and
  by order.
- In the quarter of the campaign *everybody* buys 15 % faster: a season that no model is told of.
- A treated customer buys 0, 10 or 25 % faster than he would have. Both are known of every customer, so the true effect
  of every campaign is known.
- Each world goes the way of a quarter: purchase days, tiers on the eve by fixed anchors (R and F of the method, M as
  many mean orders as F), who is held out by the hash of campaign and customer, the BG/NBD expectation fitted on that
  eve, effect, p (1,999 permutations; 19,999 of a rate), interval, q, verdict. A campaign aims at what 20 % more buying
  brings on its KPI; half of that is the least of use. q is over the four tiers of one KPI.
- Campaigns: the whole of *high* and *potential* and 1,000 customers each of *general* and *risk*, with the default
  hold-out; 500 of *potential* with a fifth and with half held out. The hash draws each customer alone, so the arms are
  of about, not exactly, these sizes.
- Independent draws in each world without an effect, at +10 % and at +25 %: {draws["default"]} of the campaigns of the
  four tiers, {draws["balanced"]} of the two of 500. Draws of one world share its customers; the chance of the draw, which
  is what p speaks of, is new in each.
- The KPIs are those that a plan may name. From net revenue per customer the expected money is taken out, from orders per
  customer the expected orders. "±" is 1.96 Monte-Carlo errors of a share."""


def _alarms(find: Find) -> str:
    head = ["campaign", "treated / held out", "KPI", "runs", "improved", "worse", "either", "±", "claimed"]
    rows = []
    for review, tier in CAMPAIGNS:
        for kpi, name in KPIS.items():
            cell = find(review, tier, kpi)
            arms = f"{cell['n_treated']:.0f} / {cell['n_control']:.0f}"
            claimed = sum(cell["verdicts"].get(word, 0) for word in ("effective", "partly_effective", "harmful"))
            either = _either(cell)
            rows.append([_campaign(review, tier), arms, name, cell["runs"], *_shares(cell, "improved", "worse"),
                         _share(either), _share(error(either, cell["runs"])), _share(claimed / cell["runs"])])  # fmt: skip
    total = _pooled(find(review, tier, kpi) for review, tier in CAMPAIGNS for kpi in KPIS)
    rows.append(["all", "", "", total["runs"], *_shares(total, "improved", "worse"), _share(_either(total)),
                 _share(error(_either(total), total["runs"])), ""])  # fmt: skip
    return f"""## False alarms: nothing was done

"Improved" and "worse": p below 0.05 (0.025 each are due by chance). "Claimed": the verdict was effective, partly
effective or harmful. Arms are means.

{_table(head, rows)}"""


def _coverage(find: Find) -> str:
    head = ["campaign", "KPI", "no effect", "+10 %", "+25 %", "true +25 %", "mean estimate"]
    rows = []
    for review, tier in CAMPAIGNS:
        for kpi, name in KPIS.items():
            three = [find(review, tier, kpi, effect) for effect in (0.0, 0.10, 0.25)]
            last = [f"{three[2][what]:,.3g}" for what in ("truth", "estimate")]
            rows.append(
                [
                    _campaign(review, tier),
                    name,
                    *[_shares(c, "covered")[0] for c in three],
                    *_money(kpi, three[2], last),
                ]
            )
    pooled = [_pooled(find(r, t, k, e) for r, t in CAMPAIGNS for k in KPIS) for e in (0.0, 0.10, 0.25)]
    rows.append(["all", "", *[_shares(c, "covered")[0] for c in pooled], "", ""])
    return f"""## Intervals: how often the truth is within

{_table(head, rows)}"""


def _money(kpi: str, cell: Cell, plain: list[str]) -> list[str]:
    """Money in units rather than minor ones."""
    return [f"{cell[name] / 100:,.2f}" for name in ("truth", "estimate")] if kpi == "money" else plain


def _power(find: Find) -> str:
    head = ["campaign", "KPI", "runs", "found at +10 %", "runs ", "found at +25 %", "±"]
    rows = []
    for review, tier in CAMPAIGNS:
        for kpi, name in KPIS.items():
            small, large = (find(review, tier, kpi, effect) for effect in (0.10, 0.25))
            share = large["improved"] / large["runs"]
            rows.append([_campaign(review, tier), name, small["runs"], _shares(small, "improved")[0], large["runs"],
                         _share(share), _share(error(share, large["runs"]))])  # fmt: skip
    return f"""## Power: how often a true effect is found

"Found": p below 0.05 and the effect above zero.

{_table(head, rows)}"""


def _verdicts(find: Find) -> str:
    head = ["campaign", "KPI", "true", *[word.replace("_", " ") for word in WORDS]]
    rows = []
    for review, tier in CAMPAIGNS:
        for kpi, name in KPIS.items():
            for effect in (0.0, 0.10, 0.25):
                cell = find(review, tier, kpi, effect)
                shares = [_share(cell["verdicts"].get(word, 0) / cell["runs"]) for word in WORDS]
                rows.append([_campaign(review, tier), name, f"+{100 * effect:.0f} %", *shares])
    return f"""## Verdicts

The target is +20 %, the least of use +10 %. "No verdict": the smaller arm fell below the minimum (100 customers for
means, 30 for rates).

{_table(head, rows)}"""


def _rivals(find: Find) -> str:
    head = ["way", *[f"{tier}: improved / worse" for tier in TIERS]]
    text = []
    for kpi, name in KPIS.items():
        ways = [
            way for way in WAYS if way != "expectation" and (kpi != "rate" or way not in ("same_tier", "model_alone"))
        ]
        rows = []
        for way in ways:
            cells = [find("default", tier, kpi, way=way) for tier in TIERS]
            rows.append([WAYS[way], *[" / ".join(_shares(cell, "improved", "worse")) for cell in cells]])
        text.append(f"{name.capitalize()}:\n\n{_table(head, rows)}")
    tables = "\n\n".join(text)
    return f"""## Other ways, on the same campaigns without an effect

False alarms of ways that are found in reports, at the 5 % level, and of ours. The treated are those of the campaigns
above (default hold-out); the first draw of each world.

{tables}"""


def _by_hand(find: Find) -> str:
    head = ["way", "KPI", "bias", "improved", "worse", "truth within interval"]
    text = []
    for rule, name in PICKED.items():
        rows = []
        for kpi in ("money", "orders"):
            for way in ("before_after", "after_only", "difference", "expectation", "same_tier"):
                cell = find(f"picked_{rule}", "potential", kpi, way=way)
                bias = f"{cell['estimate'] / 100:+.2f}" if kpi == "money" else f"{cell['estimate']:+.3f}"
                rows.append([WAYS[way].replace("the hold-out", "those left"), KPIS[kpi], bias,
                             *_shares(cell, "improved", "worse", "covered")])  # fmt: skip
        text.append(f"Picked: {name}.\n\n{_table(head, rows)}")
    gates = []
    for rule, name in PICKED.items():
        cell = find(f"picked_{rule}", "potential", "money", way="gated")
        said = cell["improved"] + cell["worse"]
        gates.append([name, cell["runs"], _share(_refused(cell)), _share(said / cell["runs"])])
    tables = "\n\n".join(text)
    return f"""## Customers picked by hand

200 of 500 customers of *potential* are picked, the other 300 left, and nothing is done to anybody. There is no hold-out.
"Bias" is the mean of what is said, per customer and quarter; the truth is 0. One world in four has such campaigns.

{tables}

The shipped review of such a campaign makes its comparison one window earlier first, and refuses (grade C) where that
finds an "effect"; only else it speaks of one (grade B). On net revenue:

{_table(["picked", "runs", "refused", "an effect is claimed"], gates)}"""


def _engine(cells: list[Cell]) -> str:
    words: dict[str, int] = {}
    for cell in cells:
        if cell["review"] == "engine":
            words = {word: words.get(word, 0) + cell["verdicts"].get(word, 0) for word in ("same", "other")}
    return f"""## The same from the engine

In every fourth world the first review is made a second time, from the list to the verdict by `strategy.holdout.drawn`,
`review.campaigns.measured` and `review.grades.reviews` in the engine: arms, effect, interval, p and verdict were the same
in {words["same"]} of {words["same"] + words["other"]} campaigns."""


def _follows(find: Find, figures: dict) -> str:
    null = _pooled(find(r, t, k) for r, t in CAMPAIGNS for k in KPIS)
    worst = max(_either(find(r, t, k)) for r, t in CAMPAIGNS for k in KPIS)
    naive = [_either(find("default", tier, "money", way="before_after")) for tier in TIERS]
    equal = [find("balanced", "potential", kpi, 0.25) for kpi in KPIS]
    powers = [_with_error(cell["improved"] / cell["runs"], cell["runs"]) for cell in equal]
    unbalanced = find("small", "potential", "money", 0.25)
    dip = find("picked_dip", "potential", "orders", way="difference")
    lot = find("picked_anybody", "potential", "money", way="gated")
    lost = (
        find("small", "potential", "money")["verdicts"].get("no_verdict", 0)
        / find("small", "potential", "money")["runs"]
    )
    return f"""## What follows

- With a hold-out, a false alarm is as rare as the level says: {_with_error(_either(null), null["runs"])}
  over all campaigns and KPIs, {_share(worst)} in the worst of them; intervals hold the truth in {_share(null["covered"] / null["runs"])}.
- A table of before and after says "improved" or "worse" of nothing at all in {", ".join(map(_share, naive))} of campaigns on
  net revenue ({", ".join(TIERS)}). It is shown as a description and carries no verdict.
- 500 customers in equal arms find +25 % in {powers[2]} of campaigns by orders, {powers[0]} by net revenue and
  {powers[1]} by the share with an order; with a fifth held out it is {_share(unbalanced["improved"] / unbalanced["runs"])} by net revenue. Plan on
  orders per customer (`window_orders`) where orders are what a campaign is to bring, and hold out half of a small list.
- A fifth of 500 customers is 100, which is the minimum for means, and the draw falls below it in {_share(lost)} of campaigns:
  tiers of fewer than 600 have half held out unless the plan says otherwise.
- Where customers were picked because they had bought less, difference in differences finds an effect of nothing in
  {_share(_either(dip))}. The gate refuses {_share(_refused(find("picked_dip", "potential", "money", way="gated")))} of such campaigns, and {_share(_refused(lot))} of those whose customers were picked by lot.
- These worlds obey BG/NBD, so the expectation fits them better than it fits a real book. The hold-out does not need it to
  fit: it only makes intervals shorter."""


def _pooled(cells: Iterable[Cell]) -> Cell:
    found = list(cells)
    return {name: sum(cell[name] for cell in found) for name in ("runs", "improved", "worse", "covered")}


def _refused(cell: Cell) -> float:
    return sum(n for word, n in cell["verdicts"].items() if word.startswith("refused_")) / cell["runs"]


def _either(cell: Cell) -> float:
    return (cell["improved"] + cell["worse"]) / cell["runs"]


def _with_error(share: float, runs: int) -> str:
    return f"{_share(share)} ± {_share(error(share, runs))}"


def error(share: float, runs: int) -> float:
    return 1.96 * sqrt(share * (1 - share) / runs)


def _shares(cell: Cell, *names: str) -> list[str]:
    return [_share(cell[name] / cell["runs"]) for name in names]


def _share(share: float) -> str:
    return f"{share:.3f}"


def _campaign(review: str, tier: str) -> str:
    return {"default": tier, "small": f"{tier}, 500, a fifth", "balanced": f"{tier}, 500, half"}[review]


def _table(head: list[str], rows: list[list]) -> str:
    rule = ["---", *["---:" for _ in head[1:]]]
    return "\n".join("| " + " | ".join(str(value) for value in row) + " |" for row in [head, rule, *rows])
