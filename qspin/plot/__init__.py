"""One function a figure: takes analysis results and an Axes, draws, returns the Axes.

`qspin.plot.canvas` puts such panels on figures of a page.
"""

from __future__ import annotations

from qspin.plot.benchmark import performance_profile, time_to_solution
from qspin.plot.comparison import cross_overlaps, energy_distributions, energy_intervals, overlap_bands
from qspin.plot.curves import (
    binder_ratios,
    dissimilarity,
    energy_curves,
    overlap_curves,
    profile,
    quantity,
    theory_lines,
    theory_marks,
)
from qspin.plot.embedding import embedding, embedding_told
from qspin.plot.images import mosaic
from qspin.plot.inspection import among_draws, numbers_beside, spectrum
from qspin.plot.landscape import disconnectivity, overlap_sizes, triangle_densities
from qspin.plot.overlaps import (
    overlap_densities,
    overlap_matrix,
    row_at,
    theory_densities,
    theory_sizes,
    triangles,
)
from qspin.plot.quench import over_time
from qspin.plot.style import Styles, style_of, styles_of
from qspin.plot.training import epoch_curves, learning_curves

__all__ = [
    "Styles",
    "among_draws",
    "binder_ratios",
    "cross_overlaps",
    "disconnectivity",
    "dissimilarity",
    "embedding",
    "embedding_told",
    "energy_curves",
    "energy_distributions",
    "energy_intervals",
    "epoch_curves",
    "learning_curves",
    "mosaic",
    "numbers_beside",
    "over_time",
    "overlap_bands",
    "overlap_curves",
    "overlap_densities",
    "overlap_matrix",
    "overlap_sizes",
    "performance_profile",
    "profile",
    "quantity",
    "row_at",
    "spectrum",
    "style_of",
    "styles_of",
    "theory_densities",
    "theory_lines",
    "theory_marks",
    "theory_sizes",
    "time_to_solution",
    "triangle_densities",
    "triangles",
]
