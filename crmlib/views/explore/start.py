"""What the first notebook says of the quarter: whether its results are there, and what to do next."""

from html import escape
from pathlib import Path

from crmlib.io.store import Store
from crmlib.params import Settings
from crmlib.views import narrative
from crmlib.views.tables import Shown

_LAST = {
    "collect": "customer_inventory",
    "segment": "customer_value",
    "market": "opportunity_matrix",
    "strategy": "customer_actions",
    "review": "scorecard",
}
"""One of the tables that each step leaves behind."""
_SAID = {
    "done": {"en": "The results of {quarter} are there.", "zh": "{quarter}的结果已就绪。"},
    "missing": {"en": "{quarter} has no results of {steps} yet.", "zh": "{quarter}尚缺以下步骤的结果：{steps}。"},
    "run": {"en": "Run the quarter in a terminal (File, New, Terminal): {code}",
            "zh": "在终端中运行本季度（文件→新建→终端）：{code}"},
    "again": {"en": "Run it anew, or another quarter, in a terminal (File, New, Terminal): {code}",
              "zh": "重新运行或运行其他季度，请在终端中输入（文件→新建→终端）：{code}"},
    "read": {"en": "Read what leadership reads: {files}", "zh": "阅读管理层报告：{files}"},
    "why": {"en": "Ask why: open a step's notebook from the table below; each opens by itself, in any order.",
            "zh": "了解原因：从下表打开任一步骤的笔记本，可按任意顺序单独打开。"},
    "by_hand": {"en": "Or run the notebooks one after the other, from {file} on.",
                "zh": "也可从{file}起依次运行各笔记本。"},
    "what_if": {"en": "Ask what if: move the sliders in {file}.", "zh": "试算其他设置：在{file}中移动滑块。"},
}  # fmt: skip


def steps_done(results: Store) -> list[str]:
    """The steps whose results are stored."""
    return [step for step, table in _LAST.items() if results.has(table)]


def where_to_start(settings: Settings, results: Store, lang: str) -> Shown:
    """Whether the results are there, and what to open or to type next."""
    missing = [step for step in _LAST if step not in steps_done(results)]
    quarter, code = results.folder.name, f"<code>crm run params/{settings.book_id}/{escape(settings.file.name)}</code>"
    texts = {
        c: t.format(quarter=quarter, steps=", ".join(missing))
        for c, t in _SAID["missing" if missing else "done"].items()
    }
    said = narrative.say(texts, lang)
    if missing:
        lines = [_line("run", lang, code=code), _line("by_hand", lang, file=_link("10_collect.ipynb"))]
    else:
        lines = [
            *_reports(settings, results, lang),
            _line("why", lang),
            _line("what_if", lang, file=_link("90_explore.ipynb")),
            _line("again", lang, code=code),
        ]
    return Shown(f"{said._repr_html_()}<ol>{''.join(lines)}</ol>", said.text)


def _reports(settings: Settings, results: Store, lang: str) -> list[str]:
    """Report and workbook, where they are."""
    root = settings.file.parents[2].resolve()
    files = [results.folder / f"report.{lang}.html", results.folder / f"deliverables.{lang}.xlsx"]
    there = ", ".join(_place(file, root) for file in files if file.is_file())
    return [_line("read", lang, files=there)] if there else []


def _place(file: Path, root: Path) -> str:
    """A link as seen from the notebooks; JupyterLab follows none that leads out of the project."""
    if not file.is_relative_to(root):
        return f"<code>{escape(str(file))}</code>"
    return _link(f"../{file.relative_to(root).as_posix()}", file.name)


def _line(name: str, lang: str, **filled: str) -> str:
    return f"<li>{_SAID[name][lang].format(**filled)}</li>"


def _link(target: str, name: str = "") -> str:
    return f'<a href="{escape(target)}">{escape(name or target)}</a>'
