"""The checkpoint of one run: what it holds, and the layout of packs that it was written with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from numpy.typing import NDArray

from qspin.sampler import Checkpoint
from qspin_backends.tempering.walkers import Walkers

__all__ = ["Arrays", "Keeping", "gathered", "put_back"]

Arrays = dict[str, NDArray[Any]]


@dataclass(frozen=True)
class Keeping:
    """Where unfinished work goes, if anywhere, and what was found there.

    Parameters
    ----------
    identity : what the work belongs to, see `Checkpoint.save`
    stored : arrays of an earlier session, None if this run starts anew
    """

    checkpoint: Checkpoint | None = None
    identity: dict[str, Any] = field(default_factory=dict)
    stored: Arrays | None = None

    @classmethod
    def at(cls, checkpoint: Checkpoint, identity: dict[str, Any]) -> Keeping:
        """Raises InputError if there is the work of another run."""
        return cls(checkpoint, identity, checkpoint.load(identity))

    def columns_a_pack(self, otherwise: int) -> int:
        """Packs go on in the layout that they were written in, whatever the number of threads now."""
        return otherwise if self.stored is None else int(self.stored["columns_a_pack"])

    @property
    def is_last(self) -> bool:
        """Whether the next save ends the work: stop at the next place where it can be gone on with."""
        return self.checkpoint is not None and self.checkpoint.is_last

    def save_if_due(self, state: Callable[[], Arrays]) -> None:
        """`save`, if the time has come."""
        if self.checkpoint is not None and self.checkpoint.is_due:
            self.save(state)

    def save(self, state: Callable[[], Arrays]) -> None:
        """Write what `state` gives, if anybody wants it kept; raises KeyboardInterrupt after the last."""
        if self.checkpoint is not None:
            self.checkpoint.keep(self.identity, state())


class _Kept(Protocol):
    """A pack of any method."""

    walkers: Walkers

    def evolving(self) -> Arrays: ...


def gathered(packs: Sequence[_Kept]) -> Arrays:
    """All arrays that evolve, of all packs, by names of their own."""
    return {
        f"pack{k}.{name}": array for k, pack in enumerate(packs) for name, array in pack.evolving().items()
    }


def put_back(stored: Arrays, packs: Sequence[_Kept]) -> None:
    """The inverse of `gathered`; energies and fields follow."""
    for k, pack in enumerate(packs):
        for name, array in pack.evolving().items():
            array[:] = stored[f"pack{k}.{name}"]
        pack.walkers.start_anew()
