"""Macro series: what a file says, dated by the end of each period, and what is refused."""

from pathlib import Path

import books
import pandas as pd
import pytest

from crmlib.errors import InputError
from crmlib.io import series

INDEX = {
    "file": "index.csv",
    "time": "time",
    "value": "value",
    "name_en": "Index",
    "name_zh": "指数",
    "source": "office",
}


def read(root: Path, text: str, **changes: object) -> dict[str, float]:
    settings = books.load(root, collect={"macro": {"index": INDEX | changes}})
    (settings.data_dir / "raw" / "index.csv").write_text(text, encoding="utf-8")
    frame = series.read(settings, "index")
    return dict(zip(frame["observed_date"].dt.strftime("%Y-%m-%d"), frame["series_value"], strict=True))


@pytest.mark.parametrize(
    ("time_format", "times", "dates"),
    [
        ("decimal_year", ["1996.0", "1996.25", "1996.75"], ["1996-03-31", "1996-06-30", "1996-12-31"]),
        ("decimal_year", ["1996", "1997"], ["1996-12-31", "1997-12-31"]),
        ("decimal_year", ["1996.0833", "1996.9167"], ["1996-02-29", "1996-12-31"]),
        ("quarter", ["2011Q3", "2011-Q4", "2012q1"], ["2011-09-30", "2011-12-31", "2012-03-31"]),
        ("%Y", ["2014"], ["2014-12-31"]),
        ("%Y-%m", ["2016-02"], ["2016-02-29"]),
        ("%d.%m.%Y", ["05.03.2016"], ["2016-03-05"]),
    ],
)
def test_a_value_is_dated_by_the_last_day_of_its_period(tmp_path, time_format, times, dates):
    text = "time,value\n" + "".join(f"{time},{i}\n" for i, time in enumerate(times))
    assert read(tmp_path, text, time_format=time_format) == {day: float(i) for i, day in enumerate(dates)}


def test_where_chooses_rows_and_signs_of_absence_are_no_value(tmp_path):
    text = "geo;time;value\nDE;2011;1.5\nFR;2011;9\nDE;2012;:\nDE;2013;\nDE;2010;-2e1\n"
    found = read(tmp_path, text, delimiter=";", where={"geo": "DE"}, time_format="%Y")
    assert found == {"2010-12-31": -20.0, "2011-12-31": 1.5}


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("time,value\n2011-13,1\n", "data/tiny/raw/index.csv row 2: time '2011-13' is no time in format '%Y-%m'"),
        ('time,value\n2011-01,1\n2011-02,"1,5"\n', "row 3: value '1,5' is no number; write it plainly as 1234.5"),
        ("time,value\n2011-01,inf\n", "row 2: value 'inf' is no number"),
        ("time,value\n2011-01,1\n2011-01,2\n", "row 3: 2011-01 is there twice; choose one series with `where`"),
        ("day,value\n2011-01,1\n", "has no column 'time', only day, value; correct collect.macro.index"),
        ("time,value\n", "has no rows; correct collect.macro.index"),
    ],
)
def test_what_is_no_observation_is_refused_with_its_row(tmp_path, text, sentence):
    with pytest.raises(InputError) as refused:
        read(tmp_path, text, time_format="%Y-%m")
    assert sentence in str(refused.value)


def test_many_bad_rows_are_named_in_part_and_check_collects_all_files(tmp_path):
    with pytest.raises(InputError) as refused:
        read(tmp_path, "time,value\n" + "x,1\n" * 9, time_format="%Y")
    assert len(refused.value.problems) == 6
    assert refused.value.problems[-1] == "data/tiny/raw/index.csv: 4 more rows like these"
    settings = books.load(tmp_path, collect={"macro": {"a": INDEX | {"file": "no.csv"}}})
    assert series.check(settings) == [
        "data/tiny/raw/no.csv does not exist; put it there or correct collect.macro.a.file"
    ]


def test_bytes_that_are_not_utf8_are_refused(tmp_path):
    settings = books.load(tmp_path, collect={"macro": {"index": INDEX}})
    (settings.data_dir / "raw" / "index.csv").write_bytes("time,value\n零,1\n".encode("gb18030"))
    with pytest.raises(InputError, match="is not UTF-8"):
        series.read(settings, "index")


def test_every_series_of_the_params_is_read(tmp_path):
    settings = books.load(tmp_path, collect={"macro": {"index": INDEX | {"time_format": "%Y"}}})
    (settings.data_dir / "raw" / "index.csv").write_text("time,value\n2012,2\n2011,1\n")
    frame = series.every(settings)["index"]
    wanted = pd.DataFrame({"observed_date": pd.to_datetime(["2011-12-31", "2012-12-31"]), "series_value": [1.0, 2.0]})
    pd.testing.assert_frame_equal(frame, wanted.astype({"observed_date": "datetime64[us]"}))
