"""The executor that fits what is left to do: several processes for several tasks, else this one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from qspin.engine.in_process import InProcess, can_time
from qspin.engine.processes.executor import Processes
from qspin.executor import Executor, Graph, Reporter, Task, Work, refusals_of, settings

__all__ = ["Auto"]

_HIDDEN = 0.02  # of a task that is shown: what one that is not is expected to take


@settings
class Auto(Processes):
    """`InProcess` where there is one core or one task that takes long, `Processes` where there are more.

    Parameters
    ----------
    n_workers : processes; default one a core
    memory : GiB that tasks which run at once may take together; default half of the machine's
    timeout : seconds that a task may take
    """

    def expected_refusals(self, tasks: Sequence[Task]) -> Mapping[str, str]:
        """As `qspin.executor.refusals_of` asks; the tasks are those that are left to do."""
        return refusals_of(self._for(tasks), tasks)

    def run(self, graph: Graph, work: Work, reporter: Reporter) -> Mapping[str, str]:
        """As `qspin.executor.Executor.run`."""
        return self._chosen(graph, work).run(graph, work, reporter)

    def _chosen(self, graph: Graph, work: Work) -> Executor:
        return self._for(task for task in graph if not work.has(task))

    def _for(self, left: Iterable[Task]) -> Executor:
        here = self.expected_workers(2) == 1 or not _is_more_than_one(left)
        if here and (self.timeout is None or can_time()):
            return InProcess(memory=self.memory, timeout=self.timeout)
        return Processes(n_workers=self.n_workers, memory=self.memory, timeout=self.timeout)


def _is_more_than_one(left: Iterable[Task]) -> bool:
    """Whether what is left is worth the start of processes."""
    worth = 0.0
    for task in left:
        worth += 1.0 if task.is_shown else _HIDDEN
        if worth >= 2.0:
            return True
    return False
