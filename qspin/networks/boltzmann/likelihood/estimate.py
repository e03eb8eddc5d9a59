"""How likely a machine finds data: ln p(v) = -F(v) - ln Z, of which ln Z is the part that costs."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

import torch
from torch import Tensor

from qspin.analysis.resampling import confidence_factor
from qspin.errors import InputError, nearest_name, shown
from qspin.networks.boltzmann.enumeration import can_enumerate, enumerated
from qspin.networks.boltzmann.likelihood.ais import Bound, annealed, base_of, reversed_anneal
from qspin.networks.boltzmann.likelihood.ladder import log_partition_by_tempering
from qspin.networks.boltzmann.machines import Machine, generator_of, require_usable
from qspin.networks.boltzmann.machines.accepted import checked_number, real_values
from qspin.remarks import Level, Remark
from qspin.sizes import checked_size
from qspin.validate import checked_count

if TYPE_CHECKING:
    from qspin.networks.boltzmann.trajectory import TrajectoryTempering

__all__ = ["FAR_APART", "LikelihoodMethod", "LogLikelihood", "log_likelihood"]

LikelihoodMethod = Literal["exact", "ais", "tempering", "trajectory"]

_SETTINGS: Mapping[str, Mapping[str, Any]] = {
    "exact": {},
    "ais": {"n_chains": 500, "n_betas": 1_000, "start": None},
    "tempering": {"betas": None, "n_replicas": 8, "n_burn_in": 1_000, "n_sweeps": 4_000},
    "trajectory": {"trajectory": None},
}
"""What methods take, and their defaults."""

_BYTES_A_BETA = 64
FAR_APART = 1.0
"""Nats between the two bounds, from which on they say little."""


@dataclass(frozen=True)
class LogLikelihood:
    """Mean ln p(v) over data, in nats; unpacks as (value, error).

    Parameters
    ----------
    value, error : the mean and the standard error of ln Z in it; the data are as they are
    log_partition, log_partition_error : ln Z
    method : it was found by
    lower, upper : bounds of ln Z by annealed importance sampling, forwards and backwards, each on its side on
        average; NaN by other methods. Bounds of the likelihood are the other way round
    lower_error, upper_error : their standard errors over chains
    n_data : rows of data
    n_independent : estimates that the error was found from: replicas, or chains; 0 of an exact sum
    remarks : what to know of them
    """

    value: float
    error: float
    log_partition: float
    log_partition_error: float
    method: LikelihoodMethod
    lower: float = math.nan
    upper: float = math.nan
    lower_error: float = math.nan
    upper_error: float = math.nan
    n_data: int = 0
    n_independent: int = 0
    remarks: tuple[Remark, ...] = ()

    def __iter__(self) -> Iterator[float]:
        return iter((self.value, self.error))

    def interval(self, level: float = 0.95) -> tuple[float, float]:
        """Between which the value lies with this confidence, by Student's distribution of as few estimates as
        the error is from (`qspin.analysis.confidence_factor`); of an exact sum the value itself.

        Raises
        ------
        InputError
            If the level does not lie between 0 and 1.

        Examples
        --------
        >>> found = LogLikelihood(-3.0, 0.1, 5.0, 0.1, "tempering", n_independent=8)
        >>> [round(end, 3) for end in found.interval()]
        [-3.236, -2.764]
        """
        if not 0 < checked_number(level, "level") < 1:
            raise InputError(f"level must lie between 0 and 1; got {level:g}")
        half = confidence_factor(self.n_independent, level) * self.error if self.n_independent else 0.0
        return self.value - half, self.value + half

    @property
    def gap(self) -> float:
        """How far the two bounds lie apart, nats; NaN where there are none."""
        return self.upper - self.lower


@torch.no_grad()
def log_likelihood(
    machine: Machine,
    data: Any,
    method: LikelihoodMethod = "exact",
    *,
    seed: int = 0,
    n_chains: int | None = None,
    n_betas: int | None = None,
    start: Any = None,
    betas: Sequence[float] | None = None,
    n_replicas: int | None = None,
    n_burn_in: int | None = None,
    n_sweeps: int | None = None,
    trajectory: TrajectoryTempering | None = None,
) -> LogLikelihood:
    """Mean log-likelihood of data, and how well it is known.

    Parameters
    ----------
    machine : any of `qspin.networks`; its model is exp(-E) / Z
    data : (n, n_visible) in the machine's units
    method : ``exact``: a sum over all configurations of the smaller side, up to 25 units. ``ais``: annealed
        importance sampling from independent units with the means of the data, and its reverse from samples
        of the machine, which bound ln Z from both sides; the value is the middle, and half of their distance
        is part of its error. ``tempering``: the multistate Bennett acceptance ratio over a ladder that leads
        from the free machine at beta = 0 to 1; its error is over replicas, of which 8 leave it uncertain by a
        quarter, so that differences in units of it follow Student's distribution, which `interval` of the
        result takes into account. ``trajectory``: the ratio
        of Bennett from independent units along the checkpoints of a training, for machines that no ladder of
        temperatures leads to
    seed : of all but ``exact``
    n_chains, n_betas : of annealed importance sampling: chains, default 500, and steps from 0 to 1, default
        1000
    start : samples of the machine (n, N) that the reverse starts from, trusted to be that: of one mode out of
        two they make the upper bound wrong, and forward chains that find the same mode alone agree with it.
        Default exact ones where it can be enumerated, else the ends of the forward chains after as many
        sweeps again, which a remark tells
    betas : of tempering, up to 1; default found so that neighbours overlap
    n_replicas, n_burn_in, n_sweeps : of tempering, see the backend of this name; default 8, 1000 and 4000
    trajectory : along checkpoints of which the last is this machine, with settings of its own

    Raises
    ------
    CapacityError
        If ``exact`` would take too many configurations, hidden units cannot be summed over, or chains or
        betas would not fit in memory.
    InputError
        If the machine is none or its parameters are no finite numbers; if the data are none, or no values of
        the units; if the method is unknown, or does not take a setting that is given; if there is no
        trajectory for the method of this name, or it ends at another machine.
    RunError
        If tempering found no ladder, or neighbours on a trajectory do not overlap.

    Examples
    --------
    >>> from qspin.networks import RestrictedBoltzmannMachine
    >>> free = RestrictedBoltzmannMachine(2, 1, spread=0.0)
    >>> value, error = log_likelihood(free, [[1, 1], [-1, 1]])
    >>> round(value, 6), error
    (-1.386294, 0.0)
    """
    if method not in get_args(LikelihoodMethod):
        raise InputError(f"method {method!r}: {nearest_name(str(method), get_args(LikelihoodMethod))}")
    given = {
        "n_chains": n_chains, "n_betas": n_betas, "start": start, "betas": betas, "n_replicas": n_replicas,
        "n_burn_in": n_burn_in, "n_sweeps": n_sweeps, "trajectory": trajectory,
    }  # fmt: skip
    own, seed = _settings_of(method, given), checked_count(seed, "seed")
    require_usable(machine)
    rows = machine.checked_visible(data)
    if rows.ndim != 2 or not len(rows):
        raise InputError(
            f"data must have shape (n, {machine.n_visible}), at least one row; got {tuple(rows.shape)}"
        )
    energy = float(machine.free_energy(rows).mean())
    if method == "exact":
        log_partition = enumerated(machine).log_partition
        return LogLikelihood(-energy - log_partition, 0.0, log_partition, 0.0, method, n_data=len(rows))
    if method == "ais":
        checked_count(own["n_chains"], "n_chains", least=2)
        checked_size(own["n_betas"], "n_betas", least=2, each=_BYTES_A_BETA)
        return _between(machine, rows, energy, own["n_chains"], own["n_betas"], start, seed)
    if method == "tempering":
        checked_size(own["n_replicas"], "n_replicas", least=2, each=len(machine.labels))
        log_partition, error, remarks = log_partition_by_tempering(machine.problem(), seed=seed, **own)
    else:
        log_partition, error, remarks = _along(trajectory, machine, seed)
    return LogLikelihood(
        -energy - log_partition,
        error,
        log_partition,
        error,
        method,
        n_data=len(rows),
        n_independent=own["n_replicas"] if trajectory is None else trajectory.n_replicas,
        remarks=tuple(remarks),
    )


def _settings_of(method: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """Those of a method, as they are given or by default; raises InputError for one that it does not take."""
    own = _SETTINGS[method]
    if wrong := [name for name, value in given.items() if value is not None and name not in own]:
        takes = ", ".join(own) or "none"
        raise InputError(
            f"method {method!r} does not take {', '.join(wrong)}; of these settings it takes {takes}"
        )
    return {name: default if given[name] is None else given[name] for name, default in own.items()}


def _along(
    trajectory: TrajectoryTempering | None, machine: Machine, seed: int
) -> tuple[float, float, list[Remark]]:
    """ln Z at the end of a trajectory, its error, remarks."""
    if trajectory is None or not hasattr(trajectory, "log_partition"):
        raise InputError(
            "method 'trajectory' goes along the checkpoints of a training: pass "
            f"trajectory=TrajectoryTempering.of(machine, fit.kept); got {shown(trajectory)}"
        )
    trajectory.check(machine.problem())
    return trajectory.log_partition(seed=seed)


def _between(
    machine: Machine, rows: Tensor, energy: float, n_chains: int, n_betas: int, start: Any, seed: int
) -> LogLikelihood:
    """By annealed importance sampling, from both sides."""
    base = base_of(machine, rows)
    forwards, backwards, starting = (generator_of([seed, k], machine.like.device) for k in range(3))
    lower, ends = annealed(machine, base, n_chains, n_betas, forwards)
    first, remarks = _started(machine, start, ends, n_betas, starting)
    upper = reversed_anneal(machine, base, first, n_betas, backwards)
    remarks += _remarks(lower, upper)
    value = (lower.value + upper.value) / 2
    error = math.hypot((upper.value - lower.value) / 2, lower.error / 2, upper.error / 2)
    return LogLikelihood(
        -energy - value,
        error,
        value,
        error,
        "ais",
        lower.value,
        upper.value,
        lower.error,
        upper.error,
        len(rows),
        min(n_chains, len(first)),
        tuple(remarks),
    )


def _started(
    machine: Machine, start: Any, ends: Tensor, n_sweeps: int, generator: torch.Generator
) -> tuple[Tensor, list[Remark]]:
    """Samples of the machine that the reverse starts from."""
    if start is not None:
        expected = f"an array of all units (n, {ends.shape[1]})"
        given = real_values(start, "start", expected).to(ends.device, ends.dtype)
        if given.ndim != 2 or given.shape[1] != ends.shape[1] or not len(given):
            raise InputError(
                f"start must have shape (n, {ends.shape[1]}), all units; got {tuple(given.shape)}"
            )
        machine.energies(given)
        return given, []
    if can_enumerate(machine, 20):
        return enumerated(machine).draws(machine, len(ends), generator), []
    for _ in range(n_sweeps):
        ends = machine.swept(ends, generator)
    return ends, [
        Remark(
            "reverse-start",
            f"the bound from above starts from chains of {2 * n_sweeps} sweeps, which may not be samples of "
            "the machine: pass samples of a long run as start",
        )
    ]


def _remarks(lower: Bound, upper: Bound) -> list[Remark]:
    gap = upper.value - lower.value
    if abs(gap) <= FAR_APART and math.isfinite(gap):
        return []
    return [
        Remark(
            "bounds-apart",
            f"ln Z lies between {lower.value:.3f}({lower.error:.2g}) and {upper.value:.3f}({upper.error:.2g})"
            f", {gap:.2f} nats apart: take more betas (n_betas) or chains, or method 'tempering'",
            Level.SERIOUS,
        )
    ]
