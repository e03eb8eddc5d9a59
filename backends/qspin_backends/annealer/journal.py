"""The journal of what was bought: written before a problem is sent, and kept when its answer is on disk.

An entry is one programming of a QPU. Its name is a digest of all that decides on the answer, so the same
request finds the same entry, in this process or in one that comes after it was killed::

    KEY.json         what was asked for, how far it is, and the id of the problem as soon as it is known
    KEY.program.npz  what was programmed
    KEY.npz          the reads
    KEY.lock         held by the process that works on it

Tokens are never written.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np

from qspin.errors import InputError
from qspin.sampler import atomic_write
from qspin_backends.annealer.device import Answer, Program
from qspin_backends.annealer.places import journal_folder

__all__ = ["Entry", "key_of"]

_VERSION = 1
_LABEL = "qspin-"


def key_of(program: Program, solver: Mapping[str, Any], purpose: Mapping[str, Any], position: int) -> str:
    """Digest of a program, the solver it goes to, what for, and its place in the request."""
    head = {
        "solver": solver,
        "purpose": purpose,
        "position": position,
        "n_reads": program.n_reads,
        "parameters": {name: _plain(value) for name, value in program.parameters.items()},
    }
    content = hashlib.sha256(json.dumps(head, sort_keys=True).encode())
    for array in (program.qubits, program.fields, program.couplers, program.couplings):
        content.update(np.ascontiguousarray(array).tobytes())
    return content.hexdigest()[:32]


def _plain(value: Any) -> Any:
    """Mappings with text keys, as JSON has them."""
    return {str(k): v for k, v in value.items()} if isinstance(value, Mapping) else value


@dataclass(frozen=True)
class Entry:
    """One programming in the journal; see the module."""

    key: str
    folder: Path

    @classmethod
    def of(cls, key: str) -> Entry:
        """The entry of a key, which may not be on disk yet.

        Raises
        ------
        InputError
            If a qspin of another version wrote it.
        """
        entry = cls(key, journal_folder())
        if entry.file.is_file():
            entry.state()
        return entry

    @property
    def file(self) -> Path:
        """What was asked for, and how far it is."""
        return self.folder / f"{self.key}.json"

    @property
    def _answer_file(self) -> Path:
        return self.folder / f"{self.key}.npz"

    @property
    def label(self) -> str:
        """By which a problem of this entry is found at the server; anew after one was cancelled."""
        return f"{_LABEL}{self.key}-{self.state().get('attempt', 1)}"

    def state(self) -> dict[str, Any]:
        """What stands in the journal, empty if nothing does. Raises as `of` does."""
        if not self.file.is_file():
            return {}
        try:
            state = json.loads(self.file.read_text(encoding="utf-8"))
            version = state["version"]
        except (ValueError, KeyError, TypeError) as error:
            raise InputError(
                f"{self.file} is no readable journal entry: move it away. A problem that it stood for may "
                f"have been bought; its label at the server begins with {_LABEL}{self.key}"
            ) from error
        if version != _VERSION:
            raise InputError(
                f"{self.file} was written by another version of qspin (journal {version}, here {_VERSION}): "
                "finish that run with the version that began it, or set QSPIN_DATA_DIR to a folder of its "
                "own"
            )
        return state

    def plan(self, program: Program, facts: Mapping[str, Any]) -> None:
        """Write what is going to be sent, if it is not there."""
        if self.file.is_file():
            return
        content = io.BytesIO()
        np.savez_compressed(
            content,
            qubits=program.qubits,
            fields=program.fields,
            couplers=program.couplers,
            couplings=program.couplings,
        )
        atomic_write(self.folder / f"{self.key}.program.npz", content.getbuffer())
        parameters = {name: _plain(value) for name, value in program.parameters.items()}
        self._write(
            {
                "version": _VERSION,
                "attempt": 1,
                "status": "planned",
                "problem_id": None,
                "n_reads": program.n_reads,
                "parameters": parameters,
                "origin": program.origin,
                **facts,
            }
        )

    def note(self, **changes: Any) -> None:
        """Change what stands in the journal."""
        self._write({**self.state(), **changes, "changed": time.strftime("%Y-%m-%dT%H:%M:%S%z")})

    def store(self, answer: Answer) -> None:
        """Put an answer on disk."""
        content = io.BytesIO()
        np.savez_compressed(content, spins=answer.spins, facts=np.array(json.dumps(dict(answer.facts))))
        atomic_write(self._answer_file, content.getbuffer())
        self.note(status="answered")

    def answer(self, program: Program) -> Answer | None:
        """The answer on disk; None if there is none, or none that can be read: it is then fetched again."""
        try:
            with np.load(self._answer_file, allow_pickle=False) as file:
                answer = Answer(file["spins"], json.loads(str(file["facts"])))
        except (OSError, ValueError, KeyError, EOFError, BadZipFile):
            return None
        return answer if answer.spins.shape == (program.n_reads, len(program.qubits)) else None

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Keep other processes from sending the same; they wait here and then find the answer."""
        import filelock

        self.folder.mkdir(parents=True, exist_ok=True)
        with filelock.FileLock(self.folder / f"{self.key}.lock"):
            yield

    def _write(self, state: Mapping[str, Any]) -> None:
        atomic_write(self.file, json.dumps(state, indent=1, sort_keys=True) + "\n")
