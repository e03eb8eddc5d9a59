"""Where angles come from, by the name of the setting ``angles``; what was done is recorded."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from qspin.errors import InputError
from qspin.problem import IsingProblem
from qspin.sampler import Course, GivenFile
from qspin.samples import SampleSet
from qspin_backends.qaoa.ansatz import Angles, Terms, Tilts
from qspin_backends.qaoa.objective import Objective
from qspin_backends.qaoa.schedules import interpolated, linear_ramp, quench, quench_along
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

__all__ = ["STRATEGIES", "Chosen", "Recipe", "check_recipe", "chosen_angles", "chosen_together", "untrained"]

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
    course: Course | None = None

    @property
    def is_trained(self) -> bool:
        return self.ansatz == "qaoa" and self.angles in _TRAINED


@dataclass(frozen=True)
class Chosen:
    """Angles in the units of a problem, and where they come from; plain JSON.

    Parameters
    ----------
    is_quench : whether layers are the steps of a quench in time
    """

    angles: Angles
    origin: dict[str, Any]
    is_quench: bool = False


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
    if recipe.ansatz == "quench" and recipe.course is not None:
        origin = {"name": "quench", "annealing_time_ns": recipe.course.duration, "coupling_scale": scale}
        return Chosen(quench_along(recipe.course, recipe.depth), origin, is_quench=True)
    if recipe.ansatz == "quench":
        angles = quench(recipe.quench_time, recipe.depth, recipe.schedule).scaled(1 / scale)
        origin = {"name": "quench", "time": recipe.quench_time / scale, "coupling_scale": scale}
        return Chosen(angles, origin, is_quench=True)
    if not isinstance(recipe.angles, str):
        return Chosen(_fitted(Angles.from_json(recipe.angles), problem, recipe, "angles"), {"name": "given"})
    angles, origin = _SOURCES[recipe.angles](problem, recipe, tilts, scale, seed)
    return Chosen(angles, {"name": recipe.angles, "coupling_scale": scale, **origin})


def chosen_together(
    problem: IsingProblem, recipes: Sequence[Recipe], tilts: Tilts | None, seed: int
) -> list[Chosen]:
    """Angles of recipes that differ by their depth, which ascends; those that are trained in one go.

    Raises as `chosen_angles`.
    """
    if len(recipes) == 1 or not recipes[-1].is_trained:
        return [chosen_angles(problem, recipe, tilts, seed) for recipe in recipes]
    scale = coupling_scale(problem)
    found = _trained_together(problem, recipes, tilts, scale, seed)
    name = str(recipes[-1].angles)
    return [Chosen(angles, {"name": name, "coupling_scale": scale, **origin}) for angles, origin in found]


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
    of_depths = {row["depth"]: row["angles"] for row in info.get("depths", [])}
    given = of_depths.get(recipe.depth, info["angles"])
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
    return _trained_together(problem, [recipe], tilts, scale, seed)[0]


def _trained_together(
    problem: IsingProblem, recipes: Sequence[Recipe], tilts: Tilts | None, scale: float, seed: int
) -> list[tuple[Angles, dict[str, Any]]]:
    """Angles of recipes that differ by their depth, which ascends, in one go."""
    deepest = recipes[-1]
    require_engine(problem, deepest.depth, deepest.objective, multi=deepest.multi_angle)
    with engine_for(problem, deepest.depth, tilts) as engine:
        is_long = problem.n_spins > _SHORT
        target = Target(engine, deepest.objective, scale, deepest.n_iterations, is_long)
        found = _TRAININGS[str(deepest.angles)](problem, recipes, target, seed)
    name = type(engine).__name__
    return [
        (trained.angles.scaled(1 / scale), {"engine": name, "training": trained.record}) for trained in found
    ]


def _optimised(problem: IsingProblem, recipes: Sequence[Recipe], target: Target, seed: int) -> list[Trained]:
    found: list[Trained] = []
    for k, recipe in enumerate(recipes):
        before = {f"depth {recipes[k - 1].depth}": _longer(found[-1].angles, recipe.depth)} if found else {}
        rng = np.random.default_rng([seed, k] if k else seed)
        found.append(_from_several(problem, recipe, target, before, rng))
    return found


def _from_several(
    problem: IsingProblem,
    recipe: Recipe,
    target: Target,
    before: Mapping[str, Angles],
    rng: np.random.Generator,
) -> Trained:
    """From what was found before, the table, a ramp, and the best of them shaken."""
    starts = {**before, "linear_ramp": linear_ramp(recipe.depth, recipe.ramp_step)}
    if recipe.depth in table_depths():
        table = table_angles(problem, recipe.depth)[0].scaled(target.scale)
        starts = {**before, "table": table, **starts}
    best = min(starts.values(), key=target.value)
    while len(starts) < recipe.n_starts:
        shaken = best.vector + _JITTER * rng.normal(size=len(best.vector))
        starts[f"random {len(starts) + 1}"] = best.moved_to(shaken)
    trained = from_starts(target, dict(list(starts.items())[: recipe.n_starts]))
    if not recipe.multi_angle:
        return trained
    shared = trained.angles.multi(len(Terms.of(problem)), problem.n_spins)
    multi = from_starts(target, {"shared": shared})
    return Trained(multi.angles, {**multi.record, "shared": trained.record})


def _longer(angles: Angles, depth: int) -> Angles:
    while angles.depth < depth:
        angles = interpolated(angles)
    return angles


def _interpolated(
    problem: IsingProblem, recipes: Sequence[Recipe], target: Target, seed: int
) -> list[Trained]:
    start = table_angles(problem, 1)[0].scaled(target.scale)
    return by_depth(target, start, [recipe.depth for recipe in recipes])


def _fourier(problem: IsingProblem, recipes: Sequence[Recipe], target: Target, seed: int) -> list[Trained]:
    deepest = recipes[-1]
    n_terms = deepest.depth if deepest.fourier_terms is None else deepest.fourier_terms
    start = table_angles(problem, 1)[0].scaled(target.scale)
    return by_fourier(target, start, [recipe.depth for recipe in recipes], n_terms)


_SOURCES: Mapping[str, Source] = {
    "table": _table,
    "linear_ramp": _ramp,
    "transfer": _transfer,
    "interp": _trained,
    "fourier": _trained,
    "optimise": _trained,
}
_TRAININGS: Mapping[str, Callable[[IsingProblem, Sequence[Recipe], Target, int], list[Trained]]] = {
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
