"""The source ``network``: the twin of any torch module, made by a function that a config names."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from pydantic import NonNegativeInt, PositiveInt, model_validator

from qspin.errors import InputError
from qspin.networks.files.tensors import read_tensors
from qspin.networks.modules import module_at, shuffle_parameters
from qspin.networks.twins import Scale, twin
from qspin.settings import ImportPath
from qspin.source import FileSetting, GivenFile, IsingProblem, Prepared, Source, settings

if TYPE_CHECKING:
    import torch

__all__ = ["Network"]


@settings
class Network(Source):
    """The spin-glass twin of a torch module; see `qspin.networks.twin` for the rules of its layers.

    Parameters
    ----------
    module : import path of a class or function that, called without arguments, gives the module
    weights : state dict or safetensors file of its parameters; default: as they are initialised
    init_seed : of that initialisation
    input_shape : of what goes in, without the batch; default that of a first layer which is `Linear`
    biases : make biases fields
    scale : ``critical``: divide by the critical temperature of the same couplings, drawn at random; or
        ``none``
    layers : numbers or names of the layers that are kept; default all
    max_spins : keep that many, of each layer the same share, drawn by `init_seed`
    shuffle : permute the weights of every parameter: scale without structure
    shuffle_seed : of that permutation; a number of them, ``instances: n``, is a distribution of controls
    """

    name: ClassVar[str] = "network"
    theory_marks = "qspin.networks.inspection.marks:critical_marks"

    module: ImportPath
    weights: FileSetting | None = None
    init_seed: NonNegativeInt = 0
    input_shape: tuple[PositiveInt, ...] | None = None
    biases: bool = False
    scale: Scale = "critical"
    layers: tuple[int | str, ...] | None = None
    max_spins: PositiveInt | None = None
    shuffle: bool = False
    shuffle_seed: NonNegativeInt = 0

    @model_validator(mode="after")
    def _fit_together(self) -> Network:
        if self.shuffle_seed and not self.shuffle:
            raise ValueError("shuffle_seed is of shuffled weights; set shuffle: true, or leave it out")
        return self

    @property
    def instance_key(self) -> str:
        """Draws of a shuffled control are instances of it; else networks that are initialised anew."""
        return "shuffle_seed" if self.shuffle else "init_seed"

    def build(self, prepared: Mapping[str, Prepared]) -> IsingProblem:
        """The twin.

        Raises
        ------
        InputError
            If the path names no module, its weights do not fit, or the twin has no rule for it.
        CapacityError
            If its couplings would not fit in memory.
        """
        return twin(
            self._module(),
            input_shape=self.input_shape,
            biases=self.biases,
            scale=self.scale,
            layers=self.layers,
            max_spins=self.max_spins,
            seed=self.init_seed,
        )

    def controls(self) -> Mapping[str, Source]:
        """The same module as it is initialised, and its weights shuffled."""
        if self.shuffle:
            return {}
        null = dataclasses.replace(self, shuffle=True)
        return {"null": null, **({"before": dataclasses.replace(self, weights=None)} if self.weights else {})}

    def notes(self) -> list[str]:
        return [
            "In the twin of a network every neuron is a spin and every weight a coupling, J = −W; how layers "
            "that are more than weights count is a choice of this project, see qspin.networks.twin."
        ]

    def _module(self) -> torch.nn.Module:
        import torch

        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.init_seed)
            module = module_at(self.module)
        if self.weights is not None:
            self._load(module, self.weights)
        if self.shuffle:
            shuffle_parameters(module, self.shuffle_seed)
        return module.eval()

    def _load(self, module: torch.nn.Module, weights: GivenFile) -> None:
        try:
            module.load_state_dict(read_tensors(Path(weights.unchanged())))
        except RuntimeError as error:
            reason = " ".join(str(error).split())[:300]
            raise InputError(f"the weights of {weights} do not fit {self.module}: {reason}") from error
