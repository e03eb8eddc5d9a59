"""Training of machines, with a negative phase from any backend."""

from qspin.networks.boltzmann.fitting.fit import BoltzmannFit, fit_boltzmann
from qspin.networks.boltzmann.fitting.phases import ExactPhase, GibbsPhase, Negative, NegativePhase
from qspin.networks.boltzmann.fitting.sampled import SampledPhase

__all__ = [
    "BoltzmannFit",
    "ExactPhase",
    "GibbsPhase",
    "Negative",
    "NegativePhase",
    "SampledPhase",
    "fit_boltzmann",
]
