"""The source ``model``: the problem of a trained network or machine, from its file of weights."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from pydantic import NonNegativeInt, PositiveInt, model_validator

from qspin.formats.instance_file import FileSource, Place, Reading
from qspin.networks.files.model import read_model
from qspin.networks.twins import Scale
from qspin.settings import setting_names
from qspin.source import IsingProblem, settings

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
class ReadingModel(_How, Reading):
    """The problem of a file of weights."""

    name: ClassVar[str] = "reading"

    def problem_in(self, path: Path) -> IsingProblem:
        given = {name: getattr(self, name) for name in setting_names(_How) if name != "path"}
        return read_model(path, **given)


@settings
class Model(_How, FileSource):
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
    """

    name: ClassVar[str] = "model"

    @model_validator(mode="after")
    def _look(self) -> Model:
        self.look()
        return self

    def reading(self) -> Reading:
        return ReadingModel(**{name: getattr(self, name) for name in setting_names(_How)})

    @property
    def instance_key(self) -> None:
        """One file is one instance."""
        return None
