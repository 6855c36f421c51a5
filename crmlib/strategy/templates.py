"""Starting templates filled with this quarter's numbers, and what stands in for a tier that has no strategy yet."""

import csv
import io

import ibis
import ibis.expr.types as ir
import pandas as pd
from ibis import _

from crmlib import schema
from crmlib.kpi import KPIS
from crmlib.params import Settings
from crmlib.periods import Period
from crmlib.strategy.plans import target_words
from crmlib.strategy.templates_text import TEMPLATES, Template

_NUMBERS = ["customers", "monetary_12m_minor", "typical_days", "typical_orders"]
_PAIRS = ("strategy", "measures", "channel", "cadence", "resources", "incentive")


def group_sizes(tiered: ir.Table, levelled: ir.Table) -> pd.DataFrame:
    """Customers, 12-month spend, and the median of recency and orders of each tier, reason and level that has any.

    One kind of group after the other: a median holds the values of all its customers in memory.
    """
    known = tiered.filter(_.tier != "none")
    levels = levelled.filter(_.level.notnull()).select("customer_id", "level")
    by_tier, *others = [
        _grouped(known, "group_tier", "tier"),
        _grouped(known.filter(_.risk_reason != ""), "group_reason", "risk_reason"),
        _grouped(known.join(levels, "customer_id"), "group_level", "level"),
    ]
    n, spent = by_tier["customers"].sum(), by_tier["monetary_12m_minor"].sum()
    found = pd.concat([by_tier, *others], ignore_index=True)
    found["customer_share"] = found["customers"] / n
    found["revenue_share"] = found["monetary_12m_minor"] / (spent or float("nan"))
    return found.sort_values(["group_kind", "group_code"], ignore_index=True)


def _grouped(table: ir.Table, kind: str, column: str) -> pd.DataFrame:
    grouped = table.group_by(group_code=table[column]).aggregate(
        group_kind=ibis.literal(kind),
        customers=_.count(),
        monetary_12m_minor=_.monetary_12m_minor.sum(),
        typical_days=_.recency_days.median().cast("float64"),
        typical_orders=_.frequency_12m.median().cast("float64"),
    )
    return grouped.to_pyarrow().to_pandas()


def of_quarter(kpis: pd.DataFrame, period: Period) -> pd.DataFrame:
    """This quarter's KPIs of those of all quarters: kpi, kpi_unit, kpi_value."""
    return kpis.loc[kpis.period == str(period), ["kpi", "kpi_unit", "kpi_value"]].reset_index(drop=True)


def proposals(
    groups: pd.DataFrame, told: pd.DataFrame, kpis: pd.DataFrame, strategies: pd.DataFrame, settings: Settings
) -> pd.DataFrame:
    """Table `strategy_proposals`: the templates of the groups that have customers, in the order of the templates.

    `told` is `groups` without the figures that are hidden (NaN): the words do not say them either.
    """
    groups = groups.assign(is_untold=told["customers"].isna())
    keys = pd.DataFrame([(t.kind, t.code) for t in TEMPLATES], columns=["group_kind", "group_code"])
    rows = keys.merge(groups, how="inner", on=["group_kind", "group_code"]).to_dict("records")
    known = {(t.kind, t.code): t for t in TEMPLATES}
    values = kpis.set_index("kpi").kpi_value
    made = [
        row
        | _wording(known[row["group_kind"], row["group_code"]], row, settings)
        | _target(known[row["group_kind"], row["group_code"]], values, settings)
        | _state(row, strategies, settings)
        for row in rows
    ]
    columns = list(schema.TABLES["strategy_proposals"].columns)
    return pd.DataFrame(made, columns=columns)


_UNTOLD = {
    "en": {"customers": "few", "spend": "a part", "each": "a hidden amount"},
    "zh": {"customers": "几", "spend": "的一部分", "each": "不予显示"},
}


def _wording(template: Template, row: dict, settings: Settings) -> dict[str, str]:
    """The template's words with the group's numbers in them."""
    book, customers = settings.book, int(row["customers"])
    spent = row["monetary_12m_minor"] / 10**book.minor_digits
    numbers = {
        "customers": f"{customers:,}",
        "spend": f"{book.currency} {spent:,.0f}",
        "each": f"{book.currency} {spent / customers:,.0f}",
        "days": f"{row['typical_days']:.0f}",
        "late": f"{max(2 * row['typical_days'], 7):.0f}",
        "orders": f"{row['typical_orders']:.0f}",
    }
    en, zh = (numbers | (_UNTOLD[lang] if row["is_untold"] else {}) for lang in ("en", "zh"))
    texts = {name: getattr(template, name) for name in _PAIRS}
    return {name: pair[0].format(**en) for name, pair in texts.items()} | {
        f"{name}_zh": pair[1].format(**zh) for name, pair in texts.items()
    }


def _target(template: Template, values: pd.Series, settings: Settings) -> dict[str, object]:
    """The proposed change of the template's KPI by the end of the next quarter; nothing where it has no value yet,
    or where the change is none (10 % of nothing)."""
    kpi, baseline = KPIS[template.kpi], float(values.get(template.kpi, float("nan")))
    moved = baseline + template.step if template.unit == "pp" else baseline * (1 + template.step)
    baseline, target = (_rounded(x, kpi.unit) for x in (baseline, min(moved, 1.0) if kpi.unit == "rate" else moved))
    known = not pd.isna(baseline) and target != baseline
    target = target if known else float("nan")
    facts = {"kpi": kpi.id, "kpi_unit": kpi.unit, "baseline": baseline, "target": target, "target_unit": template.unit}
    scale = 10**settings.book.minor_digits if kpi.unit == "money" else 1
    due = pd.Timestamp(settings.period.next.as_of)
    step = {"pp": f"+{template.step * 100:g} pp", "pct": f"+{template.step:.0%}"}[template.unit]
    texts = {
        lang: target_words(
            kpi.id, baseline / scale, target / scale, "pp" if kpi.unit in ("rate", "ratio") else "abs", due, lang
        )
        for lang in ("en", "zh")
    }
    return facts | {
        "expected": f"{texts['en']} ({step})" if known else "",
        "expected_zh": f"{texts['zh']}（{step}）" if known else "",
    }


def _rounded(value: float, unit: str) -> float:
    """As people write a target: a tenth of a percentage point, whole customers and money, two decimals of the rest."""
    return round(value, {"rate": 3, "ratio": 3, "number": 2}.get(unit, 0))


def _state(row: dict, strategies: pd.DataFrame, settings: Settings) -> dict[str, str]:
    """The tier that a group belongs to, and the strategies decided for it (a level may lie across tiers)."""
    kind, code = row["group_kind"], row["group_code"]
    tier = {"group_tier": code, "group_reason": settings.segment.tiers[-1].tier}.get(kind, "")
    decided = sorted(strategies.strategy_id[strategies.tier == code]) if kind == "group_tier" else []
    state = "decided" if decided else "from_template"
    return {"tier": tier, "decided_ids": "; ".join(decided), "plan_state": state, "provenance": "template"}


def filled(tier_strategies: pd.DataFrame, proposed: pd.DataFrame, without: list[str]) -> pd.DataFrame:
    """Table `tier_strategies`: the strategies decided, and the template of each tier that has none."""
    rows = proposed[(proposed.group_kind == "group_tier") & proposed.tier.isin(without)]
    columns = list(schema.TABLES["tier_strategies"].columns)
    decided = tier_strategies.assign(plan_state="decided")[columns]
    if rows.empty:
        return decided
    absent = [c for c in columns if c not in rows.columns]
    kinds = {c: schema.COLUMNS[c].dtype for c in absent}
    nothing = {"string": pd.Series("", index=rows.index), "date": pd.Series(pd.NaT, index=rows.index)}
    number = pd.Series(float("nan"), index=rows.index)
    stand_in = rows.assign(**{c: nothing.get(kind, number) for c, kind in kinds.items()})[columns]
    order = {tier: n for n, tier in enumerate(["high", "potential", "general", "risk"])}
    both = stand_in if decided.empty else _below(decided, stand_in)
    return both.sort_values("tier", key=lambda tier: tier.map(order), kind="stable").reset_index(drop=True)


def _below(decided: pd.DataFrame, stand_in: pd.DataFrame) -> pd.DataFrame:
    """The rows of both, column by column: pandas would guess a type for columns without a value."""
    columns = {c: [*decided[c], *stand_in[c]] for c in decided.columns}
    dates = [c for c in columns if schema.COLUMNS[c].dtype == "date"]
    return pd.DataFrame(columns).astype(dict.fromkeys(dates, "datetime64[us]"))


def as_register(proposed: pd.DataFrame, period: Period) -> str:
    """The templates of tiers and reasons as a CSV to start the register `strategies` from.

    Owner and department are for people to fill in; `period` is the coming quarter.
    """
    columns = schema.REGISTERS["strategies"].columns
    rows = [
        {str(k): v for k, v in r.items()} for r in proposed[proposed.group_kind != "group_level"].to_dict("records")
    ]
    dates = {"start_date": str(period.start), "end_date": str(period.as_of), "provenance": "actual"}
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, restval="", extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(row | dates | {"strategy_id": f"ST{n}"} for n, row in enumerate(rows, 1))
    return text.getvalue()
