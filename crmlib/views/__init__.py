"""What a reader sees: charts, tables, sentences."""
