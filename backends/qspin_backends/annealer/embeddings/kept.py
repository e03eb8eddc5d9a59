"""Embeddings on disk, named by what they were found for."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import json
import warnings
from collections.abc import Callable, Hashable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from qspin.errors import RunError
from qspin.problem import IsingProblem
from qspin.sampler import atomic_write
from qspin_backends.annealer.device import Hardware
from qspin_backends.annealer.embeddings.embedding import Embedding, fault_of
from qspin_backends.common.places import embeddings_folder

__all__ = ["kept_or_found"]

_unkept: dict[Path, list[Embedding]] = {}
"""What could not be written to where it belongs."""


def kept_or_found(
    problem: IsingProblem,
    hardware: Hardware,
    purpose: tuple[Hashable, ...],
    search: Callable[[], list[Embedding]],
) -> list[Embedding]:
    """What was found for a purpose before, or is found now; the chains of several embeddings share no qubit.

    Parameters
    ----------
    purpose : by what names: method, seed, and whatever else decides
    search : finds one embedding or more
    """
    file = _file(problem, hardware, purpose)
    if (kept := _read(file, problem, hardware)) is not None:
        return kept
    found = search()
    _write(file, found)
    return found


def _file(problem: IsingProblem, hardware: Hardware, purpose: tuple[Hashable, ...]) -> Path:
    """Named by the graph of the problem, the device, the purpose and the version of the search."""
    head = repr((problem.n_spins, *purpose, hardware.digest, version("minorminer")))
    content = hashlib.sha256(head.encode())
    content.update(problem.edges.i.astype(np.int64).tobytes() + problem.edges.j.astype(np.int64).tobytes())
    return embeddings_folder() / f"{content.hexdigest()[:32]}.json"


def _read(file: Path, problem: IsingProblem, hardware: Hardware) -> list[Embedding] | None:
    """None where there is no file, or one that holds no embeddings of this problem: they are found again."""
    if file in _unkept:
        return [dataclasses.replace(embedding, cached=True) for embedding in _unkept[file]]
    try:
        text = file.read_text(encoding="utf-8")
        if _sound.get(file, ("", []))[0] != text:
            stored = json.loads(text)
            kept = [_embedding(one) for one in (stored if isinstance(stored, list) else [stored])]
            if not _are_sound(kept, problem, hardware):
                return None
            _sound[file] = (text, kept)
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return list(_sound[file][1])


_sound: dict[Path, tuple[str, list[Embedding]]] = {}
"""Files that hold what they should: their text, and the embeddings. Hundreds take a second to check."""


def _are_sound(kept: list[Embedding], problem: IsingProblem, hardware: Hardware) -> bool:
    """Whether these are embeddings of the problem which share no qubit."""
    used = [qubit for embedding in kept for qubit in embedding.qubits]
    if not kept or len(used) > len(set(used)):
        return False
    complete = all(len(embedding.chains) == problem.n_spins for embedding in kept)
    return complete and not any(fault_of(embedding.chains, problem, hardware) for embedding in kept)


def _embedding(stored: Any) -> Embedding:
    chains = tuple(tuple(map(int, chain)) for chain in stored["chains"])
    return Embedding(chains, str(stored["method"]), cached=True)


def _write(file: Path, found: list[Embedding]) -> None:
    """Keep them on disk; where that cannot be, as long as this process lives."""
    stored = [{"method": embedding.method, "chains": embedding.chains} for embedding in found]
    try:
        atomic_write(file, json.dumps(stored if len(stored) > 1 else stored[0]))
    except RunError as error:
        _unkept[file] = found
        _warn_once(str(file.parent), getattr(error.__cause__, "strerror", None) or str(error))


@functools.cache
def _warn_once(folder: str, reason: str) -> None:
    warnings.warn(
        f"embeddings cannot be kept in {folder} ({reason}), so that every process searches them anew; set "
        "QSPIN_CACHE_DIR to a folder that can be written to",
        stacklevel=3,
    )
