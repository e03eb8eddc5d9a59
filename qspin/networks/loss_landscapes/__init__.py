"""Landscapes of losses beside that of the spherical p-spin glass (Choromanska et al. 2015,
arXiv:1412.0233)."""

from qspin.networks.loss_landscapes.descent import anneal, descend
from qspin.networks.loss_landscapes.relu import relu_losses
from qspin.networks.loss_landscapes.saddles import critical_points
from qspin.networks.loss_landscapes.spherical import SphericalGlass, spherical_glass

__all__ = [
    "SphericalGlass",
    "anneal",
    "critical_points",
    "descend",
    "relu_losses",
    "spherical_glass",
]
