"""Tiny books for tests: a params folder, a raw file, and settings loaded from them."""

from pathlib import Path
from typing import Any

import yaml

from crmlib import params

ANCHORS = {
    "version": "method-2.2",
    "frozen_on": "2023-01-01",
    "basis_en": "the method's own example",
    "basis_zh": "方法示例",
    "recency_days": [[0, 100], [30, 85], [90, 60], [180, 40], [365, 0]],
    "frequency_12m": [[0, 0], [4, 40], [10, 60], [15, 75], [24, 90], [36, 100]],
    "monetary_12m": [[0, 0], [50_000, 40], [120_000, 55], [200_000, 70], [400_000, 85], [1_000_000, 100]],
}
"""The absolute anchors of the method, section 2.2, in CNY."""

TIERS = [
    {"tier": "high", "at_least": [[80, 80, 80]]},
    {"tier": "potential", "at_least": [[60, 60, 40], [40, 80, 60]]},
    {"tier": "general", "at_least": [[40, 40, 40]]},
    {"tier": "risk", "at_least": [[0, 0, 0]]},
]

DEFAULT: dict[str, Any] = {
    "book": {"name_en": "Tiny", "name_zh": "小账套", "currency": "CNY"},
    "sources": {
        "orders": {
            "files": "orders.csv",
            "columns": {"order_id": "order", "customer_id": "customer", "order_date": "date", "net_amount": "amount"},
        }
    },
    "privacy": {"customer_ids": "as_given"},
    "quality": {"max_quarantined_share": 0.9},
    "segment": {"anchors": ANCHORS, "tiers": TIERS},
    "strategy": {"budget": 1000},
}

ORDERS = "order,customer,date,amount\n1,A,2023-10-15,100.50\n2,B,2023-11-01,20\n3,A,2023-12-31,30\n"


def write(root: Path, orders: str | bytes | None = ORDERS, period: str = "2023Q4", **changes: Any) -> Path:
    """A book under `root`; `changes` are the quarter's own settings. Returns the quarter's params file."""
    folder = root / "params" / "tiny"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "default.yml").write_text(yaml.safe_dump(DEFAULT), encoding="utf-8")
    (folder / f"{period}.yml").write_text(yaml.safe_dump(changes), encoding="utf-8")
    raw = root / "data" / "tiny" / "raw"
    raw.mkdir(parents=True, exist_ok=True)
    if orders is not None:
        (raw / "orders.csv").write_bytes(orders if isinstance(orders, bytes) else orders.encode())
    return folder / f"{period}.yml"


def load(root: Path, orders: str | bytes | None = ORDERS, period: str = "2023Q4", **changes: Any) -> params.Settings:
    return params.load(write(root, orders, period, **changes))
