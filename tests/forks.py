"""Processes of the command line that start at once: forks of one that has imported what a run needs.

A new interpreter takes more than two seconds for these imports, many times as long as most commands take. A
fork has all else of its own: arguments, folder, environment, streams, signals, exit code, and its end.
"""

from __future__ import annotations

import contextlib
import functools
import gc
import importlib
import json
import multiprocessing
import os
import pkgutil
import runpy
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from sketches import SKETCHED

__all__ = ["Forks", "forking"]

_LARGEST = 2**20  # bytes of a request: arguments and an environment
_ROOMS = ("analysis", "engine.storage", "experiment", "measures", "plot", "report", "showing", "studies")
_MODULES = (
    "qspin.cli", "qspin.instances", "qspin.engine.in_process", "qspin_backends.exact.sampler",
    "qspin_backends.tempering.sampler", "matplotlib.backends.backend_svg", "matplotlib.backends.backend_pdf",
    "arviz_stats", "dimod", "h5netcdf", "jinja2", "rich.live", "scipy.stats", "xarray",
)  # fmt: skip

_IMPORTED = (
    "distributed.cli.dask_scheduler", "distributed.cli.dask_worker", "dwave.cloud", "dwave.system",
    "h5netcdf", "minorminer.busclique", "qspin.registry", "qspin.testing.work", "qspin_backends.annealer",
    "qspin_backends.qaoa", "qspin_backends.tempering",
)  # fmt: skip


@functools.cache
def forking() -> Any:
    """A context of `multiprocessing` whose processes begin with all this imported: each is a fork of one
    process, the same for all tests of this one.

    The first call waits for the imports, so that nobody counts them who gives a process its time: on a busy
    machine they take a minute.
    """
    processes = multiprocessing.get_context("forkserver")
    processes.set_forkserver_preload(list(_IMPORTED))
    first = processes.Process(target=int)
    first.start()
    first.join()
    return processes


class Forks:
    """Starts forks of one process, one after the other."""

    def __init__(self) -> None:
        self._socket, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with other:
            self._process = subprocess.Popen(
                [sys.executable, __file__, str(other.fileno())],
                pass_fds=[other.fileno()], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            )  # fmt: skip

    def run(
        self,
        *arguments: object,
        cwd: Path,
        said: str = "",
        timeout: float = 120.0,
        is_drawn: bool = True,
        meanwhile: Callable[[int], object] = lambda pid: None,
    ) -> subprocess.CompletedProcess[str]:
        """``python -m qspin`` with these arguments, to its end; `said` is what it can read.

        What is to be done `meanwhile` is called with the number of the process once that has begun.
        """
        given = list(map(str, arguments))
        request = {"arguments": given, "cwd": str(cwd), "environment": dict(os.environ), "drawn": is_drawn}
        with contextlib.ExitStack() as stack:
            files = [stack.enter_context(tempfile.TemporaryFile("w+", encoding="utf-8")) for _ in range(3)]
            files[0].write(said)
            files[0].seek(0)
            socket.send_fds(self._socket, [json.dumps(request).encode()], [f.fileno() for f in files])
            pid = int(self._socket.recv(_LARGEST))
            self._socket.settimeout(timeout)
            try:
                meanwhile(pid)
                status = int(self._socket.recv(_LARGEST))
            except BaseException:
                os.kill(pid, signal.SIGKILL)
                self._socket.settimeout(timeout)
                self._socket.recv(_LARGEST)  # how that ended, which the next call must not take for its own
                raise
            finally:
                self._socket.settimeout(None)
            for file in files:
                file.seek(0)
            code = os.waitstatus_to_exitcode(status)
            return subprocess.CompletedProcess(given, code, files[1].read(), files[2].read())

    def close(self) -> None:
        """The process ends once nobody can ask it for more."""
        self._socket.close()
        self._process.wait()


def _prepare() -> None:
    """Import what commands import when they need it."""
    for room in _ROOMS:
        package = importlib.import_module(f"qspin.{room}")
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            importlib.import_module(module.name)
    for name in _MODULES:
        importlib.import_module(name)
    gc.freeze()  # what is there stays, and no fork looks through it


def _requests(own: socket.socket) -> Iterator[tuple[dict, list[int]]]:
    while (got := socket.recv_fds(own, _LARGEST, 3))[0]:
        yield json.loads(got[0]), got[1]


def _serve(own: socket.socket) -> None:
    """Fork at every request, and tell how the fork ended; returns in none but the forks."""
    for request, files in _requests(own):
        if (pid := os.fork()) == 0:
            own.close()
            _become(request, files)
            return
        for file in files:
            os.close(file)
        own.send(str(pid).encode())
        own.send(str(os.waitpid(pid, 0)[1]).encode())
    os._exit(0)


def _become(request: dict, files: list[int]) -> None:
    for number, file in enumerate(files):
        os.dup2(file, number)
        os.close(file)
    os.environ.clear()
    os.environ.update(request["environment"])
    os.chdir(request["cwd"])
    sys.path[0] = request["cwd"]  # as for python -m
    sys.argv = ["qspin", *request["arguments"]]
    if not request["drawn"]:
        vars(importlib.import_module("qspin.plot.canvas")).update(SKETCHED)


if __name__ == "__main__":
    _prepare()
    with socket.socket(fileno=int(sys.argv[1])) as own:
        _serve(own)
    runpy.run_module("qspin", run_name="__main__", alter_sys=True)
