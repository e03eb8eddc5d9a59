"""Clusters of Dask: one of this machine, one of a job system, or one that others have started."""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
import signal
import sys
import tempfile
import types
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from multiprocessing import resource_tracker
from typing import Any

import dask
from distributed import LocalCluster, Nanny

import qspin.engine.dask.pickling  # noqa: F401
from qspin.engine.threads import n_cores
from qspin.errors import InputError, MissingExtraError, QspinError, named

__all__ = ["Cluster", "job_system", "job_systems", "local", "quiet"]

_LOGGERS = ("distributed", "tornado", "asyncio", "bokeh", "dask_jobqueue")


@dataclass(frozen=True)
class Cluster:
    """Where workers are.

    Parameters
    ----------
    target : what a client of Dask connects to
    name : for people
    is_ours : whether it ends with the run
    memory : bytes that all tasks on it may take together; None: workers say what each may take
    n_cores : that all tasks on it share; 0: workers have cores of their own
    n_workers : that it has when all have come; 0: nobody knows
    remedy : how more workers are had
    is_patient : whether workers may be long in coming
    """

    target: Any
    name: str
    is_ours: bool = False
    memory: int | None = None
    n_cores: int = 0
    n_workers: int = 0
    remedy: str = ""
    is_patient: bool = False


# -- of this machine -----------------------------------------------------------------------------


@contextlib.contextmanager
def local(n_workers: int | None, memory: int | None) -> Iterator[Cluster]:
    """Processes of this machine, which end with this one however that ends.

    Parameters
    ----------
    n_workers : default one a core
    memory : bytes that tasks may take together
    """
    n_workers = n_workers or n_cores()
    resource_tracker.ensure_running()  # which lets signals through to what its thread starts next
    folder = tempfile.mkdtemp(prefix="qspin-dask-")
    try:
        with (
            _environment_kept(),
            dask.config.set(
                {
                    "temporary-directory": folder,
                    "distributed.worker.profile.enabled": False,
                    "distributed.nanny.pre-spawn-environ": _MALLOC,
                }
            ),
            _started(
                lambda: LocalCluster(
                    n_workers=n_workers,
                    threads_per_worker=1,
                    worker_class=_Worker,
                    memory_limit=0,  # what tasks take is added up before they start
                    dashboard_address=None,
                    silence_logs=logging.CRITICAL + 1,
                    local_directory=folder,
                ),
                "workers on this machine",
            ) as cluster,
        ):
            yield Cluster(
                cluster, "the workers of this machine", True, memory, max(n_workers, n_cores()), n_workers
            )
    finally:
        shutil.rmtree(folder, ignore_errors=True)


_MALLOC = {"MALLOC_TRIM_THRESHOLD_": 65536}
"""What Dask would set before a worker starts, without one thread for all libraries: tasks say how many."""


@contextlib.contextmanager
def _environment_kept() -> Iterator[None]:
    """Dask leaves what workers are to inherit in the environment of this process, and of all it starts."""
    before = dict(os.environ)
    try:
        yield
    finally:
        for name in ("PYTHONHASHSEED", "__DASK_PARENT_PID", *_MALLOC):
            os.environ.pop(name, None)
            if name in before:
                os.environ[name] = before[name]


class _Worker(Nanny):
    """A worker process that neither runs the script of the user again nor hears what is typed."""

    async def instantiate(self) -> Any:
        # the thread of the event loop, from which processes take over what is blocked
        if hasattr(signal, "pthread_sigmask"):
            signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        with _hidden_main():
            return await super().instantiate()


_hidden: list[types.ModuleType] = []


@contextlib.contextmanager
def _hidden_main() -> Iterator[None]:
    """Inside this block, which may be entered several times, new processes find no script of a user."""
    if not _hidden:
        main = sys.modules["__main__"]
        sys.modules["__main__"] = types.ModuleType("__main__")
    else:
        main = _hidden[0]
    _hidden.append(main)
    try:
        yield
    finally:
        _hidden.pop()
        if not _hidden:
            sys.modules["__main__"] = main


# -- of a job system -----------------------------------------------------------------------------


def job_systems() -> dict[str, type]:
    """Name -> class of dask-jobqueue.

    Raises
    ------
    MissingExtraError
        If that is not installed.
    """
    try:
        import dask_jobqueue
        from dask_jobqueue.local import LocalCluster as LocalJobs
    except ModuleNotFoundError:
        raise MissingExtraError("a job system", extra="dask", module="dask_jobqueue") from None
    suffix = "Cluster"
    named_so = {name.removesuffix(suffix).lower(): found for name, found in vars(dask_jobqueue).items()}
    found = {
        name: cls
        for name, cls in named_so.items()
        if isinstance(cls, type) and issubclass(cls, dask_jobqueue.JobQueueCluster) and name != "jobqueue"
    }
    return {**found, "local": LocalJobs}


@contextlib.contextmanager
def job_system(name: str, settings: Mapping[str, Any], n_workers: int) -> Iterator[Cluster]:
    """Workers that a job system starts, and ends with this process.

    Raises
    ------
    InputError
        If there is no such system, or it does not take these settings.
    """
    cls = job_systems()[name]
    options = {"silence_logs": logging.CRITICAL + 1, "scheduler_options": {"dashboard_address": ":0"}}
    with _started(lambda: cls(**{**options, **settings}), f"scheduler.{name}") as cluster:
        try:
            cluster.scale(n_workers)
        except Exception as error:  # of the commands of the job system
            raise InputError(f"{name} takes no jobs: {named(error)}; see execution.scheduler") from error
        yield Cluster(
            cluster,
            f"the workers of {name}",
            True,
            remedy="See the queue of the job system. ",
            is_patient=True,
        )


# -- both ----------------------------------------------------------------------------------------


@contextlib.contextmanager
def _started(start: Any, what: str) -> Iterator[Any]:
    try:
        cluster = start()
    except QspinError:
        raise
    except Exception as error:  # of Dask, of an operating system, of settings that are passed on
        raise InputError(f"execution: {what} cannot be started: {named(error)}") from error
    try:
        yield cluster
    finally:
        with contextlib.suppress(Exception):  # what is left ends with this process
            cluster.close(timeout=5)


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Dask says nothing on the terminal inside this block: what matters is told as an event."""
    loggers = [logging.getLogger(name) for name in _LOGGERS]
    loggers += [
        logger
        for name, logger in list(logging.root.manager.loggerDict.items())
        if isinstance(logger, logging.Logger) and name.startswith(_LOGGERS) and name not in _LOGGERS
    ]
    levels = [(logger, logger.level) for logger in loggers]
    for logger, level in levels:
        logger.setLevel(max(level, logging.CRITICAL + 1))
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", module="distributed")
            yield
    finally:
        for logger, level in levels:
            logger.setLevel(level)
