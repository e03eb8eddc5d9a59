"""What theory predicts, in datasets shaped like measured curves. Every formula has source and range."""

from qspin.theory.crossings import kibble_zurek_kinks, landau_zener
from qspin.theory.ring_dynamics import ring_kinks, ring_quench
from qspin.theory.transverse_ring import transverse_ring

__all__ = ["kibble_zurek_kinks", "landau_zener", "ring_kinks", "ring_quench", "transverse_ring"]
