"""Settings of what people open: the workbook."""

from pydantic import Field

from crmlib.params.types import Frozen

LONGEST_SHEET = 1_048_500
"""Rows that fit in a sheet of Excel (1,048,576) below its title, with room for a person's own."""


class Report(Frozen):
    excel_rows: int = Field(default=20_000, ge=1, le=LONGEST_SHEET)
