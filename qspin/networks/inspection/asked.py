"""The config that inspects a model: the file, its controls, a ladder for all of them, and the study."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from qspin.errors import InputError
from qspin.networks.files.model import facts_of
from qspin.networks.inspection.temperatures import formula_temperature, largest_eigenvalue_of
from qspin.problem import IsingProblem
from qspin.registry import get_source
from qspin.settings import settings_of
from qspin.source import Tools
from qspin.validate import checked_count

__all__ = ["as_label", "inspection_config", "ladder_of", "require_couplings", "sweeps_within"]

_FEWEST = 3  # draws of a control, of which a spread means something
_COLD, _HOT, _ABOVE = 0.3, 1.5, 1.2  # ends of the ladder, in units of critical temperatures; of their bound
_MOST_BETAS, _FEWEST_BETAS = 40, 12
_APART = 1.8  # of ln T times sqrt(N), that neighbours of the ladder are apart: swaps then go through
_REPLICAS = 8
_UPDATES = 5e10  # as `sweeps_within` counts them: a minute or so
_SWEEPS = 500, 8_000  # the least and the most
_LONGER = 2  # of a machine, whose own temperature may lie deep in its glass


def inspection_config(
    path: str | os.PathLike[str],
    *,
    layers: Sequence[int | str] | None = None,
    max_spins: int | None = None,
    biases: bool = False,
    n_shuffles: int = 10,
    seed: int = 0,
) -> dict[str, Any]:
    """A config, as plain values, that holds a model against its shuffles and its re-initialisations.

    Where its file does not tell how it is initialised, against its shuffles alone. All of them are sampled by
    parallel tempering on one ladder, from well below the critical temperature of the architecture to above
    any that its couplings can have; where the model has a temperature of its own, that is part of it.

    Parameters
    ----------
    path : file of the model, see `qspin.networks.read_model`
    layers, max_spins, biases : of its twin
    n_shuffles : draws of each control
    seed : of the sampling

    Raises
    ------
    InputError
        If the file holds no model, a setting does not fit it, or there are fewer than three draws.
    """
    checked_count(n_shuffles, "n_shuffles", least=_FEWEST)
    given: dict[str, Any] = {"layers": layers, "max_spins": max_spins, "biases": biases}
    model: Any = get_source("model", path=str(path), **{k: v for k, v in given.items() if v})
    problem, facts = model.outline(), facts_of(path)
    require_couplings(problem, path, "inspect")
    seeds = {"shuffled": "shuffle", **({"reinitialised": "reinitialise"} if facts.initial else {})}
    betas = ladder_of([problem, *([_before(model)] if facts.initial else [])], facts.temperature)
    spec = {k: v for k, v in settings_of(model).items() if v is not None and k in ("path", *given)}
    walkers = len(betas) * _REPLICAS * (len(seeds) * n_shuffles + 1)
    longer = 1 if facts.temperature is None else _LONGER
    sweeps = sweeps_within(longer * _UPDATES, problem, walkers, longer * _SWEEPS[1])
    return {
        "schema": 2,
        "name": f"inspect-{as_label(Path(path).stem)}",
        "seed": seed,
        "problems": {
            "model": {"kind": "model", **spec},
            **{
                label: {"kind": "model", **spec, name: 0, "instances": n_shuffles}
                for label, name in seeds.items()
            },
        },
        "backends": {
            "tempering": {
                "name": "tempering",
                "betas": betas,
                "n_replicas": _REPLICAS,
                "n_burn_in": sweeps // 2,
                "n_sweeps": sweeps,
            }
        },
        "studies": {
            "inspection": {"problem": "model", "temperature": facts.temperature, "initial": facts.initial},
            "equilibrium": {},
        },
    }


def require_couplings(problem: IsingProblem, path: str | os.PathLike[str], what: str) -> None:
    """Refuse spins that are free, or all of whose couplings are 0.

    Raises
    ------
    InputError
        That there is nothing to do what is asked.
    """
    if not problem.edges.couplings.any():
        raise InputError(f"{path} has no couplings among the spins that are kept: nothing to {what}")


def _before(model: Any) -> IsingProblem:
    """The architecture as it is initialised, once."""
    before = model.controls()["before"]
    return before.build({name: made.make(Tools()) for name, made in before.needs().items()})


def ladder_of(
    problems: Sequence[IsingProblem],
    temperature: float | None,
    *,
    hottest: float = 0.0,
    coldest: float = np.inf,
) -> list[float]:
    """Inverse temperatures for a model and its architecture, ascending.

    From 1.5 times the highest critical temperature by the formula, and 1.2 times what bounds any other (the
    largest eigenvalue of J), down to 0.3 of the lowest by the formula, or to the temperature of the model
    where that is colder; closer for more spins, so that swaps go through.

    Parameters
    ----------
    problems : the model, and others of its size
    temperature : of the model itself, None if it has none; it is one of the ladder
    hottest, coldest : temperatures that have to lie within the ladder
    """
    formulas = [formula_temperature(problem) for problem in problems]
    largest = [largest_eigenvalue_of(-problem.couplings) for problem in problems]
    hot = max(_HOT * max(*formulas, temperature or 0.0), _ABOVE * max(largest), hottest)
    cold = min(_COLD * min(t for t in formulas if t > 0), temperature or np.inf, coldest)
    n = int(np.ceil(np.log(hot / cold) * np.sqrt(problems[0].n_spins) / _APART)) + 1
    betas = np.geomspace(1 / hot, 1 / cold, int(np.clip(n, _FEWEST_BETAS, _MOST_BETAS)))
    if temperature is not None:
        betas[np.argmin(np.abs(np.log(betas * temperature)))] = 1 / temperature
    return [float(beta) for beta in betas]


def sweeps_within(updates: float, problem: IsingProblem, n_walkers: int, most: int = _SWEEPS[1]) -> int:
    """Recorded sweeps of tempering, half as many before them, that a budget allows; within limits.

    Parameters
    ----------
    updates : of spins in all, each counted once for every eighth neighbour besides
    n_walkers : replicas at all temperatures of all problems
    most : sweeps, however small the problem
    """
    neighbours = 2 * problem.n_couplings / problem.n_spins
    each = 1.5 * n_walkers * problem.n_spins * (1 + neighbours / 8)
    return int(np.clip(updates / each, _SWEEPS[0], most)) // 100 * 100


def as_label(stem: str) -> str:
    """A name that a run folder can have."""
    return re.sub(r"[^\w.-]+|^[^A-Za-z0-9]+", "-", stem, flags=re.ASCII).strip("-.")[:40] or "model"
