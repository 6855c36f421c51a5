"""Disk and backends."""
