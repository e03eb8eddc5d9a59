"""The source ``file``: the problem of an instance file, wherever this lies and whatever its format."""

from __future__ import annotations

import dataclasses
import hashlib
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar

import pydantic
from pydantic import BeforeValidator, model_validator

from qspin.errors import InputError
from qspin.formats import read_problem
from qspin.formats.arrays import arrays_of, known_arrays, problem_of
from qspin.measure import told_by
from qspin.settings import located
from qspin.source import (
    FileSetting,
    GivenFile,
    IsingProblem,
    Preparation,
    Prepared,
    Sampler,
    Source,
    Tools,
    Workload,
    settings,
)

__all__ = ["FileSource", "GivenProblem", "InstanceFile", "Place", "Reading"]


@dataclasses.dataclass(frozen=True)
class GivenProblem:
    """A file that a setting names, by the problem that it held.

    Parameters
    ----------
    path : absolute
    digest : of the problem when the setting was given, as run folders record it; a file that holds another
        one is refused
    n_spins : of it
    offers : what is known of it, out of `qspin.measure.NEEDS`
    known : digest of what is known of it, which decides on what is said of samples
    """

    path: str
    digest: str | None = None
    n_spins: int | None = None
    offers: tuple[str, ...] = ()
    known: str | None = None

    def read(self, reader: Callable[[Path], IsingProblem]) -> IsingProblem:
        """What the file holds now, by a function that reads one.

        Raises
        ------
        InputError
            If it cannot be read, or no longer holds the problem that was recorded.
        """
        problem = reader(Path(located(self.path)))
        if self.digest not in (None, problem.digest):
            raise InputError(
                f"{self.path} no longer holds the problem that the config records (digest "
                f"{self.digest:.10}, now {problem.digest:.10}): bring that file back, or give its path alone "
                "to sample the present one"
            )
        return problem

    def identity(self) -> dict[str, Any]:
        """What decides: what the file holds; neither its place nor its format."""
        return {"digest": self.digest, "known": self.known}

    def of(self, problem: IsingProblem) -> GivenProblem:
        """The same place with what it holds."""
        offers = tuple(sorted(told_by(problem)))
        return GivenProblem(self.path, problem.digest, problem.n_spins, offers, _known_digest(problem))

    def remembered(self) -> IsingProblem | None:
        """A problem without couplings of the recorded size, of which the same is known by name, not by value;
        None where nothing was recorded."""
        if self.digest is None or self.n_spins is None:
            return None
        pair = ([0], [1]) if "problem:couplings" in self.offers and self.n_spins > 1 else ([], [])
        problem = IsingProblem.from_edges(self.n_spins, *pair, [0.0] * len(pair[0]))
        facts: dict[str, Any] = {
            "problem:ground_energy": {"ground_energy": 0.0},
            "problem:patterns": {"patterns": [[1] * self.n_spins]},
            "problem:groups": {"groups": {"all": range(self.n_spins)}},
        }
        for name in self.offers:
            problem = problem.with_known(**facts.get(name, {}))
        return problem


def _known_digest(problem: IsingProblem) -> str | None:
    """Of what is known of a problem, None if nothing is."""
    if problem.known is None:
        return None
    sha = hashlib.sha256()
    for name, array in sorted(known_arrays(problem).items()):
        sha.update(f"{name} {array.dtype.kind} {array.shape} ".encode())
        sha.update(str(array).encode() if array.dtype.kind == "U" else array.tobytes())
    return sha.hexdigest()


_ABSOLUTE: pydantic.TypeAdapter[GivenFile] = pydantic.TypeAdapter(FileSetting)


def _given(value: Any) -> Any:
    if isinstance(value, GivenProblem | Mapping):
        return value
    if not isinstance(value, str | os.PathLike):
        raise ValueError("should be the path of a file")
    return GivenProblem(_ABSOLUTE.validate_python(value).path)


Place = Annotated[GivenProblem, BeforeValidator(_given, json_schema_input_type=str | dict[str, Any])]


class Reading(Preparation):
    """The problem of a file, so that whoever keeps it does not need the file again. Subclasses are settings
    that have a `path` and say how it is read.
    """

    path: GivenProblem

    @property
    def title(self) -> str:
        return f"reading {Path(self.path.path).name}"

    def problem_in(self, path: Path) -> IsingProblem:
        """What a file holds. Raises InputError if it cannot be read."""
        raise NotImplementedError

    def identity(self) -> dict[str, Any]:
        return {"kind": "Reading", "version": self.version, **self.path.identity()}

    def workload(self, samplers: Mapping[str, Sampler]) -> Workload | None:
        """The size of the file, of all readings of its kind; None where it is gone."""
        file = Path(located(self.path.path))
        return Workload(type(self).__name__, float(file.stat().st_size)) if file.is_file() else None

    def make(self, tools: Tools) -> Prepared:
        """Read the file.

        Raises
        ------
        InputError
            If it cannot be read, or no longer holds the problem that was recorded.
        """
        return Prepared(arrays_of(self.path.read(self.problem_in)))


class FileSource(Source):
    """The problem of a file. Subclasses are settings that have a `path` and say how it is read."""

    path: GivenProblem

    def reading(self) -> Reading:
        """How the file is read."""
        raise NotImplementedError

    def look(self) -> None:
        """Record what the file holds, unless that is recorded."""
        if self.path.digest is None:
            object.__setattr__(self, "path", self.path.of(self.path.read(self.reading().problem_in)))

    def needs(self) -> Mapping[str, Preparation]:
        return {"problem": self.reading()}

    def outline(self) -> IsingProblem:
        """The problem itself; where the file is gone, what was recorded of it.

        Raises
        ------
        InputError
            If the file is gone and nothing was recorded, or it holds another problem.
        """
        remembered = None if Path(self.path.path).is_file() else self.path.remembered()
        return self.path.read(self.reading().problem_in) if remembered is None else remembered

    def build(self, prepared: Mapping[str, Prepared]) -> IsingProblem:
        """The problem, as it was read."""
        return problem_of(prepared["problem"].arrays)

    def identity(self) -> dict[str, Any]:
        return self.path.identity()


@settings
class ReadingInstance(Reading):
    """The problem of an instance file."""

    name: ClassVar[str] = "reading"

    path: Place
    format: str | None = None

    def problem_in(self, path: Path) -> IsingProblem:
        return read_problem(path, self.format)


@settings
class InstanceFile(FileSource):
    """The problem of an instance file; a relative path starts at the folder of the config.

    Parameters
    ----------
    path : the file; with ``digest``, ``n_spins`` and ``offers`` beside it where a run folder records what it
        held
    format : one of `qspin.formats.FORMATS`; default by suffix
    """

    name: ClassVar[str] = "file"

    path: Place
    format: str | None = None

    @model_validator(mode="after")
    def _look(self) -> InstanceFile:
        self.look()
        return self

    def reading(self) -> Reading:
        return ReadingInstance(path=self.path, format=self.format)
