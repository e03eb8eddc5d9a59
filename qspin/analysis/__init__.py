"""What samples say. Plain arrays first; functions that take a SampleSet are a thin coat over them."""

from qspin.analysis.chains import chain_diagnostics, equilibrium_warnings
from qspin.analysis.overlap import (
    link_overlap_curve,
    link_overlaps,
    overlap_curve,
    overlap_distribution,
    replica_overlaps,
)
from qspin.analysis.resampling import disorder_average, jackknife
from qspin.analysis.temperature import (
    at_measured_temperatures,
    has_measured_temperatures,
    interpolated,
    matched_temperature,
)
from qspin.analysis.thermodynamics import energy_curve, free_energy_curve

__all__ = [
    "at_measured_temperatures",
    "chain_diagnostics",
    "disorder_average",
    "energy_curve",
    "equilibrium_warnings",
    "free_energy_curve",
    "has_measured_temperatures",
    "interpolated",
    "jackknife",
    "link_overlap_curve",
    "link_overlaps",
    "matched_temperature",
    "overlap_curve",
    "overlap_distribution",
    "replica_overlaps",
]
