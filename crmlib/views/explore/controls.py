"""A panel as Jupyter widgets: controls, the answer in HTML widgets (replaced whole: no flicker), saving."""

import asyncio
import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from html import escape
from typing import TYPE_CHECKING, Any, ParamSpec

import pandas as pd

from crmlib.errors import InputError
from crmlib.views import narrative, tables
from crmlib.views.explore import saving
from crmlib.views.explore.panel import Answer, Control, Panel, answered
from crmlib.views.style import Picture

if TYPE_CHECKING:
    import ipywidgets

P = ParamSpec("P")

REST_SECONDS = 0.15
"""How long the controls must rest before the panel computes: a slider that is dragged asks once."""

# The still answer stands before the widget in the same cell, for whoever opens the notebook without a kernel; where the
# widget is drawn it is hidden.
_STYLE = """<style>
.jp-OutputArea:has(.crm-panel) > .jp-OutputArea-child:not(:has(.crm-panel)) { display: none; }
.crm-panel { border: 1px solid var(--jp-border-color2, #d5dae0); border-radius: 4px; padding: 8px 14px; }
.crm-panel .widget-html-content { line-height: 1.45; }
.crm-panel .widget-label { overflow: visible; }
.crm-panel .crm-answer img { display: block; height: auto; margin: 0.5rem 0; max-width: 100%; background: #fff; }
.crm-panel .crm-answer p { margin: 0.35rem 0; max-width: 60rem; }
.crm-panel .crm-answer [role=status] p.finding { font-weight: 600; }
.crm-panel .crm-table[data-name="moves"] :is(th, td):nth-child(-n + 2),
.crm-panel .crm-table[data-name="chances"] :is(th, td):first-child { text-align: left !important; }
.crm-panel .crm-table[data-name="settings"] :is(th, td) { text-align: left !important; overflow-wrap: anywhere; }
.crm-panel .crm-file { font-size: 0.8rem; line-height: 1.35; max-height: 22rem; overflow: auto; white-space: pre-wrap; }
.crm-panel .crm-busy { animation: crm-wait 0s linear 0.3s forwards; color: #5b6672; visibility: hidden; }
@keyframes crm-wait { to { visibility: visible; } }
.crm-panel :is(button, input, select, .noUi-handle):focus-visible { outline: 2px solid #1f5a8a; outline-offset: 2px; }
</style>"""
# ipywidgets names neither the handle of a slider nor the field that shows its value (it makes them without attributes,
# and a tooltip goes to the label): both get the label's text, also when a cell is drawn anew.
_NAMES = """requestAnimationFrame(() => {
  const area = element.closest('.jp-OutputArea');
  if (!area) return;
  const name = () => area.querySelectorAll('.crm-panel .widget-slider').forEach(slider => {
    const label = slider.querySelector('.widget-label');
    if (!label) return;
    slider.querySelectorAll('.noUi-handle, .widget-readout').forEach(part => {
      part.setAttribute('aria-label', label.textContent);
      if (!part.hasAttribute('role')) part.setAttribute('role', 'textbox');
    });
  });
  new MutationObserver(name).observe(area, { childList: true, subtree: true });
  name();
});"""
_SAID = {
    "busy": {"en": "computing …", "zh": "计算中……"},
    "reset": {"en": "Back to the start", "zh": "恢复初始值"},
    "reset_tip": {
        "en": "Put every control back to where it was when the panel opened",
        "zh": "将全部控件恢复为打开面板时的值",
    },
    "preview": {"en": "Show as params", "zh": "查看对应参数"},
    "write": {"en": "Save as params", "zh": "保存为参数"},
    "preview_tip": {
        "en": "Show which settings would make this so, beside those of this quarter",
        "zh": "显示对应的参数设置及其与本季度设置的差异",
    },
    "write_tip": {
        "en": "Write them to a file of their own; the quarter's file stays as it is",
        "zh": "写入单独的参数文件，本季度参数文件保持不变",
    },
}


@dataclass(frozen=True)
class Live:
    """The widget as an output; without its kernel only the words remain."""

    box: Any

    def _repr_mimebundle_(self, include: Any, exclude: Any) -> dict[str, Any]:  # noqa: ARG002
        drawn = self.box._repr_mimebundle_()
        kind = "application/vnd.jupyter.widget-view+json"
        return {kind: drawn[kind], "text/plain": ""}


@dataclass(frozen=True)
class Named:
    """Gives the sliders of the next output their names, for who hears the page instead of seeing it."""

    def _repr_mimebundle_(self, include: Any, exclude: Any) -> dict[str, Any]:  # noqa: ARG002
        return {"application/javascript": _NAMES, "text/plain": ""}


@dataclass(frozen=True)
class _Parts:
    """The HTML widgets that hold an answer, and the sign that one is being worked out."""

    said: Any
    drawn: Any
    more: Any
    busy: Any

    def draw(self, answer: Answer) -> None:
        self.drawn.value = image(answer.picture())
        self.busy.value = ""


def widget(panel: Panel, first: Answer, picture: Picture | None) -> "ipywidgets.VBox":
    """The panel's controls, its answer below them (words, picture, tables), and the buttons that keep its settings."""
    import ipywidgets as widgets

    inputs = {control.name: _input(control) for control in panel.controls}
    parts = _Parts(*(widgets.HTML(text) for text in (words(first), image(picture), details(first), "")))
    for part in (parts.said, parts.drawn, parts.more):
        part.add_class("crm-answer")

    def values() -> dict[str, Any]:
        return {name: given.value for name, given in inputs.items()}

    later = at_rest(parts.draw, 0.0)

    def update() -> None:
        parts.busy.value = f'<span class="crm-busy">{_SAID["busy"][panel.lang]}</span>'
        answer = answered(panel, values())
        parts.said.value, parts.more.value = words(answer), details(answer)
        later(answer)

    changed = at_rest(update)
    for given in inputs.values():
        given.observe(lambda _change: changed(), names="value")
    head = widgets.HTML(f"{_STYLE}<strong>{escape(panel.title)}</strong>")
    rows = widgets.VBox(list(inputs.values()), layout=widgets.Layout(margin="0 0 6px"))
    below = widgets.HBox([_reset(panel, inputs), parts.busy], layout=widgets.Layout(align_items="center"))
    keeps = [_keeping(panel, values)] if panel.saves else []
    box = widgets.VBox([head, rows, below, parts.said, parts.drawn, parts.more, *keeps])
    box.add_class("crm-panel")
    return box


def _reset(panel: Panel, inputs: Mapping[str, Any]) -> Any:
    """A button that puts the controls back; the panel then answers once."""
    import ipywidgets as widgets

    start = {name: given.value for name, given in inputs.items()}
    button = widgets.Button(
        description=_SAID["reset"][panel.lang], tooltip=_SAID["reset_tip"][panel.lang],
        layout=widgets.Layout(width="max-content"),
    )  # fmt: skip

    def put_back(_button: Any) -> None:
        for name, given in inputs.items():
            given.value = start[name]

    button.on_click(put_back)
    return button


def at_rest(run: Callable[P, None], seconds: float = REST_SECONDS) -> Callable[P, None]:
    """`run`, once it has not been asked for again for a moment; at once where no event loop runs."""
    waiting: list[asyncio.TimerHandle] = []

    def ask(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            return run(*args, **kwargs)
        for handle in waiting:
            handle.cancel()
        waiting[:] = [loop.call_later(seconds, partial(run, *args, **kwargs))]
        return None

    return ask


def words(answer: Answer) -> str:
    """The finding, announced to who cannot see it change."""
    return f'<div role="status" aria-live="polite">{answer.said._repr_html_()}</div>'


def image(picture: Picture | None) -> str:
    """The picture as an image with its alternative text."""
    if picture is None:
        return ""
    data = base64.b64encode(picture.svg.encode()).decode()
    return f'<img src="data:image/svg+xml;base64,{data}" alt="{escape(picture.alt)}">'


def details(answer: Answer) -> str:
    """Tables and remarks."""
    return "".join(part._repr_html_() for part in answer.shown)


def _input(control: Control) -> Any:
    import ipywidgets as widgets

    told = {"description": control.label, "tooltip": control.tip, "description_allow_html": False}
    look = {"style": {"description_width": "15rem"}, "layout": widgets.Layout(width="min(100%, 40rem)")}
    if control.span is not None:
        low, high, step = control.span
        place = min(max(float(control.value), low), high)
        return widgets.FloatSlider(place, min=low, max=high, step=step, readout_format=control.form, **told, **look)
    if isinstance(control.value, bool):
        return widgets.Checkbox(control.value, indent=True, **told, **look)
    if not control.options:
        return widgets.Text(control.value, continuous_update=False, **told, **look)
    if isinstance(control.value, str) and control.value == control.options[0][0]:
        names = [name for name, _value in control.options]
        return widgets.Combobox(value=control.value, options=names, continuous_update=False, **told, **look)
    return widgets.Dropdown(value=control.value, options=list(control.options), **told, **look)


def _keeping(panel: Panel, values: Callable[[], dict[str, Any]]) -> Any:
    """Two buttons: the first shows the difference, the second writes what was shown."""
    import ipywidgets as widgets

    said = {name: texts[panel.lang] for name, texts in _SAID.items()}
    look = widgets.Layout(width="max-content")
    preview = widgets.Button(description=said["preview"], tooltip=said["preview_tip"], layout=look)
    write = widgets.Button(description=said["write"], tooltip=said["write_tip"], layout=look, disabled=True)
    output = widgets.HTML("")
    proposed: list[saving.Proposal] = []

    def show(_button: Any) -> None:
        write.disabled = True
        try:
            answer = answered(panel, values())
            proposed[:] = [saving.propose(panel.settings, answer.change)]
        except InputError as error:
            output.value = _refused(error)
            return
        output.value = _difference(proposed[0], panel) if answer.change else words(answer)
        write.disabled = not (answer.change and proposed[0].text)

    def keep(_button: Any) -> None:
        write.disabled = True
        try:
            output.value = saving.told(saving.write(proposed[0]), panel.lang)._repr_html_()
        except InputError as error:
            output.value = _refused(error)

    preview.on_click(show)
    write.on_click(keep)
    return widgets.VBox([widgets.HBox([preview, write]), output])


def _refused(error: InputError) -> str:
    return "".join(f'<p role="alert">{escape(problem)}</p>' for problem in error.problems)


def _difference(proposal: saving.Proposal, panel: Panel) -> str:
    """What would be written, setting by setting, and the file as it would be."""
    lang = panel.lang
    said = narrative.say(saving.announcement(proposal), lang)._repr_html_()
    if not proposal.text:
        return said
    names = {"en": ("Setting", "Signed off", "Tried"), "zh": ("参数", "已确认", "试算")}[lang]
    caption = {"en": "What differs", "zh": "差异"}[lang]
    frame = pd.DataFrame(proposal.difference, columns=list(names))
    shown = tables.show(frame, "settings", lang, panel.settings.book, caption=caption)._repr_html_()
    return f'{said}{shown}<pre class="crm-file">{escape(proposal.text)}</pre>'
