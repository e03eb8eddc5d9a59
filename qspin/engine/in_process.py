"""One task after the other, in this process."""

from __future__ import annotations

from collections.abc import Mapping

from qspin.executor import Graph, Perform, Reporter, Task, settings
from qspin.progress import listening

__all__ = ["InProcess"]


@settings
class InProcess:
    """Tasks in their order, in this process; an interrupt ends it at once and costs nothing stored."""

    def run(self, graph: Graph, perform: Perform, reporter: Reporter) -> Mapping[str, str]:
        """As `qspin.executor.Executor.run`."""
        failures: dict[str, str] = {}
        for task in graph:
            failed = next((graph.tasks[need] for need in task.needs if need in failures), None)
            if failed is not None:
                failures[task.key] = f"{task.label}: needs {failed.label}, which failed"
            elif (failure := _done(task, perform, reporter)) is not None:
                failures[task.key] = failure
        return failures


def _done(task: Task, perform: Perform, reporter: Reporter) -> str | None:
    if not task.is_shown:
        return perform(task)
    with reporter.step(task.label) as tell, listening(tell):
        return perform(task)
