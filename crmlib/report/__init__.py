"""Executed notebooks and stored tables become one HTML page and one Excel workbook."""
