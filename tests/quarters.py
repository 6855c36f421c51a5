"""A quarter as the batch leaves it: stored tables and executed notebooks, made from the real views."""

from pathlib import Path
from typing import Any

import books
import nbformat
import pandas as pd
from matplotlib.axes import Axes
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from crmlib import params, schema
from crmlib.io import store
from crmlib.views import narrative, style, tables

NOTICE = {"notice_en": "Third-party sample data, provenance disputed.", "notice_zh": "第三方示例数据，来源存在争议。"}
HOSTILE = ("<script>alert(1)</script>", '=HYPERLINK("http://evil.example","x")', "\u202egnp.exe", "王堃 喆 👍")

_KPI_VALUES = {  # unit, previous quarter, this quarter, interval
    "net_revenue": ("money", 38_107_000.0, 40_317_800.0, None),
    "active_customers": ("customers", 742.0, 748.0, None),
    "orders_per_customer": ("number", 17.2, 18.1, None),
    "average_ticket": ("money", 2984.0, 2977.0, None),
    "retention_rate": ("rate", 0.951, 0.957, (0.94, 0.97)),
    "repurchase_rate": ("rate", 0.96, 0.97, (0.95, 0.98)),
}


def make(root: Path, lang: str, **book: Any) -> tuple[store.Store, list[Path]]:
    """The store and the notebooks of a small quarter under `root`; steps 3 and 5 did not run."""
    settings = books.load(
        root, period="2023Q4", book={"name_en": "Corner Grocers", "name_zh": "街角超市", **NOTICE, **book}
    )
    results = store.open_store(settings, root / f"out-{lang}")
    results.save(
        kpis=kpis(), findings=findings(), decisions=decisions(), tier_sizes=tier_sizes(), data_history=history()
    )
    results.save(customer_inventory=customers())
    cells = {
        "10_collect": _collect(settings, lang),
        "20_segment": _segment(settings, lang),
        "40_strategy": _strategy(settings, lang),
    }
    return results, [_write(results, name, made) for name, made in cells.items()]


def kpis() -> pd.DataFrame:
    rows = []
    for kpi, (unit, before, now, interval) in _KPI_VALUES.items():
        for period, value in (("2023Q3", before), ("2023Q4", now)):
            low, high = interval or (None, None)
            n = 748 if unit != "number" else 12_874
            rows.append((kpi, period, "all", unit, value, low, high, n, "actual"))
    return pd.DataFrame(rows, columns=schema.TABLES["kpis"].columns).astype({"low": float, "high": float})


def findings() -> pd.DataFrame:
    en = [
        "55 high-value customers (7%) brought 31% of revenue.",
        "99.9% of the order lines could be used.",
        "Food prices are the strongest outside force.",
    ]
    zh = ["55位高价值客户（7%）贡献了31%的收入。", "99.9%的订单行可用。", "食品价格是最强的外部因素。"]
    steps, anchors = ["segment", "collect", "market"], ["tier_sizes", "waterfall", "pest"]
    rows = zip([1, 2, 3], steps, anchors, en, zh, strict=True)
    return pd.DataFrame(rows, columns=schema.TABLES["findings"].columns)


def decisions() -> pd.DataFrame:
    due = pd.to_datetime(["2024-01-15", "2024-01-31", "2024-02-15"])
    frame = pd.DataFrame(
        {
            "rank": [1, 2, 3],
            "anchor": ["tier_strategies", "tier_sizes", "nowhere"],
            "text_en": ["Approve the win-back budget", "Assign an owner for the top tier", "Drop the paper catalogue"],
            "text_zh": ["批准客户挽回预算", "为高价值层级指定负责人", "停发纸质目录"],
            "amount_minor": [180_000, None, None],
            "owner": ["M. Chen", "L. Wang", HOSTILE[0]],
            "due_date": due,
        }
    )
    return frame.assign(strategy_id="", campaign_ids="")[list(schema.TABLES["decisions"].columns)]


def tier_sizes() -> pd.DataFrame:
    tiers = ["high", "potential", "general", "risk", "none"]
    customers, money = [55, 148, 201, 344, 27], [12_498_518, 14_514_408, 8_063_560, 5_241_314, 0]
    frame = pd.DataFrame({"tier": tiers, "customers": customers, "monetary_12m_minor": money})
    frame["customer_share"] = frame["customers"] / frame["customers"].sum()
    frame["revenue_share"] = frame["monetary_12m_minor"] / frame["monetary_12m_minor"].sum()
    return frame[list(schema.TABLES["tier_sizes"].columns)]


def history() -> pd.DataFrame:
    first, last = pd.to_datetime(["2023-01-01"]), pd.to_datetime(["2023-12-30"])
    return pd.DataFrame(
        {"first_order_date": first, "last_order_date": last, "window_months": 12, "orders": 1900, "buyers": 775}
    )


def customers() -> pd.DataFrame:
    """Names that try to be markup, a formula, a reordered file name and a box."""
    frame = pd.DataFrame({"customer_id": ["C1", "C2", "C3", "C4"], "customer_name": HOSTILE})
    for column in schema.TABLES["customer_inventory"].columns[2:]:
        entry = schema.COLUMNS[column]
        frame[column] = pd.NaT if entry.dtype == "date" else None if entry.dtype == "string" else 0
    frame["lifetime_minor"] = [123_456, 20_000_000, 0, -5]
    frame["last_order_date"] = pd.to_datetime(["2023-12-30", "2023-11-01", None, "2023-10-15"])
    return frame[list(schema.TABLES["customer_inventory"].columns)]


@style.chart(7.2, 3.0)
def sizes(frame: pd.DataFrame, lang: str, ax: Axes | None = None) -> Axes:
    assert ax is not None
    bars = ax.barh(
        [schema.word(t, lang) for t in frame["tier"]], frame["customers"], color=list(style.TIER_COLOURS.values())
    )
    ax.bar_label(bars, [style.number(n, lang) for n in frame["customers"]], padding=4)
    ax.invert_yaxis()
    ax.set_xlabel(schema.label("customers", lang))
    title = {"en": "Most customers are in the churn-risk tier, but the money is in the first two tiers of the book",
             "zh": "客户多在流失风险层级，而收入集中在前两个层级"}[lang]  # fmt: skip
    return style.finish(ax, title=title, alt=title)


def _collect(settings: params.Settings, lang: str) -> list[Any]:
    shown = tables.show(customers(), "customer_inventory", lang, settings.book, note="* masked")
    return [
        _prose("# What arrived", "en"),
        _prose("# 数据收集", "zh"),
        _prose("## Waterfall\n\nFrom raw rows to scored customers.", "en"),
        _prose("## 瀑布\n\n从原始数据到评分客户。", "zh"),
        _result(
            "waterfall", narrative.say({"en": f"{HOSTILE[0]} bought most.", "zh": f"{HOSTILE[0]}购买最多。"}, lang)
        ),
        _result("shown", shown),
    ]


def _segment(settings: params.Settings, lang: str) -> list[Any]:
    picture = style.picture(sizes(tier_sizes(), lang))
    return [
        _prose("# Who the customers are", "en"),
        _prose("# 客户细分", "zh"),
        _prose("## Tiers", "en"),
        _prose("## 层级", "zh"),
        _result("sizes = style.picture(charts.sizes(frame, lang))\ntier_sizes", picture),
        _result("tables.show(frame)", tables.show(tier_sizes(), "tier_sizes", lang, settings.book)),
        _result("again", picture),
        new_code_cell(
            "import logging", outputs=[new_output("stream", name="stderr", text="a warning nobody should see")]
        ),
    ]


def _strategy(settings: params.Settings, lang: str) -> list[Any]:
    plan = pd.DataFrame(
        {
            "tier": ["high", "risk"],
            "strategy": ["Keep and thank", "Win back within a week"],
            "strategy_zh": ["维系与致谢", "一周内挽回"],
            "measures": ["A personal offer each month, early access to new ranges, and a call from the store manager."]
            * 2,
            "measures_zh": ["每月专属优惠，新品优先购买，店长回访。"] * 2,
            "due_date": pd.to_datetime(["2024-03-31", None]),
            "provenance": ["illustrative"] * 2,
        }
    )
    shown = tables.show(
        plan, "tier_strategies", lang, settings.book, caption={"en": "Tier strategies", "zh": "分层策略"}[lang]
    )
    return [_prose("# What to do", "en"), _prose("# 策略设计", "zh"), _result("shown", shown)]


def _prose(source: str, lang: str) -> Any:
    return new_markdown_cell(source, metadata={"tags": [lang]})


def _result(source: str, value: Any) -> Any:
    if isinstance(value, style.Picture):
        data, metadata = value._repr_mimebundle_(None, None)
    else:
        data, metadata = {"text/html": value._repr_html_(), "text/plain": repr(value)}, {}
    return new_code_cell(
        source, outputs=[new_output("execute_result", data=data, metadata=metadata, execution_count=1)]
    )


def _write(results: store.Store, name: str, cells: list[Any]) -> Path:
    for n, cell in enumerate(cells):
        cell.id = f"c{n:03d}"
    return results.write(f"notebooks/{name}.ipynb", nbformat.writes(new_notebook(cells=cells)))
