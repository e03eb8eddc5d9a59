"""What a user hands to a function is checked at its door, and told how the right object is made of it.

`checked_arguments` goes by the annotations: parameters that take samples, a problem, configurations or curves
refuse everything else, dimod's objects of the same names among them; so does one that is called ``seed``.
"""

from __future__ import annotations

import functools
import inspect
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ParamSpec, TypeVar

import numpy as np
import xarray as xr

from qspin.errors import InputError
from qspin.problem import IsingProblem
from qspin.samples import SampleSet
from qspin.settings import checked_seed
from qspin.validate import checked_spins

__all__ = ["checked_arguments", "checked_problem", "checked_samples"]

P = ParamSpec("P")
R = TypeVar("R")


def checked_arguments(function: Callable[P, R]) -> Callable[P, R]:
    """Decorator: refuse arguments of another kind than the function's annotations name.

    Raises (from the decorated function)
    ------------------------------------
    InputError
        Saying what was expected, what came, and how the one is made of the other.
    """
    signature = inspect.signature(function)
    checks = {
        name: check
        for name, parameter in signature.parameters.items()
        if (check := _CHECKS.get(str(parameter.annotation)) or _BY_NAME.get(name))
    }

    @functools.wraps(function)
    def checked(*args: P.args, **kwargs: P.kwargs) -> R:
        bound = signature.bind(*args, **kwargs)
        for name, check in checks.items():
            if name in bound.arguments:
                bound.arguments[name] = check(bound.arguments[name], name)
        return function(*bound.args, **bound.kwargs)

    return checked


def checked_samples(given: Any, name: str = "samples") -> SampleSet:
    """The sample set that was given; raises InputError for anything else."""
    if isinstance(given, SampleSet):
        return given
    raise InputError(f"{name}: expected a SampleSet; got {_named(given)}{_sample_set_from(given)}")


def checked_problem(given: Any, name: str = "problem") -> IsingProblem:
    """The problem that was given; raises InputError for anything else."""
    if isinstance(given, IsingProblem):
        return given
    raise InputError(f"{name}: expected an IsingProblem; got {_named(given)}{_problem_from(given)}")


def _configurations(given: Any, name: str) -> np.ndarray:
    """Configurations (..., n_spins) of -1 and +1 as int8."""
    array = np.asarray(_no_object(given, name))
    if array.ndim == 0 or array.dtype.kind not in "biuf":
        raise InputError(f"{name}: expected an array of configurations (..., n_spins); got {given!r:.60}")
    return checked_spins(array, array.shape[-1]).astype(np.int8, copy=False)


def _no_object(given: Any, name: str) -> Any:
    """What may become an array: no object of qspin or dimod, no name."""
    objects = SampleSet | IsingProblem | Mapping | xr.Dataset | str | None
    if not isinstance(given, objects) and not _named(given).startswith("dimod."):
        return given
    hint = ""
    if isinstance(given, SampleSet):
        hint = ": samples.spins.values[row] has shape (replica, draw, n_spins)"
    raise InputError(f"{name}: expected an array of configurations; got {_named(given)}{hint}")


def _seed(given: Any, name: str) -> Any:
    """None is left to the function: some take it for a fresh one."""
    return None if given is None else checked_seed(given)


def _dataset(given: Any, name: str) -> xr.Dataset:
    if isinstance(given, xr.Dataset):
        return given
    raise InputError(
        f"{name}: expected an xarray.Dataset, as the functions of qspin.analysis return it; got "
        f"{_named(given)}"
    )


def _datasets(given: Any, name: str) -> Any:
    if not isinstance(given, Sequence) or isinstance(given, str):
        raise InputError(f"{name}: expected a list of datasets, one an instance; got {_named(given)}")
    return [_dataset(one, f"{name}[{k}]") for k, one in enumerate(given)]


def _curves(given: Any, name: str) -> Any:
    if not isinstance(given, Mapping) or isinstance(given, xr.Dataset):
        raise InputError(
            f"{name}: expected a mapping from labels to datasets, such as {{'tempering': curve}}; got "
            f"{_named(given)}"
        )
    return {label: _dataset(one, f"{name}[{label!r}]") for label, one in given.items()}


def _named_values(given: Any, name: str) -> Any:
    if isinstance(given, Mapping) and not isinstance(given, xr.Dataset):
        return given
    raise InputError(f"{name}: expected a mapping from names to lists of numbers; got {_named(given)}")


_CHECKS: Mapping[str, Callable[[Any, str], Any]] = {
    "SampleSet": checked_samples,
    "IsingProblem": checked_problem,
    "NDArray[np.int8]": _configurations,
    "xr.Dataset": _dataset,
    "Sequence[xr.Dataset]": _datasets,
    "Mapping[str, xr.Dataset]": _curves,
    "Mapping[str, ArrayLike]": _named_values,
}
"""Annotation, as the source writes it, -> check."""

_BY_NAME: Mapping[str, Callable[[Any, str], Any]] = {"spins": _no_object, "seed": _seed}
"""Name of a parameter of any other annotation -> check."""


def _named(given: Any) -> str:
    """Package and class of an object, for messages: ``dimod.SampleSet``."""
    cls = type(given)
    package = cls.__module__.partition(".")[0]
    return cls.__name__ if package == "builtins" else f"{package}.{cls.__name__}"


def _sample_set_from(given: Any) -> str:
    """How to make a SampleSet of this."""
    if isinstance(given, str | os.PathLike):
        return f": SampleSet.load({os.fspath(given)!r})"
    if isinstance(given, xr.Dataset):
        return ": SampleSet(dataset)"
    if isinstance(given, np.ndarray | xr.DataArray | Sequence):
        return ": SampleSet.from_spins(problem, spins, betas) with spins of shape (beta, replica, draw, spin)"
    return {"dimod.SampleSet": ": SampleSet.from_dimod(sampleset, problem)"}.get(_named(given), "")


def _problem_from(given: Any) -> str:
    """How to make an IsingProblem of this."""
    from scipy import sparse

    if isinstance(given, str | os.PathLike):
        return f": qspin.read_problem({os.fspath(given)!r})"
    if isinstance(given, Mapping):
        return ": IsingProblem.from_qubo(qubo)"
    if isinstance(given, np.ndarray | Sequence) or sparse.issparse(given):
        return ": IsingProblem(couplings, fields)"
    if _named(given).startswith("networkx."):
        return ": IsingProblem.from_networkx(graph)"
    return {"dimod.BinaryQuadraticModel": ": IsingProblem.from_bqm(bqm)"}.get(_named(given), "")
