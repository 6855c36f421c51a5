"""Step 2: what customers are worth and who is leaving: expected purchases, lifetime value, churn, the model card."""

from crmlib.schema.model import Column, Register, Table

COLUMNS: dict[str, Column] = {}

TABLES: dict[str, Table] = {}

REGISTERS: dict[str, Register] = {}

WORDS: dict[str, dict[str, str]] = {}
