"""Schedule, critical path and forecast, worked out by hand."""

import books
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmlib import schema
from crmlib.errors import InputError
from crmlib.io import registers
from crmlib.periods import Period
from crmlib.strategy import schedule
from crmlib.views import charts_resources, narrative_resources, style

Q4 = Period(2017, 4)
LANGS = ("en", "zh")


def day(text: str) -> pd.Timestamp:
    return pd.Timestamp(text) if text else pd.NaT


def tasks(*rows: tuple[str, str, str, str, float, str]) -> pd.DataFrame:
    """Tasks from (id, start, due, done, progress, depends on)."""
    names = ["task_id", "start_date", "due_date", "done_date", "progress_share", "depends_on"]
    frame = pd.DataFrame([(r[0], *map(day, r[1:4]), *r[4:]) for r in rows], columns=names)
    texts = {"strategy_id": "ST1", "task": "t", "task_zh": "任务", "owner": "O", "provenance": "illustrative"}
    return frame.assign(**texts, status="open")


TASKS = tasks(
    ("T1", "2017-10-01", "2017-10-10", "2017-10-10", 1, ""),          # on the day: on time
    ("T2", "2017-10-05", "2017-10-12", "2017-10-15", 1, "T1"),        # too early; 3 days late
    ("T3", "2017-10-15", "2017-12-31", "", 0.5, "T2"),                # due on the last day: not overdue yet
    ("T4", "2017-12-01", "2017-12-30", "", 0, "T1; T3"),              # a day overdue; T3 is not finished
    ("T5", "2018-01-02", "2018-01-31", "", 0, "T3"),                  # T3 lasts to its due date
    ("T6", "2017-09-01", "2017-09-30", "2018-01-05", 1, ""),          # done later: open, progress unknown
    ("T7", "2018-01-02", "2018-01-05", "2018-01-04", 1, ""),          # all after the quarter
    ("T8", "2017-11-01", "2018-02-28", "", 0, "T6"),                  # T6 was due before, but is still open
)  # fmt: skip


def test_schedule_as_of_the_last_day():
    seen = schedule.gantt(TASKS, Q4).set_index("task_id").loc[[f"T{i}" for i in range(1, 9)]]
    assert seen.status.to_list() == ["done", "done", "partial", "open", "open", "open", "open", "open"]
    assert seen.slippage_days.to_list() == [0, 3, 0, 1, 0, 92, 0, 0]
    assert seen.is_late.to_list() == [False, False, False, True, False, True, False, False]
    assert seen.is_due.to_list() == [True, True, True, True, False, False, False, False]
    assert seen.is_on_time.to_list() == [True, False, False, False, False, False, False, False]
    assert seen.is_blocked.to_list() == [False, True, False, True, False, False, False, True]
    assert seen.progress_share.fillna(-1).to_list() == [1, 1, 0.5, 0, 0, -1, 0, 0]
    assert seen.done_date.isna().to_list() == [False, False, True, True, True, True, True, True]


@pytest.mark.parametrize("lang", LANGS)
def test_schedule_in_words(lang):
    seen = schedule.gantt(TASKS, Q4)
    words = str(narrative_resources.schedule(seen, lang))
    assert {"en": "1 of 4 tasks due this quarter were done on time (4 are too few to judge by). Overdue: T6, T4.",
            "zh": "本季度到期任务4项，按时完成1项（仅4项，样本过少，不作评判）。逾期：T6、T4。"}[lang] in words  # fmt: skip
    assert {"en": "depend on: T2, T8, T4.", "zh": "T2、T8、T4。"}[lang] in words
    alt = style.picture(charts_resources.gantt(seen, lang, Q4.as_of)).alt
    assert {"en": "1 of 4 tasks due", "zh": "到期任务4项，按时完成1项"}[lang] in alt


STRATEGIES = pd.DataFrame(
    {
        "strategy_id": ["ST1", "ST2"], "strategy": ["s", "t"], "strategy_zh": ["策", "略"], "owner": ["O", "P"],
        "end_date": pd.to_datetime(["2018-01-20", "2018-03-31"]),
    }
)  # fmt: skip

# All after the quarter: A takes 3 days, B (after A) 6, C (after A) 2, D (after B and C) 4; a task may start on the day
# on which the one before ends. A 1-3, B 3-8, C 3-4, D 8-11 January: C may slip from the 4th to the 8th, four days.
NETWORK = tasks(
    ("A", "2018-01-01", "2018-01-03", "", 0, ""),
    ("B", "2018-01-03", "2018-01-08", "", 0, "A"),
    ("C", "2018-01-03", "2018-01-04", "", 0, "A"),
    ("D", "2018-01-08", "2018-01-11", "", 0, "B; C"),
)


def test_critical_path_by_hand():
    seen = schedule.gantt(NETWORK, Q4).set_index("task_id")
    assert seen.spare_days.to_dict() == {"A": 0, "B": 0, "C": 4, "D": 0}
    assert seen.is_critical.to_dict() == {"A": True, "B": True, "C": False, "D": True}
    assert (seen.forecast_date == seen.due_date).all() and (seen.forecast_start == seen.start_date).all()


def test_a_late_task_pushes_what_waits_for_it():
    """On 31 December a task of 10 days is 60 % done, so it needs 4 more: to 4 January. B waits: 4 to 9 instead of 3 to 8.

    C belongs to another strategy, waits for B and moves with it: a day lost on B is one lost for ST2, yet not for A's own.
    """
    late = tasks(
        ("A", "2017-12-20", "2017-12-29", "", 0.6, ""),
        ("B", "2018-01-03", "2018-01-08", "", 0, "A"),
        ("C", "2018-01-08", "2018-01-10", "", 0, "B"),
        ("E", "2018-01-05", "2018-01-15", "", 0, ""),
    ).assign(strategy_id=["ST1", "ST1", "ST2", "ST1"])
    seen = schedule.gantt(late, Q4).set_index("task_id")
    days = {name: (f"{row.forecast_start:%m-%d}", f"{row.forecast_date:%m-%d}") for name, row in seen.iterrows()}
    assert days == {"A": ("12-20", "01-04"), "B": ("01-04", "01-09"), "C": ("01-09", "01-11"), "E": ("01-05", "01-15")}
    assert seen.spare_days.to_dict() == {"A": 0, "B": 0, "C": 0, "E": 0}
    found = schedule.forecasts(seen.reset_index(), STRATEGIES)
    assert list(found.columns) == schema.columns("strategy_forecasts", found.columns)
    assert found.strategy_id.to_list() == ["ST1", "ST2"] and found.slippage_days.to_list() == [0, 1]
    assert found.critical_tasks.to_list() == ["A; B; E", "C"] and not found.is_past_end.any()


def test_a_task_that_has_not_begun_starts_tomorrow():
    """Three days from 1 January, although it was to start on 10 December; the strategy's own end is not passed."""
    seen = schedule.gantt(tasks(("A", "2017-12-10", "2017-12-12", "", 0, "")), Q4)
    assert seen.forecast_start.iloc[0] == day("2018-01-01") and seen.forecast_date.iloc[0] == day("2018-01-03")
    found = schedule.forecasts(seen, STRATEGIES.assign(end_date=day("2018-01-02")))
    assert found.slippage_days.to_list() == [22] and found.is_past_end.to_list() == [True]
    english, chinese = (str(narrative_resources.forecasts(found, lang)) for lang in LANGS)
    assert "ST1 on 3 Jan 2018, 22 days after its last due date (critical: A)" in english and "itself: ST1" in english
    assert "ST1预计2018年1月3日完成，较最后截止日晚22天（关键任务：A）" in chinese


def test_what_is_done_is_neither_critical_nor_moved():
    seen = schedule.gantt(TASKS, Q4).set_index("task_id")
    done = seen[seen.status == "done"]
    assert (done.forecast_date == done.done_date).all() and not done.is_critical.any() and done.spare_days.isna().all()


def test_no_tasks():
    none = schedule.gantt(TASKS.iloc[:0], Q4)
    assert schema.columns("schedule", none.columns) and schedule.forecasts(none, STRATEGIES).empty
    assert "No tasks" in str(narrative_resources.forecasts(schedule.forecasts(none, STRATEGIES), "en"))
    assert "尚未登记任务" in style.picture(charts_resources.gantt(none, "zh", Q4.as_of)).alt


links = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), max_size=6)


@given(links, st.lists(st.tuples(st.integers(0, 40), st.integers(0, 20)), min_size=6, max_size=6), st.integers(0, 5))
@settings(max_examples=12, deadline=None)
def test_a_day_lost_on_a_critical_task_is_a_day_lost(found, spans, which):
    """And a task may slip by its spare days, but not by one more, before the whole ends later."""
    needs = {i: "; ".join(sorted({f"T{a}" for a, b in found if b == i and a < i})) for i in range(6)}
    starts = [day("2018-01-01") + pd.Timedelta(days=a) for a, _ in spans]
    table = tasks(*((f"T{i}", str(starts[i].date()), str((starts[i] + pd.Timedelta(days=n)).date()), "", 0, needs[i])
                    for i, (_, n) in enumerate(spans)))  # fmt: skip
    seen = schedule.gantt(table, Q4).set_index("task_id")
    end, spare = seen.forecast_date.max(), int(seen.spare_days[f"T{which}"])
    assert seen.spare_days.min() == 0 and (seen.forecast_date >= seen.due_date).all()
    for slip, moved in ((spare, 0), (spare + 1, 1)):
        longer = table.assign(
            due_date=table.due_date.mask(table.task_id == f"T{which}", table.due_date + pd.Timedelta(days=slip))
        )
        assert (schedule.gantt(longer, Q4).forecast_date.max() - end).days == moved


def test_circles_and_unknown_tasks_are_named_with_their_row(tmp_path):
    book = books.load(tmp_path)
    folder = book.file.parents[2] / "data" / book.book_id / "registers"
    folder.mkdir(parents=True, exist_ok=True)
    columns = ["strategy_id", "tier", "strategy", "measures", "department", "owner", "start_date", "end_date"]
    row = ["ST1", "high", "s", "m", "d", "o", "2018-01-01", "2018-03-31"]
    (folder / "strategies.csv").write_text(f"{','.join(columns)}\n{','.join(row)}\n", encoding="utf-8")
    head = "task_id,strategy_id,task,owner,start_date,due_date,done_date,progress_share,depends_on,status\n"
    line = "{},ST1,t,o,2018-01-01,{},,0,{},open\n"
    for rows, said in (
        (
            [("A", "2018-01-05", "B"), ("B", "2018-01-05", "C"), ("C", "2018-01-05", "A")],
            "row 2: depends_on 'B' makes a circle (A → B → C → A)",
        ),
        ([("A", "2018-01-05", "A")], "row 2: depends_on 'A' makes a circle (A → A)"),
        ([("A", "2018-01-05", ""), ("B", "2018-01-05", "X9")], "row 3: depends_on 'X9' is not in tasks.csv"),
        ([("A", "2017-12-31", "")], "row 2: due_date '2017-12-31' is before start_date '2018-01-01'"),
    ):
        (folder / "tasks.csv").write_text(head + "".join(line.format(*r) for r in rows), encoding="utf-8")
        with pytest.raises(InputError) as caught:
            registers.read(book, "tasks")
        assert said in str(caught.value)
