"""The CRM workbook's library: words, io, the five steps, views, report."""
