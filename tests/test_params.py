from datetime import date
from pathlib import Path

import books
import pytest

from crmlib import params
from crmlib.errors import InputError
from crmlib.periods import Period


def problems(root: Path, **changes) -> list[str]:
    with pytest.raises(InputError) as found:
        books.load(root, **changes)
    return found.value.problems


def test_a_quarter_overrides_single_keys_and_replaces_lists(tmp_path):
    changed = books.load(tmp_path, strategy={"max_contacts": 2}, segment={"tiers": [books.TIERS[0], books.TIERS[3]]})
    assert (changed.strategy.budget, changed.strategy.max_contacts) == (1000, 2)
    assert [rule.tier for rule in changed.segment.tiers] == ["high", "risk"]
    assert (str(changed.period), changed.book_id) == ("2023Q4", "tiny")


def test_an_unknown_key_is_named_with_the_nearest_known_one(tmp_path):
    assert problems(tmp_path, strategy={"bugdet": 3}) == [
        "params tiny/2023Q4: unknown key 'strategy.bugdet'; did you mean 'budget'?"
    ]


def test_every_problem_is_listed(tmp_path):
    found = problems(tmp_path, sed=1, strategy={"budget": -1}, quality={"max_quarantined_share": 2})
    assert len(found) == 3
    assert any("'strategy.budget' is -1" in text for text in found)


@pytest.mark.parametrize(
    ("knots", "says"),
    [
        ([[0, 100], [0, 50], [9, 0]], "rise from knot to knot"),
        ([[0, 100], [9, 10]], "first and the last knot must score 0 and 100"),
        ([[0, 100], [5, 40], [7, 60], [9, 0]], "scores must go one way"),
        ([[0, 100]], "at least two knots"),
    ],
)
def test_anchors_that_are_no_map_are_refused(tmp_path, knots, says):
    found = problems(tmp_path, segment={"anchors": {"recency_days": knots}})
    assert len(found) == 1 and says in found[0]


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"strategy": {"segment_sizes": [0.5, 0.5]}}, "segment_sizes must add to 1"),
        ({"strategy": {"segment_effects": [0.1, 0.2, 0.3, 0.4]}}, "never rise"),
        ({"strategy": {"department_hours": {"CRM": -1}}}, "greater than or equal to 0"),
        ({"market": {"matrix_weights": {"affinity": 1, "growth": 1}}}, "they must add to 1"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(tmp_path, changes, says):
    found = problems(tmp_path, **changes)
    assert len(found) == 1 and says in found[0]


def test_the_params_cannot_name_their_own_file(tmp_path):
    assert problems(tmp_path, file="elsewhere.yml") == ["params/tiny/2023Q4.yml: 'file' is no setting; remove it"]


def test_a_missing_quarter_names_those_that_exist(tmp_path):
    file = books.write(tmp_path)
    with pytest.raises(InputError, match=r"2023Q3\.yml does not exist; there are 2023Q4\.yml"):
        params.load(file.with_name("2023Q3.yml"))


@pytest.mark.parametrize("text", ["- a list", "book: [", "just text"])
def test_a_file_that_is_no_mapping_is_refused(tmp_path, text):
    file = books.write(tmp_path)
    file.write_text(text)
    with pytest.raises(InputError, match=r"params/tiny/2023Q4\.yml"):
        params.load(file)


def test_the_resolved_settings_carry_no_path_of_this_machine(tmp_path):
    text = params.dump(books.load(tmp_path))
    assert str(tmp_path) not in text and "budget: 1000" in text


ORDERS_URL = {"files": None, "table": "orders"}


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ({"files": None}, "give either files"),
        ({"url": "sqlite:///shop.db"}, "give either files"),
        ({"files": None, "url": "sqlite:///shop.db"}, "needs either table or query"),
        (ORDERS_URL | {"url": "sqlite:///shop.db", "query": "select 1"}, "needs either table or query"),
        ({"table": "orders"}, "belong to a url"),
        ({"time_zone": "Asia/Shangai"}, "did you mean 'Asia/Shanghai'?"),
        ({"delimiter": "ab"}, "should match pattern"),
    ],
)
def test_a_source_is_files_or_a_database_and_its_cells_are_described(tmp_path, source, says):
    found = problems(tmp_path, sources={"orders": source})
    assert len(found) == 1 and says in found[0]


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://shop:s3cret@db.example/shop",
        "mysql://shop:s3cret/p@ss:word@db.example/shop",
        "postgresql://db.example/shop?user=shop&password=s3cret",
    ],
)
def test_a_password_in_a_url_is_refused_and_not_repeated(tmp_path, url):
    found = problems(tmp_path, sources={"orders": ORDERS_URL | {"url": url}})
    assert len(found) == 1 and "environment variable" in found[0] and "s3cret" not in found[0]


def test_a_password_from_the_environment_stays_a_name_in_the_settings(tmp_path):
    right = {"orders": ORDERS_URL | {"url": "postgresql://shop:${SHOP_PASSWORD}@db.example/shop"}}
    assert "${SHOP_PASSWORD}" in params.dump(books.load(tmp_path, sources=right))


def test_as_of_cuts_the_quarter_and_must_lie_in_it(tmp_path):
    assert books.load(tmp_path, as_of="2023-12-09").period == Period(2023, 4, date(2023, 12, 9))
    assert books.load(tmp_path, as_of="2023-12-31").period == Period(2023, 4)
    assert "2023Q4" in problems(tmp_path, as_of="2024-01-01")[0]


def test_a_floor_for_an_unknown_tier_is_refused(tmp_path):
    found = problems(tmp_path, strategy={"allocation": {"tier_cover": {"higher": 0.5}}})
    assert len(found) == 1 and "tier_cover names 'higher', which is none of the tiers" in found[0]
