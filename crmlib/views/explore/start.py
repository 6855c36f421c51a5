"""What the first notebook says of the quarter: whether its results are there, and what to do if not."""

from crmlib.io.store import Store
from crmlib.params import Settings
from crmlib.views import narrative
from crmlib.views.narrative import Sentence

_LAST = {
    "collect": "customer_inventory",
    "segment": "customer_value",
    "market": "opportunity_matrix",
    "strategy": "customer_actions",
    "review": "scorecard",
}
"""One of the tables that each step leaves behind."""


def steps_done(results: Store) -> list[str]:
    """The steps whose results are stored."""
    return [step for step, table in _LAST.items() if results.has(table)]


def where_to_start(settings: Settings, results: Store, lang: str) -> Sentence:
    """Whether every notebook can be opened by itself, or which command comes first."""
    missing = [step for step in _LAST if step not in steps_done(results)]
    quarter, file = results.folder.name, f"params/{settings.book_id}/{settings.file.name}"
    if not missing:
        texts = {
            "en": f"The results of {quarter} are there: open any notebook by itself, in any order.",
            "zh": f"{quarter}的结果已就绪：可按任意顺序单独打开任一笔记本。",
        }
    else:
        texts = {
            "en": f"{quarter} has no results of {', '.join(missing)} yet: run `crm run {file}` in a terminal first, "
            "or the notebooks one after the other from the top.",
            "zh": f"{quarter}尚缺以下步骤的结果：{'、'.join(missing)}。请先在终端运行 `crm run {file}`，"
            "或自上而下依次运行各笔记本。",
        }
    return narrative.say(texts, lang)
