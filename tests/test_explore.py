"""Panels answer with the functions of the batch; the widget only passes values on."""

import ipywidgets as widgets
import pandas as pd
import pytest
from books import ANCHORS, TIERS

from crmlib.io import engine
from crmlib.params import Book, Segment
from crmlib.segment import tiers
from crmlib.views import explore

BOOK = Book(name_en="Tiny", name_zh="小账套", currency="CNY")
SCORED = pd.DataFrame(
    {
        "customer_id": ["a", "b", "c", "d"],
        "state": ["active", "active", "lapsed", "prospect"],
        "recency_score": [90.0, 70, 50, 0],
        "frequency_score": [90.0, 70, 50, 0],
        "monetary_score": [90.0, 70, 50, 0],
        "monetary_12m_minor": [400, 300, 200, 0],
    }
)


def counts(frame: pd.DataFrame) -> dict[str, int]:
    return frame.set_index("tier")["customers"].to_dict()


def test_the_default_cut_offs_are_the_methods_rule():
    rules = Segment.model_validate({"anchors": ANCHORS, "tiers": TIERS}).tiers
    wanted = engine.frame(tiers.sizes(tiers.classify(engine.table(SCORED), rules), rules))
    pd.testing.assert_frame_equal(explore.tier_thresholds_data(engine.table(SCORED), 80, 60, 40), wanted)


def test_other_cut_offs_move_customers():
    assert counts(explore.tier_thresholds_data(engine.table(SCORED), 70, 60, 55)) == {
        "high": 2, "potential": 0, "general": 0, "risk": 1, "none": 1,
    }  # fmt: skip


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_slider_changes_the_table_and_wrong_orders_are_said(capsys):
    panel = explore.tier_thresholds(engine.table(SCORED), "en", BOOK)
    high, _potential, general, output = panel.children
    assert isinstance(output, widgets.Output)
    capsys.readouterr()
    high.value = 65.0
    assert "Tiers" in capsys.readouterr().out
    general.value = 90.0
    assert "must fall" in capsys.readouterr().out
