"""Step 2: what customers are like and need: value-potential-need, tags, Kano, journey, profile, cohorts."""

from crmlib.schema.model import Column, Register, Table

COLUMNS: dict[str, Column] = {}

TABLES: dict[str, Table] = {}

REGISTERS: dict[str, Register] = {}

WORDS: dict[str, dict[str, str]] = {}
