"""What is known of a source that was read: its good rows, those set aside, and what its files held."""

from dataclasses import dataclass, field

import ibis.expr.types as ir
import pandas as pd

from crmlib.io import classes, faults, functions, kept, privacy, quarantine, sources, typed, zones
from crmlib.io.kept import Kept
from crmlib.params import Settings

FATES = ("accepted", "quarantined", "repeated")
CONSUMED = ("currency", "row_kind", "unit_price", typed.LIKE)
"""Fields that have done their work when a row is accepted."""


@dataclass(frozen=True)
class Examined:
    """One source; `aside` is None where nothing was set aside, `problems` say why it cannot be used as it is.

    `notices` say what is no fault, and may surprise.
    """

    name: str
    accepted: ir.Table
    aside: ir.Table | None
    intake: pd.DataFrame
    fields: pd.DataFrame
    contacts: ir.Table | None = None
    problems: list[str] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)


def of(source: Kept) -> Examined:
    settings = source.form.settings
    return Examined(
        source.form.name,
        accepted(source),
        quarantine.of(source) if kept.set_aside(source.tally) or len(source.rejects) else None,
        intake(source),
        source.fields,
        contacts(source) if source.form.name == "customers" else None,
        swallowed(source, settings),
        [*zones.notices(source.form, source.parts), *_empty(source)],
    )


def _empty(source: Kept) -> list[str]:
    """What to know of rows that hold nothing: they are no rows, as blank lines are none."""
    found = source.tally[source.tally["bad"] == faults.EMPTY].groupby("part")["rows"].sum()
    return [
        f"{source.parts[int(part)].file}: {rows:,} rows hold nothing in any mapped column; like blank lines, they "
        "count as no rows"
        for part, rows in zip(found.index, found, strict=True)
    ]


def swallowed(source: Kept, settings: Settings) -> list[str]:
    return [problem for part in source.parts for problem in sources.swallowed(part, settings)]


def accepted(source: Kept) -> ir.Table:
    """The good rows of a source under their stored names."""
    good, settings = kept.good(source), source.form.settings
    columns: dict[str, ir.Value] = {}
    for name in typed.stored(source.form):
        if name == "class_code":
            columns["row_class"] = classes.named(good.class_code)
        elif name == "order_date":
            columns[name] = good[name].cast("date")
            columns["order_second"] = functions.second_of_day(good[name])
        elif name in typed.DATES:
            columns[name] = good[name].cast("date")
        elif name not in CONSUMED:
            columns[name] = privacy.masked(name, good[name], settings)
    return good.select(**columns)


def contacts(customers: Kept) -> ir.Table:
    """The identifying fields of the customers, unmasked, and what their ids are like."""
    return kept.good(customers).select(
        "customer_id", typed.LIKE, *[f for f in customers.form.fields if f in privacy.IDENTIFIERS]
    )


def intake(source: Kept) -> pd.DataFrame:
    """Per file: rows and money in the file, accepted, set aside and repeated."""
    fates = {0: "accepted", faults.REPEATED: "repeated", faults.EMPTY: "empty"}
    fate = source.tally["bad"].map(fates).fillna("quarantined")
    summed = source.tally.groupby([source.tally["part"], fate])[["rows", "net_minor"]].sum()
    lost = source.rejects.groupby("part").size()
    rows = []
    for number, part in enumerate(source.parts):
        counted = {f: summed.loc[summed.index.isin([(number, f)])].sum().astype(int).tolist() for f in FATES}
        counted["quarantined"][0] += int(lost.get(number, 0))
        rows.append(
            {
                "source": source.form.name,
                "file": part.file,
                "rows": sum(c[0] for c in counted.values()),
                **{f: counted[f][0] for f in FATES},
                "net_minor_rows": sum(c[1] for c in counted.values()),
                **{f"net_minor_{f}": counted[f][1] for f in FATES},
                "copies": int(source.copies.get(number, 0)),
                "is_cut": part.is_cut,
            }
        )
    return pd.DataFrame(rows)
