"""How much other memories than Hopfield's hold: pseudo-inverse, dense, and exponentially many patterns."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike
from scipy.special import ndtr

from qspin.errors import InputError, nearest_name, shown
from qspin.theory._results import checked_values, told
from qspin.validate import checked_count

__all__ = ["dense_memory", "log_sum_exp_memory", "pseudo_inverse_memory"]


_LARGEST_DEGREE = 1_000
_LARGEST_LOGARITHM = 590.0  # of what is still a number, also over numbers of patterns


def pseudo_inverse_memory(load: ArrayLike) -> xr.Dataset:
    """Patterns stored by the pseudo-inverse rule, without its diagonal (Personnaz, Guyon, Dreyfus 1985, J.
    Phys. Lett. 46, L359; Kanter, Sompolinsky 1987, Phys. Rev. A 35, 380).

    Parameters
    ----------
    load : alpha, patterns per spin, positive

    Returns
    -------
    over ``load``: ``field`` of a spin in a stored pattern along its own direction, 1 - alpha, the same for
    all; ``stability``, that field over the length of the couplings of a spin, sqrt((1 - alpha) / alpha);
    ``energy`` per spin of a stored pattern, -(1 - alpha) / 2. 0 from alpha = 1 on, the ``capacity``
    (attribute), where patterns are no longer independent

    Raises
    ------
    InputError
        If a load is not positive.

    Examples
    --------
    >>> pseudo_inverse_memory([0.2, 0.5]).stability.values.tolist()
    [2.0, 1.0]
    """
    loads = checked_values(load, "load", least=0.0, open_end=True)
    field = np.maximum(1 - loads, 0.0)
    variables = {"field": field, "stability": np.sqrt(field / loads), "energy": -field / 2}
    found = xr.Dataset(
        {name: ("load", value) for name, value in variables.items()}, {"load": loads}, {"capacity": 1.0}
    )
    return told(
        found,
        source="Kanter, Sompolinsky 1987, Phys. Rev. A 35, 380",
        valid="infinitely many spins, random patterns",
        error="exact",
    )


def dense_memory(n_spins: int, degree: int, n_patterns: ArrayLike) -> xr.Dataset:
    """Errors of a dense memory, E = -sum_mu (xi^mu . s)^n, by signal and noise (Krotov, Hopfield 2016,
    arXiv:1606.01164).

    Parameters
    ----------
    n_spins : N
    degree : n, at least 2; 2 is the Hopfield model
    n_patterns : one or several numbers K of random patterns, positive

    Returns
    -------
    over ``n_patterns``: ``signal_to_noise`` of a bit, sqrt(N^(n-1) / ((2n - 3)!! K)); ``bit_error``, the
    probability that a bit of a stored pattern flips at once, of normal noise; ``bit_error_estimate``, its
    published asymptotic form. Attribute ``capacity``, N^(n-1) / (2 (2n - 3)!! ln N), up to which patterns of
    large N are free of errors

    Raises
    ------
    InputError
        If n_spins or degree is below 2, a degree above 1000, a number of patterns not positive, or the
        capacity no number.

    Examples
    --------
    >>> found = dense_memory(100, 3, [500, 1000])
    >>> found.bit_error_estimate.values.round(4).tolist(), found.bit_error.values.round(4).tolist()
    ([0.0055, 0.0413], [0.0049, 0.0339])
    """
    n, k = checked_count(n_spins, "n_spins", least=2), checked_count(degree, "degree", least=2)
    patterns = checked_values(n_patterns, "n_patterns", least=0.0, open_end=True)
    room = _room(n, k)
    ratio = np.sqrt(room / patterns)
    variables = {
        "signal_to_noise": ratio,
        "bit_error": ndtr(-ratio),
        "bit_error_estimate": np.exp(-(ratio**2) / 2) / (ratio * np.sqrt(2 * np.pi)),
    }
    found = xr.Dataset(
        {name: ("n_patterns", value) for name, value in variables.items()},
        {"n_patterns": patterns},
        {"capacity": room / (2 * math.log(n)), "n_spins": n, "degree": k},
    )
    return told(
        found,
        source="Krotov, Hopfield 2016, arXiv:1606.01164",
        valid="random patterns, errors of one step from a stored pattern, large N",
        error="leading order in 1/N; bit_error_estimate moreover for small errors",
    )


def _room(n: int, degree: int) -> float:
    """N^(n-1) / (2n - 3)!!."""
    if degree > _LARGEST_DEGREE:
        raise InputError(f"degree takes 2 to {_LARGEST_DEGREE}; got {shown(degree)}")
    odd = math.prod(range(2 * degree - 3, 0, -2))
    if not abs(log_room := (degree - 1) * math.log(n) - math.log(odd)) < _LARGEST_LOGARITHM:
        raise InputError(
            f"the capacity of {shown(n)} spins and degree {degree} is e^{log_room:.4g}, which is no number "
            "here: take fewer spins, or a degree closer to theirs"
        )
    return n ** (degree - 1) / odd


def log_sum_exp_memory(
    threshold: ArrayLike, patterns: Literal["gaussian", "binary"] = "gaussian"
) -> xr.Dataset:
    """Capacity of E = -(1/lambda) ln sum_mu exp(lambda xi^mu . s) for exp(alpha N) random patterns: a stored
    one is found as long as the sum of all others, a random energy model, stays below its exp(lambda N)
    (Lucibello, Mezard 2024, Phys. Rev. Lett. 132, 077301, arXiv:2304.14964).

    Parameters
    ----------
    threshold : lambda, positive: one or several
    patterns : ``gaussian``: overlaps with other patterns are normal, alpha_c = lambda - lambda^2 / 2, and 1/2
        from lambda = 1 on, where the largest overlaps dominate the sum. ``binary``: signs, alpha_c = lambda -
        ln cosh lambda, which has the same beginning and goes to ln 2

    Returns
    -------
    over ``threshold``: ``capacity`` alpha_c of a typical pattern

    Raises
    ------
    InputError
        If a threshold is not positive, or the patterns are neither.

    Examples
    --------
    >>> log_sum_exp_memory(0.5).capacity.values.tolist()
    [0.375]
    """
    x = checked_values(threshold, "threshold", least=0.0, open_end=True)
    if patterns not in ("gaussian", "binary"):
        raise InputError(f"patterns {patterns!r}: {nearest_name(str(patterns), ['gaussian', 'binary'])}")
    below = np.minimum(x, 1.0)
    log_cosh = x + np.log1p(np.exp(-2 * x)) - np.log(2)
    capacity = below - below**2 / 2 if patterns == "gaussian" else x - log_cosh
    found = xr.Dataset({"capacity": ("threshold", capacity)}, {"threshold": x}, {"patterns": patterns})
    return told(
        found,
        source="Lucibello, Mezard 2024, arXiv:2304.14964; random energy model",
        valid="infinitely many spins, a typical pattern",
        error="exact",
    )
