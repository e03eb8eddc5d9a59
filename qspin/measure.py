"""What a measure is: frozen settings and one function of a sample set. Authors import everything from here.

A measure names what samples and problems must have (`needs`) and says how its results are averaged over
instances of the disorder. `qspin.testing.MeasureContract` checks the rest.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import ClassVar

import numpy as np
import xarray as xr

from qspin.arguments import checked_arguments
from qspin.errors import InputError
from qspin.problem import IsingProblem
from qspin.sampler import OFFERS, Ladder, PositiveInt, settings
from qspin.samples import SampleSet

__all__ = [
    "NEEDS",
    "InputError",
    "IsingProblem",
    "Ladder",
    "Measure",
    "PositiveInt",
    "SampleSet",
    "checked_arguments",
    "is_thermal",
    "mean_over_instances",
    "offered_by",
    "require_needs",
    "settings",
    "told_by",
    "unmet",
]

NEEDS = {
    **OFFERS,
    "problem:patterns": "a problem whose patterns are known",
    "problem:groups": "a problem whose spins fall into known groups, such as layers",
    "problem:ground_energy": "a problem whose lowest energy is known",
    "problem:couplings": "a problem with couplings",
}
"""What a measure may need: of samples, as backends offer it (`qspin.sampler.offers`), and of problems."""


class Measure:
    """Frozen settings (`qspin.settings.settings`) and what they compute from one sample set.

    Attributes
    ----------
    version : raise it when the same samples come to give other numbers; it enters every key
    needs : names out of `NEEDS`
    against : whether `measure` takes a third argument, samples of another backend on the same problem
    """

    version: ClassVar[int] = 1
    needs: ClassVar[frozenset[str]] = frozenset()
    against: ClassVar[bool] = False

    def measure(self, samples: SampleSet, problem: IsingProblem) -> xr.Dataset:
        """What the samples say, as named variables over ``beta`` or others; errors are called NAME_error.

        Raises
        ------
        InputError
            Where samples of this kind do not tell it.
        """
        raise NotImplementedError

    def average(self, results: Sequence[xr.Dataset]) -> xr.Dataset:
        """The same over instances of the disorder, with standard errors over these."""
        return mean_over_instances(results)


def mean_over_instances(results: Sequence[xr.Dataset]) -> xr.Dataset:
    """Means of all variables, and their standard errors over instances as NAME_error in the place of those of
    the single instances.

    Parameters
    ----------
    results : of two or more instances, over the same coordinates

    Raises
    ------
    InputError
        If their shapes differ.
    """
    first = results[0]
    variables = {}
    for name in [name for name in first.data_vars if not str(name).endswith("_error")]:
        shapes = {result[name].shape for result in results}
        if len(shapes) > 1:
            raise InputError(f"{name} has shapes {sorted(shapes)}: instances of one shape can be averaged")
        values = np.stack([result[name].values for result in results]).astype(float)
        spread = values.std(axis=0, ddof=1) if len(results) > 1 else np.full(values.shape[1:], np.nan)
        variables[name] = (first[name].dims, values.mean(axis=0))
        variables[f"{name}_error"] = (first[name].dims, spread / np.sqrt(len(results)))
    return xr.Dataset(variables, coords=first.coords).assign_attrs(first.attrs, n_instances=len(results))


def told_by(problem: IsingProblem) -> frozenset[str]:
    """What is known of a problem, out of `NEEDS`."""
    known = problem.known
    names = ("patterns", "groups", "ground_energy")
    told = {f"problem:{name}" for name in names if getattr(known, name, None) is not None}
    return frozenset(told | ({"problem:couplings"} if problem.n_couplings else set()))


def is_thermal(samples: SampleSet) -> bool:
    """Whether samples follow exp(-beta E) at the betas that they carry; not where a sampler has none, nor
    where replicas were to stop at an energy (``info["target"]``), which chooses configurations by it."""
    return bool(np.isfinite(samples.betas).all()) and "target" not in samples.info


def offered_by(samples: SampleSet, problem: IsingProblem) -> frozenset[str]:
    """What samples and their problem have, out of `NEEDS`."""
    sizes, is_set = samples.spins.sizes, is_thermal(samples)
    stored = not samples.has_averages and samples.energies.size > 0
    has = {
        "thermostat": is_set,
        "thermometer": "beta_effective" in samples.dataset,
        "ladder": is_set and sizes["beta"] >= 2,
        "replicas": sizes["replica"] >= 2,
        "draws": stored and sizes["draw"] >= 4,
        "spins": stored,
    }
    return told_by(problem) | {name for name, is_there in has.items() if is_there}


def require_needs(needs: Collection[str], samples: SampleSet, problem: IsingProblem, what: str) -> None:
    """Refuse samples, or a problem, that lack what is needed.

    Parameters
    ----------
    needs : names out of `NEEDS`
    what : needs it, for the message

    Raises
    ------
    InputError
        Naming all that is missing.
    """
    missing = sorted(set(needs) - offered_by(samples, problem))
    if missing:
        words = "; ".join(f"{name} ({NEEDS.get(name, name)})" for name in missing)
        backend = samples.info.get("backend", "an unknown sampler")
        raise InputError(f"{what} needs {words}, which these samples of {backend} do not have")


def unmet(measure: type[Measure] | Measure, offered: Collection[str] | None) -> list[str]:
    """What a measure needs and is not offered, in words.

    Parameters
    ----------
    offered : names out of `NEEDS`; None where nothing is known, which may be anything
    """
    if offered is None:
        return []
    return [NEEDS.get(need, need) for need in sorted(measure.needs - set(offered))]
