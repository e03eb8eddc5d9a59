"""The journal of what was bought: written before a job is sent, and kept when its answer is on disk.

An entry is one job of a server. Its name is a digest of all that decides on the answer, so the same request
finds the same entry, in this process or in one that comes after it was killed::

    KEY.json         what was asked for, how far it is, and the id of the job as soon as it is known
    KEY.program.npz  what was programmed
    KEY.npz          the reads
    KEY.lock         held by the process that works on it

Tokens are never written. Only the user can read the files.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qspin.archives import DEFLATE_RATIO, parse_json, read_arrays
from qspin.errors import InputError
from qspin.sampler import atomic_write
from qspin_backends.common.places import journal_folder, private_folder

__all__ = ["Answer", "Entry", "digest_of", "plain"]

_VERSION = 2
_LABEL = "qspin-"


@dataclass(frozen=True)
class Answer:
    """Reads of one job.

    Parameters
    ----------
    spins : int8 (n_reads, n_spins), in the order in which they were taken
    facts : what the server says beside them, such as timing; plain JSON
    """

    spins: NDArray[np.int8]
    facts: Mapping[str, Any]


def digest_of(head: Mapping[str, Any], *arrays: NDArray[Any]) -> str:
    """The key of what is described by plain JSON values and arrays."""
    content = hashlib.sha256(json.dumps(head, sort_keys=True).encode())
    for array in arrays:
        content.update(np.ascontiguousarray(array).tobytes())
    return content.hexdigest()[:32]


def plain(values: Mapping[str, Any]) -> dict[str, Any]:
    """Mappings among the values with text keys, as JSON has them."""
    return {
        name: {str(k): v for k, v in value.items()} if isinstance(value, Mapping) else value
        for name, value in values.items()
    }


@dataclass(frozen=True)
class Entry:
    """One job in the journal; see the module."""

    key: str
    folder: Path

    @classmethod
    def of(cls, key: str, backend: str) -> Entry:
        """The entry of a key in the journal of a backend, which may not be on disk yet.

        Raises
        ------
        InputError
            If a qspin of another version wrote it.
        """
        entry = cls(key, journal_folder(backend))
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
        """By which a job of this entry is found at the server; anew after one was cancelled."""
        return f"{_LABEL}{self.key}-{self.state().get('attempt', 1)}"

    def state(self) -> dict[str, Any]:
        """What stands in the journal, empty if nothing does. Raises as `of` does."""
        if not self.file.is_file():
            return {}
        try:
            state = parse_json(self.file.read_bytes())
            version = state["version"]
        except (ValueError, KeyError, TypeError) as error:
            raise InputError(
                f"{self.file} is no readable journal entry: move it away. A job that it stood for may "
                f"have been bought; its label at the server begins with {_LABEL}{self.key}"
            ) from error
        if version != _VERSION:
            raise InputError(
                f"{self.file} was written by another version of qspin (journal {version}, here {_VERSION}): "
                "finish that run with the version that began it, or set QSPIN_DATA_DIR to a folder of its "
                "own"
            )
        return state

    def plan(self, program: Mapping[str, NDArray[Any]], facts: Mapping[str, Any]) -> None:
        """Write what is going to be sent, if it is not there."""
        if self.file.is_file():
            return
        content = io.BytesIO()
        np.savez_compressed(content, allow_pickle=False, **program)
        self._save(self.folder / f"{self.key}.program.npz", content.getbuffer())
        self._write({"version": _VERSION, "attempt": 1, "status": "planned", "job_id": None, **facts})

    def note(self, **changes: Any) -> None:
        """Change what stands in the journal."""
        now = datetime.now(UTC).isoformat(timespec="seconds")
        self._write({**self.state(), **changes, "changed": now})

    def age(self) -> float:
        """Seconds since the last `note` by the clock, which may be another one than it was written by.

        Infinite if that cannot be told.
        """
        try:
            changed = datetime.fromisoformat(str(self.state().get("changed")))
            return (datetime.now(UTC) - changed).total_seconds()
        except (ValueError, TypeError):  # no time, or one without its zone
            return float("inf")

    def store(self, answer: Answer) -> None:
        """Put an answer on disk."""
        content = io.BytesIO()
        np.savez_compressed(content, spins=answer.spins, facts=np.array(json.dumps(dict(answer.facts))))
        self._save(self._answer_file, content.getbuffer())
        self.note(status="answered")

    def answer(self, shape: tuple[int, int]) -> Answer | None:
        """The answer on disk, of spins (n_reads, n_spins).

        None if there is none, or none that can be read: it is then fetched again.
        """
        try:
            stored = read_arrays(self._answer_file, ["spins", "facts"], ratio=DEFLATE_RATIO)
            spins, facts = stored["spins"], parse_json(str(stored["facts"]))
        except InputError:
            return None
        return Answer(spins, facts) if spins.shape == shape and isinstance(facts, dict) else None

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Keep other processes from sending the same; they wait here and then find the answer."""
        import filelock

        private_folder(self.folder)
        with filelock.FileLock(self.folder / f"{self.key}.lock", mode=0o600):
            yield

    def _write(self, state: Mapping[str, Any]) -> None:
        self._save(self.file, json.dumps(state, indent=1, sort_keys=True) + "\n")

    def _save(self, file: Path, content: str | memoryview) -> None:
        private_folder(self.folder)
        atomic_write(file, content, mode=0o600)
