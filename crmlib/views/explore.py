"""What-if panels for JupyterLab: widgets over the functions that the batch uses.

Each panel has a `*_data` twin that computes without widgets.
"""

import ibis.expr.types as ir
import pandas as pd

from crmlib.io import engine
from crmlib.params import Book, Lang, TierRule
from crmlib.segment import tiers
from crmlib.views import tables


def tier_thresholds_data(tiered: ir.Table, high: float, potential: float, general: float) -> pd.DataFrame:
    """Tier sizes if the three cut-offs of the tier rule were these; they must fall from high to general."""
    rules = (
        TierRule(tier="high", at_least=((high, high, high),)),
        TierRule(tier="potential", at_least=((potential, potential, general), (general, high, potential))),
        TierRule(tier="general", at_least=((general, general, general),)),
        TierRule(tier="risk", at_least=((0, 0, 0),)),
    )
    return engine.frame(tiers.sizes(tiers.classify(tiered, rules), rules))


def tier_thresholds(tiered: ir.Table, lang: Lang, book: Book) -> object:
    """Sliders for the cut-offs of the tier rule, and the sizes and spend that they give."""
    import ipywidgets as widgets
    from IPython.display import display

    def slider(value: float, en: str, zh: str) -> widgets.FloatSlider:
        text = {"en": en, "zh": zh}[lang]
        return widgets.FloatSlider(value, min=5, max=95, step=5, description=text, continuous_update=False)

    def show(high: float, potential: float, general: float) -> None:
        if high > potential > general:
            display(tables.show(tier_thresholds_data(tiered, high, potential, general), "tier_sizes", lang, book))
        else:
            said = {
                "en": "The cut-offs must fall: high, potential, general.",
                "zh": "分界线须依次降低：高价值、潜力、一般。",
            }
            display(said[lang])

    controls = {
        "high": slider(80, "High from", "高价值 ≥"),
        "potential": slider(60, "Potential from", "潜力 ≥"),
        "general": slider(40, "General from", "一般 ≥"),
    }
    return widgets.VBox([*controls.values(), widgets.interactive_output(show, controls)])
