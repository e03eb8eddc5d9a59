"""The moves of trajectory tempering: block Gibbs at every checkpoint, and swaps of neighbouring ones.

A ladder begins with independent units, which are drawn anew at every sweep and whose ln Z is known, and goes
on with the checkpoints in the order of training. Two neighbours with the weights w and w' swap x and x' with

    min(1, w(x') w'(x) / (w(x) w'(x')))

Weights are summed over hidden units where the machine gives them so, and hidden units are drawn anew by the
sweep that follows a swap: what is recorded is recorded after sweeps, not after swaps.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from qspin.networks.boltzmann.machines import Machine
from qspin.networks.boltzmann.machines.layers import Layers

__all__ = ["Ladder", "Walkers", "exchange", "started", "sweep", "works_of"]

_WARMING = 10  # sweeps at a checkpoint from where walkers ended at the one before, at the start


@dataclass(frozen=True)
class Ladder:
    """States from independent units, number 0, to the last checkpoint.

    Parameters
    ----------
    machines : at every checkpoint
    base : gains of the independent units (N,), see `Machine.swept`
    layers : all of them at once, where the kind of machine has that
    """

    machines: Sequence[Machine]
    base: Tensor
    layers: Layers | None

    @classmethod
    def of(cls, machines: Sequence[Machine]) -> Ladder:
        """With the field that each unit of the first checkpoint has while all others are even."""
        first = machines[0]
        base = torch.zeros(len(first.labels), dtype=first.like.dtype)
        fields = torch.tensor(first.problem().fields.copy(), dtype=base.dtype)
        base[: len(fields)] = -2 * fields / first.units.step
        base = base.to(first.like.device)
        return cls(machines, base, first.layers_of(machines, base))

    def __len__(self) -> int:
        return len(self.machines) + 1

    @property
    def log_partition(self) -> float:
        """ln Z of the independent units."""
        return self.machines[0].log_partition_of(self.base)

    def drawn(self, n: int, generator: torch.Generator) -> Tensor:
        """Of independent units (n, N)."""
        return self.machines[0].drawn_from(self.base, n, generator)

    def log_weights_at(self, k: int, configurations: Tensor) -> Tensor:
        """Of configurations (n, N) at one state (n,)."""
        return self.machines[max(k - 1, 0)].log_weights(configurations, float(k > 0), self.base)

    def log_weights(self, configurations: Tensor) -> Tensor:
        """Of configurations (state, n, N), each at its state, (state, n)."""
        if self.layers is not None:
            return self.layers.log_weights(configurations)
        return torch.stack([self.log_weights_at(k, x) for k, x in enumerate(configurations)])

    def swept(self, configurations: Tensor, generator: torch.Generator) -> Tensor:
        """After one sweep of block Gibbs at every checkpoint, and independent units anew (state, n, N)."""
        if self.layers is not None:
            return self.layers.swept(configurations, generator)
        first = self.drawn(configurations.shape[1], generator)
        after = zip(self.machines, configurations[1:], strict=True)
        return torch.stack([first, *(machine.swept(x, generator) for machine, x in after)])


@dataclass
class Walkers:
    """Where all replicas are; every array is updated.

    Parameters
    ----------
    at : configurations (state, replica, N)
    numbers : walker at every state (state, replica)
    heading : by walker (walker, replica); 1: on the way from independent units to the last checkpoint, -1:
        on the way back
    works : at the latest attempt of every state to swap with the next (pair, 2, replica), see `works_of`
    round_trips : (replica,), of all walkers
    attempts, accepted : swaps of every state with the next (pair,)
    """

    at: Tensor
    numbers: NDArray[np.int64]
    heading: NDArray[np.int64]
    works: NDArray[np.float64]
    round_trips: NDArray[np.int64] = field(init=False)
    attempts: NDArray[np.int64] = field(init=False)
    accepted: NDArray[np.int64] = field(init=False)

    def __post_init__(self) -> None:
        self.count_anew()

    def count_anew(self) -> None:
        """Forget how often walkers swapped and returned; they keep where they are heading."""
        n_states, n_replicas = self.numbers.shape
        self.round_trips = np.zeros(n_replicas, np.int64)
        self.attempts, self.accepted = (np.zeros(n_states - 1, np.int64) for _ in range(2))

    @property
    def swap_rates(self) -> NDArray[np.float64]:
        """Accepted shares (pair,)."""
        return self.accepted / np.maximum(self.attempts, 1)


def started(ladder: Ladder, n_replicas: int, generator: torch.Generator) -> Walkers:
    """Each state from where the one before has come to: training has moved the model little between them."""
    x = ladder.drawn(n_replicas, generator)
    at = [x]
    for machine in ladder.machines:
        for _ in range(_WARMING):
            x = machine.swept(x, generator)
        at.append(x)
    shape = len(ladder), n_replicas
    numbers = np.broadcast_to(np.arange(len(ladder))[:, None], shape).copy()
    walkers = Walkers(
        torch.stack(at), numbers, np.zeros(shape, np.int64), np.zeros((shape[0] - 1, 2, n_replicas))
    )
    for parity in range(2):
        pairs = np.arange(parity, len(ladder) - 1, 2)
        walkers.works[pairs] = works_of(ladder, walkers.at, pairs).cpu().numpy()
    return walkers


def sweep(ladder: Ladder, walkers: Walkers, generator: torch.Generator) -> None:
    """One sweep at every state."""
    walkers.at = ladder.swept(walkers.at, generator)


def works_of(ladder: Ladder, at: Tensor, pairs: NDArray[np.int64]) -> Tensor:
    """ln of the weight at a state less that at the next one: of samples of the state, and of the next.

    A swap is accepted with the probability min(1, exp(second - first)), and the Bennett acceptance ratio
    finds the difference of the two ln Z from them.

    Parameters
    ----------
    at : configurations (state, n, N)
    pairs : numbers of their first states, none of which is next to another

    Returns
    -------
    float64 (pair, 2, n)
    """
    turned = _turned(len(at), pairs)
    n = at.shape[1]
    logs = ladder.log_weights(torch.cat([at, at[turned]], dim=1)).to(torch.float64)
    own, of_other = logs[:, :n], logs[:, n:]
    first = own[pairs] - of_other[pairs + 1]
    second = of_other[pairs] - own[pairs + 1]
    return torch.stack([first, second], dim=1)


def exchange(ladder: Ladder, walkers: Walkers, parity: int, generator: torch.Generator) -> None:
    """Offer the pairs (k, k + 1), k = parity, parity + 2, ..., to swap, in each replica for itself."""
    pairs = np.arange(parity, len(ladder) - 1, 2)
    works = works_of(ladder, walkers.at, pairs)
    uniform = torch.rand(works[:, 0].shape, generator=generator, device=works.device, dtype=torch.float64)
    chosen = torch.log(uniform) < works[:, 1] - works[:, 0]
    swaps, turned = chosen.cpu().numpy(), _turned(len(ladder), pairs)
    of_state = np.zeros(walkers.numbers.shape, dtype=bool)
    of_state[pairs] = of_state[pairs + 1] = swaps
    here = torch.as_tensor(of_state, device=works.device)[..., None]
    walkers.at = torch.where(here, walkers.at[turned], walkers.at)
    walkers.numbers = np.where(of_state, walkers.numbers[turned], walkers.numbers)
    walkers.attempts[pairs] += swaps.shape[1]
    walkers.accepted[pairs] += swaps.sum(axis=1)
    walkers.works[pairs] = works.cpu().numpy()
    _turn(walkers)


def _turned(n_states: int, pairs: NDArray[np.int64]) -> NDArray[np.int64]:
    """The state that each state is swapped with; itself where it is in no pair."""
    turned = np.arange(n_states)
    turned[pairs], turned[pairs + 1] = pairs + 1, pairs
    return turned


def _turn(walkers: Walkers) -> None:
    """Walkers that have come to an end of the ladder head for the other one."""
    numbers, heading = walkers.numbers, walkers.heading
    replicas = np.arange(numbers.shape[1])
    first, last = (numbers[0], replicas), (numbers[-1], replicas)
    walkers.round_trips += heading[first] == -1
    heading[first] = 1
    heading[last] = np.where(heading[last] == 1, -1, heading[last])
