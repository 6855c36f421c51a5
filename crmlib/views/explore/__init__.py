"""What-if panels for JupyterLab, over the functions that the batch uses.

Each panel has a pure `*_data` twin that answers without widgets, and a still picture where no kernel listens.
"""

from crmlib.views.explore.budget import budget_data, budget_what_if
from crmlib.views.explore.card import customer_card, customer_card_data
from crmlib.views.explore.clusters import cluster_choice_data, cluster_try
from crmlib.views.explore.effect import effect_chances, effect_chances_data
from crmlib.views.explore.holdout import holdout_data, holdout_plan
from crmlib.views.explore.levels import level_weights, level_weights_data
from crmlib.views.explore.start import where_to_start
from crmlib.views.explore.tiers import tier_cells, tier_thresholds, tier_thresholds_data, tier_weights_data

__all__ = [
    "budget_data",
    "budget_what_if",
    "cluster_choice_data",
    "cluster_try",
    "customer_card",
    "customer_card_data",
    "effect_chances",
    "effect_chances_data",
    "holdout_data",
    "holdout_plan",
    "level_weights",
    "level_weights_data",
    "tier_cells",
    "tier_thresholds",
    "tier_thresholds_data",
    "tier_weights_data",
    "where_to_start",
]
