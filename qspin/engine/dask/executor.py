"""Tasks on the workers of Dask: of this machine, of a job system, or of a cluster that is there.

Workers need the same qspin and its packages, and no disk in common: what a task needs is sent to them, and
what it gives comes back. Paid tasks are done here. Whoever names a scheduler trusts it like a program.
"""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Annotated, Any

from pydantic import AfterValidator, PositiveFloat, model_validator

from qspin import stopping
from qspin.engine.budget import Budget, allowed_bytes
from qspin.engine.dask.cluster import Cluster, job_system, job_systems, local, quiet
from qspin.engine.dask.connection import Connection
from qspin.engine.dask.crew import Crew, SchedulerLost
from qspin.engine.paid import PaidTasks
from qspin.engine.schedule import Schedule
from qspin.engine.threads import n_cores
from qspin.errors import InputError, RunError, nearest_name
from qspin.executor import Event, Gibibytes, Graph, Kind, PositiveInt, Reporter, Task, Work, settings
from qspin.trust import require_named_by_hand

__all__ = ["Dask"]

_ADDRESS = re.compile(r"(tcp|tls|ucx|ws|wss)://[^/\s]+:\d+")
_HERE = re.compile(r"\w+://(127\.0\.0\.1|localhost|\[::1\]):")
_STEP_SECONDS = 0.1
_STOP_SECONDS = 4.0  # that tasks are given to save their state
_PATIENCE = 3 * _STOP_SECONDS  # that the whole is given to end


def _known(value: str | dict[str, dict[str, Any]]) -> str | dict[str, dict[str, Any]]:
    if isinstance(value, str):
        if value != "local" and not _ADDRESS.fullmatch(value):
            raise ValueError(
                "should be local, the address of a scheduler such as tcp://HOST:8786, or a job system with "
                "its settings such as {slurm: {queue: normal}}"
            )
        return value
    if len(value) != 1:
        raise ValueError("should be one job system with its settings, such as {slurm: {queue: normal}}")
    (name,) = value
    if name not in (known := job_systems()):
        raise ValueError(f"no job system {name!r}: {nearest_name(name, known)}")
    return value


@settings
class Dask:
    """Tasks on workers of Dask, which decides nothing about what they give.

    Parameters
    ----------
    scheduler : ``local``: processes of this machine; the address of a scheduler, such as
        ``tcp://host:8786``; or a job system with its settings, such as ``{slurm: {queue: normal, cores: 8,
        memory: 16GB}}``: any cluster of dask-jobqueue by its name, whose settings are passed on
    n_workers : local: default one a core; of a job system: how many are asked for
    timeout : seconds that a task may take
    patience : seconds for which a scheduler that does not answer, or a worker, is waited for; the workers of
        a job system for as long as they wait in its queue
    memory : local: GiB that tasks may take together, as far as that is known; default half of the machine
    """

    scheduler: Annotated[str | dict[str, dict[str, Any]], AfterValidator(_known)] = "local"
    n_workers: PositiveInt | None = None
    timeout: PositiveFloat | None = None
    patience: PositiveFloat = 30.0
    memory: Gibibytes | None = None

    @model_validator(mode="after")
    def _fit_together(self) -> Dask:
        if isinstance(self.scheduler, dict) and self.n_workers is None:
            raise ValueError("a job system needs n_workers: how many workers to ask for")
        if "://" in self.scheduler and self.n_workers is not None:
            raise ValueError(
                "n_workers is of clusters that are started; workers of a scheduler are counted there"
            )
        if self.scheduler != "local" and self.memory is not None:
            raise ValueError("memory is of scheduler local; other workers say what each may take")
        return self

    def expected_workers(self, n_tasks: int) -> int:
        """As `qspin.executor.workers_of` asks; those of a scheduler are not known and count as one."""
        here = n_cores() if self.scheduler == "local" else 1
        return min(self.n_workers or here, n_tasks)

    def check(self) -> None:
        """Raises InputError for a cluster of others that a text names and the user does not.

        Addresses of this machine, and its own workers, need no word of his.
        """
        given = self.scheduler
        named = given if isinstance(given, str) else f"a job system ({', '.join(given)})"
        if named != "local" and not _HERE.match(named):
            require_named_by_hand("dask", named, key="scheduler")

    def expected_refusals(self, tasks: Sequence[Task]) -> dict[str, str]:
        """As `qspin.executor.refusals_of` asks; what workers of a scheduler may take is not known."""
        if self.scheduler != "local":
            return {}
        return Budget(1, allowed_bytes(self.memory)).refusals(task for task in tasks if not task.is_paid)

    def run(self, graph: Graph, work: Work, reporter: Reporter) -> Mapping[str, str]:
        """As `qspin.executor.Executor.run`.

        Raises
        ------
        InputError
            If there is no such scheduler, or a cluster cannot be started.
        RunError
            If the scheduler or all workers are lost for longer than `patience`; what was finished is kept.
        """
        schedule = Schedule(graph, work, reporter)
        paid = PaidTasks(schedule, work.perform)
        with stopping.patient(_PATIENCE):
            try:
                if _wants_workers(schedule, paid):
                    with quiet(), self._cluster() as cluster:
                        self._work_on(cluster, graph, work, schedule, paid, reporter)
                stopping.end_if_requested()
            except KeyboardInterrupt as interrupt:
                schedule.say_stopping()
                said = paid.stop(_STOP_SECONDS)
                raise KeyboardInterrupt(*interrupt.args, *said) from None
            except BaseException:
                paid.stop(_STOP_SECONDS)
                raise
        return schedule.failures

    def _cluster(self) -> AbstractContextManager[Cluster]:
        if isinstance(self.scheduler, dict):
            ((name, options),) = self.scheduler.items()
            return job_system(name, options, self.n_workers or 1)
        if self.scheduler == "local":
            return local(self.n_workers, allowed_bytes(self.memory))
        remedy = f"Start workers with: dask worker {self.scheduler}. "
        return contextlib.nullcontext(Cluster(self.scheduler, self.scheduler, remedy=remedy))

    def _work_on(
        self,
        cluster: Cluster,
        graph: Graph,
        work: Work,
        schedule: Schedule,
        paid: PaidTasks,
        reporter: Reporter,
    ) -> None:
        def note(text: str) -> None:
            reporter(Event(Kind.NOTE, remark=text))

        def step_paid() -> None:
            paid.begin()
            paid.poll()

        crew = Crew(cluster, graph, work, schedule, note, timeout=self.timeout, patience=self.patience)
        connection = Connection(cluster, self.patience, step_paid)
        crew.join(connection)
        try:
            while not schedule.is_over:
                stopping.end_if_requested()
                step_paid()
                try:
                    crew.step(_STEP_SECONDS)
                except SchedulerLost as loss:
                    crew.leave("the scheduler was lost")
                    connection.close()
                    note(f"the scheduler at {cluster.name} was lost ({loss}): trying for {self.patience:g} s")
                    connection = self._again(cluster, step_paid)
                    crew.join(connection)
                    note(f"the scheduler at {cluster.name} answers again")
        except BaseException as error:
            if isinstance(error, KeyboardInterrupt):
                schedule.say_stopping()
            crew.stop(_STOP_SECONDS)
            raise
        finally:
            connection.close()

    def _again(self, cluster: Cluster, meanwhile: Any) -> Connection:
        """A connection to a scheduler that was lost."""
        try:
            return Connection(cluster, self.patience, meanwhile)
        except InputError as error:
            raise RunError(
                f"the scheduler was lost: {error}. What was finished is kept: --resume goes on"
            ) from error


def _wants_workers(schedule: Schedule, paid: PaidTasks) -> bool:
    """Do paid tasks until there is one for workers; whether there is."""
    while not schedule.is_over:
        stopping.end_if_requested()
        paid.begin()
        paid.poll()
        if (task := schedule.take_unpaid(begins=False)) is not None:
            schedule.give_back(task, "")
            return True
        if not schedule.is_over:
            time.sleep(_STEP_SECONDS)
    return False
