"""How much a search keeps and moves."""

from qspin_backends.tempering.search.descent import LANES
from qspin_backends.tempering.search.rounds import POOL

__all__ = ["DEFAULT_DRAWS", "MOST_DRAWS", "WALKERS"]

DEFAULT_DRAWS = 3  # fewer than what is taken for a chain of draws
MOST_DRAWS = 1_000
WALKERS = 2 * (LANES + POOL)  # of a search, in bytes a spin over those of a walker of a sparse kernel
