"""Campaign designs: sizes, least effects, the draw, what the KPI does without a campaign, and what would help."""

import hashlib
import math
from datetime import date

import ibis
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmlib.kpi import sample_size
from crmlib.kpi.sample_size import Arms
from crmlib.kpi.windows import Span
from crmlib.params import Holdout
from crmlib.strategy import campaign_base, holdout, remedies
from crmlib.views import narrative_campaign

RULES = Holdout()
IDS = [
    *map(str, range(1, 700)),
    *(f"客户{n}" for n in range(300)),
    *(f"Ünïté-{n}|é" for n in range(200)),
    "",
    " ",
    "a'b",
]


def people(ids: list[str], tier: str = "high", unit: str = "") -> ibis.Table:
    frame = pd.DataFrame({"customer_id": ids, "tier": tier, "drawn_unit": unit}, dtype="object")
    return ibis.memtable(frame, schema={"customer_id": "string", "tier": "string", "drawn_unit": "string"})


def arms(ids: list[str], campaign: str, share: float) -> dict[str, str]:
    found = holdout.drawn(people(ids), campaign, {"high": share}).to_pyarrow().to_pandas()
    return dict(zip(found["customer_id"], found["arm"], strict=True))


@pytest.mark.parametrize(
    ("base", "target", "n"),
    [(0.60, 0.75, 152), (0.60, 0.72, 244), (0.60, 0.65, 1471), (0.15, 0.20, 906), (0.90, 0.95, 435)],
)
def test_customers_per_arm_are_those_of_the_method(base: float, target: float, n: int) -> None:
    """Method 3.5 and 10."""
    assert sample_size.rates_per_arm(base, target - base, RULES) == n


@pytest.mark.parametrize(
    ("treated", "held", "mde"),
    [(200, 50, 0.209), (400, 100, 0.150), (2000, 500, 0.068), (5000, 500, 0.064), (40, 10, math.nan)],
)
def test_the_least_rise_of_a_rate_is_that_of_the_method(treated: int, held: int, mde: float) -> None:
    """Method 3.5: repurchase .60."""
    assert sample_size.mde_rates([Arms(treated, held, 0.60)], RULES) == pytest.approx(mde, abs=0.0005, nan_ok=True)


@pytest.mark.parametrize(
    ("treated", "held", "rho", "mde"), [(400, 100, 0, 0.313), (400, 100, 0.7, 0.224), (40, 10, 0, 0.991)]
)
def test_the_least_difference_of_means_is_that_of_the_method(treated: int, held: int, rho: float, mde: float) -> None:
    """Method 3.5, in standard deviations."""
    found = sample_size.mde_means([Arms(treated, held, 0, 1, rho)], RULES, adjusted=True)
    assert found == pytest.approx(mde, abs=0.0005)


def test_a_rate_that_is_full_and_an_arm_that_is_empty_show_nothing() -> None:
    assert math.isnan(sample_size.mde_rates([Arms(500, 500, 1.0)], RULES))
    assert math.isnan(sample_size.mde_rates([Arms(500, 0, 0.5)], RULES))
    assert math.isnan(sample_size.mde("money", [Arms(500, 0, 1, 1)], RULES))
    assert math.isnan(
        sample_size.mde("money", [Arms(500, 500, 0, 0)], RULES)
    )  # nobody bought: nothing is known of chance
    assert math.isnan(sample_size.rates_per_arm(0.98, 0.05, RULES))
    assert math.isnan(sample_size.mde("money", [Arms(500, 500, 1, 1, math.nan)], RULES, adjusted=True))


@given(st.integers(2, 5000), st.integers(2, 5000), st.floats(0, 1))
@settings(max_examples=50)
def test_the_least_rise_solves_its_equation(treated: int, held: int, base: float) -> None:
    found = sample_size.mde_rates([Arms(treated, held, base)], RULES)
    if not math.isnan(found):
        after = min(base + found, 1.0)
        error = math.sqrt(after * (1 - after) / treated + base * (1 - base) / held)
        assert found == pytest.approx(sample_size.factor(RULES) * error, rel=1e-6, abs=1e-9)


@given(st.integers(5, 900), st.integers(5, 900), st.floats(0.1, 100), st.floats(0, 0.95))
@settings(max_examples=50)
def test_tiers_alike_are_as_good_as_one(treated: int, held: int, sd: float, rho: float) -> None:
    """Two equal halves show what the whole shows; another unit of money changes nothing but the unit."""
    whole = sample_size.mde_means([Arms(2 * treated, 2 * held, 0, sd, rho)], RULES, adjusted=True)
    halves = sample_size.mde_means([Arms(treated, held, 0, sd, rho)] * 2, RULES, adjusted=True)
    cents = sample_size.mde_means([Arms(treated, held, 0, 100 * sd, rho)] * 2, RULES, adjusted=True)
    assert halves == pytest.approx(whole)
    assert cents == pytest.approx(100 * whole)
    more = sample_size.mde_means([Arms(treated + 1, held + 1, 0, sd, rho)] * 2, RULES, adjusted=True)
    assert more < halves


def test_drawing_groups_costs_variance() -> None:
    """20 groups of 25, ICC .1: 1 + 24 * .1 = 3.4; the least effect grows by its root."""
    inflation = sample_size.design_effect(20, 500, 0.1)
    plain = sample_size.mde_means([Arms(250, 250, 0, 1)], RULES)
    assert inflation == pytest.approx(3.4)
    assert sample_size.mde_means([Arms(250, 250, 0, 1)], RULES, inflation=inflation) == pytest.approx(
        plain * math.sqrt(3.4)
    )


@pytest.mark.parametrize("share", [0.5, 0.2, 0.1, 0.333, 1 / 3, 0.05])
def test_the_engine_draws_as_hashlib_does(share: float) -> None:
    """Method 3.5, on more than 1,000 ids, with and without ASCII."""
    expected = {
        i: "treated"
        if int(hashlib.sha256(f"CP1|{i}".encode()).hexdigest()[:15], 16) / 16**15 < 1 - share
        else "hold_out"
        for i in IDS
    }
    assert len(IDS) > 1000
    assert arms(IDS, "CP1", share) == expected


@given(st.floats(0, 1), st.integers(-3, 3))
@settings(max_examples=50)
def test_the_text_compared_with_is_the_first_that_is_held_out(share: float, step: int) -> None:
    text = holdout.first_held_out(share)
    edge = 16**15 if text == "g" else int(text, 16)
    near = edge + step
    if 0 <= near < 16**15:
        assert (near / 16**15 < 1 - share) == (near < edge) == (format(near, "015x") < text)


@given(st.lists(st.text(max_size=8), min_size=2, max_size=30, unique=True), st.randoms(use_true_random=False))
@settings(max_examples=25)
def test_nobody_moves_when_others_come_or_the_order_changes(ids: list[str], random: object) -> None:
    whole = arms(ids, "A", 0.4)
    part = ids[: len(ids) // 2]
    random.shuffle(part)  # type: ignore[attr-defined]
    assert arms(part, "A", 0.4) == {i: whole[i] for i in part}


def test_the_share_drawn_is_near_the_share_asked_for() -> None:
    """20,000 customers at 20 %: 4,000 give or take 4 standard deviations (57); campaigns draw independently."""
    ids = [str(n) for n in range(20_000)]
    one, other = arms(ids, "CP1", 0.2), arms(ids, "CP2", 0.2)
    held = {i for i, arm in one.items() if arm == "hold_out"}
    assert abs(len(held) - 4000) < 226
    assert abs(sum(other[i] == "hold_out" for i in held) - 800) < 110


def test_whole_groups_are_drawn_together() -> None:
    table = people([f"{n}" for n in range(400)]).mutate(
        drawn_unit=(ibis._.customer_id.cast("int64") % 20).cast("string").lpad(2, "0")
    )
    found = holdout.drawn(table, "CP1", {"high": 0.5}).to_pyarrow().to_pandas()
    assert (found.groupby("drawn_unit")["arm"].nunique() == 1).all()
    assert found["arm"].nunique() == 2
    first = found.iloc[0]
    assert (first["arm"] == "treated") == (holdout.uniform("CP1", first["drawn_unit"]) < 0.5)


def test_who_is_eligible() -> None:
    """The tiers named, once each, without those who withdrew consent; by group, without those who have none."""
    tiered = ibis.memtable(
        {"customer_id": ["a", "b", "c", "c", "d"], "tier": ["high", "high", "risk", "risk", "general"]}
    )
    known = ibis.memtable(
        {"customer_id": ["a", "b", "c"], "consent": ["given", "withdrawn", None], "region": [" ", "N", "S"]},
        schema={"customer_id": "string", "consent": "string", "region": "string"},
    )
    single = holdout.eligible(tiered, known, ["high", "risk"]).order_by("customer_id").to_pyarrow().to_pandas()
    grouped = holdout.eligible(tiered, known, ["high", "risk"], "region").to_pyarrow().to_pandas()
    assert single["customer_id"].tolist() == ["a", "c"]
    assert grouped[["customer_id", "drawn_unit"]].to_numpy().tolist() == [["c", "S"]]


@pytest.mark.parametrize(
    ("n", "share"), [(1, 0.5), (599, 0.5), (600, 0.2), (5000, 0.2), (5001, 0.1), (5002, 0.1), (100_000, 0.1)]
)
def test_the_share_held_out_by_default(n: int, share: float) -> None:
    """Method 3.5: 50 % of small tiers, 20 % to 5,000, above max(500, 10 %). Small is below 600, not 400: see below."""
    assert holdout.default_share(n, RULES) == pytest.approx(share, abs=1e-4)


@pytest.mark.parametrize(("n", "unlucky"), [(400, 0.99), (500, 0.48), (599, 0.02)])
def test_a_fifth_of_a_tier_below_600_would_be_too_small_by_luck_of_the_draw(n: int, unlucky: float) -> None:
    """Chance that fewer than 100 of n are held out at 20 %: the binomial's; half of them is never too few."""
    chance = [math.comb(n, k) * 0.2**k * 0.8 ** (n - k) for k in range(100)]
    assert sum(chance) == pytest.approx(unlucky, abs=0.015)
    assert n * holdout.default_share(n, RULES) >= 199


def test_the_least_number_held_out_of_a_large_tier() -> None:
    rules = Holdout(shares=((399, 0.5),), large_share=0.1, large_least=500)
    assert holdout.default_share(1000, rules) == 0.5
    assert holdout.default_share(10_000, rules) == 0.1


def test_how_far_the_arms_are_apart() -> None:
    """Spend 10, 20 against 30, 40: means differ by 20, both variances are 50, so -20 / 7.0711."""
    drawn = ibis.memtable(
        {
            "customer_id": list("abcd"),
            "tier": ["high"] * 4,
            "arm": ["treated"] * 2 + ["hold_out"] * 2,
            "drawn_unit": [""] * 4,
        }
    )
    tiered = ibis.memtable(
        {"customer_id": list("abcd"), "recency_days": [1, 1, 1, 1], "frequency_12m": [1, 3, 3, 1],
         "monetary_12m_minor": [10, 20, 30, 40]}
    )  # fmt: skip
    found = holdout.balance(drawn, tiered).iloc[0]
    assert found["smd_recency"] == 0
    assert found["smd_frequency"] == 0
    assert found["smd_monetary"] == pytest.approx(-20 / math.sqrt(50))
    assert holdout.sizes(drawn).to_dict("records") == [
        {"tier": "high", "eligible": 4, "treated": 2, "held_out": 2, "units": 0}
    ]


def test_arms_of_another_size_than_asked_for() -> None:
    """1,000 at 50 %: 500 is what was asked for; 450 is 3.16 standard deviations off (p .0016)."""
    assert holdout.ratio_p([1000], [500], [0.5]) == pytest.approx(1)
    assert holdout.ratio_p([1000], [450], [0.5]) == pytest.approx(0.00157, abs=1e-5)
    assert holdout.ratio_p([600, 400], [300, 150], [0.5, 0.5]) == pytest.approx(0.00157, abs=1e-5)


def test_who_is_in_two_campaigns_at_once() -> None:
    listed = ibis.memtable(
        {"campaign_id": ["A", "A", "A", "B", "B", "B", "C"], "customer_id": ["1", "2", "3", "1", "2", "4", "1"],
         "tier": ["high"] * 7, "arm": ["treated", "treated", "hold_out", "treated", "hold_out", "treated", "treated"]}
    )  # fmt: skip
    days = (
        pd.to_datetime(["2018-01-01", "2018-01-10", "2018-03-01"]),
        pd.to_datetime(["2018-02-01", "2018-02-20", "2018-04-01"]),
    )
    windows = pd.DataFrame({"campaign_id": ["A", "B", "C"], "start_date": days[0], "end_date": days[1]})
    assert holdout.overlaps(listed, windows).to_numpy().tolist() == [["A", "B", 2, 1, 1]]
    assert holdout.treated_twice(listed, windows).to_pyarrow().to_pylist() == [
        {"customer_id": "1", "campaign_id": "A", "other_campaign_id": "B"}
    ]
    none = holdout.overlaps(listed, windows[windows["campaign_id"] != "A"])
    assert none.empty and "No two campaigns" in narrative_campaign.overlaps(none, windows, "en").text
    assert narrative_campaign.overlaps(none, windows[:1], "en") is None


def test_customers_who_were_moved_are_found() -> None:
    drawn = holdout.drawn(people(IDS), "CP1", {"high": 0.5})
    held = [i for i in IDS if holdout.uniform("CP1", i) >= 0.5][:2]
    tampered = drawn.mutate(arm=ibis.ifelse(drawn.customer_id.isin(held), "treated", drawn.arm))
    assert holdout.moved(drawn, {"CP1": {"high": 0.5}}).empty
    assert holdout.moved(tampered, {"CP1": {"high": 0.5}}).to_numpy().tolist() == [["CP1", 2]]


DAYS = ibis.memtable(
    pd.DataFrame(
        [
            ("a", date(2017, 12, 1), 1, 100), ("a", date(2017, 12, 20), 1, 200), ("b", date(2017, 12, 18), 1, 50),
            ("b", date(2017, 12, 31), 0, -20), ("c", date(2017, 12, 24), 0, -10), ("d", date(2017, 12, 17), 1, 400),
            ("a", date(2018, 1, 1), 1, 999),
        ],
        columns=["customer_id", "order_date", "orders", "net_minor"],
    ),
    schema={"customer_id": "string", "order_date": "date", "orders": "int64", "net_minor": "int64"},
)  # fmt: skip
TIERED = ibis.memtable({"customer_id": list("abcde"), "tier": ["high", "high", "risk", "risk", "risk"]})


def test_what_the_kpi_does_without_a_campaign() -> None:
    """Two weeks to 31 Dec: a 200, b 50 - 20 = 30, c -10 without an order, d (a day too early) and e nothing."""
    span = Span.ending(date(2017, 12, 31), 2)
    assert span == Span(date(2017, 12, 18), date(2017, 12, 31))
    assert span.before == Span(date(2017, 12, 4), date(2017, 12, 17))
    money = campaign_base.by_tier(TIERED, DAYS, span, "window_net_revenue").set_index("tier")
    rates = campaign_base.by_tier(TIERED, DAYS, span, "window_repurchase_rate").set_index("tier")
    assert rates["base_value"].to_dict() == {"high": 1.0, "risk": 0.0}
    assert money["base_value"].to_dict() == pytest.approx({"high": 115.0, "risk": -10 / 3})
    assert money.loc["high", "base_sd"] == pytest.approx(math.sqrt(85**2 * 2))
    assert rates["base_rho"].isna().all()


def base_of_orders(counts: dict[str, tuple[int, int]]) -> pd.Series:
    """The base of one tier, from each customer's orders before the span and in it."""
    rows = [("till", date(2017, 11, 1), 1, 1)]
    rows += [(name, day, n, 5) for name, both in counts.items()
             for day, n in zip((date(2017, 12, 4), date(2017, 12, 31)), both, strict=True) if n]  # fmt: skip
    columns = ["customer_id", "order_date", "orders", "net_minor"]
    days = ibis.memtable(pd.DataFrame(rows, columns=columns), schema=DAYS.schema())
    tiered = ibis.memtable({"customer_id": list(counts), "tier": ["high"] * len(counts)})
    return campaign_base.by_tier(tiered, days, Span.ending(date(2017, 12, 31), 2), "window_orders").iloc[0]


def test_a_correlation_is_never_more_than_one() -> None:
    """The engine gives 1.0000000000000002 for these three; what the covariate leaves must not be less than nothing."""
    found = base_of_orders({"a": (0, 0), "b": (0, 0), "c": (2, 1)})
    assert found["base_rho"] == 1
    tier = Arms(2, 1, found["base_value"], found["base_sd"], found["base_rho"])
    assert sample_size.mde("number", [tier], RULES, adjusted=True) == 0


def test_orders_per_customer_without_a_campaign() -> None:
    """Orders 2, 0, 1, 1 now and 1, 0, 0, 3 before: mean 1, squares 2 / 3; deviations' products 1, rho 1 / sqrt(2 * 6)."""
    found = base_of_orders({"a": (1, 2), "b": (0, 0), "c": (0, 1), "d": (3, 1)})
    assert (found["customers"], found["base_value"]) == (4, 1.0)
    assert found["base_sd"] == pytest.approx(math.sqrt(2 / 3))
    assert found["base_rho"] == pytest.approx(1 / math.sqrt(12))
    assert sample_size.means_per_arm(found["base_sd"], 0.5, RULES) == 42  # 2 * (2.8016 * .8165 / .5)^2 = 41.9


def test_a_book_too_young_gives_no_base() -> None:
    assert campaign_base.by_tier(TIERED, DAYS, Span.ending(date(2017, 12, 31), 5), "window_net_revenue").empty


def test_how_alike_customers_of_a_group_are() -> None:
    """Groups (0, 2) and (10, 12): between 100, within 2, so (100 - 2) / (100 + 2) = .960784."""
    days = ibis.memtable(
        pd.DataFrame(
            [(name, date(2017, 12, 30), 1, value) for name, value in zip("abcd", (0, 2, 10, 12), strict=True)],
            columns=["customer_id", "order_date", "orders", "net_minor"],
        )
    )
    grouped = ibis.memtable({"customer_id": list("abcd"), "drawn_unit": ["N", "N", "S", "S"]})
    span = Span.ending(date(2017, 12, 31), 2)
    assert campaign_base.icc(grouped, days, span, "window_net_revenue") == pytest.approx(98 / 102)
    alone = grouped.mutate(drawn_unit=ibis._.customer_id)
    assert math.isnan(campaign_base.icc(alone, days, span, "window_net_revenue"))


def goal(unit: str, effect: float, needed: float, customers: int = 10_000) -> remedies.Goal:
    return remedies.Goal(unit, effect, 10, 30, needed, customers)


@pytest.mark.parametrize(
    ("tiers", "aim", "code", "value"),
    [
        ([Arms(400, 400, 0.60)], goal("rate", 0.15, 152), "remedy_none", math.nan),
        ([Arms(640, 160, 0.60)], goal("rate", 0.10, 356), "larger_holdout", 0.35),
        ([Arms(100, 100, 0.60)], goal("rate", 0.05, 1471), "more_customers", 2942),
        ([Arms(100, 100, 0.60)], goal("rate", 0.05, 1471, 2941), "larger_effect", 0.1798),
        ([Arms(100, 100, math.nan)], goal("rate", 0.05, math.nan), "no_base", math.nan),
        ([Arms(100, 100, 10, 10, 0.0)], goal("money", 3.5, 65), "longer_window", 13),
        ([Arms(100, 100, 10, 10, 0.0)], goal("number", 3.5, 65), "longer_window", 13),
    ],
)  # fmt: skip
def test_the_cheapest_way_out(tiers: list[Arms], aim: remedies.Goal, code: str, value: float) -> None:
    """Longer: without correlation the least effect grows by the root of the weeks, 3.96 * sqrt(1.3) <= 3.5 * 1.3."""
    found = remedies.cheapest(tiers, aim, RULES)
    assert found[0] == code
    assert found[1] == pytest.approx(value, abs=5e-4, nan_ok=True)


def test_the_curve_passes_through_the_design() -> None:
    design = pd.DataFrame({
        "campaign_id": ["A", "A"], "tier": ["high", "all"], "kpi_unit": "money", "treated": [400, 400], "held_out": [100, 100],
        "base_value": 0.0, "base_sd": 1.0, "base_rho": 0.7, "design_effect": 1.0,
    })  # fmt: skip
    found = sample_size.curve(design, RULES).set_index("holdout_share")
    assert found.loc[0.2, ["mde", "mde_cuped"]].tolist() == pytest.approx([0.313, 0.224], abs=5e-4)
    assert found["mde"].idxmin() == 0.5
    sizes = sample_size.by_size("money", 0.0, 1.0, 0.7, RULES)
    assert sizes[(sizes["eligible"] == 400) & (sizes["holdout_share"] == 0.5)]["mde"].iloc[0] == pytest.approx(
        0.2802, abs=1e-4
    )
