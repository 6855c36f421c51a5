"""In which week each contact is worked on: as early as the hours of its department allow.

A department works off its contacts in one queue. With r the first week a contact may be made (in hours from the start)
and H the hours of those before it, it begins at H + max over all up to it of (r - H): the recursion of a queue in which
nothing starts before its time and no hour is used twice (Lindley 1952), written with running sums. Hours are counted in
millionths, as whole numbers.
"""

import ibis
import ibis.expr.types as ir
import pandas as pd
from ibis import _

from crmlib.params import Strategy
from crmlib.strategy.turns import Calendar

_MILLION = 1_000_000


def weeks(placed: ir.Table, plan: pd.DataFrame, calendar: Calendar, rules: Strategy) -> ir.Table:
    """Add `week` to contacts (customer_id, tier, turn, line, stake, free_week, arm); null where no hours are left."""
    work = _lines(plan, calendar, rules)
    joined = placed.inner_join(work, "line")
    block = ibis.cases(*[(joined.turn == n, first) for n, (first, _last) in enumerate(calendar.turns)], else_=0)
    end = ibis.cases(*[(joined.turn == n, last) for n, (_first, last) in enumerate(calendar.turns)], else_=-1)
    ready = joined.mutate(
        release=ibis.greatest(block, joined.free_week, joined.first_week).cast("int64"),
        until=ibis.least(end, joined.last_week).cast("int64"),
    )
    queue = {"group_by": "desk", "order_by": ["release", ibis.desc("stake"), "customer_id", "line"]}
    possible = ready.filter(_.release <= _.until)
    upto = possible.mutate(spent=_.effort.sum().over(ibis.cumulative_window(**queue)).cast("int64") - _.effort)
    begun = upto.mutate(
        begin=_.spent + (_.release * _.capacity - _.spent).max().over(ibis.cumulative_window(**queue)).cast("int64")
    )
    week = ibis.cases((begun.capacity > 0, begun.begin // begun.capacity), else_=begun.release).cast("int64")
    dated = begun.mutate(week=ibis.cases((week <= begun.until, week), else_=ibis.null("int64")))
    late = ready.filter(_.release > _.until).mutate(week=ibis.null("int64"))
    columns = ["customer_id", "tier", "turn", "line", "stake", "arm", "week"]
    return ibis.union(dated.select(columns), late.select(columns))


def _lines(plan: pd.DataFrame, calendar: Calendar, rules: Strategy) -> ir.Table:
    """Per line: its department's millionths of an hour a week (0: no limit), what a contact takes, its weeks."""
    number = {name: n for n, name in enumerate(sorted(set(plan.department)), 1)}
    each = len(calendar.due)
    limited = [name for name in number if name in rules.department_hours]
    week = {name: int(rules.department_hours[name] * _MILLION / each) for name in limited}
    rows = pd.DataFrame(
        {
            "line": plan.line.astype("int64"),
            "desk": [number[name] for name in plan.department],
            "capacity": [max(week[name], 1) if name in week else 0 for name in plan.department],
            "effort": (plan.unit_hours.fillna(0) * _MILLION).round().astype("int64"),
            "first_week": [calendar.first_due(day.date()) for day in plan["first"]],
            "last_week": [calendar.last_due(day.date()) for day in plan["last"]],
        }
    )
    return ibis.memtable(rows, schema=dict.fromkeys(rows.columns, "int64"))
