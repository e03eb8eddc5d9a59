"""What happens in a run, as plain values: for a terminal, a notebook, a file, another machine.

Whoever does the work tells events to a `Reporter`; whoever shows a run folds them into a picture.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from qspin.progress import Progress, listening

__all__ = ["Counts", "Event", "Kind", "Reporter", "one_at_a_time", "silent", "step"]


Counts = Mapping[str, Mapping[str, int]]
"""Action -> group -> number of tasks."""


class Kind(StrEnum):
    """Of an event."""

    BEGIN = "begin"
    """A process begins to work on ``n`` tasks."""
    FOUND = "found"
    """What ``n`` tasks give was there already, or came from another process."""
    START = "start"
    PROGRESS = "progress"
    DONE = "done"
    FAILED = "failed"
    BLOCKED = "blocked"
    """A task cannot begin: one that it needs failed, or cannot begin either."""
    RETURNED = "returned"
    """A task that was begun goes back to those that wait: its worker was lost, or the run was stopped."""
    NOTE = "note"
    """A sentence that somebody who looks should read."""
    ALIVE = "alive"
    """The process goes on, though it has nothing to tell."""
    END = "end"
    """The process has finished its part, or was stopped: ``remark`` says which, and ``fraction`` is 1 where
    nothing is left to do."""


@dataclass(frozen=True)
class Event:
    """One thing that happened.

    Parameters
    ----------
    kind : what
    key, label, action : of the task; a step that is no task of a graph has no action
    group : of tasks of this action that take about as long
    is_shown : whether the task takes long enough to be told of one by one
    worker : who does it, such as ``worker 2``; empty in the process of the run itself
    fraction : of the task that is done, 0 to 1
    remark : a few words; what failed, a sentence
    figures : as of `qspin.progress.report_progress`
    n : number of tasks
    counts : the same number by action and group
    seconds : that the task took
    time : seconds since 1970, by the clock of the process that tells
    """

    kind: Kind
    key: str = ""
    label: str = ""
    action: str = ""
    group: str = ""
    is_shown: bool = True
    worker: str = ""
    fraction: float = 0.0
    remark: str = ""
    figures: Mapping[str, float] = field(default_factory=dict)
    n: int = 0
    counts: Counts = field(default_factory=dict)
    seconds: float = 0.0
    time: float = field(default_factory=time.time)

    def now(self, kind: Kind, **more: Any) -> Event:
        """What happens to the same task at this moment."""
        return replace(self, kind=kind, **{"time": time.time(), **more})


Reporter = Callable[[Event], None]
"""Shows a person how far a run is; called in one thread at a time, and quick."""


def silent(event: Event) -> None:
    """Shows nothing."""


def one_at_a_time(reporter: Reporter) -> Reporter:
    """A reporter that several threads may call."""
    lock = threading.Lock()

    def tell(event: Event) -> None:
        with lock:
            reporter(event)

    return tell


@contextlib.contextmanager
def step(reporter: Reporter, label: str, *, key: str = "", action: str = "") -> Iterator[None]:
    """Around work that is no task of a graph: tells its start, its progress and its end."""
    about = Event(Kind.START, key or label, label, action)
    began = time.monotonic()

    def tell(progress: Progress) -> None:
        reporter(about.now(Kind.PROGRESS, **progress._asdict()))

    reporter(about)
    try:
        with listening(tell):
            yield
    except BaseException as error:
        reporter(about.now(Kind.FAILED, remark=str(error) or type(error).__name__))
        raise
    reporter(about.now(Kind.DONE, seconds=time.monotonic() - began))
