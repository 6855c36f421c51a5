"""Books that are staged, for tests: a few order lines, what became of them, and the settings that change their source."""

import books

from crmlib.io import engine, staging

HEADER = "order,customer,date,amount\n"
COLUMNS = books.DEFAULT["sources"]["orders"]["columns"]


def staged(root, orders=books.ORDERS, **changes):
    found = books.load(root, orders, **changes)
    return staging.stage(engine.connect(found), found), found


def set_aside(root, orders, **changes):
    """Quarantined rows and their sentences."""
    result, found = staged(root, orders, **changes)
    rows = engine.frame(result.quarantine.order_by("row"))
    return rows, [staging.sentence(row, found) for row in rows.itertuples()]


def source(**changes):
    return {"sources": {"orders": {**books.DEFAULT["sources"]["orders"], **changes}}}
