"""Lapsed customers who came back: those we asked, and those who came by themselves."""

import ibis
import ibis.expr.types as ir
import pandas as pd
from ibis import _

from crmlib.kpi import ROW, service
from crmlib.periods import Period


def measure(
    purchase_days: ir.Table, at_start: ir.Table, contacted: pd.DataFrame, quarters: list[Period]
) -> pd.DataFrame:
    """Rows of the table `kpis`: of the customers who began a quarter as lapsed, those with an order in it.

    `at_start` has customer_id, period, risk_reason; `contacted` is the register `winback_log`. Of those contacted in
    the quarter only orders after the first contact count; the natural rate is of those whom nobody contacted. Who is
    contacted is chosen, so the two differ in more than the contact: their difference is no effect. Without a log,
    everyone's return is natural and there is no win-back rate.
    """
    lapsed = at_start.filter(_.risk_reason == "lapsed", _.tier != "none").select("customer_id", "period")
    dated = [
        (ibis.and_(_.order_date >= ibis.literal(q.start), _.order_date <= ibis.literal(q.as_of)), str(q))
        for q in quarters
    ]
    bought = purchase_days.filter(_.orders > 0).mutate(period=ibis.cases(*dated, else_=ibis.null("string")))
    back = bought.filter(_.period.notnull()).group_by("customer_id", "period").aggregate(last_date=_.order_date.max())
    joined = lapsed.left_join(back, ["customer_id", "period"]).select("customer_id", "period", "last_date")
    called = joined.left_join(_calls(contacted, quarters), ["customer_id", "period"])
    since = called.contacted_on.cast("date")
    split = called.select(
        "period",
        is_called=since.notnull().cast("int64"),
        is_back=(called.last_date.notnull() & (since.isnull() | (called.last_date > since))).fill_null(False),  # noqa: FBT003 - by position
    )
    counted = split.group_by("period", "is_called").aggregate(n=_.count(), hits=_.is_back.sum())
    counts = counted.to_pyarrow().to_pandas().set_index(["period", "is_called"])
    logs = service.provenance(contacted)
    parts = [_row(counts, "natural_return_rate", 0, quarter).assign(provenance="actual") for quarter in quarters]
    if len(contacted):
        parts += [_row(counts, "win_back_rate", 1, quarter).assign(provenance=logs) for quarter in quarters]
    return pd.concat(parts, ignore_index=True)[ROW]


def _calls(contacted: pd.DataFrame, quarters: list[Period]) -> ir.Table:
    """Who was first contacted when, in each quarter."""
    columns = {"customer_id": "string", "period": "string", "contacted_on": "timestamp(6)"}
    parts = [
        service.within(contacted, "contacted_on", q)[["customer_id", "contacted_on"]].assign(period=str(q))
        for q in quarters
    ]
    first = pd.concat(parts, ignore_index=True).sort_values("contacted_on").drop_duplicates(["customer_id", "period"])
    return ibis.memtable(first.astype({"customer_id": "object", "period": "object"})[list(columns)], schema=columns)


def _row(counts: pd.DataFrame, kpi: str, called: int, quarter: Period) -> pd.DataFrame:
    key = (str(quarter), called)
    found = counts.reindex([key], fill_value=0)
    return service.rate(kpi, int(found["hits"].iloc[0]), int(found["n"].iloc[0]), quarter)
