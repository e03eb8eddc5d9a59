"""The ring in a transverse field by free fermions: ground states of any size.

Jordan and Wigner's fermions turn H = -Gamma sum sigma^x + J sum sigma^z_j sigma^z_(j+1) into pairs of modes
k, -k with energies 2 sqrt(Gamma^2 + J^2 + 2 Gamma J cos k). The flip of all spins, P = prod sigma^x, is
conserved: momenta are odd multiples of pi / n where P = +1 and even ones where P = -1, and each sector holds
the states whose number of fermions is as even as P says (Lieb, Schultz, Mattis 1961, Ann. Phys. 16, 407;
Pfeuty 1970, Ann. Phys. 57, 79; sectors as in Damski, Rams 2014, J. Phys. A 47, 025303).
"""

from __future__ import annotations

import itertools

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from qspin.errors import shown
from qspin.memory import require_bytes
from qspin.theory._results import checked_parameter, checked_values, told
from qspin.validate import checked_count

__all__ = ["checked_ring", "mode_means", "momenta", "transverse_ring"]

Floats = NDArray[np.float64]

_ARRAYS, _ARRAYS_A_FIELD = 6, 3  # of half the length of a ring, twice as many as that


def transverse_ring(n: int, transverse_field: ArrayLike, coupling: float = -1.0) -> xr.Dataset:
    """The ground state of H = -Gamma sum sigma^x + J sum sigma^z_j sigma^z_(j+1) on a ring.

    Parameters
    ----------
    n : spins, three or more
    transverse_field : values of Gamma >= 0, units of energy
    coupling : J, the same units; negative is ferromagnetic

    Returns
    -------
    over ``transverse_field``: ``energy_even`` and ``energy_odd``, the lowest ones with P = +1 and -1, and
    ``ground_energy``, the lower of them, exact for this n; ``magnetisation_x``, <sigma^x> of a spin, and
    ``bond_correlation``, <sigma^z_j sigma^z_(j+1)>, in the lowest state with P = +1, exact for this n;
    ``magnetisation_z``, the spontaneous one (staggered if J > 0) of an infinite ring, (1 - (Gamma/J)^2)^(1/8)
    below Gamma = |J| and 0 above (Pfeuty 1970)

    Raises
    ------
    InputError
        If n is below 3, a transverse field is negative, or a value is not finite.
    CapacityError
        If the free fermions of so many spins would not fit in memory.

    Examples
    --------
    >>> ring = transverse_ring(8, [0.0, 1.0])
    >>> ring.ground_energy.values.round(6).tolist()
    [-8.0, -10.251662]
    """
    fields = checked_values(transverse_field, "transverse_field", least=0.0)
    coupling = checked_ring(n, coupling, each=8 * (_ARRAYS + _ARRAYS_A_FIELD * len(fields)))
    even, odd = (
        np.array([_lowest(n, field, coupling, parity) for field in fields.tolist()]) for parity in (0, 1)
    )
    pairs, _ = momenta(n, odd=False)
    along, correlation = _even_means(n, fields[:, None], coupling, pairs)
    ratio = fields / abs(coupling) if coupling else np.full(len(fields), np.inf)
    values = {
        "ground_energy": np.minimum(even, odd),
        "energy_even": even,
        "energy_odd": odd,
        "magnetisation_x": along,
        "bond_correlation": correlation,
        "magnetisation_z": np.clip(1 - np.minimum(ratio, 1) ** 2, 0, None) ** 0.125,
    }
    found = xr.Dataset(
        {name: ("transverse_field", value) for name, value in values.items()},
        coords={"transverse_field": fields},
        attrs={"n_spins": n, "coupling": coupling},
    )
    return told(
        found,
        source="Lieb, Schultz, Mattis 1961, Ann. Phys. 16, 407; Pfeuty 1970, Ann. Phys. 57, 79",
        valid="rings of any size at T = 0; magnetisation_z of an infinite one",
        error="rounding",
    )


def checked_ring(n: int, coupling: float, *, each: int) -> float:
    """The coupling of a ring of at least three spins, for each of which so many bytes are taken.

    Raises
    ------
    InputError, CapacityError
        If it is none, or would not fit in memory.
    """
    checked_count(n, "n, the number of spins,", least=3)
    require_bytes(each * n, f"free fermions of {shown(n)} spins", "take fewer: long rings are alike")
    return checked_parameter(coupling, "coupling")


def momenta(n: int, *, odd: bool) -> tuple[Floats, Floats]:
    """Of a sector: those between 0 and pi, each of which stands for a pair, and those without a partner.

    Parameters
    ----------
    odd : whether the number of fermions is
    """
    numbers = np.arange(0 if odd else 1, n + 1, 2)  # even multiples of pi / n, or odd ones
    values = np.pi * numbers / n
    alone = (numbers == 0) | (numbers == n)
    return values[~alone], values[alone]


def _lowest(n: int, transverse: float, coupling: float, parity: int) -> float:
    """The lowest energy of a sector: all pairs in their ground state, unless parity asks for one more."""
    pairs, alone = momenta(n, odd=bool(parity))
    excitations = 2 * np.sqrt(transverse**2 + coupling**2 + 2 * transverse * coupling * np.cos(pairs))
    single = transverse + coupling * np.cos(alone)
    lowest = np.inf
    for filled in itertools.product((0, 1), repeat=len(alone)):
        energy = float(single @ (2 * np.array(filled, dtype=float) - 1)) if len(alone) else 0.0
        broken = (sum(filled) - parity) % 2  # a quasiparticle makes up for it
        lowest = min(lowest, energy + (float(excitations.min()) if broken else 0.0))
    return lowest - float(excitations.sum())


def _even_means(n: int, transverse: Floats, coupling: float, pairs: Floats) -> tuple[Floats, Floats]:
    """<sigma^x> of a spin and <sigma^z sigma^z> of a bond in the lowest state of the even sector."""
    up, across = transverse + coupling * np.cos(pairs), -coupling * np.sin(pairs)
    size = np.hypot(up, across)
    with np.errstate(invalid="ignore"):
        z, x = (np.where(size > 0, -part / size, 0.0) for part in (up, across))
    return mode_means(n, z, x, pairs)


def mode_means(n: int, z: Floats, x: Floats, pairs: Floats) -> tuple[Floats, Floats]:
    """<sigma^x> of a spin and <sigma^z sigma^z> of a bond from the pseudospins of the pairs (..., n_pairs).

    A pair is empty at z = -1. The mode without a partner that rings of odd length have is empty: k = pi.
    """
    alone = n % 2
    along = (alone - 2 * z.sum(axis=-1)) / n
    bond = (2 * (np.cos(pairs) * z - np.sin(pairs) * x).sum(axis=-1) + alone) / n
    return along, bond
