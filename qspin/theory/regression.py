"""Double descent: errors of linear and of random-feature regression where all sizes are large.

The student is ``w . phi / sqrt(N)``, with N features phi of D inputs x ~ N(0, 1), and has learned from P
samples

    w = argmin 1/2 sum_mu (y_mu - w . phi_mu / sqrt(N))^2 + ridge / 2 |w|^2,

ridge = 0 being the limit of small ones, the smallest w of those with the least error. The mean over training
sets is the student of infinitely many samples with another ridge, kappa a sample, which solves

    ridge = kappa (P - tr C (C + kappa)^-1),

C being the covariance of phi / sqrt(N): the self-consistent equation of all that follows. The cavity method
at zero temperature (Rocks, Mehta 2022, Phys. Rev. Research 4, 013201), the replica method (Gerace, Loureiro,
Krzakala, Mezard, Zdeborova 2020, arXiv:2002.09339) and random matrices (Mei, Montanari 2019,
arXiv:1908.05355) have the same fixed point.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from qspin.errors import InputError, shown
from qspin.remarks import Level, Remark, stored
from qspin.theory._results import checked_values
from qspin.theory.activations import ActivationName, activation_of
from qspin.validate import checked_array, checked_real

__all__ = ["Teacher", "checked_scale", "linear_double_descent", "random_feature_double_descent"]

Floats = NDArray[np.float64]

Teacher = Literal["linear", "features"]
"""What samples are labelled by: a linear function of the inputs, or weights on the student's own features."""


_EDGE = 1e-12  # from the threshold at which the variance diverges


class _Means(NamedTuple):
    """Of the student's features at kappa, each divided by their number N.

    Parameters
    ----------
    freedom : tr C (C + kappa)^-1
    squared : tr C^2 (C + kappa)^-2
    bias : squared error of the mean student, for a teacher of variance 1
    """

    freedom: float
    squared: float
    bias: float


def linear_double_descent(
    features_per_sample: ArrayLike, *, ridge: float = 0.0, signal: float = 1.0, noise: float = 0.0
) -> xr.Dataset:
    """Linear regression on N independent inputs themselves: ``y = beta . x / sqrt(N) + noise``.

    Parameters
    ----------
    features_per_sample : N / P, one or several, positive
    ridge : of the loss above, for weights on inputs x / sqrt(N); 0 or more
    signal, noise : standard deviations of the teacher's values and of what is added to them

    Returns
    -------
    over ``features_per_sample``: ``bias``, the squared error of the student's mean over training sets, and
    ``variance`` about it, both on new inputs; their sum, ``excess_risk``; ``test_error`` and ``train_error``,
    mean squared differences from labels with noise. In the limit of many features and samples (Hastie,
    Montanari, Rosset, Tibshirani 2022, Ann. Stat. 50, 949); corrections fall as 1 / P. Without a ridge,
    excess risk below N = P is ``noise^2 N / (P - N)``, above it ``signal^2 (1 - P / N) + noise^2 P / (N -
    P)``

    Raises
    ------
    InputError
        If a number is out of range.

    Examples
    --------
    >>> linear_double_descent([0.5, 2.0], noise=0.5).excess_risk.values.round(4).tolist()
    [0.25, 0.75]
    """
    ratios = _checked_ratios(features_per_sample)
    ridge, signal, noise = _checked_scales(ridge, signal, noise)
    rows = []
    for samples in (1 / ratios).tolist():  # P / N
        kappa = _linear_kappa(samples, ridge)
        share = 1 / (1 + kappa)
        means = _Means(share, share**2, (kappa * share) ** 2)
        rows.append(_errors(samples, means, signal**2, noise**2))
    return _dataset(
        ratios,
        rows,
        source="random matrices (Hastie, Montanari, Rosset, Tibshirani 2022, Ann. Stat. 50, 949)",
        valid="independent inputs of one variance; many features and samples",
        ridge=ridge,
        signal=signal,
        noise=noise,
    )


def random_feature_double_descent(
    features_per_sample: ArrayLike,
    inputs_per_sample: float,
    *,
    activation: ActivationName = "erf",
    teacher: Teacher = "linear",
    ridge: float = 0.0,
    signal: float = 1.0,
    noise: float = 0.0,
) -> xr.Dataset:
    """Regression on N random features ``phi = sigma(F x / sqrt(D)) - mean``, F ~ N(0, 1), held fixed.

    To a linear student they are Gaussian, ``phi = slope F x / sqrt(D) + rest``, with coefficients of the
    activation (Gaussian equivalence). A sum over the Marchenko-Pastur law of ``F F^T / D`` gives all.

    Parameters
    ----------
    features_per_sample : N / P, one or several, positive
    inputs_per_sample : D / P, positive
    activation : sigma, see `qspin.theory.activations`
    teacher : ``linear``: y = beta . x / sqrt(D) + noise; ``features``: y = a . phi / sqrt(N) + noise
    ridge : of the loss above; 0 or more
    signal, noise : standard deviations of an entry of beta or a (of the teacher's values, where it is linear)
        and of what is added

    Returns
    -------
    as `linear_double_descent`; bias and variance are over training sets, for one F as for any other. What no
    weights on the features can give is bias. In the limit of many inputs, features and samples

    Raises
    ------
    InputError
        If a number is out of range, or there is no such activation.
    """
    ratios = _checked_ratios(features_per_sample)
    inputs = _checked_ratio(inputs_per_sample, "inputs_per_sample")
    ridge, signal, noise = _checked_scales(ridge, signal, noise)
    if teacher not in ("linear", "features"):
        raise InputError(f"teacher must be 'linear' or 'features'; got {shown(teacher)}")
    sigma = activation_of(activation)
    rows = []
    for ratio in ratios.tolist():
        spectrum = _Spectrum(ratio / inputs, sigma.slope**2, sigma.rest)
        means = spectrum.means(spectrum.kappa(1 / ratio, ridge), teacher)
        rows.append(_errors(1 / ratio, means, signal**2, noise**2))
    return _dataset(
        ratios,
        rows,
        source="Mei, Montanari 2019, arXiv:1908.05355; Gerace et al. 2020, arXiv:2002.09339",
        valid="Gaussian inputs and first weights; many inputs, features and samples",
        inputs_per_sample=inputs,
        activation=activation,
        teacher=teacher,
        ridge=ridge,
        signal=signal,
        noise=noise,
    )


def _linear_kappa(samples: float, ridge: float) -> float:
    """Of ``ridge = kappa (samples - 1 / (1 + kappa))``, kappa of N C; ``1 / (kappa samples)`` is the
    Stieltjes transform, at -ridge, of the Marchenko-Pastur law of the samples' kernel X X^T / N.
    """
    half = (1 + ridge - samples) / 2
    root = np.sqrt(half**2 + ridge * samples)
    return float((half + root) / samples if half >= 0 else ridge / (root - half))


class _Spectrum:
    """The law of N C = slope F F^T / D + rest, N features of D inputs.

    Parameters
    ----------
    shape : c = N / D
    slope : the square of that of the activation, positive
    rest : variance
    """

    def __init__(self, shape: float, slope: float, rest: float) -> None:
        self.shape, self.slope, self.rest = shape, slope, rest

    def means(self, kappa: float, teacher: Teacher = "linear") -> _Means:
        """By means over the eigenvalues s of F F^T / D, all sums of what is positive.

        With z = (rest + kappa) / slope, m, the mean of 1 / (s + z), solves ``c z m^2 + (1 - c + z) m = 1``,
        and t, that of s / (s + z), ``c t^2 - (1 + c + z) t + 1 = 0``.
        """
        c, rest, kappa = self.shape, self.rest / self.slope, kappa / self.slope
        z = rest + kappa
        b = 1 - c + z
        root = float(np.hypot(b, 2 * np.sqrt(c * z)))
        if root == 0:  # c = 1, z = 0
            return _Means(1.0, 1.0, 0.0)
        t = 2 / (1 + c + z + root)
        spare = (b + root) / 2 if b > 0 else 2 * c * z / (root - b)  # 1 / m
        m = 1 / spare if rest else 0.0  # needed of what is left alone
        squares = m * (1 + c * m) / root  # mean of 1 / (s + z)^2
        freedom = t + rest * m
        beyond = ((1 - c) ** 2 + 2 * z * (1 + c)) / (root + z)  # root - z
        squared = t * (beyond + 2 * rest) / root + rest**2 * squares
        if teacher == "linear":
            bias = t * (spare - c * kappa / root)
        else:
            bias = self.slope * kappa**2 * (t / root + rest * squares)
        return _Means(freedom, squared, max(bias, 0.0))

    def kappa(self, samples: float, ridge: float) -> float:
        """Of ``ridge = kappa (samples - freedom(kappa))``, that of N C."""
        from scipy.optimize import brentq

        if ridge == 0 and samples >= self.means(0.0).freedom - _EDGE:
            return 0.0

        def excess(logarithm: float) -> float:
            kappa = np.exp(logarithm)
            return float(samples - self.means(kappa).freedom - ridge / kappa)

        high = np.log(2 * (self.slope + self.rest + ridge) / samples)
        low = np.log(ridge / samples) - 1 if ridge > 0 else high - 1
        while excess(low) > 0:
            low -= 1
        return float(np.exp(brentq(excess, low, high, xtol=1e-14, rtol=1e-14)))


def _errors(samples: float, means: _Means, signal: float, noise: float) -> tuple[float, ...]:
    """Bias, variance, excess risk, test error, train error of variances of signal and noise."""
    bias = signal * means.bias
    share = means.squared / samples
    if share >= 1 - _EDGE:
        variance, train = (np.inf, 0.0) if bias + noise > 0 else (0.0, 0.0)
    else:
        variance = (bias + noise) * share / (1 - share)
        train = (1 - means.freedom / samples) ** 2 * (bias + noise) / (1 - share)
    return bias, variance, bias + variance, bias + variance + noise, train


_NAMES = ("bias", "variance", "excess_risk", "test_error", "train_error")


def _dataset(
    ratios: Floats, rows: list[tuple[float, ...]], *, source: str, valid: str, **settings: object
) -> xr.Dataset:
    remarks = []
    if np.isinf(rows).any():
        text = "without a ridge the variance diverges where the student can just fit every sample"
        remarks.append(Remark("interpolation-threshold", text, Level.NOTE))
    return xr.Dataset(
        {
            name: ("features_per_sample", values)
            for name, values in zip(_NAMES, np.array(rows).T, strict=True)
        },
        coords={"features_per_sample": ratios},
        attrs={
            "source": source,
            "valid": valid,
            "error": "exact in the limit; of order 1 / P at P samples",
            "remarks": stored(remarks),
            **settings,
        },
    )


def _checked_ratios(values: ArrayLike) -> Floats:
    ratios = np.atleast_1d(checked_array(values, "features_per_sample").astype(np.float64))
    if ratios.ndim != 1 or not ratios.size or not (np.isfinite(ratios) & (ratios > 0)).all():
        raise InputError(f"features_per_sample must be positive and finite; got {values!s}")
    return checked_values(ratios, "features_per_sample", least=0.0)


def _checked_ratio(value: float, what: str) -> float:
    number = checked_real(value, what)
    if number <= 0:
        raise InputError(f"{what} must be positive; got {number:g}")
    return float(checked_values(number, what, least=0.0)[0])


def _checked_scales(ridge: float, signal: float, noise: float) -> tuple[float, float, float]:
    return checked_scale(ridge, "ridge"), checked_scale(signal, "signal"), checked_scale(noise, "noise")


def checked_scale(value: float, what: str) -> float:
    """A ridge or a standard deviation: 0 or more."""
    number = checked_real(value, what)
    if number < 0:
        raise InputError(f"{what} must not be negative; got {number:g}")
    return float(checked_values(number, what, least=0.0)[0])
