"""Asserts in standard errors, and the problems that contracts are held on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from qspin.errors import InputError
from qspin.problem import IsingProblem
from qspin.samples import SampleSet
from qspin.settings import setting_names
from qspin.significance import STANDARD_ERRORS
from qspin.spectrum import enumerate_problem

__all__ = [
    "assert_boltzmann",
    "assert_frozen",
    "assert_refused",
    "assert_within_errors",
    "refusal",
    "small_problems",
]

_FEWEST_EVENTS = 10  # fewer expected rare events than this make a standard error meaningless


def assert_within_errors(
    estimate: ArrayLike,
    error: ArrayLike,
    expected: ArrayLike,
    *,
    what: str = "estimate",
    n_standard_errors: float = STANDARD_ERRORS,
    rounding: float | None = None,
) -> None:
    """Fail if any estimate lies further from what is expected than so many standard errors.

    Parameters
    ----------
    estimate, error, expected : arrays that broadcast; errors must be positive or the values equal
    what : name of the quantity, for the message
    rounding : differences no larger count as none, in the units of the quantity; default 1e-12 of the largest
        value that is expected
    """
    value, spread, exact = np.broadcast_arrays(*(np.asarray(a, float) for a in (estimate, error, expected)))
    difference = np.abs(value - exact)
    if rounding is None:
        rounding = 1e-12 * float(np.max(np.abs(exact), initial=0.0))
    with np.errstate(divide="ignore", invalid="ignore"):
        deviation = np.where(difference <= rounding, 0.0, difference / spread)
    if not deviation.size or (worst := np.nanmax(deviation)) <= n_standard_errors:
        assert not np.isnan(deviation).any(), f"{what}: standard error is not a number"
        return
    k = np.unravel_index(int(np.nanargmax(deviation)), deviation.shape)
    raise AssertionError(
        f"{what} {[int(i) for i in k]}: {value[k]:.6g} lies {worst:.1f} standard errors ({spread[k]:.2g}) "
        f"from {exact[k]:.6g}; at most {n_standard_errors:g} are allowed"
    )


def assert_boltzmann(samples: SampleSet, problem: IsingProblem) -> None:
    """Fail if samples of a small problem deviate from exp(-beta E) / Z, by enumeration.

    Checks mean energy, magnetisations and pair correlations at every beta, with errors over replicas.
    Quantities so near to +-1 that fewer than ten deviating configurations are expected have no usable
    standard error and are left out.
    """
    enumeration = enumerate_problem(problem)
    n_samples = samples.energies.values[0].size
    upper = np.triu_indices(problem.n_spins, 1)
    for b, beta in enumerate(samples.betas):
        energies, spins = samples.energies.values[b], samples.spins.values[b].astype(np.float64)
        where = f"beta = {beta:g}"
        _assert_mean(
            energies.mean(axis=1),
            enumeration.mean_energy(beta),
            f"energy at {where}",
            rounding=samples.energy_tolerance,
        )
        correlations = np.einsum("rdi,rdj->rij", spins, spins) / spins.shape[1]
        for name, per_replica, exact in (
            ("magnetisation", spins.mean(axis=1), enumeration.magnetisations(beta)),
            ("correlation", correlations[:, upper[0], upper[1]], enumeration.correlations(beta)[upper]),
        ):
            usable = n_samples * (1 - np.abs(exact)) / 2 >= _FEWEST_EVENTS
            _assert_mean(per_replica[:, usable], exact[usable], f"{name} at {where}", rounding=1e-12)


def _assert_mean(per_replica: np.ndarray, exact: ArrayLike, what: str, *, rounding: float) -> None:
    error = per_replica.std(axis=0, ddof=1) / np.sqrt(len(per_replica))
    assert_within_errors(per_replica.mean(axis=0), error, exact, what=what, rounding=rounding)


def small_problems() -> dict[str, IsingProblem]:
    """Corners that every sampler must take: no spin, one spin, free spins, fields, labels, two components."""
    rng = np.random.default_rng(20)
    dense = np.triu(rng.normal(size=(6, 6)), 1)
    return {
        "no spin": IsingProblem(np.zeros((0, 0)), offset=1.5),
        "one spin": IsingProblem([[0.0]], fields=[-0.7]),
        "free spins": IsingProblem(np.zeros((4, 4))),
        "fields only": IsingProblem(np.zeros((3, 3)), fields=[1.0, -1.0, 0.5]),
        "dense": IsingProblem(dense + dense.T, fields=rng.normal(size=6), offset=-2.0),
        "labelled chain": IsingProblem.from_edges(
            4, [0, 1, 2], [1, 2, 3], [-1.0, 0.5, 2.0], labels=["a", ("b", 1), 7, "d"]
        ),
        "two components": IsingProblem.from_edges(5, [0, 3], [1, 4], [-1.0, 1.0]),
    }


def assert_frozen(settings: object) -> None:
    """Fail if a setting can be changed after construction."""
    for name in setting_names(type(settings)):
        try:
            setattr(settings, name, None)
        except AttributeError:
            continue
        raise AssertionError(f"setting {name!r} can be changed after construction")


def assert_refused(call: Callable[..., Any], text: str = "") -> None:
    """Fail unless a call raises an InputError whose message holds a text."""
    message = refusal(call)
    assert message is not None, f"no InputError about {text!r}"
    assert text in message, f"the message does not name {text!r}: {message}"


def refusal(call: Callable[..., Any]) -> str | None:
    """The message of the InputError that a call raises, None if it raises none."""
    try:
        call()
    except InputError as error:
        return str(error)
    return None
