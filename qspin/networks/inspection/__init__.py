"""What the couplings of a network tell before anything is sampled: matrices, spectra, temperatures."""

from qspin.networks.inspection.couplings import UniformTest, against_fitted_uniform, against_uniform
from qspin.networks.inspection.pieces import Piece, pieces_of
from qspin.networks.inspection.spectra import Spectrum, spectrum_of
from qspin.networks.inspection.temperatures import formula_temperature, tap_temperature

__all__ = [
    "Piece",
    "Spectrum",
    "UniformTest",
    "against_fitted_uniform",
    "against_uniform",
    "formula_temperature",
    "pieces_of",
    "spectrum_of",
    "tap_temperature",
]
