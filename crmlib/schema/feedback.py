"""Step 1: what the market and the customers say."""

from crmlib.schema.model import Column, Register, Table

COLUMNS: dict[str, Column] = {}

TABLES: dict[str, Table] = {}

REGISTERS: dict[str, Register] = {}

WORDS: dict[str, dict[str, str]] = {}
