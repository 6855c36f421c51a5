"""What cannot be true of a list of tasks: dates that run backwards, and tasks that wait for one another."""

from collections.abc import Iterator, Mapping, Sequence


def problems(numbers: Sequence[int], cells: Sequence[Mapping[str, str]]) -> Iterator[tuple[int, str]]:
    """Row and problem; dates as the register's check has found them readable."""
    for number, row in zip(numbers, cells, strict=True):
        start = row.get("start_date", "").replace("/", "-")
        due = row.get("due_date", "").replace("/", "-")
        if start and due and _parts(due) < _parts(start):
            yield (
                number,
                f"due_date '{row['due_date']}' is before start_date '{row['start_date']}'; correct one of them",
            )
    needs = {row["task_id"]: _ids(row.get("depends_on", "")) for row in cells}
    for number, row in zip(numbers, cells, strict=True):
        circle = _circle(row["task_id"], needs)
        if circle:
            said = " → ".join(circle)
            yield number, f"depends_on '{row['depends_on']}' makes a circle ({said}); take one of these links out"


def _parts(day: str) -> list[int]:
    return [int(part) for part in day.split("-")]


def _ids(text: str) -> list[str]:
    return [part.strip() for part in text.split(";") if part.strip()]


def _circle(first: str, needs: Mapping[str, list[str]]) -> list[str]:
    """The shortest way from a task back to itself, in the order in which each waits for the next; empty: none."""
    ways, seen = [[first]], {first}
    for way in ways:
        for name in needs.get(way[-1], []):
            if name == first:
                return [*way, first]
            if name not in seen:
                seen.add(name)
                ways.append([*way, name])
    return []
