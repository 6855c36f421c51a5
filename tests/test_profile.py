"""Profile and associations: groups by hand, measures against published or closed forms, and what chance would do."""

from datetime import date

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmlib.io import engine
from crmlib.params import Book, Levels, Profile, Settings
from crmlib.periods import Period
from crmlib.segment import agreement, levels, profile
from crmlib.views import charts_profile, narrative_profile, suppression

BOOK = Book(name_en="A", name_zh="甲", currency="CNY")
QUICK = Profile(resamples=100)


def described(values: dict[str, list]) -> pd.DataFrame:
    size = len(next(iter(values.values())))
    blank = {"customer_id": [f"{n:04d}" for n in range(size)], "state": "active", "monetary_12m_minor": 100.0}
    return pd.DataFrame({**blank, **values})


def grouped(values: dict[str, list], how: Profile = QUICK, min_cell: int = 2) -> pd.DataFrame:
    return engine.frame(profile.groups(engine.table(described(values)), how, min_cell))


def test_groups_by_hand_with_small_and_unknown_ones():
    found = grouped(
        {"size_band": ["big", "big", "small", ""], "region": [""] * 4, "monetary_12m_minor": [300.0, 100, 50, 50]}
    )
    assert found["attribute"].unique().tolist() == ["var_size_band"]  # nothing is known of the region
    assert found[["attribute_value", "customers", "customer_share", "revenue_share", "per_customer_minor", "is_small"]].to_numpy().tolist() == [
        ["big", 2, 0.5, 0.8, 200, False], ["small", 1, 0.25, 0.1, 50, True], ["not_known", 1, 0.25, 0.1, 50, True]]  # fmt: skip


def test_values_beyond_the_limit_are_one_group_and_shares_add_up():
    found = grouped({"size_band": [*"aaabbcdef", ""]}, QUICK.model_copy(update={"values": 3}))
    assert found[["attribute_value", "customers"]].to_numpy().tolist() == [
        ["a", 3], ["b", 2], ["c", 1], ["other_values", 3], ["not_known", 1]]  # fmt: skip
    assert found["customer_share"].sum() == pytest.approx(1) and found["revenue_share"].sum() == pytest.approx(1)


def test_everything_is_joined_and_nothing_lost():
    """A customer without purchases, category or attribute stays, with unknowns."""
    tiered = pd.DataFrame({"customer_id": ["A", "B"], "state": ["active", "prospect"], "tier": ["high", "none"],
                           "recency_days": [1, None], "frequency_12m": [4, 0], "monetary_12m_minor": [1000, 0],
                           "tenure_days": [9, None]}).astype({"recency_days": "Int64", "tenure_days": "Int64"})  # fmt: skip
    customers = pd.DataFrame(
        {"customer_id": ["A", "B"], "customer_type": ["x", None], "size_band": [None, None]}
    ).astype("str")
    levelled = pd.DataFrame({"customer_id": ["A"], "level": ["key"], "growth_rate": [0.5]})
    labels = pd.DataFrame(
        {
            "customer_id": ["A"],
            **dict.fromkeys(["lifecycle", "loyalty", "price_band", "need_type", "decision_complexity"], "z"),
        }
    )
    sales = pd.DataFrame([("A", "c1", "2023Q1", 5), ("A", "c2", "2023Q4", 5), ("A", "c2", "2023Q3", 5), ("A", "c3", "2022Q4", 5), ("A", "c4", "2023Q4", -1)],
                         columns=["customer_id", "category", "period", "net_minor"])  # fmt: skip
    tables = (engine.table(t) for t in (tiered, customers, levelled, labels, sales))
    found = engine.frame(profile.described(*tables, Period(2023, 4, date(2023, 12, 1))).order_by("customer_id"))
    assert found["average_ticket_minor"].iloc[0] == 250 and found["categories_bought"].iloc[0] == 2
    assert found["tier"].tolist() == ["high", "none"] and found["level"].tolist() == ["key", ""]
    assert found["average_ticket_minor"].isna().tolist() == [False, True]


def test_the_sample_is_the_same_each_time_and_only_of_buyers():
    frame = described({"recency_days": [float(n) for n in range(40)]}).assign(state=["active", "prospect"] * 20)
    frame = frame.assign(**{c: 1.0 for c in profile.NUMBERS if c not in frame.columns})
    first = engine.frame(profile.sample(engine.table(frame), 7))
    again = engine.frame(profile.sample(engine.table(frame.sample(frac=1, random_state=1)), 7))
    pd.testing.assert_frame_equal(first, again)
    assert (first["customer_id"].astype(int) % 2 == 0).all() and len(first) == 7


def test_cramers_v_by_hand():
    """[[30, 10], [10, 30]]: chi squared 20, phi squared .25 - 1/79, sides 2 - 1/79."""
    table = np.array([[30.0, 10], [10, 30]])
    assert agreement.cramers_v(table) == pytest.approx(((0.25 - 1 / 79) / (1 - 1 / 79)) ** 0.5)
    assert agreement.cramers_v(np.full((3, 4), 10.0)) == 0
    assert agreement.cramers_v(np.diag([50.0, 50, 50])) == pytest.approx(1, abs=0.01)


def test_the_correlation_ratio_by_hand():
    """Ranks 1..4 against 5..8: of a sum of squares of 42 the groups explain 32."""
    assert profile.correlation_ratio(32 / 42, 8, 2) == pytest.approx((1 - (10 / 42) * 7 / 6) ** 0.5)
    assert profile.correlation_ratio(1 / 7, 8, 2) == 0  # no more than chance explains
    values, groups = np.arange(1.0, 9), np.repeat([0, 1], 4)
    member = (groups[:, None] == [0, 1]).astype(np.float32)
    assert profile._explained(np.ones((1, 8), np.float32), member, values)[0] == pytest.approx(32 / 42)


def test_fishers_interval_is_the_textbooks():
    """r = .5 of n = 28: z = .5493 +- 1.96 / 5, back to .156 and .736."""
    assert profile.fisher(0.5, 28, is_rank=False) == pytest.approx((0.1561, 0.7360), abs=1e-3)
    wider = profile.fisher(0.5, 28, is_rank=True)
    assert wider[0] < 0.156 and wider[1] > 0.736 and profile.fisher(1.0, 28, is_rank=True) == (1, 1)


def worlds(n: int, seed: int = 0) -> pd.DataFrame:
    """Frequency drives money and differs by type; size and tenure are pure chance."""
    rng = np.random.default_rng(seed)
    kind = rng.choice(["a", "b", "c"], n)
    often = rng.poisson(np.where(kind == "a", 12, 4)) + 1.0
    frame = described({"frequency_12m": often, "monetary_12m_minor": often * rng.lognormal(3, 0.4, n),
                       "tenure_days": rng.integers(1, 900, n).astype(float), "customer_type": kind,
                       "size_band": rng.choice(["s", "m"], n)})  # fmt: skip
    return frame.assign(region=np.where(rng.random(n) < 0.8, frame["customer_type"], "x"))


def test_what_is_linked_is_found_and_what_is_not_is_not():
    found = profile.associations(worlds(600), QUICK, 5, 1).set_index(
        ["first_variable", "second_variable", "association_measure"]
    )
    often, money, kind = "var_frequency_12m", "var_monetary_12m_minor", "var_customer_type"
    linked = [
        (often, money, "by_spearman"),
        (often, kind, "by_correlation_ratio"),
        (kind, "var_region", "by_cramers_v"),
    ]
    chance = [("var_tenure_days", "var_size_band", "by_correlation_ratio"), (kind, "var_size_band", "by_cramers_v")]
    assert found.loc[linked, "is_notable_link"].all() and not found.loc[chance, "is_notable_link"].any()
    assert (found.loc[linked, "association"] > 0.5).all() and (found.loc[chance, "association"] < 0.15).all()
    inside = (found["association_low"] <= found["association"] + 1e-9) & (
        found["association"] <= found["association_high"] + 1e-9
    )
    assert inside.all() and (found["n"] == 600).all()
    assert (found["p_adjusted"] >= found["p_value"]).all()


def test_intervals_of_the_correlation_ratio_cover_it():
    """Forty worlds; the truth is the ratio in a hundred times as many customers."""
    truth = profile.associations(worlds(30_000, 7)[["customer_id", "frequency_12m", "customer_type"]], QUICK, 5, 1)[
        "association"
    ].iloc[0]
    sampled = (
        profile.associations(worlds(300, seed)[["customer_id", "frequency_12m", "customer_type"]], QUICK, 5, 1).iloc[0]
        for seed in range(40)
    )
    hits = sum(row["association_low"] <= truth <= row["association_high"] for row in sampled)
    assert hits >= 34


def test_many_groups_without_a_link_are_not_given_one_by_resampling():
    """Six by six groups of 400 customers: resampling adds chance to chance, which the interval must not show as strength."""
    rng = np.random.default_rng(5)
    frame = described({"customer_type": rng.choice(list("abcdef"), 400), "size_band": rng.choice(list("abcdef"), 400),
                       "frequency_12m": rng.random(400)}).drop(columns="monetary_12m_minor")  # fmt: skip
    found = profile.associations(frame, QUICK, 5, 1)
    assert (found["association_low"] == 0).all() and (found["association"] < 0.1).all()


def test_the_same_seed_gives_the_same_table_and_few_customers_none():
    frame = worlds(80)
    pd.testing.assert_frame_equal(profile.associations(frame, QUICK, 5, 3), profile.associations(frame, QUICK, 5, 3))
    few = profile.associations(frame.head(29), QUICK, 2, 3)
    assert few["association"].isna().all() and few["is_thin"].all() and not few["is_notable_link"].any()
    assert profile.associations(frame.head(0), QUICK, 5, 3).empty


def test_rare_values_count_as_one_and_unknown_ones_not_at_all():
    codes = profile._codes(pd.Series(["a"] * 5 + ["b"] * 4 + ["x", "y", "", "not_known"]), QUICK, 3)
    assert codes.tolist() == [0] * 5 + [1] * 4 + [2, 2, -1, -1]


@settings(max_examples=20)
@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 3)), min_size=30, max_size=60), st.integers(0, 5))
def test_order_and_names_of_groups_do_not_matter(pairs, seed):
    frame = described(
        {"customer_type": [f"k{a}" for a, _ in pairs], "frequency_12m": [float(b) for _, b in pairs]}
    ).drop(columns="monetary_12m_minor")
    renamed = frame.assign(customer_type=frame["customer_type"].map({"k0": "z", "k1": "y", "k2": "x"}))
    first, other = (
        profile.associations(f, QUICK, 1, seed)["association"]
        for f in (frame, renamed.sample(frac=1, random_state=seed))
    )
    np.testing.assert_allclose(first.astype(float), other.astype(float), atol=1e-6)


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_figures_and_sentences_state_findings_or_absence(lang):
    groups = grouped({"size_band": ["big"] * 3 + ["small"] * 3, "monetary_12m_minor": [900.0] * 3 + [100.0] * 3})
    title = charts_profile.profile_groups(groups, BOOK, lang).get_figure().get_label()
    assert {"en": "'big' spends most: ¥9.00", "zh": "“big”消费最高：近12个月户均¥9.00"}[lang] in title
    known = narrative_profile.profile(groups, lang, BOOK).text
    few = narrative_profile.profile(suppression.blank(groups, 5), lang, BOOK).text
    assert "100.0%" in known and "%" not in few and "¥" not in few
    links = profile.associations(worlds(200), QUICK, 5, 1)
    assert {"en": "type or industry goes most with buying (orders in 12 months", "zh": "所属行业与购买行为关联最强（近12个月订单数"}[
        lang] in charts_profile.associations(links, lang).get_figure().get_label()  # fmt: skip
    assert narrative_profile.associations(links, 200, lang).text
    for said in (charts_profile.associations(links.head(0), lang).get_figure().get_label(),
                 charts_profile.profile_groups(groups.head(0), BOOK, lang).get_figure().get_label(),
                 narrative_profile.associations(links.head(0), 0, lang).text,
                 narrative_profile.profile(groups.head(0), lang, BOOK).text):  # fmt: skip
        assert said


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_levels_are_told_with_their_target_and_what_is_missing(lang):
    sizes = pd.DataFrame({"level": [*levels.LEVELS, "not_scored"], "customers": [13, 40, 40, 5, 2, 100],
                          "customer_share": [0.13, 0.4, 0.4, 0.05, 0.02, None], "target_low": [0.1, 0.2, 0.5, 0.05, 0.05, None],
                          "target_high": [0.15, 0.25, 0.6, 0.1, 0.05, None]})  # fmt: skip
    title = charts_profile.level_sizes(sizes, lang).get_figure().get_label()
    assert {"en": "Key: 40.0% of the scored customers, where the method aims at 20% to 25%",
            "zh": "重点级客户占已评分客户的40.0%，方法目标为20%至25%"}[lang] == title  # fmt: skip
    lacks = pd.DataFrame({"missing_inputs": ["input_needs"], "customers": [120]})
    said = narrative_profile.levels(sizes, lacks, 80, Levels(), lang).text
    assert {"en": "100 of 200 customers could be scored", "zh": "200个客户中100个可以评分"}[
        lang
    ] in said and "120" in said
    few = sizes.assign(customers=[13, 40, 40, 5, 2, 3])  # 3 without a score, and what 80 in full leaves of 100 is 20
    said = narrative_profile.levels(few, lacks.assign(customers=3), 80, Levels(), lang, 5).text
    assert {"en": "Of 103 customers 80 could be scored with all three dimensions, some with two, some not.",
            "zh": "103个客户中，三项维度齐全的80个，缺一项的若干个，不能评分的若干个。"}[lang] in said  # fmt: skip
    assert {"en": " of some. A missing", "zh": "若干个客户缺"}[lang] in said
    grown = [
        narrative_profile.growth_confirmed(n, lang, 5).text.split(" have")[0].split("个客户")[0] for n in (0, 4, 5)
    ]
    assert grown == {"en": ["0 customers", "Fewer than 5 customers", "5 customers"], "zh": ["0", "不足5", "5"]}[lang]
    nothing = charts_profile.level_sizes(sizes.assign(customers=0), lang).get_figure().get_label()
    assert {"en": "No customer could be scored", "zh": "没有客户可以评分"}[lang] in nothing


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_what_stands_for_profit_and_needs_is_said(tmp_path, lang):
    import books

    given: Settings = books.load(tmp_path)
    empty = pd.DataFrame({"customer_id": [], "provenance": [], "set_on": pd.to_datetime([])})
    said = narrative_profile.inputs(given, empty, False, False, lang).text
    for part in {"en": ("no margin", "no costs by customer", "nobody has filled in", "no offers"),
                 "zh": ("未给出毛利率", "没有按客户记录的成本", "尚未填写", "没有优惠活动记录")}[lang]:  # fmt: skip
        assert part in said
