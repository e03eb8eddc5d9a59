"""What runs in the workers of Dask: parcels are done in a depot, one at a time, and their progress is told.

A worker does one task at a time, with as many threads as it has: samplers divide cores better among
themselves than Python threads do, and a task that does not end costs one worker and no other task.
"""

from __future__ import annotations

import pickle
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from distributed import get_worker

import qspin.engine.dask.pickling  # noqa: F401
from qspin import registry
from qspin.engine.dask.depot import Depot
from qspin.engine.dask.parcels import Answer, Parcel
from qspin.engine.threads import take_threads
from qspin.errors import InputError
from qspin.progress import Progress
from qspin.provenance import library_versions

__all__ = ["BEGAN", "TOLD", "Survey", "perform", "stop", "survey"]

BEGAN, TOLD = "began", "told"
"""Kinds of what a worker says about a task."""

_TELL_SECONDS = 0.5  # between two words about one task
_LIBRARIES = ("numpy", "scipy", "numba", "torch", "dwave-samplers", "qiskit-aer")
"""Whose versions may decide about the last digit of what is sampled."""

_depots: dict[str, Depot] = {}
_lock = threading.Lock()


class Survey(NamedTuple):
    """What a worker has.

    Parameters
    ----------
    lacks : why it cannot do some of the tasks, a sentence each
    versions : of libraries, by name
    """

    lacks: list[str]
    versions: dict[str, str]


def perform(packed: bytes, n_threads: int, topic: str) -> list[tuple[str, Answer]]:
    """Do the tasks of parcels, one after the other.

    Parameters
    ----------
    packed : pickled list of keys, by which the client knows these attempts, and parcels
    n_threads : for the libraries that compute
    topic : under which its progress is told

    Returns
    -------
    these keys, and what became of each
    """
    worker: Any = get_worker()
    parcels: list[tuple[str, Parcel]] = pickle.loads(packed)
    depot, answers = _depot(worker), []
    for key, parcel in parcels:
        voice = _Voice(worker, key, topic)

        def begin(voice: _Voice = voice) -> None:
            take_threads(n_threads)
            voice.say(BEGAN)

        answers.append((key, depot.do(parcel, voice.tell, begin)))
    return answers


def stop(key: str, dask_worker: Any) -> None:
    """Ask the task of this key to stop; Dask gives the worker."""
    _depot(dask_worker).stop(key)


def survey(needed: Sequence[tuple[str, str]]) -> Survey:
    """What this worker lacks of kinds and names, and what it has.

    Parameters
    ----------
    needed : plural of a kind, and a name
    """
    lacks = []
    for kind, name in needed:
        try:
            registry.class_of(registry.kinds()[kind], name)
        except InputError as error:
            lacks.append(str(error))
    return Survey(lacks, library_versions(_LIBRARIES))


def _depot(worker: Any) -> Depot:
    """Of a worker; there may be several in one process."""
    with _lock:
        if worker.id not in _depots:
            _depots[worker.id] = Depot(Path(worker.local_directory) / "qspin")
        return _depots[worker.id]


class _Voice:
    """Says how far a task is, not too often."""

    def __init__(self, worker: Any, key: str, topic: str):
        self._worker, self._key, self._topic = worker, key, topic
        self._told = -_TELL_SECONDS

    def say(self, kind: str, *what: Any) -> None:
        self._worker.log_event(self._topic, (kind, self._key, *what))

    def tell(self, progress: Progress) -> None:
        now = time.monotonic()
        if now - self._told < _TELL_SECONDS:
            return
        self._told = now
        figures = {name: float(value) for name, value in progress.figures.items()}
        self.say(TOLD, float(progress.fraction), progress.remark, figures)
