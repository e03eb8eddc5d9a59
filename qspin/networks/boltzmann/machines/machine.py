"""What every Boltzmann machine is: units, an energy, and the problem that any sampler takes.

The model is exp(-E) / Z at beta = 1. Configurations are tensors (..., N) in the machine's own units, visible
units first; problems are in spins, x = (1 + s) / 2 for bits, and have the same energies.
"""

from __future__ import annotations

import hashlib
from abc import abstractmethod
from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from qspin.errors import InputError, shown
from qspin.labels import places_of
from qspin.memory import require_bytes
from qspin.networks.boltzmann.machines.accepted import require_computable
from qspin.networks.boltzmann.machines.described import Description
from qspin.networks.boltzmann.machines.layers import Layers
from qspin.networks.boltzmann.machines.pattern import Pattern
from qspin.networks.boltzmann.machines.units import UnitName, units_of
from qspin.problem import IsingProblem
from qspin.settings import checked_seed
from qspin.validate import Symmetric, checked_labels

__all__ = [
    "Gradients",
    "Machine",
    "Terms",
    "generator_of",
    "gradients_of",
    "norm_of",
    "numbers_of",
    "parameters_digest",
    "require_usable",
]

_ARRAYS = 4  # of the size of configurations, while these are drawn

Gradients = dict[str, Tensor]
"""Of parameters, by name."""


class Terms(NamedTuple):
    """``E = sum J x_i x_j + sum h x + constant`` in a machine's units: i, j, couplings (m,), fields (N,)."""

    i: NDArray[np.int64]
    j: NDArray[np.int64]
    couplings: NDArray[np.float64]
    fields: NDArray[np.float64]
    constant: float = 0.0


def generator_of(seed: Any, device: torch.device) -> torch.Generator:
    """Random numbers of torch on a device, from a seed of NumPy (an integer or several). Raises InputError
    for a seed that is none."""
    state = np.random.SeedSequence(checked_seed(seed)).generate_state(1, np.uint64)
    return torch.Generator(device).manual_seed(int(state[0] >> np.uint64(1)))


def gradients_of(machine: Machine, value: Tensor) -> Gradients:
    """Of a number, by the parameters; zero where it does not depend on one."""
    names, parameters = zip(*machine.named_parameters(), strict=True)
    found = torch.autograd.grad(value, parameters, allow_unused=True)
    return {
        name: torch.zeros_like(p) if own is None else own
        for name, p, own in zip(names, parameters, found, strict=True)
    }


def norm_of(gradients: Gradients) -> Tensor:
    """Euclidean, over all parameters; ()."""
    return torch.linalg.vector_norm(
        torch.stack([torch.linalg.vector_norm(own) for own in gradients.values()])
    )


def numbers_of(*values: float | Tensor) -> list[float]:
    """Numbers, those of a device in one transfer: each one waits until the device is done."""
    waiting = [value for value in values if isinstance(value, Tensor)]
    found = iter(torch.stack(waiting).tolist() if waiting else ())
    return [next(found) if isinstance(value, Tensor) else value for value in values]


def parameters_digest(machines: Iterable[Machine], head: str = "") -> str:
    """SHA-256 of the numbers of all parameters of machines, hex.

    Parameters
    ----------
    head : what they are the parameters of, which counts as well
    """
    sha = hashlib.sha256(head.encode())
    for machine in machines:
        for parameter in machine.parameters():
            sha.update(parameter.detach().cpu().numpy().tobytes())
    return sha.hexdigest()


def require_usable(machine: Any) -> None:
    """Raises InputError for what is no machine, or one whose parameters are no finite numbers."""
    if not isinstance(machine, Machine):
        raise InputError(
            "machine must be one of qspin.networks, such as RestrictedBoltzmannMachine(16, 8); got "
            f"{shown(machine)}"
        )
    for name, parameter in machine.named_parameters():
        require_computable(name, parameter)
        wrong = ~torch.isfinite(parameter.detach())
        if wrong.any():
            came = float(parameter.detach()[wrong].ravel()[0])
            raise InputError(
                f"{name} of the machine must be finite; got {came:g} in {int(wrong.sum())} of "
                f"{parameter.numel()} places: load an earlier state dict, or make the machine anew"
            )


class Machine(nn.Module):
    """Visible and hidden units with an energy; see the kinds beside this file.

    Parameters
    ----------
    units : ``spins`` or ``bits``
    labels : of visible and then hidden units
    n_visible : of them
    """

    def __init__(self, units: UnitName, labels: Sequence[Hashable], n_visible: int):
        super().__init__()
        self._pattern: Pattern | None = None
        self._units = units_of(units)
        self._labels = checked_labels(labels, len(labels))
        self._n_visible = n_visible
        if not n_visible:
            raise InputError("a machine needs at least one visible unit")

    # -- what it is ------------------------------------------------------------------------------

    @property
    def units(self) -> Any:
        """`Units`: their values and what follows from them."""
        return self._units

    @property
    def labels(self) -> Sequence[Hashable]:
        """Names of the units, visible ones first."""
        return self._labels

    @property
    def visible(self) -> Sequence[Hashable]:
        """Names of the visible units, in the order of the columns of data."""
        return self._labels[: self._n_visible]

    @property
    def hidden(self) -> Sequence[Hashable]:
        return self._labels[self._n_visible :]

    @property
    def n_visible(self) -> int:
        return self._n_visible

    @property
    def n_hidden(self) -> int:
        return len(self._labels) - self._n_visible

    @property
    def like(self) -> Tensor:
        """A parameter, of whose device and precision all tensors are."""
        return next(self.parameters())

    def extra_repr(self) -> str:
        return f"{self.n_visible} visible, {self.n_hidden} hidden, units={self.units.name}"

    # -- what a kind says of itself --------------------------------------------------------------

    @classmethod
    @abstractmethod
    def described(cls, description: Description, dtype: torch.dtype) -> Machine:
        """A machine that takes a state dict of which this is the description, with parameters of its own."""

    @abstractmethod
    def energies(self, configurations: Any) -> Tensor:
        """Of configurations (..., N) of all units; (...)."""

    @abstractmethod
    def free_energy(self, visible: Any) -> Tensor:
        """F(v) = -ln sum over hidden units of exp(-E) of visible units (..., n_visible); (...).

        Raises
        ------
        CapacityError
            If so many hidden units are coupled to each other that they cannot be summed over.
        """

    @abstractmethod
    def terms(self) -> Terms:
        """The energy term by term, of the units that `problem` has."""

    @abstractmethod
    def sides(self) -> Mapping[str, tuple[int, int]]:
        """Groups of units that all others can be summed over for: name -> how many they are, and log2 of
        the configurations that are visited where they are enumerated."""

    @abstractmethod
    def side_energy(self, side: str, states: Tensor) -> Tensor:
        """-ln sum over all other units of exp(-E), of configurations of a side (..., n); differentiable."""

    @abstractmethod
    def completed(self, side: str, states: Tensor, generator: torch.Generator) -> Tensor:
        """Configurations (..., N) of all units: a side as given, the others drawn."""

    @abstractmethod
    def swept(
        self,
        configurations: Tensor,
        generator: torch.Generator,
        *,
        beta: float = 1.0,
        base: Tensor | None = None,
        hold_visible: bool = False,
    ) -> Tensor:
        """After one sweep of block Gibbs, hidden units first; a new tensor.

        Parameters
        ----------
        configurations : (n, N)
        beta, base : of the path ``(1 - beta) E_0 + beta E`` from independent units, E_0 = -sum base x (N,)
        hold_visible : draw hidden units alone
        """

    @abstractmethod
    def log_weights(self, configurations: Tensor, beta: float, base: Tensor) -> Tensor:
        """ln of the weight on the path of `swept` (n,), over hidden units where that can be summed."""

    @abstractmethod
    def unit_means(self, gradients: Gradients) -> Tensor:
        """<x> (N,) in the average of dE/d(parameter) over configurations."""

    @abstractmethod
    def centred(self, gradients: Gradients, offsets: Tensor) -> Gradients:
        """Gradients of a difference of two such averages, as those of the machine whose energy is written
        with x - offset in the place of x (Montavon, Mueller 2012; Melchior, Fischer, Wiskott 2016).

        Parameters
        ----------
        offsets : (N,)
        """

    @abstractmethod
    def follow(self, before: Gradients, offsets: Tensor) -> None:
        """Change fields, in place, by what a change of couplings means for them in that machine.

        Parameters
        ----------
        before : all parameters, before couplings changed
        """

    # -- what follows ----------------------------------------------------------------------------

    @classmethod
    def layers_of(cls, machines: Sequence[Machine], base: Tensor) -> Layers | None:
        """Independent units, with the gains `base` (N,), and machines of this kind after them, in a form in
        which all are swept at once; None where the kind has none."""
        return None

    @property
    def is_summable(self) -> bool:
        """Whether hidden units can be summed over, so that visible ones have a free energy."""
        return "visible" in self.sides()

    def log_partition_of(self, base: Tensor) -> float:
        """ln Z of the independent units that the path of `swept` begins with."""
        return float(self.units.log_sum(base).sum())

    def require_room(self, n: int) -> None:
        """Raises CapacityError if n configurations, and what they are drawn by, would not fit in memory."""
        n_units, size = len(self.labels), self.like.dtype.itemsize
        require_bytes(
            _ARRAYS * size * n_units * n,
            f"{shown(n)} configurations of {n_units} units",
            "take fewer chains or rows",
        )

    def drawn_from(self, base: Tensor, n: int, generator: torch.Generator) -> Tensor:
        """Configurations (n, N) of these.

        Raises
        ------
        CapacityError
            If they would not fit in memory.
        """
        self.require_room(n)
        return self.units.draw(base.expand(n, -1), generator)

    def gradients_over(self, configurations: Tensor) -> Gradients:
        """<dE/d(parameter)> over configurations (n, N), hidden units summed over where that can be done, so
        that visible columns alone (n, n_visible) will do."""
        if not self.is_summable:
            return gradients_of(self, self.energies(configurations).mean())
        return gradients_of(self, self.side_energy("visible", configurations[:, : self.n_visible]).mean())

    @property
    def problem_labels(self) -> Sequence[Hashable]:
        """Of the spins of `problem`."""
        return self._labels

    def problem(self) -> IsingProblem:
        """The energy in spins; visible and hidden units are groups, and beta = 1 is the model.

        Raises
        ------
        InputError
            If parameters are no finite numbers.
        """
        for name, parameter in self.named_parameters():
            require_computable(name, parameter)
        terms, n = self.terms(), len(self.problem_labels)
        i, j, couplings, fields, constant = terms
        if not self.units.low:  # x = (1 + s) / 2
            quarter = couplings / 4
            halves = fields / 2
            constant = constant + float(quarter.sum() + halves.sum())
            fields = halves + np.bincount(i, quarter, n) + np.bincount(j, quarter, n)
            couplings = quarter
        if np.isfinite(couplings).all():
            matrix = Symmetric(self._pattern_of(n, i, j).matrix(couplings))
            problem = IsingProblem(matrix, fields, constant, self.problem_labels)
        else:  # is told which
            problem = IsingProblem.from_edges(n, i, j, couplings, fields, constant, self.problem_labels)
        groups = {"visible": np.arange(self.n_visible), "hidden": np.arange(self.n_visible, n)}
        return problem.with_known(groups={name: units for name, units in groups.items() if units.size})

    def _pattern_of(self, n: int, i: NDArray[np.int64], j: NDArray[np.int64]) -> Pattern:
        if self._pattern is None or not self._pattern.is_of(n, i, j):
            self._pattern = Pattern.of(n, i, j)
        return self._pattern

    def conditional(self, clamp: Mapping[Any, Any]) -> IsingProblem:
        """The problem of the other units while some are held; see `IsingProblem.clamped`.

        Parameters
        ----------
        clamp : label -> value, in the machine's units

        Raises
        ------
        InputError
            If a label is none of a unit, a value none of the units', or no unit would be left.
        """
        if not isinstance(clamp, Mapping):
            raise InputError(f"conditional takes a mapping from labels to values; got {type(clamp).__name__}")
        problem = self.problem()
        places_of(clamp, problem, what="conditional")
        return problem.clamped(
            {label: self.units.spin(value, f"the unit {label!r}") for label, value in clamp.items()}
        )

    def from_spins(self, spins: NDArray[np.integer]) -> Tensor:
        """Values of the units of `problem` (..., n), from spins of samples."""
        return torch.tensor(self.units.from_spins(spins), device=self.like.device, dtype=self.like.dtype)

    def checked_visible(self, data: Any, what: str = "data") -> Tensor:
        """Values of visible units (..., n_visible); raises InputError for anything else."""
        return self.units.checked(data, self.n_visible, what, self.like)

    # -- what travels with the parameters --------------------------------------------------------

    def description(self) -> Description:
        """What must be equal for the parameters of one machine to be those of another."""
        return Description(type(self).__name__, self.units.name, tuple(self._labels), self._n_visible)

    def get_extra_state(self) -> Tensor:
        """Graph, labels and units, as bytes: any file of tensors keeps them."""
        return self.description().encoded()

    def set_extra_state(self, state: Any) -> None:
        """Raises InputError for the state of another machine."""
        self.description().require(Description.decoded(state))

    def _load_from_state_dict(self, state_dict: Any, prefix: str, *args: Any, **kwargs: Any) -> None:
        """Look at what a state dict belongs to before a parameter of it is taken."""
        if (stored := state_dict.get(f"{prefix}_extra_state")) is None:
            raise InputError(
                "the state dict does not tell which units and graph it belongs to (no '_extra_state'): it "
                "was not made by state_dict() of a machine of qspin"
            )
        self.set_extra_state(stored)
        super()._load_from_state_dict(state_dict, prefix, *args, **kwargs)
