"""How alike are independent replicas? Mean |q|, P(q) and energies against the temperature."""

from qspin.studies.overlaps.study import Overlaps

__all__ = ["Overlaps"]
