"""In-context learning of linear regression as a spin glass (Li, Bai, Huang 2024, arXiv:2408.02288)."""

from qspin.networks.in_context.descending import adam_weights
from qspin.networks.in_context.glass import WeightGlass, weight_glass
from qspin.networks.in_context.passing import amp_weights
from qspin.networks.in_context.prompts import Examples, Prompts, draw_examples, draw_prompts
from qspin.networks.in_context.regression import (
    Loss,
    Solution,
    prediction_loss,
    ridge_weights,
    zero_eigenvalue_share,
)
from qspin.networks.in_context.relaxed import in_context, sign_problem

__all__ = [
    "Examples",
    "Loss",
    "Prompts",
    "Solution",
    "WeightGlass",
    "adam_weights",
    "amp_weights",
    "draw_examples",
    "draw_prompts",
    "in_context",
    "prediction_loss",
    "ridge_weights",
    "sign_problem",
    "weight_glass",
    "zero_eigenvalue_share",
]
