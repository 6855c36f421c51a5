"""The widget only passes values on: sliders, buttons, work in hand, and a kernel nobody listens to."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import ipywidgets as widgets
import pandas as pd
import pytest
import sample_book

from crmlib import params
from crmlib.errors import InputError
from crmlib.views import charts_explore, narrative, tables
from crmlib.views.explore import controls, saving
from crmlib.views.explore.panel import Answer, Control, Panel

book = sample_book.book

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


def panel_of(book: params.Settings, lang: str = "en") -> Panel:
    def answer(values: Any) -> Answer:
        if values["n"] > 90:
            raise InputError("too many")
        frame = pd.DataFrame({"tier": ["high"], "customers": [int(values["n"])]})
        shown = tables.show(frame, "tier_sizes", lang, book.book)
        said = narrative.say({"en": f"{values['n']:g} it is <b>", "zh": f"{values['n']:g}"}, lang)
        return Answer(said, None, (shown,), {"strategy": {"budget": float(values["n"])}})

    return Panel("Title", (Control("n", "Number", 5.0, "How many", (0.0, 100.0, 1.0)),), answer, book, lang)


def parts(box: widgets.VBox) -> dict[str, Any]:
    _head, rows, below, said, drawn, more, keeps = box.children
    preview, write = keeps.children[0].children
    reset, busy = below.children
    return {"slider": rows.children[0], "reset": reset, "busy": busy, "said": said, "drawn": drawn, "more": more,
            "preview": preview, "write": write, "told": keeps.children[1]}  # fmt: skip


def test_a_slider_changes_the_answer_and_what_cannot_be_is_said(book: params.Settings):
    panel = panel_of(book)
    part = parts(controls.widget(panel, panel.start(), None))
    assert "5 it is &lt;b&gt;" in part["said"].value
    part["slider"].value = 7
    assert "7 it is" in part["said"].value
    assert ">7</td>" in part["more"].value
    part["slider"].value = 95
    assert "too many" in part["said"].value
    part["preview"].click()
    assert "too many" in part["told"].value
    assert part["write"].disabled
    part["reset"].click()
    assert (part["slider"].value, part["busy"].value) == (5, "")
    assert "5 it is" in part["said"].value


def test_work_in_hand_is_shown_until_the_picture_is_there(book: params.Settings):
    seen: list[str] = []
    panel = panel_of(book)
    part = parts(controls.widget(panel, panel.start(), None))
    part["said"].observe(lambda _change: seen.append(part["busy"].value), names="value")
    part["slider"].value = 8
    assert len(seen) == 1
    assert "computing" in seen[0]
    assert part["busy"].value == ""


def test_panels_asked_in_two_threads_at_once_take_turns(book: params.Settings):
    """JupyterLab does so when a slider moves while a cell runs; text that is no outline would show another font."""
    frame = pd.DataFrame({"eligible": [100, 200], "holdout_share": 0.5, "mde": [0.2, 0.1], "is_asked": [True, False]})
    draw = partial(charts_explore.least_effect, frame, "rate", "Title", "en", book.book)
    answer = Answer(narrative.say({"en": "x"}, "en"), draw)
    with ThreadPoolExecutor(3) as pool:
        pictures = list(pool.map(lambda _turn: answer.picture(), range(12)))
    assert ["<text" in picture.svg for picture in pictures if picture] == [False] * 12


def test_the_buttons_show_first_and_write_then(book: params.Settings):
    panel = panel_of(book)
    part = parts(controls.widget(panel, panel.start(), None))
    part["slider"].value = 50
    assert part["write"].disabled
    part["preview"].click()
    assert "<td" in part["told"].value
    assert "strategy.budget" in part["told"].value
    assert "budget: 50.0" in part["told"].value
    assert not saving.explored_file(book).exists()
    part["write"].click()
    assert params.load(saving.explored_file(book)).strategy.budget == 50
    assert "crm run params/sample/2017Q4.explored.yml" in part["told"].value
    part["slider"].value = 60
    part["preview"].click()
    folder = book.file.with_name(".2017Q4.explored.yml.part")
    folder.mkdir()
    part["write"].click()
    assert "could not be written" in part["told"].value


def test_a_dragged_slider_asks_once():
    asked: list[int] = []

    async def drag() -> None:
        ask = controls.at_rest(asked.append, 0.02)
        for place in range(10):
            ask(place)
        await asyncio.sleep(0.1)

    asyncio.run(drag())
    assert asked == [9]


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_without_a_listener_no_widget_is_made(
    book: params.Settings, lang: str, monkeypatch: pytest.MonkeyPatch, capsys
):
    monkeypatch.delenv("JPY_SESSION_NAME", raising=False)
    before = len(widgets.Widget.widgets)
    panel_of(book, lang)._ipython_display_()
    assert len(widgets.Widget.widgets) == before
    assert {"en": "signed-off settings", "zh": "已确认的设置"}[lang] in capsys.readouterr().out
    monkeypatch.setenv("JPY_SESSION_NAME", "90_explore.ipynb")
    panel_of(book, lang)._ipython_display_()
    assert len(widgets.Widget.widgets) > before
