"""What samples say. Plain arrays first; functions that take a SampleSet are a thin coat over them."""

from qspin.analysis.chains import chain_diagnostics, equilibrium_remarks
from qspin.analysis.correction import holm
from qspin.analysis.correlations import (
    CorrelationDistance,
    correlation_distance,
    kink_density,
    pair_correlations,
)
from qspin.analysis.curves import compare_curves, half_temperature
from qspin.analysis.disorder import bootstrap, disorder_curve, disorder_distribution
from qspin.analysis.distance import (
    Comparison,
    compare,
    correlation_error,
    cross_overlaps,
    fair_sampling,
    overlap_distance,
    total_variation,
)
from qspin.analysis.effective import EffectiveTemperature, effective_temperature
from qspin.analysis.ensembles import EnsembleTest, same_ensemble
from qspin.analysis.finite_size import collapse, collapse_in_time, crossings
from qspin.analysis.free_energy import free_energy_curve
from qspin.analysis.glassiness import landscape_nulls
from qspin.analysis.independent import independent_configurations
from qspin.analysis.landscape import (
    descended,
    find_states,
    overlap_matrix,
    rigidity,
    states_by_energy,
    valley_coverage,
    valleys,
)
from qspin.analysis.overlap import (
    link_overlap_curve,
    link_overlap_distribution,
    link_overlaps,
    overlap_curve,
    overlap_distribution,
    replica_overlaps,
)
from qspin.analysis.resampling import confidence_factor, disorder_average, jackknife
from qspin.analysis.resolved import (
    correlation_length,
    distance_overlaps,
    group_overlap_curve,
    layers_by_label,
    layers_of,
    pattern_overlap_curve,
    pattern_overlaps,
    site_overlaps,
)
from qspin.analysis.reweighting import Reweighting, reweighted_curve
from qspin.analysis.temperature import (
    at_matched_temperatures,
    at_measured_temperatures,
    has_measured_temperatures,
    interpolated,
    matched_temperature,
)
from qspin.analysis.thermodynamics import energy_curve, magnetisation_curve
from qspin.analysis.transitions import dissimilarity, dissimilarity_curve
from qspin.analysis.ultrametric import ultrametricity

__all__ = [
    "Comparison",
    "CorrelationDistance",
    "EffectiveTemperature",
    "EnsembleTest",
    "Reweighting",
    "at_matched_temperatures",
    "at_measured_temperatures",
    "bootstrap",
    "chain_diagnostics",
    "collapse",
    "collapse_in_time",
    "compare",
    "compare_curves",
    "confidence_factor",
    "correlation_distance",
    "correlation_error",
    "correlation_length",
    "cross_overlaps",
    "crossings",
    "descended",
    "disorder_average",
    "disorder_curve",
    "disorder_distribution",
    "dissimilarity",
    "dissimilarity_curve",
    "distance_overlaps",
    "effective_temperature",
    "energy_curve",
    "equilibrium_remarks",
    "fair_sampling",
    "find_states",
    "free_energy_curve",
    "group_overlap_curve",
    "half_temperature",
    "has_measured_temperatures",
    "holm",
    "independent_configurations",
    "interpolated",
    "jackknife",
    "kink_density",
    "landscape_nulls",
    "layers_by_label",
    "layers_of",
    "link_overlap_curve",
    "link_overlap_distribution",
    "link_overlaps",
    "magnetisation_curve",
    "matched_temperature",
    "overlap_curve",
    "overlap_distance",
    "overlap_distribution",
    "overlap_matrix",
    "pair_correlations",
    "pattern_overlap_curve",
    "pattern_overlaps",
    "replica_overlaps",
    "reweighted_curve",
    "rigidity",
    "same_ensemble",
    "site_overlaps",
    "states_by_energy",
    "total_variation",
    "ultrametricity",
    "valley_coverage",
    "valleys",
]
