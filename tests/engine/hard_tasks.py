"""Tasks that are hard on whoever does them, for tests of workers."""

from __future__ import annotations

import contextlib
import importlib
import os
import signal
import sys
import time
import warnings
from pathlib import Path

import numpy as np

from qspin import stopping
from qspin.errors import StorageError
from qspin.executor import Task
from qspin.progress import report_progress
from qspin.testing.work import Act, FolderWork, acts


class HardAct(Act):
    """Knows more acts."""

    def __call__(self, task: Task) -> str | None:
        acts.update(HARD)
        return super().__call__(task)


class HardWork(FolderWork):
    @property
    def perform(self) -> HardAct:
        return HardAct(self.path)


def _die(path: Path, task: Task) -> int:
    """So often as it says, by a kill; then not."""
    deaths = path / f"{task.key}-deaths"
    with deaths.open("a") as file:
        file.write("x")
    if len(deaths.read_text()) <= task.settings["times"]:
        print("no more memory", file=sys.stderr)
        os.kill(os.getpid(), signal.SIGKILL)
    return 0


def _orphan(path: Path, task: Task) -> int:
    """Dies at its first attempt, and leaves a child that keeps all its pipes open and prints for ever."""
    children = path / f"{task.key}-children"
    if not children.exists():
        if (pid := os.fork()) == 0:
            while True:
                with contextlib.suppress(OSError):
                    os.write(2, b"alive\n")
                time.sleep(0.05)
        children.write_text(str(pid))
        os.kill(os.getpid(), signal.SIGKILL)
    return 0


def _fork(path: Path, task: Task) -> int:
    """How a child ends that tells, warns, and is then told to end."""
    ear, mouth = os.pipe()
    if (pid := os.fork()) == 0:
        report_progress(0.5, "said by a child")
        warnings.warn("warned by a child", stacklevel=1)
        os.write(mouth, b"!")
        with contextlib.suppress(BaseException):
            time.sleep(20)
        os._exit(3)
    os.read(ear, 1)
    os.kill(pid, signal.SIGTERM)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def _warns(path: Path, task: Task) -> int:
    """Of classes that nobody else can import, some of which say that they are from elsewhere."""
    for module in ("only_here", "builtins", "qspin.errors", "__main__"):
        warnings.warn(f"of {module}", type("Odd", (UserWarning,), {"__module__": module}), stacklevel=1)
    warnings.warn("of numpy", np.exceptions.ComplexWarning, stacklevel=1)
    warnings.warn("built in", RuntimeWarning, stacklevel=1)
    return 0


class Strange(BaseException):
    """Is no failure of a task; says that it is from elsewhere."""


def _raise(path: Path, task: Task) -> int:
    Strange.__module__ = "only_here"
    raise Strange("what")


def _mumble(path: Path, task: Task) -> int:
    """Says what can be understood in this process alone; the first time, this is how it ends."""
    sys.modules["only_here"] = sys
    report_progress(0.5, best=_OnlyHere())  # type: ignore[arg-type]
    tried = path / f"{task.key}-tried"
    if not tried.exists():
        tried.touch()
        raise StorageError(_OnlyHere())
    return 0


class _OnlyHere:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return importlib.import_module, ("only_here",)


def _leave(path: Path, task: Task) -> int:
    os._exit(7)


def _print(path: Path, task: Task) -> int:
    print(f"printed, with {os.environ.get('DWAVE_API_TOKEN')}")
    os.write(2, b"written\nin pieces")
    return 0


def _deaf(path: Path, task: Task) -> int:
    """Compiled code that hears nothing."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    time.sleep(60)
    return 0


class Slow:
    """Takes so many seconds to arrive where it is sent."""

    def __init__(self, seconds: float):
        self._seconds = seconds

    def __reduce__(self) -> tuple[object, tuple[float]]:
        return time.sleep, (self._seconds,)


def _hear(path: Path, task: Task) -> int:
    """Goes on until a stop is asked for, and notes that it has heard; not for ever."""
    until = time.monotonic() + 30
    while not stopping.is_requested() and time.monotonic() < until:
        with contextlib.suppress(KeyboardInterrupt):
            time.sleep(0.02)
    if stopping.is_requested():
        (path / f"{task.key}-heard").touch()
        raise KeyboardInterrupt
    return 0


def _threads(path: Path, task: Task) -> list[int]:
    import numba
    from threadpoolctl import threadpool_info

    time.sleep(task.settings["seconds"])
    blas = [own["num_threads"] for own in threadpool_info() if own["user_api"] == "blas"]
    return [numba.get_num_threads(), max(blas, default=1), int(os.environ["OMP_NUM_THREADS"])]


def _modules(path: Path, task: Task) -> list[str]:
    return [str(getattr(sys.modules["__main__"], "__file__", "")), str(sys.argv)]


HARD = {
    "die": _die, "orphan": _orphan, "fork": _fork, "warns": _warns, "raise": _raise,
    "mumble": _mumble, "leave": _leave, "print": _print, "deaf": _deaf, "hear": _hear,
    "threads": _threads, "modules": _modules,
}  # fmt: skip
