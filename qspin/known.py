"""What is known of a problem by construction, kept beside it: no part of what the problem is."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypedDict

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qspin.errors import InputError, nearest_name, shown
from qspin.rounding import energy_tolerance
from qspin.validate import checked_array, checked_positions, checked_real, checked_spins, locked

if TYPE_CHECKING:
    from qspin.problem import IsingProblem

__all__ = ["Facts", "Known", "layers_of"]


class Facts(TypedDict, total=False):
    """What `IsingProblem.with_known` takes: the fields of `Known`, in any form that becomes them."""

    ground_energy: float | None
    ground_states: ArrayLike | None
    groups: Mapping[str, ArrayLike] | None
    patterns: ArrayLike | None
    logical: IsingProblem | None


@dataclass(frozen=True, eq=False)
class Known:
    """What is known of a problem of N spins; None for what is not. Arrays are read-only.

    Made by `IsingProblem.with_known`, which checks it.

    Parameters
    ----------
    ground_energy : lowest energy, the offset included, units of energy
    ground_states : configurations of that energy, int8 (n, N); not always all of them
    groups : name -> positions of its spins, in the order given: layers of a network, chains of a device
    patterns : configurations that the couplings store, int8 (P, N)
    logical : the problem over the groups, one spin each in their order, where these are chains
    """

    ground_energy: float | None = None
    ground_states: NDArray[np.int8] | None = None
    groups: Mapping[str, NDArray[np.intp]] | None = None
    patterns: NDArray[np.int8] | None = None
    logical: IsingProblem | None = None

    @classmethod
    def of(cls, problem: IsingProblem, facts: Mapping[str, Any]) -> Known | None:
        """Facts in the form that they are kept in; None where there is none.

        Raises
        ------
        InputError
            If they do not fit the problem, or ground states do not have the ground energy.
        """
        names = [field.name for field in dataclasses.fields(cls)]
        for name in facts:
            if name not in names:
                raise InputError(f"no {name!r} is kept of a problem: {nearest_name(name, names)}")
        given = {name: value for name, value in facts.items() if value is not None}
        if not given:
            return None
        for name in ("ground_states", "patterns"):
            if name in given:
                given[name] = _configurations(given[name], problem.n_spins, name)
        if "groups" in given:
            given["groups"] = _groups(given["groups"], problem.n_spins)
        if "logical" in given:
            _check_logical(given["logical"], given.get("groups"))
        if "ground_energy" in given:
            given["ground_energy"] = checked_real(given["ground_energy"], "ground_energy")
        if "ground_states" in given:
            given["ground_energy"] = _ground_energy(problem, given)
        return cls(**given)

    def facts(self) -> dict[str, Any]:
        """Its fields by name."""
        return {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}

    def scaled(self, factor: float) -> Known | None:
        """Of the problem times `factor`; where this is not positive, the lowest energy is that of others."""
        logical = None if self.logical is None else self.logical.scaled(factor)
        if factor > 0:
            energy = None if self.ground_energy is None else self.ground_energy * factor
            return dataclasses.replace(self, ground_energy=energy, logical=logical)
        left = dataclasses.replace(self, ground_energy=None, ground_states=None, logical=logical)
        return left if any(value is not None for value in left.facts().values()) else None

    def shifted(self, energy: float) -> Known:
        """Of the problem with `energy` added to its offset."""
        if self.ground_energy is None:
            return self
        return dataclasses.replace(self, ground_energy=self.ground_energy + energy)

    def __reduce__(self) -> tuple[Any, ...]:
        """Arrays come out of a pickle writable, and read-only mappings do not go into one."""
        facts = self.facts()
        return _restored, ({**facts, "groups": None if self.groups is None else dict(self.groups)},)

    def __copy__(self) -> Known:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Known:
        return self


def _restored(facts: dict[str, Any]) -> Known:
    """Out of a pickle."""
    for name in ("ground_states", "patterns"):
        if facts[name] is not None:
            locked(facts[name])
    if facts["groups"] is not None:
        facts["groups"] = MappingProxyType({name: locked(spins) for name, spins in facts["groups"].items()})
    return Known(**facts)


def _configurations(given: Any, n_spins: int, what: str) -> NDArray[np.int8]:
    """As int8 (n, N), a copy."""
    array = checked_array(given, what)
    if array.ndim != 2 or array.shape[1] != n_spins:
        raise InputError(f"{what} must have shape (n, {n_spins}), a row a configuration; got {array.shape}")
    return locked(checked_spins(array, n_spins).astype(np.int8))


def _groups(given: Any, n_spins: int) -> Mapping[str, NDArray[np.intp]]:
    if not isinstance(given, Mapping):
        raise InputError(f"groups must be a mapping from names to positions of spins; got {shown(given)}")
    groups = {}
    for name, spins in given.items():
        if not isinstance(name, str):
            raise InputError(f"names of groups are text; got {shown(name)}")
        places = checked_positions(spins, n_spins, f"group {name!r}").copy()
        if not places.size:
            raise InputError(f"group {name!r} is empty; leave it out")
        groups[name] = locked(places)
    return MappingProxyType(groups)


def _check_logical(logical: Any, groups: Mapping[str, NDArray[np.intp]] | None) -> None:
    n_groups = 0 if groups is None else len(groups)
    if getattr(logical, "n_spins", None) != n_groups:
        raise InputError(
            f"logical must be a problem of one spin a group, so of {n_groups}; got {shown(logical)}"
        )
    if logical.known is not None and logical.known.logical is not None:
        raise InputError("logical must not stand for a further problem itself; give that with its own groups")


def _ground_energy(problem: IsingProblem, given: Mapping[str, Any]) -> float | None:
    """Of the ground states, which all must have it."""
    energies = problem.energies(given["ground_states"])
    if not energies.size:
        return given.get("ground_energy")
    expected = given.get("ground_energy", float(energies.min()))
    worst = float(energies[np.abs(energies - expected).argmax()])
    if abs(worst - expected) > energy_tolerance(problem):
        raise InputError(
            f"ground states must all have the ground energy, {expected:.10g}; one has energy {worst:.10g}"
        )
    return expected


def layers_of(sizes: Sequence[int]) -> dict[str, NDArray[np.intp]]:
    """Spins of each layer of a network twin, in the order of its neurons.

    Raises
    ------
    InputError
        If a size is no whole number, or not positive.

    Examples
    --------
    >>> {name: spins.tolist() for name, spins in layers_of([2, 1]).items()}
    {'layer 0': [0, 1], 'layer 1': [2]}
    """
    for size in sizes:
        if isinstance(size, bool) or not isinstance(size, (int, np.integer)) or size < 1:
            raise InputError(f"sizes of layers must be positive whole numbers; got {size!r}")
    edges = np.concatenate([[0], np.cumsum(sizes, dtype=np.intp)])
    return {f"layer {k}": np.arange(edges[k], edges[k + 1]) for k in range(len(sizes))}
