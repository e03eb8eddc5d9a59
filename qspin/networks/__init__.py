"""From networks to Ising problems."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from qspin.errors import MissingExtraError
from qspin.networks.feedforward import critical_temperature, shuffled_weights, twin_from_weights
from qspin.networks.files import read_model
from qspin.networks.memories import (
    DenseMemory,
    basins,
    hebbian,
    perceptron_trained,
    pseudo_inverse,
    retrieve,
    storkey,
)
from qspin.networks.perceptrons import (
    binary_network,
    binary_perceptron,
    committee_machine,
    committee_problem,
    perceptron_problem,
    symmetric_perceptron,
    symmetric_problem,
)
from qspin.networks.random_features import (
    random_feature_network,
    random_feature_regression,
    random_feature_training,
    ridge_regression,
    training_problem,
)
from qspin.networks.twins import Layer, layers_in, twin, weights_of

if TYPE_CHECKING:
    from qspin.networks.boltzmann import (
        BoltzmannMachine,
        ExactPhase,
        GibbsPhase,
        HybridBoltzmannMachine,
        RestrictedBoltzmannMachine,
        SampledPhase,
        TrajectoryTempering,
        fit_boltzmann,
        log_likelihood,
        read_machine,
        reconstruct,
        sample,
    )
    from qspin.networks.boltzmann.estimator import BoltzmannClassifier, BoltzmannTransformer

__all__ = [
    "BoltzmannClassifier",
    "BoltzmannMachine",
    "BoltzmannTransformer",
    "DenseMemory",
    "ExactPhase",
    "GibbsPhase",
    "HybridBoltzmannMachine",
    "Layer",
    "RestrictedBoltzmannMachine",
    "SampledPhase",
    "TrajectoryTempering",
    "basins",
    "binary_network",
    "binary_perceptron",
    "committee_machine",
    "committee_problem",
    "critical_temperature",
    "fit_boltzmann",
    "hebbian",
    "layers_in",
    "log_likelihood",
    "perceptron_problem",
    "perceptron_trained",
    "pseudo_inverse",
    "random_feature_network",
    "random_feature_regression",
    "random_feature_training",
    "read_machine",
    "read_model",
    "reconstruct",
    "retrieve",
    "ridge_regression",
    "sample",
    "shuffled_weights",
    "storkey",
    "symmetric_perceptron",
    "symmetric_problem",
    "training_problem",
    "twin",
    "twin_from_weights",
    "weights_of",
]

_BOLTZMANN = "qspin.networks.boltzmann"
_MODULES = {
    **dict.fromkeys(("BoltzmannClassifier", "BoltzmannTransformer"), f"{_BOLTZMANN}.estimator"),
    **dict.fromkeys(
        (
            "BoltzmannMachine",
            "ExactPhase",
            "GibbsPhase",
            "HybridBoltzmannMachine",
            "RestrictedBoltzmannMachine",
            "SampledPhase",
            "TrajectoryTempering",
            "fit_boltzmann",
            "log_likelihood",
            "read_machine",
            "reconstruct",
            "sample",
        ),
        _BOLTZMANN,
    ),
}
"""Names that need torch, and where they are; it is imported when the first of them is asked for."""


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    if find_spec("torch") is None:
        raise MissingExtraError(f"{__name__}.{name}", extra="torch", module="torch")
    return getattr(import_module(_MODULES[name]), name)
