"""What people decided on customers that may be the same: whom to keep, and what cannot be meant."""

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Match:
    """One row of the register, its two customers as pseudonyms."""

    row: int
    customer: str
    other: str
    is_same: bool


def resolve(matches: list[Match]) -> dict[str, str]:
    """Each merged customer with the one to keep, chains followed to their end; the rows must be free of problems."""
    kept = {m.customer: m.other for m in matches if m.is_same}
    return {customer: _path(customer, kept)[-1] for customer in kept}


def problems(matches: list[Match]) -> Iterator[tuple[int, str]]:
    """Row and sentence for each decision that contradicts another one. Ids are not repeated: they may be secret."""
    kept: dict[str, str] = {}
    rows: dict[str, int] = {}
    for m in (m for m in matches if m.is_same):
        if m.customer == m.other:
            yield m.row, "customer_id and same_as name the same customer; name the other one"
        elif kept.get(m.customer, m.other) != m.other:
            yield (
                m.row,
                (
                    f"customer_id is the same as another customer in row {rows[m.customer]} already; "
                    f"write that those two are the same instead"
                ),
            )
        else:
            kept[m.customer], rows[m.customer] = m.other, m.row
    yield from _cycles(kept, rows)
    yield from _contradictions(matches, kept, rows)


def _path(customer: str, kept: dict[str, str]) -> list[str]:
    """The customers from this one to the one kept; it ends where it would come back to itself."""
    found = [customer]
    while kept.get(found[-1], found[-1]) not in found:
        found.append(kept[found[-1]])
    return found


def _cycles(kept: dict[str, str], rows: dict[str, int]) -> Iterator[tuple[int, str]]:
    seen: set[str] = set()
    for customer in kept:
        path = _path(customer, kept)
        if customer not in seen and kept.get(path[-1]) == customer:
            said = _list(rows[c] for c in path)
            yield rows[path[-1]], f"rows {said} lead in a circle; decide which of these customers to keep"
            seen.update(path)


def _contradictions(matches: list[Match], kept: dict[str, str], rows: dict[str, int]) -> Iterator[tuple[int, str]]:
    for m in (m for m in matches if not m.is_same):
        one, other = _path(m.customer, kept), _path(m.other, kept)
        if one[-1] == other[-1]:
            said = _list({rows[c] for c in one[:-1] + other[:-1]}) or str(m.row)
            yield m.row, f"the customers are decided to be different, but row {said} makes them the same; correct one"


def _list(rows: object) -> str:
    return ", ".join(str(row) for row in sorted(rows))  # type: ignore[call-overload]
