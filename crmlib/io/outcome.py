"""What became of the rows of a source, in lines that `crm check` shows where nothing stops a run."""

import ibis
from ibis import _

from crmlib.io import engine
from crmlib.io.examined import Examined
from crmlib.params import Settings

_REASONS = 6
_SHARED = 0.1
"""From this share of orders with several customers on, the id is hardly that of an order."""
_SOME = 20
"""Fewer orders tell nothing of their ids."""


def counted(source: Examined, settings: Settings) -> str:
    """Rows and money that were accepted, repeated, and set aside (by reason)."""
    total = source.intake.drop(columns=["source", "file"]).sum()

    def said(fate: str, text: str) -> str:
        money = int(total[f"net_minor_{fate}"])
        shown = f" ({money / 10**settings.book.minor_digits:,.{settings.book.minor_digits}f} {settings.book.currency})"
        return f"{int(total[fate]):,} {text}{shown if source.name in ('orders', 'costs') else ''}"

    parts = [said("accepted", "rows accepted")]
    parts += [said("repeated", "repeat another row")] if total["repeated"] else []
    parts += [f"{said('quarantined', 'set aside')}: {_reasons(source)}"] if total["quarantined"] else []
    return f"{source.name}: {'; '.join(parts)}"


def _reasons(source: Examined) -> str:
    if source.aside is None:
        return ""
    counted = source.aside.group_by("field", "reason").aggregate(rows=_.count())
    found = engine.frame(counted.order_by([ibis.desc("rows"), "field", "reason"]))
    top = found.head(_REASONS).to_dict("records")
    said = [f"{r['field']} {str(r['reason']).replace('_', ' ')} {r['rows']:,}" for r in top]
    left = int(found["rows"].iloc[_REASONS:].sum())
    return ", ".join([*said, *([f"other reasons {left:,}"] if left else [])])


def strange_ids(orders: Examined) -> list[str]:
    """An order belongs to one customer, and some customers come again; where not, a column may be the wrong one."""
    each = orders.accepted.group_by("order_id").aggregate(least=_.customer_id.min(), most=_.customer_id.max())
    counted = each.aggregate(orders=_.count(), shared=(_.least != _.most).sum(), customers=_.least.nunique())
    found = counted.to_pyarrow().to_pylist()[0]
    count, shared = found["orders"], found["shared"] or 0
    if count < _SOME:
        return []
    if shared > _SHARED * count:
        return [
            f"orders: {shared:,} of {count:,} order ids stand with several customers; if that is no number of orders, "
            "correct sources.orders.columns.order_id"
        ]
    if not shared and found["customers"] == count:
        return [
            f"orders: each of the {count:,} orders has a customer id of its own; if customers have an id that stays, "
            "map that, else nothing can be said of who comes again"
        ]
    return []
