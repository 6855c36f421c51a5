"""A real company's year goes through: every known figure of its file is found in the tables of a run."""

import math
import shutil
import subprocess
from collections import defaultdict
from pathlib import Path
from typing import Any

import ibis
import pandas as pd
import pytest
import yaml
from bs4 import BeautifulSoup
from ibis import _

from crmlib import params, run
from crmlib.collect import inventory, purchase_days
from crmlib.io import engine, privacy, sources, staging
from crmlib.review import grades, hand_picked
from crmlib.segment import anchors, expectation, rfm, tiers
from crmlib.strategy import campaigns
from crmlib.views import narrative_picked

BOOK = "online_retail"
CODES = {"POST": 1256, "DOT": 710, "M": 571, "m": 1, "C2": 144, "D": 77, "S": 63, "BANK CHARGES": 37, "AMAZONFEE": 34,
         "CRUK": 16}  # fmt: skip


@pytest.fixture(scope="module")
def raw(acceptance_data: Path) -> pd.DataFrame:
    """The file as pandas has it, with the money of each line in pence."""
    lines = pd.read_parquet(acceptance_data / "online_retail_lines.parquet")
    return lines.assign(pence=(lines["Quantity"] * (lines["UnitPrice"] * 1000).round() / 10).round().astype("int64"))


@pytest.fixture(scope="module")
def project(acceptance_data: Path, root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project folder with this book, its raw files and a key; the notebooks are the real ones."""
    folder = tmp_path_factory.mktemp("retail")
    shutil.copytree(root / "params" / BOOK, folder / "params" / BOOK)
    (folder / "notebooks").symlink_to(root / "notebooks")
    data = folder / "data" / BOOK / "raw"
    data.mkdir(parents=True)
    for file in [*acceptance_data.glob("*.parquet"), *acceptance_data.glob("*.csv")]:
        (data / file.name).symlink_to(file.resolve())
    (data.parent / "pseudonym.key").write_text("a key for this test only", encoding="utf-8")
    return folder


def settings_of(project: Path, quarter: str) -> params.Settings:
    return params.load(project / "params" / BOOK / f"{quarter}.yml")


class Book:
    """What the first step makes of the book at one quarter."""

    def __init__(self, project: Path, quarter: str):
        self.settings = settings_of(project, quarter)
        self.con = engine.connect(self.settings)
        self.staged = staging.stage(self.con, self.settings)
        self.orders = purchase_days.orders(self.staged.tables["orders"], self.settings.period)
        self.days = engine.keep(self.con, f"days_{quarter}", purchase_days.build(self.orders))


@pytest.fixture(scope="module")
def q4(project: Path) -> Book:
    return Book(project, "2011Q4")


@pytest.fixture(scope="module")
def q3(project: Path) -> Book:
    return Book(project, "2011Q3")


def intake(book: Book, source: str) -> dict[str, Any]:
    found = book.staged.intake
    (row,) = found[found["source"] == source].to_dict("records")
    return row


def test_rows_and_money_of_the_whole_file(q4: Book) -> None:
    found = intake(q4, "orders")
    assert (found["rows"], found["quarantined"], found["repeated"]) == (541_909, 135_080, 0)
    assert found["accepted"] == 541_909 - 135_080
    assert found["net_minor_rows"] == 974_774_793
    assert found["net_minor_accepted"] == 830_006_581
    assert found["copies"] == 5_268 == 541_909 - 536_641
    assert round(found["quarantined"] / found["rows"], 4) == 0.2493


def test_only_lines_without_a_customer_are_set_aside(q4: Book) -> None:
    aside = q4.staged.quarantine.filter(_.source == "orders").group_by(["field", "reason"]).aggregate(rows=_.count())
    assert engine.frame(aside).to_dict("records") == [{"field": "customer_id", "reason": "missing", "rows": 135_080}]


def classed(book: Book) -> pd.DataFrame:
    """Rows and money by class, of accepted lines and of those set aside."""
    accepted, aside = book.staged.tables["orders"], book.staged.quarantine.filter(_.source == "orders")
    parts = [table.select("row_class", "net_minor") for table in (accepted, aside)]
    every = parts[0].union(parts[1]).group_by("row_class").aggregate(rows=_.count(), net_minor=_.net_minor.sum())
    return engine.frame(every).set_index("row_class")


def test_classes_hold_every_line_once(q4: Book, raw: pd.DataFrame) -> None:
    found, credit = classed(q4), raw["InvoiceNo"].str.startswith("C")
    assert found["rows"].sum() == 541_909 and found["net_minor"].sum() == 974_774_793
    assert found.loc["cancellation", "rows"] == 9_288 == credit.sum()
    assert raw.loc[credit, "InvoiceNo"].nunique() == 3_836
    adjusted = ~credit & (~raw["StockCode"].str.match(r"\d{5}") | raw["InvoiceNo"].str.startswith("A"))
    assert found.loc["adjustment"].tolist() == [adjusted.sum(), raw.loc[adjusted, "pence"].sum()]
    other = raw[~credit & ~adjusted]
    assert found.loc["free", "rows"] == (other["pence"] == 0).sum()
    assert found.loc["sale"].tolist() == [(other["pence"] > 0).sum(), other.loc[other["pence"] > 0, "pence"].sum()]


def test_gross_and_negative_money(q4: Book) -> None:
    """Each line is positive or negative: its class and sign say which; together they are the ledger's total."""
    accepted, aside = q4.staged.tables["orders"], q4.staged.quarantine.filter(_.source == "orders")
    money = accepted.select("net_minor").union(aside.select("net_minor"))
    signs = money.aggregate(
        gross=_.net_minor.sum(where=_.net_minor > 0), negative=_.net_minor.sum(where=_.net_minor < 0)
    )
    assert engine.frame(signs).iloc[0].tolist() == [1_066_668_454, -91_893_661]
    assert round(100 * (q4.settings.sources.orders.ledger_total or 0)) == 1_066_668_454 - 91_893_661


def test_facts_of_the_cells_as_they_came(q4: Book) -> None:
    """Signs, prices, invoices, article codes: counted in the tables that the readers give to staging."""
    (part,) = sources.read(q4.con, q4.settings, "orders").parts
    lines = engine.keep(q4.con, "came", part.table)
    invoice = lines.group_by("order_id").aggregate(
        customers=_.customer_id.nunique(),
        times=_.order_date.nunique(),
        minutes=_.order_date.max().delta(_.order_date.min(), unit="second") / 60,
    )
    found = lines.aggregate(
        invoices=_.order_id.nunique(), known=_.customer_id.nunique(), articles=_.product_id.nunique(),
        back=(_.quantity < 0).sum(), back_uncredited=((_.quantity < 0) & ~_.order_id.startswith("C")).sum(),
        free=(_.unit_price == 0).sum(), below=(_.unit_price < 0).sum(), debts=_.order_id.startswith("A").sum(),
    )  # fmt: skip
    assert engine.frame(found).iloc[0].to_dict() == {
        "invoices": 25_900, "known": 4_372, "articles": 4_070, "back": 10_624, "back_uncredited": 1_336,
        "free": 2_515, "below": 2, "debts": 3,
    }  # fmt: skip
    odd = engine.frame(invoice.filter((_.customers > 1) | (_.times > 1)))
    assert (len(odd), odd["customers"].max(), odd["minutes"].max()) == (43, 1, 1)
    codes = engine.frame(lines.group_by("product_id").aggregate(rows=_.count())).set_index("product_id")["rows"]
    assert {code: codes[code] for code in CODES} == CODES


def test_customers_and_products_come_from_the_lines(q4: Book) -> None:
    customers, products = intake(q4, "customers"), intake(q4, "products")
    assert (customers["rows"], customers["accepted"]) == (541_909, 4_372)
    assert (products["rows"], products["accepted"]) == (541_909, 4_070)
    aside = q4.staged.quarantine.filter(_.source == "customers", _.reason == "conflict")
    assert aside.customer_id.nunique().to_pyarrow().as_py() == 8


def test_countries(q4: Book) -> None:
    (part,) = sources.read(q4.con, q4.settings, "customers").parts
    found = part.table.aggregate(countries=_.region.nunique(), unspecified=(_.region == "Unspecified").sum())
    assert engine.frame(found).iloc[0].tolist() == [38, 446]


def test_customers_with_returns_only(q4: Book) -> None:
    lines = q4.staged.tables["orders"].filter(_.row_class != "adjustment", _.product_id.re_search(r"^\d{5}"))
    per = lines.group_by("customer_id").aggregate(most=_.quantity.max()).filter(_.most < 0)
    assert per.count().to_pyarrow().as_py() == 28
    bought = q4.days.filter(_.orders > 0).select("customer_id")
    assert per.semi_join(bought, "customer_id").count().to_pyarrow().as_py() == 0


def bought(raw: pd.DataFrame, as_of: str, after: str) -> pd.DataFrame:
    """Orders and spend of the 12 months by customer, worked out in plain Python from the file.

    A line that came back takes away the latest earlier sale of the same article to the same customer, of the same number
    and money, one to one. An order of which nothing is left is no purchase. Spend is what was sold and credited.
    """
    article = raw["StockCode"].str.match(r"\d{5}") | raw["InvoiceNo"].str.startswith("C")
    seen = raw[raw["CustomerID"].notna() & article & (raw["InvoiceDate"] < pd.Timestamp(as_of) + pd.Timedelta(days=1))]
    lines = seen.sort_values("InvoiceDate", kind="stable")
    left, sales = lines["pence"].to_dict(), defaultdict(list)
    for index, *what, quantity, pence in lines[["CustomerID", "StockCode", "Quantity", "pence"]].itertuples(name=None):
        earlier = sales[(*what, -quantity, -pence)]
        if pence < 0 and earlier:
            left[index] = left[earlier.pop()] = 0
        elif pence > 0:
            sales[(*what, quantity, pence)].append(index)
    begins = pd.Timestamp(after) + pd.Timedelta(days=1)
    orders = lines.assign(left=pd.Series(left))[~lines["InvoiceNo"].str.startswith("C")].groupby(
        ["CustomerID", "InvoiceNo"]
    )
    kept = orders.agg(left=("left", "sum"), at=("InvoiceDate", "min")).query("left > 0 and at >= @begins")
    spent = lines[lines["InvoiceDate"] >= begins].groupby("CustomerID")["pence"].sum()
    return kept.groupby("CustomerID").size().to_frame("orders").join(spent)


TWELVE_MONTHS = [("q3", "2011-09-30", "2010-09-30", (3_609, 13_002, 577_085_618)),
                 ("q4", "2011-12-09", "2010-12-09", (4_250, 17_508, 785_884_308))]  # fmt: skip


@pytest.mark.parametrize(("fixture", "as_of", "after", "expected"), TWELVE_MONTHS)
def test_customers_of_twelve_months(
    fixture: str, as_of: str, after: str, expected: tuple[int, ...], raw: pd.DataFrame, request: Any
) -> None:
    book: Book = request.getfixturevalue(fixture)
    period = book.settings.period
    assert (str(period.as_of), str(period.year_ago)) == (as_of, after)
    known = inventory.customers(book.staged.tables["customers"], book.days)
    summary = engine.frame(rfm.summarise(book.days, known, period))
    active = summary[summary["state"] == "active"].set_index("customer_id").sort_index()
    theirs = bought(raw, as_of, after)
    assert (len(theirs), theirs["orders"].sum(), theirs["pence"].sum()) == expected
    secret = privacy.key(book.settings)
    theirs.index = pd.Index([privacy.pseudonym(str(int(customer)), secret) for customer in theirs.index])
    ours = active[["frequency_12m", "monetary_12m_minor"]].astype("int64")
    theirs.columns, theirs.index.name = ours.columns, ours.index.name
    pd.testing.assert_frame_equal(ours, theirs.sort_index().astype("int64"), check_index_type=False)


@pytest.mark.parametrize(("customer", "orders", "money"), [(16446, 1, 290), (12346, 0, 0), (15098, 2, 64_950)])
def test_the_extremes_do_no_harm(q4: Book, customer: int, orders: int, money: int) -> None:
    """80,995 pieces that went back after 12 minutes, 74,215 after 16, and a sale credited by hand: no big customers."""
    name = privacy.pseudonym(str(customer), privacy.key(q4.settings))
    found = q4.days.filter(_.customer_id == name).aggregate(orders=_.orders.sum(), money=_.net_minor.sum())
    assert engine.frame(found).iloc[0].tolist() == [orders, money]


def test_customers_who_fall_rise_again_without_any_action(q4: Book) -> None:
    """A placebo for later: sales of articles to the customers of 2011Q1 whose second quarter was less than half."""
    lines = q4.staged.tables["orders"].filter(_.row_class == "sale")
    sums = {f"q{n}": _.net_minor.sum(where=_.order_date.year().cast("int") * 10 + _.order_date.quarter() == 20110 + n)
            .fill_null(0) for n in (1, 2, 3)}  # fmt: skip
    spent = engine.frame(lines.group_by("customer_id").aggregate(**sums)).query("q1 > 0")
    fell = spent["q2"] < spent["q1"] / 2
    rises = [f[["q2", "q3"]].sum() for f in (spent[fell], spent[~fell])]
    assert (fell.sum(), (~fell).sum()) == (894, 880)
    assert [round(100 * (rise["q3"] / rise["q2"] - 1), 1) for rise in rises] == [265.7, 8.9]


def test_a_group_that_rises_by_itself_gets_no_causal_verdict(q3: Book) -> None:
    """The placebo group entered as a win-back campaign of 2011Q3: it rises by 265 % and nothing was done."""
    lines = q3.staged.tables["orders"].filter(_.row_class == "sale")
    sums = {f"q{n}": _.net_minor.sum(where=_.order_date.year().cast("int") * 10 + _.order_date.quarter() == 20110 + n)
            .fill_null(0) for n in (1, 2)}  # fmt: skip
    fell = lines.group_by("customer_id").aggregate(**sums).filter((_.q1 > 0) & (_.q2 < _.q1 / 2))
    targets = fell.select("customer_id", campaign_id=ibis.literal("WB"))
    days = pd.to_datetime(["2011-07-01", "2011-09-30"])
    ran = pd.DataFrame(
        {"campaign_id": ["WB"], "campaign_kind": ["win-back"], "start_date": days[:1], "end_date": days[1:]}
    )
    known = inventory.customers(q3.staged.tables["customers"], q3.days)
    past = hand_picked.Past(q3.days, known, tiers.at, expectation.after)
    picked = hand_picked.measured(ran, targets, past, q3.settings)
    none = campaigns.frame([])
    breaches = pd.DataFrame({"campaign_id": [], "breach": []})
    reviews = grades.reviews(pd.DataFrame(), picked, none, breaches, q3.settings)
    (row,) = reviews.to_dict("records")
    assert row["n_treated"] == 893  # of one, all that was bought in these quarters came back
    assert (row["evidence_grade"], row["grade_reason"], row["verdict"]) == ("C", "placebo_failed", "not_attributed")
    assert math.isnan(row["effect"]) and row["placebo_high"] < 0
    dates = engine.frame(
        q3.days.semi_join(targets, "customer_id").select("customer_id", "order_date", "orders", "net_minor")
    )
    theirs = (
        dates[dates["customer_id"].isin(dates["customer_id"][dates["orders"] > 0])].set_index("order_date").sort_index()
    )
    before, during = (
        theirs.loc[a:b, "net_minor"].sum() for a, b in (("2011-03-31", "2011-06-30"), ("2011-07-01", "2011-09-30"))
    )
    assert row["before_after_change"] == pytest.approx(float(during / before - 1), rel=1e-4) and during > 3 * before
    said = narrative_picked.checked(reviews, "en", q3.settings.book).text
    assert "so what it finds later is the choice of customers, and no causal verdict is given." in said
    assert said.endswith(f"moved by +{100 * (during / before - 1):.1f}% (descriptive, not attributed).")


def test_the_frozen_anchors_are_those_of_2011q3(q3: Book, root: Path) -> None:
    period, known = q3.settings.period, inventory.customers(q3.staged.tables["customers"], q3.days)
    scale = rfm.window_scale(q3.days, period, q3.settings.segment)
    proposed = anchors.propose(q3.days, known, period, q3.settings).model_dump(mode="json")
    written = yaml.safe_load((root / "params" / BOOK / "default.yml").read_text(encoding="utf-8"))["segment"]["anchors"]
    assert scale == 1.2
    names = ("recency_days", "monetary_12m")  # for orders it proposes the method's knots: one order is too common
    assert {name: written[name] for name in names} == {name: proposed[name] for name in names}


def test_without_its_file_the_book_says_where_to_put_it(tmp_path: Path, root: Path) -> None:
    shutil.copytree(root / "params" / BOOK, tmp_path / "params" / BOOK)
    said = staging.check(params.load(tmp_path / "params" / BOOK / "2011Q4.yml"))
    assert len(said) == 3 and all(
        "data/online_retail/raw" in sentence and "put the file there" in sentence for sentence in said
    )


def test_neither_the_raw_file_nor_the_key_can_be_committed(root: Path) -> None:
    names = ["raw/online_retail_lines.parquet", "raw/pwt10_gdp_2005_2014.csv", "pseudonym.key"]
    files = [f"data/{BOOK}/{name}" for name in names]
    ignored = subprocess.run(["git", "check-ignore", *files], cwd=root, capture_output=True, text=True, check=False)
    assert ignored.stdout.split() == files


@pytest.fixture(scope="module")
def results(project: Path) -> Path:
    """The folder of the whole quarter's run, in English."""
    return run.run(project / "params" / BOOK / "2011Q4.yml", "en", out_dir=project / "out").parent


def stored(results: Path, name: str) -> pd.DataFrame:
    return pd.read_parquet(results / "tables" / f"{name}.parquet")


@pytest.mark.slow
def test_the_stored_tables_carry_the_same_figures(results: Path) -> None:
    taken = stored(results, "intake").set_index("source")
    assert taken.loc["orders", ["rows", "quarantined", "copies"]].tolist() == [541_909, 135_080, 5_268]
    assert taken.loc[["customers", "products"], "accepted"].tolist() == [4_372, 4_070]
    assert taken.loc["orders", ["net_minor_rows", "net_minor_accepted"]].tolist() == [974_774_793, 830_006_581]
    aside = stored(results, "quarantine")
    assert (aside.query("source == 'orders'").groupby(["field", "reason"]).size()).to_dict() == {
        ("customer_id", "missing"): 135_080
    }
    assert aside.query("source == 'customers' and reason == 'conflict'")["customer_id"].nunique() == 8
    classes = stored(results, "row_classes")
    credit = classes[classes["row_class"] == "cancellation"]
    assert credit[["rows", "orders"]].sum().tolist() == [9_288, 3_836]
    assert stored(results, "ledger").query("stage == 'unexplained'")["net_minor"].tolist() == [0]
    assert len(stored(results, "customer_inventory")) == 4_372


@pytest.mark.slow
def test_a_figure_of_the_page_goes_back_to_the_lines(results: Path, raw: pd.DataFrame, project: Path) -> None:
    """The largest customer's spend, from the inventory to the file's lines."""
    largest = stored(results, "customer_inventory").nlargest(1, "lifetime_minor").iloc[0]
    secret = privacy.key(settings_of(project, "2011Q4"))
    names = {privacy.pseudonym(str(int(c)), secret): c for c in raw["CustomerID"].dropna().unique()}
    lines = raw[raw["CustomerID"] == names[largest["customer_id"]]]
    article = lines["StockCode"].str.match(r"\d{5}") | lines["InvoiceNo"].str.startswith("C")
    assert largest["lifetime_minor"] == lines.loc[article, "pence"].sum() > 0
    assert largest["first_order_date"] == lines["InvoiceDate"].min().date()


@pytest.mark.slow
def test_the_report_says_what_is_partial_and_what_is_absent(results: Path, project: Path) -> None:
    covered = stored(results, "period_coverage").set_index("period")
    assert covered.index[covered["is_partial_quarter"]].tolist() == ["2010Q4", "2011Q4"]
    text = BeautifulSoup((results / "report.en.html").read_text(encoding="utf-8"), "html.parser").get_text(" ")
    assert all(quarter in text for quarter in ("2010Q4", "2011Q4")) and "partial" in text.lower()
    own = text.replace(settings_of(project, "2011Q4").book.notice_en, "").lower()
    assert [words for words in ("no campaign", "no survey", "no service tickets") if words not in own] == []


@pytest.mark.slow
def test_no_customer_number_leaves(results: Path, raw: pd.DataFrame) -> None:
    """Five-digit article codes look like customer numbers: only columns that name a customer are searched."""
    numbers = {str(int(c)) for c in raw["CustomerID"].dropna().unique()}
    for file in (results / "tables").glob("*.parquet"):
        table = pd.read_parquet(file)
        for column in [c for c in table.columns if c in ("customer_id", "other_id")]:
            assert not numbers & set(table[column].dropna().astype(str)), (file.name, column)
