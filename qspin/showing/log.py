"""``log.jsonl``: what happened in a run, an event a line, for whoever looks from elsewhere or later.

::

    {"time": 1764100000.25, "run": "4711@host-9f3c", "kind": "start", "label": "glass with exact", …}

Lines are only ever appended, one write each, by every process that works on the run. A reader skips what is
no whole line: the last one of a process that was killed while it wrote.
"""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import hashlib
import json
import math
import os
import platform
import secrets
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from qspin.confidential import redacted
from qspin.events import Event, Kind, Reporter
from qspin.showing.picture import SILENCE

__all__ = ["HEARTBEAT", "LOG", "EventLog", "Told", "here", "logged", "read_line"]

LOG = "log.jsonl"
"""Name of the file in a run folder."""

HEARTBEAT = SILENCE / 3
"""Seconds after which a process that has nothing to tell says that it is there."""

_PROGRESS_SECONDS = 1.0  # between two lines on how far a task is
_DEFAULTS = {own.name: own.default for own in dataclasses.fields(Event) if own.name not in ("kind", "time")}
_ENCODE = json.JSONEncoder(ensure_ascii=False, separators=(", ", ": ")).encode
_NUMBERS = {"fraction": 1.0, "seconds": 1e11, "time": 1e11}
"""Name -> the most that a line may say; 1e11 seconds are 3000 years."""
_MOST_TASKS = 10**12
_N = TypeVar("_N", int, float)
_TEXTS = ("key", "label", "action", "group", "worker", "remark")


class Told(NamedTuple):
    """A line of a log.

    Parameters
    ----------
    run : names the process that wrote it
    place : where that process runs: the same for two that see each other
    """

    run: str
    place: str
    event: Event


class EventLog:
    """Appends events to a file.

    A log that cannot be written costs nobody a result: the reporter is told once, and the run goes on.

    Parameters
    ----------
    file : made if it is not there
    reporter : told of a fault
    """

    def __init__(self, file: Path, reporter: Reporter):
        self.run = f"{os.getpid()}@{platform.node()}-{secrets.token_hex(2)}"
        self._file, self._reporter = file, reporter
        self._descriptor = -1
        self._lock = threading.Lock()
        self._told: dict[str, float] = {}
        self._last = time.monotonic()
        self._is_over = threading.Event()

    def __enter__(self) -> EventLog:
        try:
            self._descriptor = os.open(self._file, os.O_APPEND | os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o666)
            self._begin_a_line()
        except OSError as error:
            self._give_up(error)
        threading.Thread(target=self._beat, name="qspin-log", daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        with self._lock:
            self._close()

    def __call__(self, event: Event) -> None:
        """Write an event, unless it is one of many on how far a task is."""
        now = time.monotonic()
        if event.kind == Kind.PROGRESS:
            if now - self._told.get(event.key, -math.inf) < _PROGRESS_SECONDS:
                return
            self._told[event.key] = now
        elif event.kind != Kind.START:
            self._told.pop(event.key, None)
        self._write(event)

    def _write(self, event: Event) -> None:
        line = _line(event, self.run)
        fault = None
        with self._lock:
            if self._descriptor < 0:
                return
            self._last = time.monotonic()
            try:
                if os.write(self._descriptor, line) < len(line):
                    fault = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            except OSError as error:
                fault = error
        if fault is not None:
            self._give_up(fault)

    def _begin_a_line(self) -> None:
        """Behind what a process left that was killed; an empty one where another is just writing."""
        size = os.lseek(self._descriptor, 0, os.SEEK_END)
        if size and os.pread(self._descriptor, 1, size - 1) != b"\n":
            os.write(self._descriptor, b"\n")

    def _beat(self) -> None:
        while not self._is_over.wait(HEARTBEAT / 4):
            if time.monotonic() - self._last >= HEARTBEAT:
                self._write(Event(Kind.ALIVE))

    def _give_up(self, error: OSError) -> None:
        with self._lock:
            self._close()
        reason = error.strerror or str(error)
        self._reporter(
            Event(Kind.NOTE, remark=f"{self._file} cannot be written ({reason}): the run goes on untold")
        )

    def _close(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


@contextlib.contextmanager
def logged(file: Path, reporter: Reporter) -> Iterator[Reporter]:
    """Around the work of a process on a run: what it tells goes to a reporter and into a log, its end too."""
    with EventLog(file, reporter) as log:

        def tell(event: Event) -> None:
            log(event)
            reporter(event)

        remark, fraction = "finished", 0.0
        try:
            yield tell
            fraction = 1.0
        except KeyboardInterrupt:
            remark = "stopped"
            raise
        except BaseException as error:
            remark = str(error) or type(error).__name__
            raise
        finally:
            tell(Event(Kind.END, remark=remark, fraction=fraction))


# -- lines ---------------------------------------------------------------------------------------


def _line(event: Event, run: str) -> bytes:
    plain: dict[str, Any] = {"time": round(event.time, 3), "run": run, "kind": str(event.kind)}
    if event.kind == Kind.BEGIN:
        plain["place"] = here()
    for name, default in _DEFAULTS.items():
        value = getattr(event, name)
        if value != default and (value or default is True):
            plain[name] = _plain(name, value)
    return _ENCODE(plain).encode() + b"\n"


def _plain(name: str, value: Any) -> Any:
    if name == "figures":
        return {own: float(number) for own, number in value.items() if math.isfinite(number)}
    if name in ("fraction", "seconds"):
        return round(float(value), 6) if math.isfinite(value) else 0.0
    return redacted(value) if name == "remark" else value


def read_line(line: bytes) -> Told | None:
    """What a line says; None if it is no event, as one that was cut, or one of a later version, or holds a
    number that none can be."""
    try:
        plain = json.loads(line)
        known: dict[str, Any] = {
            name: _bounded(float(plain[name]), most) for name, most in _NUMBERS.items() if name in plain
        }
        known |= {name: str(plain[name]) for name in _TEXTS if name in plain}
        known |= {"n": _n_tasks(plain.get("n", 0)), "is_shown": bool(plain.get("is_shown", True))}
        known["figures"] = {str(k): float(v) for k, v in _mapping(plain, "figures")}
        known["counts"] = {
            str(action): {str(group): _n_tasks(n) for group, n in groups.items()}
            for action, groups in _mapping(plain, "counts")
        }
        event = Event(Kind(plain["kind"]), **known)
        return Told(str(plain["run"]), str(plain.get("place", "")), event)
    except (ValueError, OverflowError, TypeError, KeyError, AttributeError, RecursionError):
        return None


def _n_tasks(value: Any) -> int:
    """Raises ValueError or OverflowError for what is no number of tasks."""
    return _bounded(int(value), _MOST_TASKS)


def _bounded(value: _N, most: float) -> _N:
    """Raises ValueError for a number out of bounds, and for one that is none."""
    if not 0 <= value <= most:
        raise ValueError
    return value


def _mapping(plain: Mapping[str, Any], name: str) -> Any:
    return plain[name].items() if name in plain else ()


def here() -> str:
    """Where this process runs: the same for processes that see each other by their numbers."""
    parts = [platform.node()]
    with contextlib.suppress(OSError):
        parts.append(Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii"))
        parts.append(os.readlink("/proc/self/ns/pid"))
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:12]
