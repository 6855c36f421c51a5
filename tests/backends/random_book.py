"""Small random books with everything in them that engines read differently."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import ibis
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from crmlib.params import Settings
from crmlib.periods import Period

# Both ends of the 12 months, of the quarter and of its cut, month ends, the leap day, a Sunday and a Monday.
EDGES = [date(2023, 2, 28), date(2023, 3, 1), date(2023, 3, 31), date(2023, 4, 1), date(2023, 12, 31), date(2024, 1, 1),
         date(2024, 2, 29), date(2024, 3, 1), date(2024, 3, 31), date(2024, 4, 1), date(2022, 2, 28)]  # fmt: skip
NOTES = ["call 13812345678 or a@b.example", "我叫王小明，本人李雷先生", "Mr. Smith at 12 High Street", "my name is Ann Lee",
         "微信号: abc_123, www.a.example/x", "id 11010519491231002X costs $1 \\\\1", "", None]  # fmt: skip
CATEGORIES = ["tea", "coffee", None]


@dataclass(frozen=True)
class Book:
    """A book's tables on one engine."""

    tables: dict[str, ibis.Table]
    settings: Settings

    def __getattr__(self, name: str) -> ibis.Table:
        return self.tables[name]

    @property
    def period(self) -> Period:
        return self.settings.period


def store(folder: Path, tables: dict[str, Any]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, table in tables.items():
        found = table.to_pyarrow() if isinstance(table, ibis.Table) else table
        pq.write_table(found, folder / f"{name}.parquet")


def load(con: Any, folder: Path, settings: Settings) -> Book:
    return Book({f.stem: con.read_parquet(str(f)) for f in sorted(folder.glob("*.parquet"))}, settings)


def raw(seed: int | None) -> dict[str, pa.Table]:
    """The tables that staging hands on; with seed None they have no rows."""
    rng = np.random.default_rng(0 if seed is None else seed)
    lines, customers = _lines(rng), _customers(rng)
    tables = {
        "lines": lines, "customers": customers, "products": _products(), "quarantine": _quarantine(rng, lines),
        **_campaigns(rng), **_said(rng),
    }  # fmt: skip
    return {n: t.slice(0, 0) for n, t in tables.items()} if seed is None else tables


def _day(rng: np.random.Generator) -> date:
    return (
        EDGES[rng.integers(len(EDGES))] if rng.random() < 0.4 else date(2022, 3, 1) + timedelta(int(rng.integers(790)))
    )


def _lines(rng: np.random.Generator) -> pa.Table:
    """Sales, returns that name their order, exact reversals, free lines and adjustments; ties in every field."""
    rows: list[dict[str, Any]] = []
    for number in range(420):
        sale = {
            "customer_id": f"C{int(60 * rng.random() ** 2):03d}", "order_id": f"o{number // 2}", "order_date": _day(rng),
            "order_second": int(rng.integers(3)) * 40_000, "product_id": [None, "p1", "p2", "p3"][rng.integers(4)],
            "quantity": float(rng.integers(1, 3)), "net_minor": int(rng.integers(0, 40)) * 2500,
            "row_class": "sale", "original_order_id": None, "store_id": [None, "s1", "s2"][rng.integers(3)],
        }  # fmt: skip
        rows.append(sale | ({"row_class": "free"} if sale["net_minor"] == 0 else {}))
        if rng.random() < 0.2:
            later = sale["order_date"] + timedelta(int(rng.integers(0, 40)))
            back = {"net_minor": -sale["net_minor"], "quantity": -sale["quantity"], "row_class": "return"}
            named = {"original_order_id": sale["order_id"]} if rng.random() < 0.3 else {}
            rows.append(sale | back | named | {"order_id": f"r{number}", "order_date": later})
        if rng.random() < 0.05:
            rows.append(sale | {"row_class": "adjustment", "net_minor": 990, "quantity": None})
    rows += [  # who only returned, and one whose spend is beyond 32 bits
        rows[0] | {"customer_id": "only", "order_id": "x1", "net_minor": -700, "quantity": -1.0, "row_class": "return"},
        rows[0]
        | {"customer_id": "rich", "order_id": "x2", "net_minor": 9_000_000_000, "order_date": date(2024, 2, 29)},
    ]
    types = [
        pa.string(),
        pa.string(),
        pa.date32(),
        pa.int32(),
        pa.string(),
        pa.float64(),
        pa.int64(),
        *[pa.string()] * 3,
    ]
    return pa.Table.from_pylist(rows, schema=pa.schema(list(zip(rows[0], types, strict=True))))


def _customers(rng: np.random.Generator) -> pa.Table:
    """A customer file with gaps; some in it never bought, and some who bought are not in it."""
    n = 70
    ids = [f"C{i:03d}" for i in range(n)]

    def any_of(values: list[Any]) -> list[Any]:
        return [values[i] for i in rng.integers(len(values), size=n)]

    return pa.table({
        "customer_id": ids, "customer_name": any_of(["Li 丽", "O'Neill", "", None]),
        "customer_type": any_of(["shop", "hotel", None]), "size_band": any_of(["small", "large", None]),
        "region": any_of(["north", " south ", None]), "consent": any_of(["Yes", "否", "maybe", None]),
        "founded_date": pa.array(any_of([date(2000, 2, 29), date(2023, 12, 31), None]), pa.date32()),
        "contact_verified_date": pa.array(any_of([*EDGES, None, None]), pa.date32()),
        "contact_phone": any_of(["13812345678", None]), "contact_mail": any_of(["a@b.example", None]),
        "note": any_of(NOTES),
    })  # fmt: skip


def _products() -> pa.Table:
    return pa.table({"product_id": ["p1", "p2", "p3"], "category": pa.array(CATEGORIES, pa.string())})


def _quarantine(rng: np.random.Generator, lines: pa.Table) -> pa.Table:
    n = 30
    return pa.table({
        "source": ["orders" if i % 5 else "customers" for i in range(n)], "file": ["a.csv"] * n,
        "row": pa.array(range(2, n + 2), pa.int64()), "field": [["order_date", "net_amount"][i % 2] for i in range(n)],
        "value": [None if i % 7 == 0 else f"bad {i}" for i in range(n)],
        "reason": [["not_a_date", "not_a_number", "duplicate"][i % 3] for i in range(n)],
        "net_minor": pa.array([None if i % 4 == 0 else 100 * i for i in range(n)], pa.int64()),
        "customer_id": [None if i % 6 == 0 else f"C{i:03d}" for i in range(n)],
        "row_class": [None if i % 3 else "sale" for i in range(n)], "order_id": [f"q{i}" for i in range(n)],
    })  # fmt: skip


def _campaigns(rng: np.random.Generator) -> dict[str, pa.Table]:
    spans = [(date(2023, 11, 1), date(2023, 11, 28)), (date(2024, 1, 15), date(2024, 2, 11)),
             (date(2024, 2, 1), date(2024, 2, 29)), (date(2024, 3, 20), date(2024, 4, 20))]  # fmt: skip
    ids = [f"k{i}" for i in range(len(spans))]
    pairs = sorted({(ids[rng.integers(4)], f"C{rng.integers(60):03d}") for _ in range(160)})
    used = [(k, c, _day(rng)) for k, c in pairs if rng.random() < 0.4]
    arms = [(k, c, ["high", "general", "risk"][int(c[1:]) % 3]) for k, c in pairs]
    return {
        "campaigns": pa.table({
            "campaign_id": ids, "campaign_kind": ["mail", None, "call", "mail"],
            "start_date": pa.array([s for s, _e in spans], pa.date32()),
            "end_date": pa.array([e for _s, e in spans], pa.date32()),
        }),
        "campaign_targets": pa.table({"campaign_id": [k for k, _c in pairs], "customer_id": [c for _k, c in pairs]}),
        "redemptions": pa.table({
            "campaign_id": [k for k, _c, _d in used], "customer_id": [c for _k, c, _d in used],
            "redemption_date": pa.array([d for _k, _c, d in used], pa.date32()),
        }),
        "assignments": pa.table({
            "campaign_id": [k for k, _c, _t in arms], "customer_id": [c for _k, c, _t in arms],
            "tier": [t for _k, _c, t in arms], "arm": [["treated", "hold_out"][rng.integers(2)] for _ in arms],
            "drawn_unit": ["" if k != "k3" else f"store {int(c[1:]) % 4}" for k, c, _t in arms],
        }),
    }  # fmt: skip


def _said(rng: np.random.Generator) -> dict[str, pa.Table]:
    n = 80
    at = [
        datetime.combine(_day(rng), datetime.min.time()) + timedelta(seconds=int(rng.integers(86_400)))
        for _ in range(n)
    ]
    who = [f"C{rng.integers(75):03d}" for _ in range(n)]
    closed = [t + timedelta(hours=int(rng.integers(-5, 90))) if rng.random() < 0.8 else None for t in at]
    return {
        "interactions": pa.table({
            "customer_id": who, "interaction_at": pa.array(at, pa.timestamp("us")),
            "interaction_kind": [["call", "visit", None][i % 3] for i in range(n)],
            "channel": [["phone", None][i % 2] for i in range(n)], "owner": ["W"] * n,
            "interaction_id": [f"i{i}" for i in range(n)], "text": ["phone 13812345678"] * n,
        }),
        "surveys": pa.table({
            "customer_id": who, "survey_date": pa.array([t.date() for t in at], pa.date32()),
            "csat": pa.array([None if i % 5 == 0 else int(rng.integers(1, 6)) for i in range(n)], pa.int64()),
        }),
        "tickets": pa.table({
            "customer_id": who, "ticket_id": [f"t{i}" for i in range(n)],
            "opened_at": pa.array(at, pa.timestamp("us")), "closed_at": pa.array(closed, pa.timestamp("us")),
        }),
        "costs": pa.table({
            "customer_id": [c if i % 3 else None for i, c in enumerate(who)],
            "cost_date": pa.array([t.date() for t in at], pa.date32()),
            "cost_kind": [["acquisition", "service"][i % 2] for i in range(n)],
            "cost_minor": pa.array(rng.integers(0, 5000, n), pa.int64()),
        }),
        "needs": pa.table({
            "customer_id": who, "set_on": pa.array(at, pa.timestamp("us")),
            "needs_total": pa.array([4] * n, pa.int64()), "needs_open": pa.array([i % 5 for i in range(n)], pa.int64()),
            "service_level": pa.array([None if i % 4 == 0 else i % 5 + 1 for i in range(n)], pa.int64()),
            "price_sensitivity": pa.array([None if i % 3 else i % 5 + 1 for i in range(n)], pa.int64()),
            "need_type": [["functional", "", "personal"][i % 3] for i in range(n)],
            "decision_complexity": [["simple", ""][i % 2] for i in range(n)],
        }),
        "industry": pa.table({
            "customer_type": ["shop", "shop", "hotel"], "growth_rate": [0.05, 0.1, -0.2],
            "source_date": np.array(["2023-01-01", "2023-12-31", "2024-05-01"], "datetime64[us]"),
        }),
        "free_tags": pa.table({
            "customer_id": who[:20], "tag": [["vip", "late payer", "", "vip"][i % 4] for i in range(20)],
            "set_on": pa.array([None if i % 3 == 0 else t for i, t in enumerate(at[:20])], pa.timestamp("us")),
        }),
        "written_tags": pa.table({"customer_id": who[20:25], "tag": ["new", "vip", "new", "a", "b"]}),
    }  # fmt: skip
