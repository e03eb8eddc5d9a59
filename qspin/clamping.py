"""Problems of which some spins are held: what is left of them, and the whole that it belongs to."""

from __future__ import annotations

import dataclasses
import numbers
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qspin.errors import InputError, shown
from qspin.known import Known
from qspin.labels import places_of
from qspin.validate import checked_spins, locked

if TYPE_CHECKING:
    from qspin.problem import IsingProblem

__all__ = ["Clamping", "binary_hint", "clamp"]


@dataclass(frozen=True, eq=False)
class Clamping:
    """Which spins of which problem are held.

    Parameters
    ----------
    whole : the problem with all of its spins
    held : positions in it of the spins that are held (n_held,), ascending
    spins : of these, int8 (n_held,)
    """

    whole: IsingProblem
    held: NDArray[np.intp]
    spins: NDArray[np.int8]

    @classmethod
    def of(cls, problem: IsingProblem) -> Clamping:
        """Raises InputError where no spin is held."""
        if problem.clamping is None:
            raise InputError(
                "no spin of this problem is clamped: expected the problem that problem.clamped({...}) "
                "returned and that was sampled, which knows the whole; the whole one is not needed"
            )
        return problem.clamping

    @property
    def values(self) -> dict[Hashable, int]:
        """Label -> spin, of those that are held."""
        labels = [self.whole.labels[k] for k in self.held.tolist()]
        return dict(zip(labels, self.spins.tolist(), strict=True))

    @property
    def left(self) -> NDArray[np.intp]:
        """Positions in the whole of the spins that are not held, ascending."""
        return np.delete(np.arange(self.whole.n_spins), self.held)

    def scaled(self, factor: float) -> Clamping:
        """Of the whole times `factor`."""
        return dataclasses.replace(self, whole=self.whole.scaled(factor))

    def shifted(self, energy: float) -> Clamping:
        """Of the whole with `energy` added to its offset."""
        return dataclasses.replace(self, whole=self.whole.shifted(energy))

    def restored(self, spins: ArrayLike) -> NDArray[np.int8]:
        """Configurations (..., n_left) in the order of the whole, int8 (..., N)."""
        left = self.left
        given = checked_spins(spins, len(left))
        whole = np.empty((*given.shape[:-1], self.whole.n_spins), np.int8)
        whole[..., left] = given
        whole[..., self.held] = self.spins
        return whole


def clamp(problem: IsingProblem, values: Mapping[Any, int]) -> IsingProblem:
    """The problem of the spins that are not held; see `IsingProblem.clamped`."""
    held, spins = _held(problem, values)
    if not held.size:
        return problem
    left = np.delete(np.arange(problem.n_spins), held)
    couplings: Any = problem.couplings
    towards = couplings[:, held] @ spins.astype(np.float64)  # of every spin to the held ones
    fields = problem.fields[left] + towards[left]
    offset = problem.offset + float(towards[held] @ spins) / 2 + float(problem.fields[held] @ spins)
    labels = [problem.labels[k] for k in left.tolist()]
    rest = type(problem)(couplings[left][:, left], fields, offset, labels)
    return rest._standing_for(_clamping(problem, held, spins), _known(problem, rest, left, held, spins))


def binary_hint(spin: Any) -> str:
    """What is to be said of a value that is no spin, if it is a binary one."""
    return "; a binary value x is the spin 2 x - 1" if shown(spin) in ("0", "0.0", "False", "True") else ""


def _held(problem: IsingProblem, values: Mapping[Any, int]) -> tuple[NDArray[np.intp], NDArray[np.int8]]:
    """Positions of the spins that are to be held, ascending, and their values."""
    if not isinstance(values, Mapping):
        raise InputError(f"clamped takes a mapping from labels to -1 or +1; got {shown(values)}")
    for label, spin in values.items():
        if isinstance(spin, bool) or not isinstance(spin, numbers.Real) or abs(spin) != 1:
            raise InputError(
                f"clamped spins are -1 or +1; got {shown(spin)} for {shown(label)}{binary_hint(spin)}"
            )
    if problem.clamping is not None:
        _refuse_held(values, problem.clamping.values)
    held = np.array(places_of(values, problem, what="clamped"), dtype=np.intp)
    if held.size == problem.n_spins and held.size:
        raise InputError(
            f"all {problem.n_spins} spins would be clamped, and nothing be left to sample: leave one out, or "
            "take the energy of the configuration from energies"
        )
    order = np.argsort(held)
    return held[order], np.array([int(spin) for spin in values.values()], dtype=np.int8)[order]


def _refuse_held(values: Mapping[Hashable, int], before: Mapping[Hashable, int]) -> None:
    """Spins that are held already are none of the problem's any more."""
    for label in values:
        if label in before:
            raise InputError(
                f"spin {shown(label)} is held at {before[label]:+d} already; leave it out, or clamp the "
                "whole problem anew"
            )


def _clamping(problem: IsingProblem, held: NDArray[np.intp], spins: NDArray[np.int8]) -> Clamping:
    """Of the whole of a problem, of which spins may be held already."""
    before = problem.clamping
    if before is None:
        return Clamping(problem, locked(held), locked(spins))
    places = np.concatenate([before.held, before.left[held]])
    order = np.argsort(places)
    both = np.concatenate([before.spins, spins])
    return Clamping(before.whole, locked(places[order]), locked(both[order]))


# -- what is known of what is left ---------------------------------------------------------------


def _known(
    problem: IsingProblem,
    rest: IsingProblem,
    left: NDArray[np.intp],
    held: NDArray[np.intp],
    spins: NDArray[np.int8],
) -> Known | None:
    """What stays true: a chain of which spins are held stands for no logical spin any more."""
    known = problem.known
    if known is None:
        return None
    energy, states = _ground(problem, rest, left, held, spins)
    patterns = None if known.patterns is None else locked(known.patterns[:, left])
    facts = {
        "ground_energy": energy,
        "ground_states": states,
        "groups": _groups(known, problem.n_spins, left),
        "patterns": patterns,
    }
    return Known.of(rest, facts)


def _ground(
    problem: IsingProblem,
    rest: IsingProblem,
    left: NDArray[np.intp],
    held: NDArray[np.intp],
    spins: NDArray[np.int8],
) -> tuple[float | None, NDArray[np.int8] | None]:
    """Ground energy and states, where a ground state of the whole has the spins that are held.

    Without fields the mirror image of a ground state is one, so that a single spin may be held either way.
    """
    known, mirrored = problem.known, not problem.fields.any()
    assert known is not None
    states = known.ground_states
    if states is None or not len(states):
        return (known.ground_energy if mirrored and len(held) == 1 else None), None
    if mirrored:
        states = np.concatenate([states, -states])
    fitting = states[(states[:, held] == spins).all(axis=1)][:, left]
    if not len(fitting):
        return None, None
    _, first = np.unique(fitting, axis=0, return_index=True)
    fitting = fitting[np.sort(first)]
    return float(rest.energies(fitting).min()), fitting


def _groups(known: Known, n_spins: int, left: NDArray[np.intp]) -> dict[str, NDArray[np.intp]] | None:
    """Groups by their spins that are left, in their order; those without any are left out."""
    if known.groups is None:
        return None
    place = np.full(n_spins, -1)
    place[left] = np.arange(len(left))
    groups = {name: place[own][place[own] >= 0] for name, own in known.groups.items()}
    return {name: own for name, own in groups.items() if own.size} or None
