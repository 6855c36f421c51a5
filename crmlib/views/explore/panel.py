"""A panel: a few controls over one pure function, whose answer is shown anew when they have come to rest.

Where nobody can move a slider (nbconvert, a page on the web) the answer at the signed-off settings stands as a sentence
and a picture, and no widget is made: a widget in a stored notebook makes exporters fetch scripts from elsewhere.
"""

import os
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import wraps
from typing import Any

from matplotlib.axes import Axes

from crmlib.errors import InputError
from crmlib.io.store import Store
from crmlib.params import Settings
from crmlib.views import narrative, style, tables
from crmlib.views.narrative import Sentence
from crmlib.views.style import Picture

Values = Mapping[str, Any]
Change = Mapping[str, Any]
"""Settings that would make an answer so, as a params file would hold them."""

_ALONE = threading.RLock()
"""JupyterLab answers a moved slider in a thread of its own, also while a cell runs; an engine's connection and the look
of charts are one for all threads, so panels take turns."""


@dataclass(frozen=True)
class Control:
    """One value that a reader sets: `options` to choose from, or a `span` (low, high, step), or yes and no, or text."""

    name: str
    label: str
    value: Any
    tip: str
    span: tuple[float, float, float] | None = None
    options: tuple[tuple[str, Any], ...] = ()
    form: str = ",.0f"


@dataclass(frozen=True)
class Answer:
    """What a panel says: a finding, tables and remarks, the settings that would make it so; `draw` makes its picture.

    The picture takes as long as all the rest, so words and figures do not wait for it.
    """

    said: Sentence
    draw: Callable[[], Axes] | None = None
    shown: tuple[tables.Shown | Sentence, ...] = ()
    change: Change = field(default_factory=dict)

    def picture(self) -> Picture | None:
        """The finished picture, where there is one."""
        with _ALONE:
            return None if self.draw is None else style.picture(self.draw())


@dataclass(frozen=True)
class Panel:
    """`answer` takes the controls' values by name. `saves` says whether its settings can be kept as params."""

    title: str
    controls: tuple[Control, ...]
    answer: Callable[[Values], Answer]
    settings: Settings
    lang: str
    saves: bool = True

    def start(self) -> Answer:
        """The answer before anyone has moved anything."""
        return self.answer({control.name: control.value for control in self.controls})

    def _ipython_display_(self) -> None:
        from IPython.display import display

        first = answered(self, {control.name: control.value for control in self.controls})
        picture = first.picture()
        still = (first.said, picture, note(self) if self.controls else None)
        display(*[part for part in still if part is not None])
        if self.controls and is_live():
            from crmlib.views.explore import controls

            display(controls.Named())
            display(controls.Live(controls.widget(self, first, picture)))


def answered(panel: Panel, values: Values) -> Answer:
    """The panel's answer; what it cannot answer is said in its place."""
    try:
        with _ALONE:
            return panel.answer(values)
    except InputError as error:
        return Answer(Sentence(" ".join(error.problems)))


def stated(make: Callable[[Store, Settings, str], Panel]) -> Callable[[Store, Settings, str], Panel]:
    """`make`; where the results that it asks for are not there, a panel that says so: the others still open."""

    @wraps(make)
    def made(results: Store, settings: Settings, lang: str) -> Panel:
        try:
            with _ALONE:
                return make(results, settings, lang)
        except InputError as error:
            why = " ".join(error.problems)
            return absent("", {"en": why, "zh": why}, settings, lang)

    return made


def is_live() -> bool:
    """Whether a person sees this kernel's answers: Jupyter's server and VS Code leave these marks, exports do not."""
    from IPython.core.getipython import get_ipython

    shell = get_ipython()
    return "JPY_SESSION_NAME" in os.environ or "__vsc_ipynb_file__" in getattr(shell, "user_ns", {})


def note(panel: Panel) -> Sentence:
    """What stands below a still picture."""
    named = [control.label for control in panel.controls]
    return narrative.say(
        {
            "en": f"Shown at the signed-off settings. In JupyterLab this is a panel: {', '.join(named)}.",
            "zh": f"此处按已确认的设置显示。在JupyterLab中可调整：{'、'.join(named)}。",
        },
        panel.lang,
    )


def absent(title: str, why: dict[str, str], settings: Settings, lang: str) -> Panel:
    """A panel that states why there is nothing to explore."""
    return Panel(title, (), lambda _values: Answer(narrative.say(why, lang)), settings, lang, saves=False)
