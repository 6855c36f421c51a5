"""The page: self-contained, in one language, in order, honest about what is absent, the same bytes each time."""

import base64
import io
import re
from itertools import pairwise
from pathlib import Path

import books
import nbformat
import pandas as pd
import pytest
import quarters
from bs4 import BeautifulSoup
from fontTools.ttLib import TTFont
from matplotlib.axes import Axes
from nbformat.v4 import new_code_cell, new_markdown_cell, new_output

from crmlib import schema
from crmlib.errors import InputError
from crmlib.io import store
from crmlib.report import chapters, html
from crmlib.views import narrative, style, tables


@pytest.fixture(scope="module")
def pages(tmp_path_factory) -> dict[str, str]:
    made = {lang: quarters.make(tmp_path_factory.mktemp(lang), lang) for lang in ("en", "zh")}
    return {lang: html.build(*quarter, lang) for lang, quarter in made.items()}


@pytest.fixture(scope="module")
def soups(pages) -> dict[str, BeautifulSoup]:
    return {lang: BeautifulSoup(page, "html.parser") for lang, page in pages.items()}


def edited(root: Path, *cells) -> str:
    """The English page of a quarter whose segment notebook ends in `cells`."""
    results, notebooks = quarters.make(root, "en")
    notebook = nbformat.read(notebooks[1], as_version=4)
    notebook.cells += [nbformat.from_dict(cell | {"id": f"x{n}"}) for n, cell in enumerate(cells)]
    results.write("notebooks/20_segment.ipynb", nbformat.writes(notebook))
    return html.build(results, notebooks, "en")


def test_the_same_results_give_the_same_bytes(pages, tmp_path):
    assert html.build(*quarters.make(tmp_path, "zh"), "zh") == pages["zh"]


def test_nothing_is_requested_and_nothing_can_run(pages, soups):
    policy = soups["en"].find("meta", attrs={"http-equiv": "Content-Security-Policy"})["content"]
    assert policy == "default-src 'none'; img-src data:; font-src data:; style-src 'unsafe-inline'"
    for page, soup in zip(pages.values(), soups.values(), strict=True):
        assert soup.find(["script", "link", "iframe", "object", "embed", "form"]) is None
        assert not re.search(r"""(?:src|href|url)\s*[=(]\s*["']?https?:""", page)
        assert all(str(a["href"]).startswith("#") for a in soup.find_all("a"))


def test_a_page_speaks_one_language(soups):
    assert soups["en"].html["lang"] == "en"
    assert soups["zh"].html["lang"] == "zh-CN"
    assert "From raw rows to scored customers." in soups["en"].get_text()
    assert "从原始数据到评分客户。" not in soups["en"].get_text()
    assert "从原始数据到评分客户。" in soups["zh"].get_text()
    assert "From raw rows" not in soups["zh"].get_text()


def test_no_code_prompt_or_warning_is_shown(soups):
    text = soups["en"].get_text()
    assert "style.picture" not in text
    assert "a warning nobody should see" not in text
    assert "Out[" not in text


def test_headings_are_one_order_and_every_link_arrives(soups):
    for soup in soups.values():
        levels = [int(tag.name[1]) for tag in soup.find_all(re.compile("^h[1-6]$"))]
        assert levels.count(1) == 1
        assert levels[0] == 1
        assert all(below - above <= 1 for above, below in pairwise(levels))
        ids = [tag["id"] for tag in soup.find_all(id=True)]
        assert len(ids) == len(set(ids))
        assert {a["href"][1:] for a in soup.find_all("a")} <= set(ids)


def test_contents_list_every_section_and_say_what_did_not_run(soups):
    contents = [item.get_text() for item in soups["en"].select(".toc > ol > li > a")]
    assert contents[:-1] == ["Summary", "What arrived", "Who the customers are", "Market", "What to do", "Review"]
    assert "did not run" in soups["en"].find(id="market").get_text()
    assert soups["zh"].find(id="review").get_text(" ", strip=True) == "效果评估 本季度未运行此步骤。"


def test_the_five_numbers_and_their_change(soups):
    """403,178 / 381,070 = +5.8 %; 95.1 % lies in the interval 94.0-97.0 %: no clear change; 2977 / 2984 = -0.2 %."""
    cards = [[part.get_text(strip=True) for part in card("span")] for card in soups["en"].select(".numbers li")]
    assert cards == [
        ["Net revenue", "¥403,178", "▲ +5.8%", "counted in full"],
        ["Active customers", "748", "▲ +0.8%", "counted in full"],
        ["Orders per customer", "18.1", "▲ +5.2%"],
        ["Average ticket", "¥29.77", "−0.2%"],
        ["Retention rate", "95.7%", "+0.6 pp", "95% interval 94.0% to 97.0%: no clear change"],
    ]
    assert "Change against 2023Q3." in soups["en"].get_text()


def test_a_part_of_a_quarter_is_not_compared_with_a_whole_one(tmp_path):
    results, notebooks = quarters.make(tmp_path, "en")
    days = pd.to_datetime(["2023-07-01", "2023-10-01", "2023-09-30", "2023-12-09"])
    coverage = pd.DataFrame({"period": ["2023Q3", "2023Q4"], "first_order_date": days[:2], "last_order_date": days[2:]})
    coverage["active_days"], coverage["calendar_days"] = [92, 70], [92, 92]
    results.save(period_coverage=coverage.assign(is_partial_quarter=[False, True], partial_reason=["", "data_end"]))
    page = BeautifulSoup(html.build(results, notebooks, "en"), "html.parser")
    shown = page.get_text(" ")
    assert "The data cover only a part of 2023Q4: 1 Oct 2023 to 9 Dec 2023." in shown
    assert "Change against" not in shown and "+5.8%" not in shown
    assert "measured on" not in shown


@pytest.mark.parametrize(("lang", "said"), [("en", "measured on 31 Dec 2023, 22 days after"), ("zh", "订单晚22天")])
def test_days_after_the_last_order_are_called_what_they_do_and_the_setting_is_named(tmp_path, lang, said):
    results, notebooks = quarters.make(tmp_path, lang)
    days = pd.to_datetime(["2023-10-01", "2023-12-09"])
    coverage = pd.DataFrame({"period": ["2023Q4"], "first_order_date": days[:1], "last_order_date": days[1:]})
    coverage = coverage.assign(active_days=70, calendar_days=92, is_partial_quarter=True, partial_reason="ends_early")
    results.save(period_coverage=coverage)
    shown = BeautifulSoup(html.build(results, notebooks, lang), "html.parser").get_text(" ")
    assert said in shown and "as_of: 2023-12-09" in shown
    assert f"params/{results.settings.book_id}/{results.settings.file.name}" in shown


@pytest.mark.parametrize(
    ("lang", "said"), [("en", "One order line is 97% of"), ("zh", "单笔订单行占本季度净销售额的97%")]
)
def test_one_line_that_decides_all_is_told_on_the_first_screen(tmp_path, lang, said):
    results, notebooks = quarters.make(tmp_path, lang)
    results.save(large_parts=pd.DataFrame({"part_kind": ["large_line"], "revenue_share": [0.97]}))
    assert said in BeautifulSoup(html.build(results, notebooks, lang), "html.parser").get_text(" ")


@pytest.mark.parametrize(
    ("lang", "said"), [("en", "12 returns of ¥90.00 undo no sale"), ("zh", "有12行退货（¥90.00）没有对应的销售")]
)
def test_returns_of_nothing_are_told_on_the_first_screen(tmp_path, lang, said):
    results, notebooks = quarters.make(tmp_path, lang)
    rules = {
        "source": "orders",
        "rule": "returns_alone",
        "advice": "do_returns_alone",
        "checked_rows": 20,
        "rows": 12,
        "row_share": 0.6,
    }
    results.save(consistency=pd.DataFrame([{**rules, "customers": 9, "net_minor": -9000}]))
    assert said in BeautifulSoup(html.build(results, notebooks, lang), "html.parser").get_text(" ")


def test_findings_and_decisions_lead_to_their_sections(soups):
    soup = soups["en"]
    findings, decisions = soup.select(".points")
    assert [a["href"] for a in findings.find_all("a")] == ["#segment-1", "#collect", "#market"]
    assert [a.get_text() for a in decisions.find_all("a")] == ["See What to do", "See Tiers"]
    facts = [tuple(f.stripped_strings) for f in decisions.li.dl.find_all("div")]
    assert facts == [("Amount", "¥1,800"), ("Owner", "M. Chen"), ("By", "15 Jan 2024")]
    assert soups["zh"].select(".points p")[0].get_text() == "55位高价值客户（7%）贡献了31%的收入。"


def test_too_few_cases_earn_no_change(tmp_path):
    results, notebooks = quarters.make(tmp_path, "en")
    results.save(kpis=quarters.kpis().assign(n=29))
    soup = BeautifulSoup(html.build(results, notebooks, "en"), "html.parser")
    assert len(soup.select(".numbers .none")) == 5
    assert soup.select(".numbers .change") == []
    assert "29 cases: too few to judge" in soup.get_text()


def test_an_empty_store_is_stated_and_not_invented(tmp_path):
    results = store.open_store(books.load(tmp_path), tmp_path / "out")
    text = BeautifulSoup(html.build(results, [], "en"), "html.parser").get_text()
    for stated in (
        "KPIs of this quarter have not been computed",
        "No findings",
        "No decision follows",
        "last order not known",
    ):
        assert stated in text
    assert text.count("This step did not run") == 5


def test_figures_are_inline_with_alt_text_and_ids_of_their_own(soups):
    """The same figure is shown twice in the fake quarter."""
    pictures = soups["en"].select("figure svg")
    assert len(pictures) == 2
    for svg in pictures:
        assert svg["role"] == "img"
        assert "churn-risk tier" in svg["aria-label"]
        used = set(re.findall(r'(?:url\(#|href="#)([^)"]+)', str(svg)))
        assert used
        assert used == {tag["id"] for tag in svg.find_all(id=True)}
        assert "High value" in svg.get_text()


def test_hostile_names_are_text(soups):
    script = quarters.HOSTILE[0]
    assert soups["en"].find(class_="finding").get_text() == f"{script} bought most."
    assert script in [cell.get_text() for cell in soups["en"].find_all("td")]
    assert "\u202e" not in soups["en"].get_text()


def test_a_notebook_edited_by_hand_cannot_bring_script_or_requests(tmp_path):
    markup = '<b onclick="x()">bold</b><script src="http://e.example/x.js"></script><img src="http://e.example/i.png">'
    link = '<a href=" JavaScript:x()">a</a><a href="http://e.example/page">b</a>'
    page = edited(
        tmp_path,
        new_code_cell("1", outputs=[new_output("display_data", data={"text/html": markup + link})]),
        new_markdown_cell("Look here <script>alert(1)</script> ![i](http://e.example/i.png)"),
    )
    soup = BeautifulSoup(page, "html.parser")
    assert soup.find(["script", "img"]) is None
    assert soup.find("b", string="bold").attrs == {}
    assert soup.find("a", string="a").attrs == {}
    assert "Look here" in soup.get_text()


def test_an_image_that_a_hand_put_in_without_words_gets_some(tmp_path):
    page = edited(tmp_path, new_markdown_cell('<img src="data:image/png;base64,iVBORw0KGgo=">'))
    assert BeautifulSoup(page, "html.parser").find("img")["alt"] == "Figure"


def test_a_failed_step_is_red_and_ends_there(tmp_path):
    error = new_output("error", ename="InputError", evalue="orders.csv row 2:\n<b>date</b>", traceback=[])
    page = edited(tmp_path, new_code_cell("boom()", outputs=[error]), new_markdown_cell("After the failure"))
    soup = BeautifulSoup(page, "html.parser")
    assert "failed" in soup.find(id="segment")["class"]
    assert "<b>date</b>" in soup.find(id="segment").find(class_="failed").get_text()
    assert "After the failure" not in soup.get_text()


def test_a_heading_over_nothing_is_left_out(tmp_path):
    page = edited(tmp_path, new_markdown_cell("## Save"), new_code_cell("save()"))
    assert "Save" not in BeautifulSoup(page, "html.parser").get_text()


def test_prose_that_announces_what_is_not_there_is_left_out(tmp_path):
    table = shown(quarters.tier_sizes(), "Tiers")
    for said in ("Open and late:", "逾期："):
        page = edited(tmp_path, new_markdown_cell("## A"), cell_of("Nothing is late."), new_markdown_cell(said),
                      new_markdown_cell("## B"), new_markdown_cell(said + " 2"), new_markdown_cell("## C"),
                      new_markdown_cell("C" + said), table)  # fmt: skip
        text = BeautifulSoup(page, "html.parser").find(id="segment").get_text("|", strip=True)
        assert f"|{said}|" not in text and f"{said} 2" in text and "C" + said in text


def cell_of(words):
    html = narrative.say({"en": words, "zh": words}, "en")._repr_html_()
    return new_code_cell("s", outputs=[new_output("display_data", data={"text/html": html})])


def parts(tag):
    """Name, class and first words of what stands in a box."""
    return [(t.name, " ".join(t.get("class") or []), t.get_text(" ", strip=True)[:14]) for t in tag(recursive=False)]


def section_cells():
    """A section of three tables: 'Ten' and 'Fifteen' have more rows than are shown at once."""
    tiers = quarters.tier_sizes()
    twice, thrice = (pd.concat([tiers] * n, ignore_index=True) for n in (2, 3))
    return [new_markdown_cell("## New"), new_markdown_cell("How."), cell_of("First."), shown(twice, "Ten"),
            new_markdown_cell("Leads to five:"), shown(tiers, "Five"), cell_of("Second."),
            shown(thrice, "Fifteen", "scorecard"), new_markdown_cell("### Aside"), shown(tiers, "Five")]  # fmt: skip


def test_a_section_shows_its_finding_and_one_figure_or_short_table_and_folds_the_rest(tmp_path):
    soup = BeautifulSoup(edited(tmp_path, *section_cells()), "html.parser")
    lead = soup.find("h3", string="New").parent
    assert lead["class"] == ["part"]  # the chapter's first section is told in full
    fold = lead.find("details")
    assert [name for name, _, _ in parts(lead)] == ["h3", "p", "details"]
    assert lead.p.get_text() == "First."
    assert fold.summary.get_text() == "Details: Ten, Five, Fifteen"
    assert [name for name, _, _ in parts(fold)] == ["summary", "p", "div", "p", "div", "p", "div", "h4", "div"]
    assert [t["aria-label"] for t in lead.select(".crm-table")] == ["Ten", "Five", "Fifteen", "Five (2)"]


def test_a_section_that_the_first_screen_points_to_shows_its_figure_table_and_sentences():
    figure = '<figure data-name="waterfall"><div></div></figure>'
    table = '<div class="crm-table short" data-name="tiers"><table><caption>T</caption></table></div>'
    page = (
        f'<h3>A</h3><p class="finding">a</p>{table}<h3>B</h3><p class="finding">b</p><p class="finding">b2</p><p>how</p>'
        f'{figure}{table}<p class="finding">c</p>{figure}<h3>C</h3><p class="finding">d</p><p class="finding">e</p>{figure}'
    )
    soup = BeautifulSoup(page, "html.parser")
    chapters.arrange(soup, "en", frozenset({"waterfall"}))
    assert parts(soup) == [
        ("div", "parts", "A a Details: T"),
        ("div", "lead", "B b b2 how T c"),
        ("div", "parts", "C d Details: a"),
    ]
    lead = soup.find(class_="lead")
    kinds = [("h3", "", "B"), ("div", "beside", "b b2"), ("p", "", "how"), ("div", "crm-table short", "T"),
             ("p", "finding", "c"), ("details", "fold", "Details: a fig")]  # fmt: skip
    assert parts(lead) == kinds
    assert [name for name, _, _ in parts(lead.find(class_="beside"))] == ["div", "figure"]
    assert soup.find_all(class_="part")[1].get_text(" ") == "C d Details: a figure e"


def test_a_long_table_says_that_it_is_cut_on_paper(tmp_path):
    soup = BeautifulSoup(edited(tmp_path, *section_cells()), "html.parser")
    notes = [p.get_text() for p in soup.select("p.paper")]
    assert notes == ["Printed: the first 10 of 15 rows. The HTML report shows them all."]


def test_the_line_beside_a_number_tells_its_values(soups):
    lines = soups["en"].select(".numbers svg.spark")
    assert len(lines) == 5
    assert lines[0]["aria-label"] == "Net revenue: ¥381,070 in 2023Q3, ¥403,178 in 2023Q4"
    assert soups["zh"].select_one("svg.spark")["aria-label"] == "净销售额：2023Q3 ¥381,070、2023Q4 ¥403,178"


def test_a_strategy_named_in_a_decision_leads_to_its_card(tmp_path):
    results, notebooks = quarters.make(tmp_path, "en")
    results.save(
        strategy_thread=thread(), decisions=quarters.decisions().assign(strategy_id="ST1", text_en="Back ST1, not ST10")
    )
    notebook = nbformat.read(notebooks[2], as_version=4)
    notebook.cells.append(shown(thread(), "Threads", "strategy_thread"))
    results.write("notebooks/40_strategy.ipynb", nbformat.writes(notebook))
    soup = BeautifulSoup(html.build(results, notebooks, "en"), "html.parser")
    assert [(a["href"], a.get_text()) for a in soup.select_one(".points:is(#decisions ~ *) p").find_all("a")] == [
        ("#strategy-ST1", "ST1")
    ]
    assert soup.select_one(".card h4 #strategy-ST1").get_text() == "ST1"
    told = [tuple(row.stripped_strings) for row in soup.select(".card dl div")]
    assert told == [
        ("Evidence", "No outside factor is named"),
        ("Opportunity", "O1", "Snacks (55 of 100)"),
        ("Spent", "AC1: 12 contacts, ¥9.00; expected margin ¥30.00"),
        ("Who and when", "L. Chen, 2 Oct 2023 to 31 Dec 2023"),
        ("Held out", "No hold-out: an effect cannot be proved"),
        ("Aimed at", "No target is set"),
        ("Tasks", "TK1", "50% done, 1 late"),
        ("Verdict", "Not reviewed yet"),
    ]
    assert len(soup.select(".card .gap")) == 3


def thread() -> pd.DataFrame:
    row = dict.fromkeys(schema.TABLES["strategy_thread"].columns, "")
    days = pd.to_datetime(["2023-10-02", "2023-12-31"])
    known = {"strategy_id": "ST1", "strategy": "Thank", "tier": "high", "opportunity_id": "O1", "opportunity": "Snacks",
             "opportunity_score": 54.6, "action_ids": "AC1", "contacts": 12, "cost_minor": 900, "value_minor": 3000,
             "owner": "L. Chen", "start_date": days[0], "end_date": days[1], "held_out_share": None, "task_ids": "TK1",
             "progress_share": 0.5, "tasks_late": 1, "review_outcomes": "not_reviewed", "provenance": "actual"}  # fmt: skip
    return pd.DataFrame([row | known])


def test_definitions_and_methods_are_at_the_end(tmp_path):
    results, notebooks = quarters.make(tmp_path, "en")
    empty = dict.fromkeys(schema.TABLES["kpi_definitions"].columns, "")
    row = empty | {"kpi": "average_ticket", "has_tiers": True, "numerator_text": "net revenue", "denominator_text": "orders",
                   "window_text": "the quarter", "source_text": "days of purchase"}  # fmt: skip
    results.save(kpi_definitions=pd.DataFrame([row]))
    soup = BeautifulSoup(html.build(results, notebooks, "en"), "html.parser")
    told = [tuple(entry.stripped_strings) for entry in soup.find(id="kpi-definitions").find_next("dl").find_all("div")]
    assert told == [("Average ticket", "net revenue ÷ orders, over the quarter. From: days of purchase.")]
    assert "Wilson (1927)" in soup.find(id="methods").find_next("dl").get_text()


def test_every_id_leads_to_the_row_that_tells_about_it(tmp_path):
    """The first table that begins with the id tells; a link goes there from every other place, also out of a list."""
    strategies = pd.DataFrame({"strategy_id": ["ST1", "S<2"], "opportunity_id": ["O1", "O9"], "strategy": ["a", "b"]})
    matrix = pd.DataFrame({"opportunity_id": ["O1; O1", "O2"], "opportunity": ["x", "y"]})
    cells = [shown(strategies, "S", "tier_strategies"), shown(strategies, "T", "tier_strategies"),
             shown(matrix, "M", "opportunity_matrix")]  # fmt: skip
    soup = BeautifulSoup(edited(tmp_path, *cells), "html.parser")
    first, again, opportunities = soup.select("#segment .crm-table[data-name]")[-3:]
    assert first.select_one("th #strategy-ST1").get_text() == "ST1" and not first.select("th a")
    assert [a["href"] for a in again.select("th a")] == ["#strategy-ST1"]
    assert [a["href"] for a in first.select("td a")] == ["#opportunity-O1"]
    assert [row.th.get_text() for row in first.select("tbody tr")] == ["ST1", "S<2"]
    assert [row.th.get_text() for row in opportunities.select("tbody tr")] == ["O1; O1", "O2"]
    assert len(soup.select("#opportunity-O1")) == 1 and not soup.select("[data-id]")


def shown(frame: pd.DataFrame, caption: str, name: str = "tier_sizes"):
    html = tables.show(frame, name, "en", books.params.Book(**BOOK), caption=caption)._repr_html_()
    return new_code_cell(
        "t", outputs=[new_output("execute_result", data={"text/html": html}, execution_count=1)], id="t"
    )


BOOK = {"name_en": "A", "name_zh": "甲", "currency": "CNY"}


def test_an_absence_is_said_once(tmp_path):
    """The sentence says it; the empty chart and the empty table after it need not. Without a sentence they stay."""
    nothing = shown(quarters.tier_sizes()[:0], "Tiers")
    sentence = narrative.say({"en": "No tickets came in.", "zh": "没有工单。"}, "en")
    said = new_code_cell("s", outputs=[new_output("display_data", data={"text/html": sentence._repr_html_()})])
    empty = style.picture(nothing_drawn(pd.DataFrame(), "en"))
    data, metadata = empty._repr_mimebundle_(None, None)
    blank = new_code_cell("b", outputs=[new_output("display_data", data=data, metadata=metadata)])
    page = edited(tmp_path, new_markdown_cell("## A"), said, blank, nothing,
                  new_markdown_cell("## B"), blank, nothing)  # fmt: skip
    text = BeautifulSoup(page, "html.parser").find(id="segment").get_text(" ")
    a, b = text.split(" A ", 1)[1].split(" B ", 1)
    assert "No tickets came in." in a and "Nothing drawn" not in a and "nothing to show" not in a
    assert "Nothing drawn" in b and "Tiers: nothing to show" in b


@style.chart(4, 2)
def nothing_drawn(frame: pd.DataFrame, lang: str, ax: Axes | None = None) -> Axes:
    return style.empty(ax, "Nothing drawn")


def test_rows_that_are_in_no_figure_are_told_on_the_first_screen(tmp_path):
    results, notebooks = quarters.make(tmp_path, "en")
    stages = pd.DataFrame({"position": [1, 2, 3], "stage": ["raw", "quarantined", "accepted"], "field": ["", "customer_id", ""],
                           "reason": ["", "missing", ""], "rows": [200, 50, 150], "customers": [9, 0, 9],
                           "net_minor": [90_000, 12_345, 77_655], "unreadable": [0, 0, 0]})  # fmt: skip
    results.save(waterfall=stages)
    told = "25.0% of the order rows (¥123.45) could not be used"
    assert told in BeautifulSoup(html.build(results, notebooks, "en"), "html.parser").get_text(" ")
    results.save(waterfall=stages.assign(rows=[10_000, 50, 9_950]))
    assert "could not be used" not in html.build(results, notebooks, "en")


def test_customers_who_never_come_back_are_told_on_the_first_screen(tmp_path):
    """775 orders of 775 customers; of 29 it is too early to say."""
    results, notebooks = quarters.make(tmp_path, "en")
    told = "No customer id occurs in more than one of the 775 orders"
    for orders, buyers, is_told in ((775, 775, True), (776, 775, False), (29, 29, False)):
        results.save(data_history=quarters.history().assign(orders=orders, buyers=buyers))
        assert (told in html.build(results, notebooks, "en")) == is_told
    results.save(data_history=quarters.history().assign(orders=775, buyers=775))
    assert "要么ID按订单生成" in html.build(results, notebooks, "zh")


def test_the_page_s_own_font_has_every_character_on_it(pages):
    for page in pages.values():
        fonts = re.findall(r'font-family: "([^"]+)"; src: url\("data:font/woff2;base64,([^"]+)"', page)
        drawn = {code for _, data in fonts for code in TTFont(io.BytesIO(base64.b64decode(data))).getBestCmap()}
        text = BeautifulSoup(page, "html.parser").get_text()
        assert {c for c in text if ord(c) not in drawn} <= {"\n"}


def test_a_letter_outside_the_chinese_font_gets_a_second_one(tmp_path):
    page = edited(tmp_path, new_markdown_cell("Łukasz"))
    assert re.findall(r'font-family: "([^"]+)"; src', page) == ["Workbook Sans", "Workbook Sans Wide"]


def test_a_character_that_no_font_has_is_an_error(tmp_path):
    with pytest.raises(InputError, match=r"THUMBS UP SIGN, U\+1F44D"):
        edited(tmp_path, new_markdown_cell("well done 👍"))


def test_facts_are_listed_without_a_time_stamp(tmp_path):
    page = html.build(*quarters.make(tmp_path, "en"), "en", {"orders.csv": "sha256 abc"})
    facts = BeautifulSoup(page, "html.parser").find(id="facts").find_next("dl").get_text("|", strip=True)
    assert "2023Q4" in facts
    assert "method-2.2, frozen on 1 Jan 2023: the method's own example" in facts
    assert "orders.csv|sha256 abc" in facts
