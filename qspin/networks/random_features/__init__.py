"""Regression on random features: its errors, the twin of its network, and its training as a spin glass."""

from qspin.networks.random_features.measured import random_feature_regression
from qspin.networks.random_features.ridge import ridge_regression, training_problem
from qspin.networks.random_features.sources import random_feature_network, random_feature_training

__all__ = [
    "random_feature_network",
    "random_feature_regression",
    "random_feature_training",
    "ridge_regression",
    "training_problem",
]
