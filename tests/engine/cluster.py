"""A scheduler and workers of Dask on loopback, as processes that end with the test."""

from __future__ import annotations

import contextlib
import os
import runpy
import signal
import socket
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from multiprocessing.process import BaseProcess
from pathlib import Path

from forks import forking

__all__ = ["LoopbackCluster", "loopback_cluster"]

_START_SECONDS = 60.0
_LIFE_SECONDS = 600  # after which a scheduler without work ends by itself, whatever became of the test


@dataclass
class LoopbackCluster:
    """Processes of a cluster, forks of one that has imported Dask; each is the first of a group of its own.

    Parameters
    ----------
    folder : of their logs and scratch files
    port : of the scheduler; one that is free
    """

    folder: Path
    port: int = field(default_factory=lambda: _free_port())
    scheduler: BaseProcess | None = None
    workers: list[BaseProcess] = field(default_factory=list)

    @property
    def address(self) -> str:
        return f"tcp://127.0.0.1:{self.port}"

    def start_scheduler(self) -> BaseProcess:
        """A scheduler at the address; also anew, after it was killed."""
        self.scheduler = self._started(
            "scheduler", "--host", "127.0.0.1", "--port", str(self.port), "--idle-timeout", str(_LIFE_SECONDS)
        )
        until = time.monotonic() + _START_SECONDS
        while not _answers(self.port):
            if self.scheduler.exitcode is not None or time.monotonic() > until:
                raise RuntimeError(f"no scheduler: {self.log('scheduler')}")
            time.sleep(0.05)
        return self.scheduler

    def start_worker(
        self,
        name: str | None = None,
        *,
        n_threads: int = 1,
        memory: str = "0",
        nanny: bool = False,
        path: Path | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> BaseProcess:
        """A worker that comes to the scheduler when it is ready.

        Parameters
        ----------
        memory : that it may take, such as ``1GiB``; 0: any
        nanny : whether a process beside it starts it anew where it dies
        path : of modules that it finds before all others
        """
        name = name or f"worker-{len(self.workers)}"
        scratch = self.folder / "scratch" / name
        options = ["--name", name, "--nthreads", str(n_threads), "--memory-limit", memory]
        options += ["--nanny" if nanny else "--no-nanny", "--local-directory", str(scratch)]
        options += ["--death-timeout", "20"]
        paths = [str(p) for p in (path, *sys.path) if p]
        more = {"PYTHONPATH": os.pathsep.join(paths), **(environment or {})}  # the path of those it starts
        worker = self._started("worker", self.address, *options, log=name, environment=more, first=path)
        self.workers.append(worker)
        return worker

    def _started(
        self,
        command: str,
        *arguments: str,
        log: str = "",
        environment: Mapping[str, str] | None = None,
        first: Path | None = None,
    ) -> BaseProcess:
        self.folder.mkdir(parents=True, exist_ok=True)
        variables = {**os.environ, **(environment or {})}
        given = [f"distributed.cli.dask_{command}", *arguments, "--no-dashboard"]
        output = self.folder / f"{log or command}.log"
        process: BaseProcess = forking().Process(target=_become, args=(given, variables, output, first))
        process.start()
        return process

    def wait(self, n_workers: int) -> None:
        """Until so many workers have come."""
        from distributed import Client

        with Client(self.address, set_as_default=False) as client:
            client.wait_for_workers(n_workers, timeout=_START_SECONDS)

    def log(self, name: str) -> str:
        """What a process has said."""
        return (self.folder / f"{name}.log").read_text(errors="replace")

    @staticmethod
    def kill(process: BaseProcess) -> None:
        """With SIGKILL, and its whole group, if it leads one already."""
        if process.pid is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        process.kill()
        process.join()

    def close(self) -> None:
        """Kill what is left."""
        for process in (*self.workers, self.scheduler):
            if process is not None:
                self.kill(process)


def _become(given: list[str], variables: Mapping[str, str], output: Path, first: Path | None) -> None:
    """A module run as ``python -m`` with arguments, in the folder of its log; what is `first` on its path is
    found before all else.
    """
    os.setsid()
    os.chdir(output.parent)
    os.environ.clear()
    os.environ.update(variables)
    with output.open("ab") as log:
        os.dup2(log.fileno(), 1)
        os.dup2(log.fileno(), 2)
    if first is not None:
        sys.path.insert(0, str(first))
        for name in [name for name in sys.modules if name.partition(".")[0] == "qspin"]:
            del sys.modules[name]
    sys.argv = given
    runpy.run_module(given[0], run_name="__main__", alter_sys=True)


@contextlib.contextmanager
def loopback_cluster(folder: Path, n_workers: int = 2, *, nanny: bool = False) -> Iterator[LoopbackCluster]:
    """A scheduler, and workers that come to it when they are ready."""
    cluster = LoopbackCluster(folder)
    try:
        cluster.start_scheduler()
        for _ in range(n_workers):
            cluster.start_worker(nanny=nanny)
        yield cluster
    finally:
        cluster.close()


def _free_port() -> int:
    with socket.socket() as chosen:
        chosen.bind(("127.0.0.1", 0))
        return int(chosen.getsockname()[1])


def _answers(port: int) -> bool:
    with socket.socket() as trial:
        trial.settimeout(1.0)
        return trial.connect_ex(("127.0.0.1", port)) == 0
