"""What a machine is beside its parameters, as it travels in a state dict."""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from qspin.archives import parse_json
from qspin.errors import InputError, shown
from qspin.labels import labels_from_json, labels_to_json

__all__ = ["Description"]

_NOT_OURS = "the state dict holds no description of a machine that can be read"


@dataclass(frozen=True)
class Description:
    """What two machines must share for the parameters of one to mean the same in the other.

    Parameters
    ----------
    kind : of machine, the name of its class
    units : ``spins`` or ``bits``
    labels : of the units, visible ones first
    n_visible : of them
    edges : pairs of numbers of units that are coupled, where the kind does not say; in the order of couplings
    """

    kind: str
    units: str
    labels: tuple[Hashable, ...]
    n_visible: int
    edges: tuple[tuple[int, int], ...] | None = None

    def _json(self) -> str:
        content = {
            "kind": self.kind,
            "units": self.units,
            "labels": json.loads(labels_to_json(self.labels)),
            "n_visible": self.n_visible,
            "edges": self.edges,
        }
        return json.dumps(content)

    @property
    def digest(self) -> str:
        """SHA-256, hex; equal for machines whose parameters mean the same."""
        return hashlib.sha256(self._json().encode()).hexdigest()

    def encoded(self) -> Tensor:
        """As bytes, uint8 (n,)."""
        return torch.frombuffer(bytearray(self._json().encode()), dtype=torch.uint8)

    @classmethod
    def decoded(cls, state: Any) -> Description:
        """From what `encoded` gave; raises InputError for anything else."""
        if not isinstance(state, Tensor) or state.dtype != torch.uint8 or state.ndim != 1:
            raise InputError(f"{_NOT_OURS}; got {shown(state)}")
        try:
            content = parse_json(np.asarray(state.cpu()).tobytes().decode())
            edges = content["edges"]
            found = cls(
                str(content["kind"]),
                str(content["units"]),
                tuple(labels_from_json(json.dumps(content["labels"]))),
                int(content["n_visible"]),
                None if edges is None else tuple((int(i), int(j)) for i, j in edges),
            )
            found._check()
            return found
        except (InputError, KeyError, TypeError, ValueError) as error:
            raise InputError(f"{_NOT_OURS} ({type(error).__name__}: {error})") from None

    def _check(self) -> None:
        """Raises ValueError where its numbers do not fit its labels."""
        n = len(self.labels)
        if not 0 < self.n_visible <= n:
            raise ValueError(f"{self.n_visible} of {n} units are visible")
        if any(not 0 <= unit < n for edge in self.edges or () for unit in edge):
            raise ValueError(f"edges must number {n} units from 0")

    def require(self, other: Description) -> None:
        """Raises InputError where another one's parameters would mean something else here."""
        parts = (("kind", "kind is"), ("units", "units are"), ("n_visible", "number of visible units is"))
        for name, told in parts:
            mine, theirs = getattr(self, name), getattr(other, name)
            if mine != theirs:
                raise InputError(f"a state dict of another machine: its {told} {theirs}, here {mine}")
        if self.labels != other.labels:
            raise InputError(
                f"a state dict of another machine: its {len(other.labels)} units are not the "
                f"{len(self.labels)} here{_first(other.labels, self.labels)}"
            )
        if self.edges != other.edges:
            mine, theirs = self.edges or (), other.edges or ()
            raise InputError(
                f"a state dict of another graph: its {len(theirs)} edges are not the {len(mine)} here"
                f"{_first(self._named(theirs), self._named(mine))}"
            )

    def _named(self, edges: tuple[tuple[int, int], ...]) -> list[tuple[Hashable, Hashable]]:
        return [(self.labels[i], self.labels[j]) for i, j in edges]


def _first(theirs: Any, mine: Any) -> str:
    for k, (there, here) in enumerate(itertools.zip_longest(theirs, mine, fillvalue="nothing")):
        if there != here:
            return f"; the first difference: number {k} is {shown(there)}, here {shown(here)}"
    return ""
