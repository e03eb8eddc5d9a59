"""What samples say. Plain arrays first; functions that take a SampleSet are a thin coat over them."""

from qspin.analysis.chains import chain_diagnostics, equilibrium_warnings
from qspin.analysis.distance import (
    Comparison,
    EffectiveTemperature,
    compare,
    correlation_error,
    cross_overlaps,
    effective_temperature,
    fair_sampling,
    total_variation,
)
from qspin.analysis.ensembles import EnsembleTest, same_ensemble
from qspin.analysis.independent import independent_configurations
from qspin.analysis.overlap import (
    link_overlap_curve,
    link_overlaps,
    overlap_curve,
    overlap_distribution,
    replica_overlaps,
)
from qspin.analysis.resampling import disorder_average, jackknife
from qspin.analysis.reweighting import Reweighting, reweighted_curve
from qspin.analysis.temperature import (
    at_measured_temperatures,
    has_measured_temperatures,
    interpolated,
    matched_temperature,
)
from qspin.analysis.thermodynamics import energy_curve, free_energy_curve

__all__ = [
    "Comparison",
    "EffectiveTemperature",
    "EnsembleTest",
    "Reweighting",
    "at_measured_temperatures",
    "chain_diagnostics",
    "compare",
    "correlation_error",
    "cross_overlaps",
    "disorder_average",
    "effective_temperature",
    "energy_curve",
    "equilibrium_warnings",
    "fair_sampling",
    "free_energy_curve",
    "has_measured_temperatures",
    "independent_configurations",
    "interpolated",
    "jackknife",
    "link_overlap_curve",
    "link_overlaps",
    "matched_temperature",
    "overlap_curve",
    "overlap_distribution",
    "replica_overlaps",
    "reweighted_curve",
    "same_ensemble",
    "total_variation",
]
