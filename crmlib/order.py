"""The notebooks of the batch: their order, what each stores, and which must wait for which."""

import ast
import json
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

from crmlib import schema
from crmlib.errors import InputError

NOTEBOOKS = {
    "10_collect": "collect",
    "15_feedback": "collect",
    "20_segment": "segment",
    "22_profile": "segment",
    "25_value_risk": "segment",
    "30_market": "market",
    "32_demand": "market",
    "34_position": "market",
    "40_strategy": "strategy",
    "42_campaigns": "strategy",
    "43_resources": "strategy",
    "44_actions": "strategy",
    "45_weekly": "strategy",
    "50_review": "review",
    "52_effects": "review",
    "54_standards": "review",
}
"""Each notebook of the batch and the step it belongs to, in the order in which they run."""

_RESULTS = "results"
_READERS = ("table", "frame", "table_if_any", "frame_if_any", "has")
_OPENING, _OPENED = "tables.opening", "purchase_days"  # what the opening of a notebook reads


@dataclass(frozen=True)
class Uses:
    """What a notebook does with stored results, as its source says.

    `tables` are those it names, read or stored; `stored` those it stores; `figures` those it saves. Where it hands the
    results on as a whole, the tables count that are named in the module which takes them. `sees_all`: nobody can say
    which it reads, because it asks for a table by a computed name, or hands the results to something else.
    """

    tables: frozenset[str]
    stored: frozenset[str]
    figures: frozenset[str]
    sees_all: bool


def span(folder: Path, first_step: str, last_step: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The notebooks before the first step, and those from there to the last one, in their order."""
    for step in (first_step, last_step):
        if step not in schema.STEPS:
            raise InputError(f"'{step}' is no step; the steps are {', '.join(schema.STEPS)}")
    first, last = schema.STEPS.index(first_step), schema.STEPS.index(last_step)
    if first > last:
        raise InputError(f"step '{first_step}' comes after step '{last_step}'; exchange --from and --to")
    at = {name: schema.STEPS.index(step) for name, step in NOTEBOOKS.items() if (folder / f"{name}.ipynb").is_file()}
    return tuple(name for name in at if at[name] < first), tuple(name for name in at if first <= at[name] <= last)


def waits(folder: Path, names: tuple[str, ...]) -> dict[str, dict[str, frozenset[str]]]:
    """For each notebook those before it that it waits for, and the stored tables that are enough to begin.

    Two notebooks keep their order when one names a table that the other stores: so the later one finds it, and the
    earlier one, which may ask for last quarter's, never finds this quarter's. One that sees all waits for all. Where no
    table is named, or another notebook stores it too, the earlier notebook must be done.
    """
    uses = {name: read(folder / f"{name}.ipynb") for name in names}
    owned = _unowned(uses)
    stored = {name: use.stored | owned[name] for name, use in uses.items()}
    found: dict[str, dict[str, frozenset[str]]] = {name: {} for name in names}
    for other, name in combinations(names, 2):
        enough = _enough(uses[other], uses[name], stored[other])
        if enough is not None:
            by_others = frozenset().union(*(stored[third] for third in names if third != other))
            found[name][other] = frozenset() if enough & by_others else enough
    return found


def can_begin(waits: Mapping[str, Collection[str]], done: Collection[str], is_stored: Callable[[str], bool]) -> bool:
    """Whether all that a notebook waits for is there: a notebook is done, or has stored the tables that are enough."""
    return all(other in done or (tables and all(map(is_stored, tables))) for other, tables in waits.items())


def longest_first(waits: Mapping[str, Collection[str]]) -> list[str]:
    """The notebooks on which the longest chain of others waits first; those of one length in their order.

    A notebook that nothing waits for must not take the place of one that holds up the rest.
    """
    chain: dict[str, int] = {}
    for name in reversed(list(waits)):
        chain[name] = 1 + max((chain[other] for other in chain if name in waits[other]), default=0)
    return sorted(waits, key=lambda name: -chain[name])


def _enough(before: Uses, after: Uses, stored: frozenset[str]) -> frozenset[str] | None:
    """The `stored` tables of `before` that `after` needs; none where it must be done, None where neither minds."""
    if before.sees_all or after.sees_all or after.stored & before.tables:
        return frozenset()
    return stored & after.tables or None


def _unowned(uses: dict[str, Uses]) -> dict[str, frozenset[str]]:
    """Tables that no notebook stores by name (`save(**tables)`) belong to the first notebook of their step."""
    named = frozenset().union(*(use.stored for use in uses.values()))
    owned: dict[str, frozenset[str]] = {}
    for name in uses:
        is_first = NOTEBOOKS[name] not in [NOTEBOOKS[other] for other in owned]
        ours = [table for table in schema.TABLES if table not in named and schema.step_of(table) == NOTEBOOKS[name]]
        owned[name] = frozenset(ours if is_first else ())
    return owned


def read(file: Path) -> Uses:
    """What the code of a notebook says about its use of results."""
    cells = json.loads(file.read_text(encoding="utf-8"))["cells"]
    codes = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    nodes = [node for code in codes for node in ast.walk(ast.parse(code))]
    calls = [node for node in nodes if isinstance(node, ast.Call)]
    stored = _saved(calls, "save")
    takers = {ast.unparse(call.func).split(".")[0] for call in calls if _hands_on(call)}
    modules = {taker: _module(nodes, taker) for taker in takers}
    named = _tables_in(nodes).union(*(_tables_in(ast.walk(tree)) for tree in modules.values() if tree))
    is_open = None in modules.values() or any(_asks_for_any(call) for call in calls)
    opened = {_OPENED} if any(_is_given_results(call) and ast.unparse(call.func) == _OPENING for call in calls) else ()
    return Uses(named.union(stored, opened), stored, _saved(calls, "save_figures"), is_open)


def _tables_in(nodes: Iterable[ast.AST]) -> frozenset[str]:
    """Names of tables that are written somewhere in the code."""
    texts = {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    return frozenset(texts & schema.TABLES.keys())


def _module(nodes: list[ast.AST], name: str) -> ast.Module | None:
    """The code of a module of ours that is imported under this name; None for anything else."""
    froms = [node for node in nodes if isinstance(node, ast.ImportFrom)]
    found = [node.module for node in froms for alias in node.names if (alias.asname or alias.name) == name]
    files = [Path(__file__).parents[1] / f"{(module or '').replace('.', '/')}/{name}.py" for module in found]
    there = [file for file in files if file.is_file()]
    return ast.parse(there[0].read_text(encoding="utf-8")) if there else None


def _saved(calls: list[ast.Call], verb: str) -> frozenset[str]:
    found = [call for call in calls if isinstance(call.func, ast.Attribute) and call.func.attr == verb]
    return frozenset(keyword.arg for call in found for keyword in call.keywords if keyword.arg)


def _hands_on(call: ast.Call) -> bool:
    """Whether the results as a whole go into another function than the opening."""
    return ast.unparse(call.func) != _OPENING and _is_given_results(call)


def _is_given_results(call: ast.Call) -> bool:
    given = [*call.args, *(keyword.value for keyword in call.keywords)]
    return any(isinstance(a, ast.Name) and a.id == _RESULTS for a in given)


def _asks_for_any(call: ast.Call) -> bool:
    """Whether a table is asked for by a name that is not written there."""
    asked = call.func
    if not isinstance(asked, ast.Attribute) or asked.attr not in _READERS or ast.unparse(asked.value) != _RESULTS:
        return False
    return not all(isinstance(argument, ast.Constant) for argument in call.args)
