"""Where angles come from, by the name of the setting ``angles``; what was done is recorded."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from qspin.errors import InputError
from qspin.problem import IsingProblem
from qspin.sampler import GivenFile
from qspin.samples import SampleSet
from qspin_backends.qaoa.ansatz import Angles, Terms, Tilts
from qspin_backends.qaoa.objective import Objective
from qspin_backends.qaoa.schedules import linear_ramp, quench
from qspin_backends.qaoa.tables import coupling_scale, table_angles, table_depths
from qspin_backends.qaoa.training import (
    Target,
    Trained,
    by_depth,
    by_fourier,
    engine_for,
    from_starts,
    require_engine,
)

__all__ = ["STRATEGIES", "Chosen", "Recipe", "check_recipe", "chosen_angles", "untrained"]

STRATEGIES = ("table", "linear_ramp", "interp", "fourier", "optimise", "transfer")

_TRAINED = ("interp", "fourier", "optimise")
_SHORT = 20  # spins up to which a circuit with its gradient takes milliseconds
_JITTER = 0.15  # of random starts, units of the coupling scale and radians


@dataclass(frozen=True)
class Recipe:
    """How angles are to be found; see the settings of `Qaoa`."""

    ansatz: str
    depth: int
    angles: str | Mapping[str, Any]
    angles_from: GivenFile | None
    ramp_step: float
    fourier_terms: int | None
    objective: Objective
    n_starts: int
    n_iterations: int
    multi_angle: bool
    quench_time: float
    schedule: tuple[tuple[float, float, float], ...]

    @property
    def is_trained(self) -> bool:
        return self.ansatz == "qaoa" and self.angles in _TRAINED


@dataclass(frozen=True)
class Chosen:
    """Angles in the units of a problem, and where they come from; plain JSON."""

    angles: Angles
    origin: dict[str, Any]


def chosen_angles(problem: IsingProblem, recipe: Recipe, tilts: Tilts | None, seed: int) -> Chosen:
    """Find the angles.

    Parameters
    ----------
    seed : of random starts

    Raises
    ------
    CapacityError
        If angles are to be trained on more spins than fit.
    InputError
        If given angles do not fit the depth or the problem.
    """
    scale = coupling_scale(problem)
    if recipe.ansatz == "quench":
        angles = quench(recipe.quench_time, recipe.depth, recipe.schedule).scaled(1 / scale)
        origin = {"name": "quench", "time": recipe.quench_time / scale, "coupling_scale": scale}
        return Chosen(angles, origin)
    if not isinstance(recipe.angles, str):
        return Chosen(_fitted(Angles.from_json(recipe.angles), problem, recipe, "angles"), {"name": "given"})
    angles, origin = _SOURCES[recipe.angles](problem, recipe, tilts, scale, seed)
    return Chosen(angles, {"name": recipe.angles, "coupling_scale": scale, **origin})


def check_recipe(problem: IsingProblem, recipe: Recipe, tilts: Tilts | None) -> None:
    """Raises as `chosen_angles`, without training."""
    if recipe.is_trained:
        require_engine(problem, recipe.depth, recipe.objective, multi=recipe.multi_angle)
    else:
        chosen_angles(problem, recipe, tilts, seed=0)


def untrained(recipe: Recipe) -> Recipe:
    """A recipe for a circuit of the same shape that costs no training."""
    return dataclasses.replace(recipe, angles="linear_ramp") if recipe.is_trained else recipe


Source = Callable[[IsingProblem, Recipe, Tilts | None, float, int], tuple[Angles, dict[str, Any]]]


def _table(problem: IsingProblem, recipe: Recipe, *_: Any) -> tuple[Angles, dict[str, Any]]:
    return table_angles(problem, recipe.depth)


def _ramp(
    problem: IsingProblem, recipe: Recipe, tilts: Tilts | None, scale: float, seed: int
) -> tuple[Angles, dict[str, Any]]:
    return linear_ramp(recipe.depth, recipe.ramp_step).scaled(1 / scale), {"step": recipe.ramp_step}


def _transfer(
    problem: IsingProblem, recipe: Recipe, tilts: Tilts | None, scale: float, seed: int
) -> tuple[Angles, dict[str, Any]]:
    """Gamma goes with the inverse of the coupling scale."""
    assert recipe.angles_from is not None
    info = SampleSet.load(recipe.angles_from.unchanged()).info
    if "angles" not in info:
        raise InputError(
            f"angles_from {recipe.angles_from} holds samples of backend {info.get('backend')!r}, without "
            "angles; give a sample file of backend 'qaoa'",
            key=("angles_from",),
        )
    given = info["angles"]
    angles = _fitted(Angles.from_json(given), problem, recipe, "angles_from")
    theirs = float(info["coupling_scale"])
    record = {
        "from_problem": info["problem"],
        "from_coupling_scale": theirs,
        "from_angles": given["origin"],
    }
    return angles.scaled(theirs / scale), record


def _trained(
    problem: IsingProblem, recipe: Recipe, tilts: Tilts | None, scale: float, seed: int
) -> tuple[Angles, dict[str, Any]]:
    require_engine(problem, recipe.depth, recipe.objective, multi=recipe.multi_angle)
    with engine_for(problem, recipe.depth, tilts) as engine:
        is_long = problem.n_spins > _SHORT
        target = Target(engine, recipe.objective, scale, recipe.n_iterations, is_long)
        trained = _TRAININGS[str(recipe.angles)](problem, recipe, target, seed)
    record = {"engine": type(engine).__name__, "training": trained.record}
    return trained.angles.scaled(1 / scale), record


def _optimised(problem: IsingProblem, recipe: Recipe, target: Target, seed: int) -> Trained:
    """From the table, a ramp, and the better of the two shaken."""
    starts = {"linear_ramp": linear_ramp(recipe.depth, recipe.ramp_step)}
    if recipe.depth in table_depths():
        starts = {"table": table_angles(problem, recipe.depth)[0].scaled(target.scale), **starts}
    best = min(starts.values(), key=target.value)
    rng = np.random.default_rng(seed)
    while len(starts) < recipe.n_starts:
        shaken = best.vector + _JITTER * rng.normal(size=len(best.vector))
        starts[f"random {len(starts) + 1}"] = best.moved_to(shaken)
    trained = from_starts(target, dict(list(starts.items())[: recipe.n_starts]))
    if not recipe.multi_angle:
        return trained
    shared = trained.angles.multi(len(Terms.of(problem)), problem.n_spins)
    multi = from_starts(target, {"shared": shared})
    return Trained(multi.angles, {**multi.record, "shared": trained.record})


def _interpolated(problem: IsingProblem, recipe: Recipe, target: Target, seed: int) -> Trained:
    return by_depth(target, table_angles(problem, 1)[0].scaled(target.scale), recipe.depth)


def _fourier(problem: IsingProblem, recipe: Recipe, target: Target, seed: int) -> Trained:
    n_terms = recipe.depth if recipe.fourier_terms is None else recipe.fourier_terms
    return by_fourier(target, table_angles(problem, 1)[0].scaled(target.scale), recipe.depth, n_terms)


_SOURCES: Mapping[str, Source] = {
    "table": _table,
    "linear_ramp": _ramp,
    "transfer": _transfer,
    "interp": _trained,
    "fourier": _trained,
    "optimise": _trained,
}
_TRAININGS: Mapping[str, Callable[[IsingProblem, Recipe, Target, int], Trained]] = {
    "optimise": _optimised,
    "interp": _interpolated,
    "fourier": _fourier,
}


def _fitted(angles: Angles, problem: IsingProblem, recipe: Recipe, key: str) -> Angles:
    """Raises InputError where angles have another depth, or are for other terms."""
    if angles.depth != recipe.depth:
        raise InputError(
            f"{key} holds {angles.depth} layers and depth is {recipe.depth}: set depth: {angles.depth}, or "
            f"give {recipe.depth} angles each",
            key=("depth",),
        )
    wanted = (len(Terms.of(problem)), problem.n_spins)
    if angles.is_multi and (angles.gamma.shape[1], angles.beta.shape[1]) != wanted:
        raise InputError(
            f"{key} holds angles for {angles.gamma.shape[1]} terms and {angles.beta.shape[1]} spins; the "
            f"problem has {wanted[0]} and {wanted[1]}",
            key=(key,),
        )
    return angles
