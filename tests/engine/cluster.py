"""A scheduler and workers of Dask on loopback, as processes that end with the test."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

__all__ = ["LoopbackCluster", "loopback_cluster"]

_START_SECONDS = 60.0
_LIFE_SECONDS = 600  # after which a scheduler without work ends by itself, whatever became of the test

Process = subprocess.Popen[bytes]


@dataclass
class LoopbackCluster:
    """Processes of a cluster; each is the first of a group of its own.

    Parameters
    ----------
    folder : of their logs and scratch files
    port : of the scheduler; one that is free
    """

    folder: Path
    port: int = field(default_factory=lambda: _free_port())
    scheduler: Process | None = None
    workers: list[Process] = field(default_factory=list)

    @property
    def address(self) -> str:
        return f"tcp://127.0.0.1:{self.port}"

    def start_scheduler(self) -> Process:
        """A scheduler at the address; also anew, after it was killed."""
        self.scheduler = self._started(
            "scheduler", "--host", "127.0.0.1", "--port", str(self.port), "--idle-timeout", str(_LIFE_SECONDS)
        )
        until = time.monotonic() + _START_SECONDS
        while not _answers(self.port):
            if self.scheduler.poll() is not None or time.monotonic() > until:
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
    ) -> Process:
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
        more = {"PYTHONPATH": os.pathsep.join(paths), **(environment or {})}
        worker = self._started("worker", self.address, *options, log=name, environment=more)
        self.workers.append(worker)
        return worker

    def _started(
        self, command: str, *arguments: str, log: str = "", environment: Mapping[str, str] | None = None
    ) -> Process:
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / f"{log or command}.log").open("ab") as output:
            return subprocess.Popen(
                [sys.executable, "-m", f"distributed.cli.dask_{command}", *arguments, "--no-dashboard"],
                stdin=subprocess.DEVNULL, stdout=output, stderr=output, cwd=self.folder,
                env={**os.environ, **(environment or {})}, start_new_session=True,
            )  # fmt: skip

    def wait(self, n_workers: int) -> None:
        """Until so many workers have come."""
        from distributed import Client

        with Client(self.address, set_as_default=False) as client:
            client.wait_for_workers(n_workers, timeout=_START_SECONDS)

    def log(self, name: str) -> str:
        """What a process has said."""
        return (self.folder / f"{name}.log").read_text(errors="replace")

    @staticmethod
    def kill(process: Process) -> None:
        """With SIGKILL, and its whole group."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def close(self) -> None:
        """Kill what is left."""
        for process in (*self.workers, self.scheduler):
            if process is not None:
                self.kill(process)


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
