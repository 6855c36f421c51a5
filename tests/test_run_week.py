"""`crm weekly` on the sample: one page for one week, and nothing else touched."""

import re
from datetime import date
from pathlib import Path

import pandas as pd
import pytest

from crmlib import cli, params, run_week
from crmlib.errors import InputError
from crmlib.io import engine, registers, week_store

QUARTER = "params/sample/2017Q4.yml"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, root: Path) -> Path:
    """The quarter's folder after `crm weekly` for W45, with a file of the quarter that was there before."""
    out = tmp_path_factory.mktemp("weekly 周")
    quarter = out / "sample/2017Q4"
    (quarter / "tables").mkdir(parents=True)
    (quarter / "tables/weekly.parquet").write_bytes(b"the quarter's own")
    assert cli.main(["weekly", str(root / QUARTER), "--week", "2017-W45", "--out", str(out)]) == cli.DONE
    return quarter


def stored(folder: Path, name: str) -> pd.DataFrame:
    return pd.read_parquet(folder / "weekly/2017-W45/tables" / f"{name}.parquet")


def test_the_page_is_whole_and_holds_what_a_week_asks(folder: Path) -> None:
    page = (folder / "weekly/weekly_2017-W45.en.html").read_text(encoding="utf-8")
    assert "default-src 'none'; img-src data:; font-src data:; style-src 'unsafe-inline'" in page
    assert not re.search(r"<script|<link|https?://(?!www\.w3\.org)", page)
    titles = re.findall(r"<h([12])[^>]*>([^<]*)", page)
    assert titles[0] == ("1", "Weekly monitoring, 2017-W45")
    assert [t for level, t in titles if level == "2"] == [
        "What to do next", "Targets against their pace", "Week by week", "Execution", "Adjustments on the way"]  # fmt: skip
    assert page.count("<svg") == 2 and "illustrative" in page and "<h3" not in page
    assert "market share (no market size)" in page


def test_nothing_later_than_the_sunday_is_seen(folder: Path, root: Path) -> None:
    assert stored(folder, "purchase_days")["order_date"].max().isoformat() == "2017-11-12"
    assert stored(folder, "weekly")["end_date"].max().isoformat() == "2017-11-12"
    log, tasks = stored(folder, "adjustments_log"), stored(folder, "owner_tasks")
    assert [day.isoformat() for day in log["adjusted_on"]] == ["2017-11-06", "2017-10-23"]
    known = registers.read(params.load(root / QUARTER), "tasks")
    due = (known["due_date"] >= "2017-10-01") & (known["due_date"] <= "2017-11-12")
    assert tasks["tasks_due"].sum() == due.sum() == 7
    days, weeks = stored(folder, "purchase_days"), stored(folder, "weekly")
    inside = weeks[(weeks["kpi"] == "net_revenue") & (weeks["phase"] == "quarter")]
    assert inside["kpi_value"].sum() == days.loc[days["order_date"] >= date(2017, 10, 1), "net_minor"].sum()


def test_the_quarter_is_left_alone_and_a_second_run_gives_the_same_bytes(folder: Path, root: Path) -> None:
    assert (folder / "tables/weekly.parquet").read_bytes() == b"the quarter's own"
    assert sorted(p.name for p in folder.iterdir()) == ["tables", "weekly"]
    first = {p.relative_to(folder): p.read_bytes() for p in folder.rglob("weekly/**/*") if p.is_file()}
    run_week.run(root / QUARTER, "2017-W45", out_dir=folder.parents[1])
    again = {p.relative_to(folder): p.read_bytes() for p in folder.rglob("weekly/**/*") if p.is_file()}
    assert [str(name) for name in first if first[name] != again[name]] == [] and first.keys() == again.keys()


def test_a_week_that_the_data_do_not_reach_says_where_they_end(shop: params.Settings) -> None:
    (shop.data_dir / "raw").mkdir(parents=True, exist_ok=True)
    orders = "order_id,customer_id,order_date,product_id,quantity,amount\no1,c1,2024-01-15,p1,1,12.50\no2,c2,2024-02-07,p1,1,9\n"
    (shop.data_dir / "raw/orders.csv").write_text(orders, encoding="utf-8")
    with pytest.raises(
        InputError,
        match=r"nothing is known of 2024-W10 yet: the orders of shop end on 2024-02-07, in 2024-W06; put the newer "
        r"export into data/shop/raw",
    ):
        run_week.run(shop.file, "2024-W10")
    with pytest.raises(InputError, match="week '2024-W20' is not in 2024Q1; its weeks are 2024-W01 to 2024-W13"):
        run_week.run(shop.file, "2024-W20")


def test_the_notebook_says_what_prepares_a_week(root: Path, tmp_path: Path) -> None:
    settings = params.load(root / QUARTER)
    with pytest.raises(InputError, match=r"run `crm weekly params/sample/2017Q4\.yml --week 2017-W45` first"):
        week_store.open_store(settings, tmp_path, "2017-W45", engine.connect(settings))
    assert week_store.open_store(settings, tmp_path, "").folder == tmp_path / "sample/2017Q4"
