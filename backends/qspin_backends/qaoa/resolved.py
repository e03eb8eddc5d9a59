"""What settings come to: for a problem, its warm start and how angles are found; of devices, the one."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from qspin.errors import InputError
from qspin.problem import IsingProblem
from qspin.sampler import Course, in_order
from qspin_backends.common import paid
from qspin_backends.qaoa import vendor
from qspin_backends.qaoa.aer import Aer
from qspin_backends.qaoa.ansatz import Terms, Tilts
from qspin_backends.qaoa.descent import greedy_state
from qspin_backends.qaoa.device import Device
from qspin_backends.qaoa.foreign import Foreign
from qspin_backends.qaoa.ibm import connected
from qspin_backends.qaoa.objective import CVaR, Expectation, Gibbs, Objective
from qspin_backends.qaoa.runtime import Access, Options
from qspin_backends.qaoa.strategies import Recipe
from qspin_backends.qaoa.target import Target, fake_backend

if TYPE_CHECKING:
    from qspin_backends.qaoa.settings import QaoaSettings

__all__ = ["connected_device", "recipe_of", "tilts_of"]


def tilts_of(given: QaoaSettings, problem: IsingProblem, seed: int) -> Tilts | None:
    """The warm start; None for none.

    Parameters
    ----------
    seed : of greedy descents

    Raises
    ------
    InputError
        If means are not one for every spin, or no means.
    """
    if given.warm_start is None:
        return None
    if given.warm_start == "greedy":
        means: Any = greedy_state(problem, seed)
    elif isinstance(given.warm_start, dict):
        means = in_order(given.warm_start, problem, setting="warm_start", what="mean")
    else:
        means = given.warm_start
    if len(means) != problem.n_spins:
        raise InputError(
            f"warm_start holds {len(means)} means; the problem has {problem.n_spins} spins",
            key=("warm_start",),
        )
    return Tilts.towards(means, given.regularisation)


def recipe_of(given: QaoaSettings, problem: IsingProblem, depth: int) -> Recipe:
    """How angles of a depth are found."""
    return Recipe(
        ansatz=given.ansatz,
        depth=depth,
        angles=given.angles,
        angles_from=given.angles_from,
        ramp_step=given.ramp_step,
        fourier_terms=given.fourier_terms,
        objective=_objective(given, problem),
        n_starts=given.n_starts,
        n_iterations=given.n_iterations,
        multi_angle=given.multi_angle,
        quench_time=given.quench_time,
        schedule=given.schedule if isinstance(given.schedule, tuple) else (),
        course=_course(given),
    )


def _course(given: QaoaSettings) -> Course | None:
    """Of a quench along the schedule of an annealer."""
    schedule = given.followed_schedule
    if schedule is None or given.annealing_time is None:
        return None
    return schedule.course([(0.0, 0.0), (1e3 * given.annealing_time, 1.0)])


def _objective(given: QaoaSettings, problem: IsingProblem) -> Objective:
    if given.objective == "cvar":
        return CVaR(given.cvar_fraction)
    if given.objective == "gibbs":
        spread = float(np.sqrt((Terms.of(problem).weights ** 2).sum()))
        return Gibbs(given.gibbs_eta or 1 / (spread or 1.0))
    return Expectation()


@contextlib.contextmanager
def connected_device(given: QaoaSettings) -> Iterator[Device]:
    """The device of some settings for the time of a block; raises InputError where there is none."""
    placing: dict[str, Any] = {
        "optimization_level": given.optimization_level,
        "seed": given.transpiler_seed,
        "layout": given.layout,
    }
    if given.device == "ibm":
        access = Access(
            backend=given.backend, channel=given.channel, instance=given.instance, **given.terms()
        )
        options = Options(given.dynamical_decoupling, given.twirling)
        with connected(access, placing, options) as device:
            yield device
        return
    if given.device == "backend":
        yield _foreign(given, placing)
        return
    named, key = given.backend, "backend"
    if isinstance(given.noise, str):
        named, key = given.noise, "noise"
    backend = None if named is None else fake_backend(named, key)
    target = Target(backend, given.coupling_map, given.basis_gates, **placing)
    yield Aer(
        given.method,
        given.max_bond_dimension,
        given.truncation_threshold,
        given.noise,
        target,
        given.noise_drift,
    )


def _foreign(given: QaoaSettings, placing: dict[str, Any]) -> Foreign:
    assert given.backend is not None
    backend = vendor.opened(given.backend, given.backend_name, given.backend_options)
    return Foreign(
        backend, given.backend, Target(backend, None, None, **placing), paid.Terms(**given.terms())
    )
