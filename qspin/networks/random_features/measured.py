"""Double descent as it is measured: regressions on random features, over their number."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import xarray as xr
from numpy.random import Generator
from numpy.typing import NDArray

from qspin.errors import InputError
from qspin.instances._drawing import generator
from qspin.networks.random_features.ridge import ridge_regression
from qspin.networks.random_features.task import drawn_task, require_room
from qspin.remarks import Remark, stored
from qspin.theory.activations import ActivationName
from qspin.theory.regression import Teacher, checked_scale
from qspin.validate import checked_array, checked_count

__all__ = ["random_feature_regression"]

Floats = NDArray[np.float64]

_FAR = 4  # |N - P| from which on an inverse Wishart matrix has a variance
_NAMES = ("bias", "variance", "excess_risk", "test_error", "train_error")


class _Settings(NamedTuple):
    activation: ActivationName
    teacher: Teacher
    ridge: float
    signal: float
    noise: float


def random_feature_regression(
    n_inputs: int,
    n_samples: int,
    n_features: int | Sequence[int],
    *,
    activation: ActivationName = "erf",
    teacher: Teacher = "linear",
    ridge: float = 0.0,
    signal: float = 1.0,
    noise: float = 0.0,
    n_draws: int = 20,
    n_test: int = 1_000,
    seed: int,
) -> xr.Dataset:
    """Errors of ridge regression on random features, over the number of features.

    Each draw has features, a teacher and two training sets of its own: what the errors of the two students
    have in common is bias, the rest of them variance, about the mean over training sets with the features
    held.

    Parameters
    ----------
    n_inputs, n_samples : D, and P of each training set
    n_features : N, one or several
    activation, teacher, ridge, signal, noise : as of `qspin.theory.random_feature_double_descent`, which
        predicts what comes out; a teacher on features has weights of one size, `signal`, and random sign
    n_draws : two or more
    n_test : new inputs that errors are averaged over in each draw
    seed : of everything that is drawn

    Returns
    -------
    over ``features_per_sample``, N / P, with the coordinate ``n_features``: ``bias``, ``variance``,
    ``excess_risk``, ``test_error`` and ``train_error``, means over draws, each with its standard error
    ``.._error``. Near N = P without a ridge a few draws make up the mean, and errors are too small: a remark
    says so where N and P differ by less than 4

    Raises
    ------
    InputError
        If a number is out of range, or there is no such activation or teacher.
    CapacityError
        If a regression would not fit in memory.
    """
    numbers = [
        checked_count(n, "n_features", least=1)
        for n in np.atleast_1d(checked_array(n_features, "n_features"))
    ]
    if not numbers:
        raise InputError("n_features takes one number of features or several; got none")
    n_draws = checked_count(n_draws, "n_draws", least=2)
    require_room(n_inputs, max(numbers), n_samples + checked_count(n_test, "n_test", least=1))
    signal, noise = checked_scale(signal, "signal"), checked_scale(noise, "noise")
    settings = _Settings(activation, teacher, checked_scale(ridge, "ridge"), signal, noise)
    rng = generator(seed)
    draws = np.array([
        [_one_draw(rng, n_inputs, n, n_samples, n_test, settings) for _ in range(n_draws)] for n in numbers
    ])  # fmt: skip
    means, errors = draws.mean(axis=1), draws.std(axis=1, ddof=1) / np.sqrt(n_draws)
    variables: dict[str, tuple[str, Floats]] = {}
    for k, name in enumerate(_NAMES):
        variables[name] = ("features_per_sample", means[:, k])
        variables[f"{name}_error"] = ("features_per_sample", errors[:, k])
    coords = {
        "features_per_sample": np.array(numbers) / n_samples,
        "n_features": ("features_per_sample", numbers),
    }
    sizes = {"n_inputs": n_inputs, "n_samples": n_samples, "n_draws": n_draws}
    remarks = stored(_remarks(numbers, n_samples, settings.ridge))
    return xr.Dataset(variables, coords=coords, attrs={**sizes, **settings._asdict(), "remarks": remarks})


def _remarks(n_features: Sequence[int], n_samples: int, ridge: float) -> list[Remark]:
    near = [n for n in n_features if abs(n - n_samples) < _FAR]
    if ridge > 0 or not near:
        return []
    text = (
        f"without a ridge, errors with {', '.join(map(str, near))} features for {n_samples} samples are "
        "spread so widely over draws that their mean has no standard error"
    )
    return [Remark("heavy-tails", text)]


def _one_draw(
    rng: Generator, n_inputs: int, n_features: int, n_samples: int, n_test: int, settings: _Settings
) -> tuple[float, ...]:
    """Values of `_NAMES`."""
    task = drawn_task(
        rng,
        n_inputs,
        n_features,
        activation=settings.activation,
        teacher=settings.teacher,
        signal=settings.signal,
    )
    new, truth = task.samples(rng, n_test)
    misses, trained = [], []
    for _ in range(2):
        phi, clean = task.samples(rng, n_samples)
        labels = clean + settings.noise * rng.normal(size=n_samples)
        weights = ridge_regression(phi, labels, ridge=settings.ridge) / np.sqrt(n_features)
        misses.append(new @ weights - truth)
        trained.append(float(((phi @ weights - labels) ** 2).mean()))
    one, other = misses
    bias, risk = float((one * other).mean()), float((one**2 + other**2).mean() / 2)
    return bias, risk - bias, risk, risk + settings.noise**2, float(np.mean(trained))
