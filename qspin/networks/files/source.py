"""The source ``model``: the problem of a trained network or machine, from its file of weights."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from pydantic import NonNegativeInt, PositiveInt, model_validator

from qspin.formats.arrays import arrays_of
from qspin.formats.instance_file import FileSource, Place, Reading
from qspin.networks.files.controls import drawing
from qspin.networks.files.model import read_model, require_initial
from qspin.networks.twins import Scale
from qspin.settings import located, setting_names
from qspin.source import IsingProblem, Prepared, Source, Tools, settings

__all__ = ["Model"]


@settings
class _How:
    """What of a file becomes spins."""

    path: Place
    layers: tuple[int | str, ...] | None = None
    biases: bool = False
    scale: Scale | None = None
    max_spins: PositiveInt | None = None
    seed: NonNegativeInt = 0


@settings
class _Drawn:
    """What becomes of its numbers."""

    shuffle: NonNegativeInt | None = None
    reinitialise: NonNegativeInt | None = None

    def drawn(self) -> dict[str, int]:
        """The seed that is given, by its name."""
        named = {"shuffle": self.shuffle, "reinitialise": self.reinitialise}
        return {name: seed for name, seed in named.items() if seed is not None}


@settings
class ReadingModel(_How, _Drawn, Reading):
    """The problem of a file of weights, or a control of it."""

    name: ClassVar[str] = "reading"

    @property
    def title(self) -> str:
        words = {"shuffle": "shuffling", "reinitialise": "drawing anew"}
        how = [f"{words[name]} ({seed})" for name, seed in self.drawn().items()] or ["reading"]
        return f"{how[0]} {Path(self.path.path).name}"

    def problem_in(self, path: Path) -> IsingProblem:
        return self._read(path)

    def identity(self) -> dict[str, Any]:
        return {**Reading.identity(self), **self.drawn(), **self._deciding()}

    def make(self, tools: Tools) -> Prepared:
        """As `Reading.make`: a control is made of what the config records too."""
        prepared = Reading.make(self, tools)
        if not self.drawn():
            return prepared
        return Prepared(arrays_of(self._read(Path(located(self.path.path)), **self.drawn())))

    def _read(self, path: Path, **drawn: int) -> IsingProblem:
        given: dict[str, Any] = {name: getattr(self, name) for name in setting_names(_How) if name != "path"}
        return read_model(path, **given | drawn)

    def _deciding(self) -> dict[str, Any]:
        """What of the settings a control depends on, beside what the file holds: parts of a layer are
        shuffled with all of it."""
        if not self.drawn():
            return {}
        layers = None if self.layers is None else list(self.layers)
        rest = ("max_spins", "seed", "biases", "scale")
        return {"layers": layers, **{name: getattr(self, name) for name in rest}}


@settings
class Model(_How, _Drawn, FileSource):
    """The twin of a network, or a Boltzmann machine, from a file of weights; see `qspin.networks.read_model`.

    Parameters
    ----------
    path : state dict (``.pt``, ``.pth``) or safetensors file; with what it held beside it where a run folder
        records that
    layers : numbers or names of the layers that are kept; default all
    biases : make biases fields
    scale : ``critical``: divide by the random-weight critical temperature, the default of networks, or
        ``none``
    max_spins : keep that many, of each layer the same share
    seed : of that draw
    shuffle : seed by which the numbers of each layer are permuted: scale without structure; a number of them,
        ``instances: n``, is a distribution of controls
    reinitialise : seed by which they are drawn as before they learned; a number of them likewise
    """

    name: ClassVar[str] = "model"
    theory_marks = "qspin.networks.inspection.marks:critical_marks"

    @model_validator(mode="after")
    def _look(self) -> Model:
        drawing(self.shuffle, self.reinitialise)
        if self.reinitialise is not None and self.path.digest is None:
            require_initial(located(self.path.path))
        self.look()
        return self

    def reading(self) -> Reading:
        return ReadingModel(**self._given())

    def _given(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in (*setting_names(_How), *setting_names(_Drawn))}

    @property
    def instance_key(self) -> str | None:
        """Draws of a control are instances of it; one file is one instance."""
        return next(iter(self.drawn()), None)

    def identity(self) -> dict[str, Any]:
        """What the file holds, and what becomes of it."""
        return self.reading().identity() if self.drawn() else FileSource.identity(self)

    def controls(self) -> Mapping[str, Source]:
        """The same architecture as it is initialised, which cannot be made of a file that does not tell how
        that was, and the same numbers shuffled."""
        if self.drawn():
            return {}
        return {
            "before": dataclasses.replace(self, reinitialise=0),
            "null": dataclasses.replace(self, shuffle=0),
        }

    def notes(self) -> list[str]:
        found = {
            "shuffle": "Shuffled models have the numbers of each layer, or of a machine its couplings and "
            "its fields, permuted at random: their scale stays, their structure goes.",
            "reinitialise": "Re-initialised models have the architecture alone: their numbers are drawn as "
            "before they learned.",
        }
        return [found[name] for name in self.drawn()]
