"""Small plans for tests: actions, tier sizes, rules, strategies; the program of the method, section 7."""

import pandas as pd

from crmlib.params import Book, Strategy

BOOK = Book(name_en="Tiny", name_zh="小账套", currency="USD")


def actions(*rows: tuple, **columns: object) -> pd.DataFrame:
    """Actions from (id, tier, cost, hours, value, floor); the department is Mail."""
    names = ["action_id", "tier", "unit_cost", "unit_hours", "unit_value", "cover_share"]
    frame = pd.DataFrame(rows, columns=names).astype(dict.fromkeys(names[2:], "float64"))
    texts = {
        "strategy_id": "ST1",
        "action": frame.action_id + " call",
        "action_zh": frame.action_id + "电话",
        "department": "Mail",
    }
    return frame.assign(**(texts | {"value_basis": "planner", "provenance": "illustrative"} | columns))


def sizes(**customers: int) -> pd.DataFrame:
    frame = pd.DataFrame({"tier": list(customers), "customers": list(customers.values())})
    total = max(frame.customers.sum(), 1)
    return frame.assign(
        customer_share=frame.customers / total, monetary_12m_minor=frame.customers * 100, revenue_share=0.5
    )


def rules(budget: float, **changes: object) -> Strategy:
    return Strategy.model_validate({"budget": budget, "segment_sizes": [1], "segment_effects": [1], **changes})


# The method's v is net: our values are gross of the contact's cost, so 120 there is 130 here.
GOLDEN = actions(
    ("A", "high", 10, 1, 130, 0), ("B", "high", 10, 1, 70, 0),
    ("A", "risk", 5, 0.5, 55, 0.4), ("B", "risk", 5, 0.5, 35, 0),
)  # fmt: skip
SIZES = sizes(high=10, risk=20)

STRATEGIES = pd.DataFrame(
    {
        "strategy_id": ["ST2", "ST1"], "tier": ["risk", "high"], "opportunity_id": ["O9", "O1"], "department": "Mail",
        "department_zh": "邮件部", "owner": ["R", "H"], "provenance": "illustrative",
        "start_date": pd.to_datetime(["2017-12-31", "2018-01-02"]), "end_date": pd.to_datetime(["2018-03-31"] * 2),
    }
)  # fmt: skip
for _column in ("strategy", "measures", "resources", "channel", "cadence", "incentive"):
    STRATEGIES[[_column, f"{_column}_zh"]] = ["w", "文"]
