"""What is drawn where, for tests of figures."""

from itertools import combinations

from matplotlib.axes import Axes
from matplotlib.text import Text

from crmlib.views import style


def touching(ax: Axes) -> list[tuple[str, str]]:
    """The texts of a finished figure that lie over one another by more than a point, and those cut at its edge."""
    style.picture(ax)
    figure = ax.get_figure(root=True)
    assert figure is not None
    texts = [text for axes in figure.axes for part in (axes, *axes.child_axes) for text in _texts(part)]
    boxes = [(text.get_text(), text.get_window_extent().padded(-0.5)) for text in texts if text.get_text().strip()]
    whole = figure.bbox.padded(1)
    cut = [(name, "edge") for name, box in boxes if not all(whole.contains(*corner) for corner in box.corners())]
    return cut + [(one, other) for (one, a), (other, b) in combinations(boxes, 2) if a.overlaps(b)]


def _texts(ax: Axes) -> list[Text]:
    """Title, notes and the labels of ticks that are drawn."""
    titles = [child for child in ax.get_children() if isinstance(child, Text)]
    if not ax.axison:
        return titles
    ticks = [tick for axis in (ax.xaxis, ax.yaxis) if axis.get_visible() for tick in axis._update_ticks()]
    return titles + [tick.label1 for tick in ticks]
