"""From raw order rows to scored customers: nothing is lost on the way, in rows and in money."""

import ibis
import ibis.expr.types as ir
import pandas as pd
from ibis import _

from crmlib.params import Settings
from crmlib.periods import Period
from crmlib.schema import TABLES

_MEASURES = ["rows", "customers", "net_minor", "unreadable"]


_PHASES = ("adjustment", "later", "before_window", "in_window")


def by_customer(lines: ir.Table, period: Period) -> ir.Table:
    """Per customer of the accepted rows: rows and money of each phase (`later_rows`, `later_minor`, ...).

    Beside them rows, money, first and last day of all rows up to the quarter's end (`consistency.customer_spend`).
    Compute it once: the order lines are read for nothing else that is counted by customer.
    """
    adjusted, later = lines.row_class == "adjustment", lines.order_date > ibis.literal(period.as_of)
    old = lines.order_date <= ibis.literal(period.year_ago)
    phases = zip(_PHASES, (adjusted, ~adjusted & later, ~adjusted & old, ~(adjusted | later | old)), strict=True)
    counted = {
        f"{name}_{measure}": value
        for name, here in phases
        for measure, value in (("rows", here.sum()), ("minor", lines.net_minor.sum(where=here).fill_null(0)))
    }
    return lines.group_by("customer_id").aggregate(
        rows=(~later).sum(),
        net_minor=lines.net_minor.sum(where=~later),
        first_order_date=lines.order_date.min(where=~later),
        last_order_date=lines.order_date.max(where=~later),
        **counted,
    )


def waterfall(
    by_customer: ir.Table, quarantine: ir.Table, intake: pd.DataFrame, purchase_days: ir.Table
) -> pd.DataFrame:
    """Rows, customers and money at each stage, and by reason where they are set aside; `by_customer` is kept.

    raw = quarantined + repeated + accepted, accepted = adjustment + later + seen, seen = before_window + in_window,
    in_window = unscored (customers without a paid purchase) + scored, in rows and in money.
    `unreadable` counts rows whose amount is no number: they carry no money in any stage.
    """
    aside = quarantine.filter(_.source == "orders")
    reasons = aside.group_by("field", "reason").aggregate(
        rows=_.count(), customers=_.customer_id.nunique(), net_minor=_.net_minor.sum().fill_null(0),
        unreadable=_.net_minor.isnull().sum(),
    )  # fmt: skip
    by_reason = _frame(reasons).assign(stage="quarantined")
    stages = _stages(by_customer, purchase_days)
    loaded = intake[intake["source"] == "orders"]
    (accepted,) = stages.loc[stages["stage"] == "accepted", "customers"]
    only_aside = aside.anti_join(by_customer, "customer_id").customer_id.nunique().to_pyarrow().as_py()
    raw = {
        "rows": int(loaded["rows"].sum()),
        "customers": accepted + only_aside,
        "net_minor": int(loaded["net_minor_rows"].sum()),
        "unreadable": int(by_reason["unreadable"].sum()),
    }
    repeated = {"rows": int(loaded["repeated"].sum()), "net_minor": int(loaded["net_minor_repeated"].sum())}
    whole = pd.DataFrame([{"stage": "raw", **raw}, {"stage": "repeated", **repeated}])
    found = pd.concat([whole, by_reason, stages], ignore_index=True)
    return _ordered(found[(found["rows"] > 0) | ~found["stage"].isin(["repeated", "adjustment"])])


STAGES = ("raw", "quarantined", "repeated", "accepted", "adjustment", "later", "seen", "before_window", "in_window",
          "unscored", "scored")  # fmt: skip


def _ordered(found: pd.DataFrame) -> pd.DataFrame:
    table = TABLES["waterfall"]
    text = found[["field", "reason"]].fillna("").astype(str)
    numbers = found[_MEASURES].fillna(0).astype("int64")
    position = found["stage"].map({name: i for i, name in enumerate(STAGES, 1)}).astype("int64")
    placed = pd.concat([position.rename("position"), found["stage"].astype(str), text, numbers], axis=1)
    return placed.sort_values(list(table.key), ignore_index=True)[list(table.columns)]


def _stages(by_customer: ir.Table, purchase_days: ir.Table) -> pd.DataFrame:
    """Accepted rows by stage, each the sum of phases, some only of customers who have, or have not, bought."""
    buyers = purchase_days.filter(_.orders > 0).select("customer_id").distinct().mutate(bought=True)
    known = by_customer.left_join(buyers, "customer_id").mutate(is_scored=_.bought.fill_null(False))  # noqa: FBT003
    seen, window, everyone = ("before_window", "in_window"), ("in_window",), known.rows.notnull()
    stages = {
        "accepted": (_PHASES, everyone),
        **{name: ((name,), everyone) for name in ("adjustment", "later")},
        "seen": (seen, everyone),
        **{name: ((name,), everyone) for name in seen},
        "unscored": (window, ~known.is_scored),
        "scored": (window, known.is_scored),
    }
    sums: dict[str, ir.Value] = {}
    for name, (phases, whose) in stages.items():
        rows, minor = (sum(known[f"{p}_{measure}"] for p in phases) for measure in ("rows", "minor"))
        sums |= {
            f"{name}_rows": rows.sum(where=whose).fill_null(0),
            f"{name}_customers": (whose & (rows > 0)).sum().fill_null(0),
            f"{name}_net_minor": minor.sum(where=whose).fill_null(0),
        }
    (found,) = known.aggregate(**sums).to_pyarrow().to_pylist()
    measures = ("rows", "customers", "net_minor")
    return pd.DataFrame([
        {"stage": name, **{m: int(found[f"{name}_{m}"]) for m in measures}, "unreadable": 0} for name in stages
    ])  # fmt: skip


def examples(quarantine: ir.Table) -> ir.Table:
    """The first row of each source, field and reason, with how many there are and their money; orders first."""
    group = ["source", "field", "reason"]
    place = ibis.row_number().over(group_by=group, order_by=["file", "row"])
    counts = quarantine.group_by(group).aggregate(rows=_.count(), all_minor=_.net_minor.sum())
    first = quarantine.mutate(place=place).filter(_.place == 0).select("file", "row", "value", *group)
    found = first.join(counts, group).mutate(net_minor=_.all_minor, is_other=_.source != "orders")
    ordered = found.order_by("is_other", ibis.desc("rows"), *group)
    return ordered.select("source", "file", "row", "field", "value", "reason", "rows", "net_minor")


def row_classes(lines: ir.Table, quarantine: ir.Table) -> ir.Table:
    """Rows, orders, customers and money by row class, accepted and set aside; unknown where no amount is readable."""
    aside = quarantine.filter(_.source == "orders").mutate(row_class=_.row_class.fill_null("unknown"))
    parts = {"accepted": lines, "quarantined": aside}
    counted = [
        rows.group_by("row_class")
        .aggregate(
            rows=_.count(), orders=_.order_id.nunique(), customers=_.customer_id.nunique(),
            net_minor=_.net_minor.sum().fill_null(0),
        )
        .mutate(stage=ibis.literal(stage))
        for stage, rows in parts.items()
    ]  # fmt: skip
    return ibis.union(*counted).select(*TABLES["row_classes"].columns).order_by("stage", "row_class")


def ledger(lines: ir.Table, quarantine: ir.Table, intake: pd.DataFrame, settings: Settings) -> pd.DataFrame:
    """The ledger's total for the export, explained: accepted by class, set aside by reason, repeated, the rest.

    ledger = accepted + quarantined + repeated + unexplained. Empty where no `ledger_total` is given.
    """
    total = settings.sources.orders.ledger_total
    names = list(TABLES["ledger"].columns)
    if total is None:
        return pd.DataFrame(columns=names)
    accepted = _frame(lines.group_by("row_class").aggregate(rows=_.count(), net_minor=_.net_minor.sum()))
    reasons = quarantine.filter(_.source == "orders").group_by("reason")
    aside = _frame(reasons.aggregate(rows=_.count(), net_minor=_.net_minor.sum().fill_null(0)))
    loaded = intake[intake["source"] == "orders"]
    repeated = {"rows": int(loaded["repeated"].sum()), "net_minor": int(loaded["net_minor_repeated"].sum())}
    merged = pd.DataFrame([repeated]).assign(stage="repeated")
    explained = pd.concat(
        [accepted.assign(stage="accepted"), aside.assign(stage="quarantined"), merged], ignore_index=True
    )
    minor = round(settings.minor(total))
    ends = [
        {"stage": "ledger", "rows": 0, "net_minor": minor},
        {"stage": "unexplained", "rows": 0, "net_minor": minor - int(explained["net_minor"].sum())},
    ]
    found = pd.concat([pd.DataFrame(ends), explained], ignore_index=True)
    found[["row_class", "reason"]] = found.reindex(columns=["row_class", "reason"]).fillna("").astype(str)
    order = {name: i for i, name in enumerate(("ledger", "accepted", "quarantined", "repeated", "unexplained"), 1)}
    found["position"] = found["stage"].map(order).astype("int64")
    found[["rows", "net_minor"]] = found[["rows", "net_minor"]].astype("int64")
    return found.sort_values(["position", "row_class", "reason"], ignore_index=True)[names]


def _frame(table: ir.Table) -> pd.DataFrame:
    return table.to_pyarrow().to_pandas(date_as_object=False)
