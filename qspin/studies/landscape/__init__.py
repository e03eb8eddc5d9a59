"""Is it glassy? P(0), states, ultrametricity, valleys and rigidity, each beside its null."""

from qspin.studies.landscape.study import Landscape

__all__ = ["Landscape"]
