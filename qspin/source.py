"""What a source of problems is: frozen settings that build one `IsingProblem`. Authors import all from here.

A source with costly ingredients (a training, a file) names them in `needs`; each is a `Preparation`, which is
made once however many problems want it, and kept. `qspin.testing.SourceContract` checks the rest.

In configs every source also takes ``clamp``, label of a spin -> -1 or +1: it then builds the problem of the
others (`IsingProblem.clamped`). Authors do nothing for it, see `qspin.clamped_source`.

A generator needs no class: a registered function from settings to an `IsingProblem`, with a type on every
parameter, becomes a source by its signature.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any, ClassVar, get_type_hints

import xarray as xr
from numpy.typing import NDArray
from pydantic import NonNegativeInt

from qspin.arguments import checked_arguments
from qspin.checkpoint import Checkpoint, current_checkpoint
from qspin.errors import InputError
from qspin.predicted import Mark
from qspin.problem import IsingProblem
from qspin.progress import report_progress
from qspin.sampler import Sampler, Workload, workload_of
from qspin.settings import (
    FileSetting,
    GivenFile,
    Incidental,
    PlainValues,
    PositiveInt,
    deciding_settings,
    setting_names,
    settings,
    settings_of,
)

__all__ = [
    "Checkpoint",
    "FileSetting",
    "GivenFile",
    "Incidental",
    "IsingProblem",
    "Mark",
    "NonNegativeInt",
    "PlainValues",
    "PositiveInt",
    "Preparation",
    "Prepared",
    "Sampler",
    "Source",
    "Tools",
    "Workload",
    "checked_arguments",
    "current_checkpoint",
    "deciding_settings",
    "report_progress",
    "settings",
    "source_of",
    "workload_of",
]


@dataclass(frozen=True)
class Prepared:
    """What a preparation leaves behind.

    Parameters
    ----------
    arrays : by name; all that `Source.build` needs
    curves : how it went, such as loss and accuracy over ``epoch``; empty where there is nothing to see
    """

    arrays: Mapping[str, NDArray[Any]]
    curves: xr.Dataset = field(default_factory=xr.Dataset)


@dataclass(frozen=True)
class Tools:
    """What a preparation may use beside its settings; progress goes to `report_progress`.

    Parameters
    ----------
    samplers : those that `Preparation.uses` names, by label
    prepared : what `Preparation.needs` asked for, by the same names
    checkpoint : where unfinished work may be kept, None if nobody wants it kept
    """

    samplers: Mapping[str, Sampler] = field(default_factory=dict)
    prepared: Mapping[str, Prepared] = field(default_factory=dict)
    checkpoint: Path | None = None


class Preparation:
    """Frozen settings (`qspin.settings.settings`) of work that problems share, such as a training.

    Attributes
    ----------
    version : raise it when the same settings come to mean something else; it enters every key
    own_samplers : names of its own ways to sample, which are as valid where it takes the label of a backend
    """

    version: ClassVar[int] = 1
    own_samplers: ClassVar[tuple[str, ...]] = ()

    @property
    def title(self) -> str:
        """What it does, for people: ``training 64-32-10 on digits``."""
        return type(self).__name__.lower()

    def identity(self) -> dict[str, Any]:
        """What decides on the result, as plain values."""
        return {"kind": type(self).__qualname__, "version": self.version, **deciding_settings(self)}

    def needs(self) -> Mapping[str, Preparation]:
        """Other preparations that this one wants, by name; no circle among them."""
        return {}

    @property
    def uses(self) -> tuple[str, ...]:
        """Labels of the backends whose samplers it is to be given."""
        return ()

    def check(self, samplers: Mapping[str, Sampler]) -> None:
        """Refuse what cannot be made, before anything is; a run asks this first.

        Parameters
        ----------
        samplers : those that `uses` names, by label

        Raises
        ------
        InputError
            If a sampler cannot be used.
        """

    def workload(self, samplers: Mapping[str, Sampler]) -> Workload | None:
        """What `make` will take, told before; None where that is not known. `Workload.kept` stays 0.

        Parameters
        ----------
        samplers : those that `uses` names, by label; `workload_of` tells what a call takes
        """
        return None

    def make(self, tools: Tools) -> Prepared:
        """Do the work. Raises QspinError where it cannot be done."""
        raise NotImplementedError


class Source:
    """Frozen settings (`qspin.settings.settings`) that build one problem.

    Attributes
    ----------
    version : raise it when the same settings come to mean another problem; it enters every key
    theory : ``module:function`` of what predicts its measured curves, if anything does
    theory_marks, theory_overlaps : of its temperatures and its P(q) likewise; see
        `qspin.predicted.predicted_by`
    """

    version: ClassVar[int] = 1
    theory: ClassVar[str | None] = None
    theory_marks: ClassVar[str | None] = None
    theory_overlaps: ClassVar[str | None] = None

    def needs(self) -> Mapping[str, Preparation]:
        """The preparations that `build` wants, by name; equal ones are made once."""
        return {}

    def outline(self) -> IsingProblem:
        """A problem of the right size and labels, to be looked at before any work; the problem itself where
        that costs nothing.

        Raises
        ------
        InputError
            For settings that cannot work.
        """
        return self.build({})

    def build(self, prepared: Mapping[str, Prepared]) -> IsingProblem:
        """The problem.

        Parameters
        ----------
        prepared : what `needs` asked for, by the same names
        """
        raise NotImplementedError

    @property
    def instance_key(self) -> str | None:
        """The setting that ``instances: n`` runs over; None where there are no instances."""
        return "seed" if "seed" in setting_names(type(self)) else None

    def identity(self) -> dict[str, Any]:
        """What decides on the problem, as plain values; no paths."""
        return deciding_settings(self)

    def notes(self) -> list[str]:
        """Sentences that a reader of results must know: conventions, choices."""
        return []

    @classmethod
    def names_theory(cls) -> bool:
        """Whether `predicted`, `marks` or `predicted_overlaps` may have something to say."""
        own: tuple[tuple[str | None, Any, Any], ...] = (
            (cls.theory, cls.predicted, Source.predicted),
            (cls.theory_marks, cls.marks, Source.marks),
            (cls.theory_overlaps, cls.predicted_overlaps, Source.predicted_overlaps),
        )
        return any(path is not None or method is not base for path, method, base in own)

    def predicted(self, betas: NDArray[Any]) -> xr.Dataset | None:
        """What theory says of measured curves: a dataset over ``beta`` whose variables are named as measures
        name them, per spin where they are; None where it says nothing. Beside ``energy`` there may be
        ``energy__retrieval``, the line of another state; attribute ``state`` of each names it in words.

        Parameters
        ----------
        betas : inverse temperatures (n_betas,), ascending, finite, above 0

        Raises
        ------
        InputError
            Where its formulas do not reach.
        """
        found: xr.Dataset | None = self._followed(self.theory, betas)
        return found

    def marks(self, problem: Callable[[], IsingProblem]) -> Sequence[Mark]:
        """Temperatures that theory knows of, such as that of a transition; none where it knows none.

        Parameters
        ----------
        problem : builds it, for marks that depend on its very couplings; the others leave it alone

        Raises
        ------
        InputError
            Where its formulas do not reach.
        """
        return self._followed(self.theory_marks, problem) or ()

    def predicted_overlaps(self, betas: NDArray[Any]) -> xr.Dataset | None:
        """What theory says of P(q): a dataset over (``beta``, ``q``) with ``density``, means over bins from
        -1 to 1, and over ``beta``, if there is such a value, ``q_symmetric``, the overlap of replicas by a
        replica-symmetric theory; None where it says nothing.

        Parameters
        ----------
        betas : inverse temperatures (n_betas,), ascending, finite, above 0

        Raises
        ------
        InputError
            Where its formulas do not reach.
        """
        found: xr.Dataset | None = self._followed(self.theory_overlaps, betas)
        return found

    def _followed(self, path: str | None, *given: Any) -> Any:
        """What the function at an import path says of this source; None where there is no path."""
        if path is None:
            return None
        module, _, function = path.partition(":")
        return getattr(import_module(module), function)(self, *given)

    def controls(self) -> Mapping[str, Source]:
        """What this one is held against where a config has it too: ``before``, the same before it learned,
        or, where that is not kept, as it may have been, of which instances are draws; and ``null``, the same
        numbers without their arrangement, of which instances are draws.
        """
        return {}


class GeneratedSource(Source):
    """Base of the sources that are made from the signature of a generator."""

    generator: ClassVar[Callable[..., IsingProblem]]
    kind: ClassVar[str]

    def build(self, prepared: Mapping[str, Prepared]) -> IsingProblem:
        given = {name: getattr(self, name) for name in setting_names(type(self))}
        return type(self).generator(**given)

    def __reduce__(self) -> tuple[Any, ...]:
        """By the generator: a class that is made from a signature has no name to be found by."""
        return _again, (type(self).generator, type(self).kind, settings_of(self))


def _again(generator: Callable[..., IsingProblem], kind: str, given: Mapping[str, Any]) -> Source:
    return source_of(generator, kind)(**given)


@functools.cache
def source_of(generator: Callable[..., IsingProblem], kind: str) -> type[Source]:
    """A source whose settings are the parameters of a generator; ``seed`` defaults to 0.

    Parameters
    ----------
    generator : a function, with a type on every parameter
    kind : its name in configs

    Raises
    ------
    InputError
        If a parameter has no type or takes any number of values.
    """
    hints = get_type_hints(generator)
    members: dict[str, Any] = {}
    annotations: dict[str, Any] = {}
    for name, parameter in inspect.signature(generator).parameters.items():
        if name not in hints or parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            raise InputError(f"source {kind!r}: parameter {name!r} of its generator needs a type of its own")
        annotations[name] = NonNegativeInt if name == "seed" else hints[name]
        default = 0 if name == "seed" else parameter.default
        if default is not parameter.empty:
            members[name] = default
    summary = (inspect.getdoc(generator) or kind).splitlines()[0]
    members |= {
        "__annotations__": annotations,
        "__doc__": summary,
        "__module__": generator.__module__,
        "generator": staticmethod(generator),
        "kind": kind,
        "name": kind,
        **{key: getattr(generator, key, None) for key in ("theory", "theory_marks", "theory_overlaps")},
    }
    return settings(type(kind, (GeneratedSource,), members))
