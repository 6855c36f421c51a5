"""Parquet files: refused whole when they are damaged, or when a mapped column holds more than one value per cell."""

from pathlib import Path

import pyarrow as pa

from crmlib.errors import InputError
from crmlib.io.headers import clean
from crmlib.params import Source


def columns(source: Source, file: Path, where: str) -> list[str]:
    """The names of a file's columns."""
    import pyarrow.parquet as pq

    try:
        schema = pq.read_schema(file)
    except (pa.ArrowException, OSError) as error:
        said = " ".join(str(error).split(". ")[0].split())
        raise InputError(f"{where} is no readable Parquet file ({said}); export it again") from None
    wanted = {clean(column) for column in source.columns.values()}
    nested = [field.name for field in schema if clean(field.name) in wanted and pa.types.is_nested(field.type)]
    if nested:
        raise InputError(
            f"{where}: column '{nested[0]}' holds lists or structures; export one value per cell, or map another column"
        )
    return list(schema.names)
