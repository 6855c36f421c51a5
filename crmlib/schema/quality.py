"""Step 1: how good the data are, who may be the same customer, what is known of contacts."""

from crmlib.schema.model import Column, Register, Table

COLUMNS: dict[str, Column] = {}

TABLES: dict[str, Table] = {}

REGISTERS: dict[str, Register] = {}

WORDS: dict[str, dict[str, str]] = {}
