"""What each KPI exactly is. `definitions.yml` is the only place that says so; this turns it into a table."""

import functools
from pathlib import Path

import pandas as pd

from crmlib import yml
from crmlib.kpi import KPIS
from crmlib.schema import TABLES

_COLUMNS = {
    "above": "numerator_text",
    "below": "denominator_text",
    "window": "window_text",
    "source": "source_text",
    "missing": "missing_text",
}


def table(card: pd.DataFrame) -> pd.DataFrame:
    """Table `kpi_definitions`: one row per KPI; what is missing only where the `scorecard` has no value."""
    known = set(card["kpi"][card["kpi_value"].notna()])
    rows = []
    for kpi in KPIS.values():
        told = _texts()[kpi.id] | ({"missing": {}} if kpi.id in known else {})
        texts = {
            f"{column}{end}": told.get(part, {}).get(lang, "")
            for part, column in _COLUMNS.items()
            for lang, end in (("en", ""), ("zh", "_zh"))
        }
        about = {"kpi": kpi.id, "view": kpi.view, "layer": kpi.layer, "better": kpi.direction}
        rows.append({**about, "has_tiers": kpi.has_tiers, **texts})
    return pd.DataFrame(rows)[list(TABLES["kpi_definitions"].columns)]


@functools.cache
def _texts() -> dict[str, dict[str, dict[str, str]]]:
    return yml.read((Path(__file__).parent / "definitions.yml").read_text(encoding="utf-8"))
