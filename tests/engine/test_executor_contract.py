"""Every executor keeps the contract; and what samples a task draws depends on none of them."""

from __future__ import annotations

import pytest

from qspin.engine.auto import Auto
from qspin.engine.in_process import InProcess
from qspin.engine.processes.executor import Processes
from qspin.executor import Graph
from qspin.testing import ExecutorContract
from qspin.testing.work import FolderWork, small_task


class TestInProcess(ExecutorContract):
    executor = "in_process"


class TestProcesses(ExecutorContract):
    """Against one process, where a task has all cores for itself; with every backend there is, which takes
    its time, since each has libraries of its own whose sums could depend on their threads."""

    executor = "processes"
    settings = {"n_workers": 2}
    config = {
        "schema": 2,
        "name": "everything",
        "problems": {
            "glass": {"kind": "sherrington_kirkpatrick", "n_spins": 14, "instances": 2},
            "twin": {"kind": "mlp", "dataset": "digits_small", "layers": [12, 4, 3], "epochs": 2},
        },
        "backends": {
            "exact": {"name": "exact", "betas": [0.5, 1.0], "n_replicas": 20},
            "tempering": {
                "name": "tempering", "betas": [0.5, 1.0], "n_replicas": 64, "n_sweeps": 200, "n_draws": 10,
            },
            "annealer": {
                "name": "annealer", "device": "simulated", "topology": "none", "n_sweeps": 50, "n_reads": 20,
            },
            "qaoa": {"name": "qaoa", "depth": 2, "angles": "optimise", "n_iterations": 5, "n_shots": 50},
        },
        "studies": {"comparison": {"reference": "exact"}, "overlaps": {}},
    }  # fmt: skip


class TestAuto(ExecutorContract):
    executor = "auto"
    settings = {"n_workers": 1}


class TestChoice:
    """What `auto` takes."""

    def chosen(self, tmp_path, *tasks, there=(), **settings):
        work = FolderWork(tmp_path)
        for key in there:
            work.perform(small_task(key))
        return Auto(**{"n_workers": 2, **settings})._chosen(Graph.of(list(tasks)), work)

    def test_several_tasks_are_done_by_several_processes(self, tmp_path):
        tasks = [small_task("a"), small_task("b")]
        assert self.chosen(tmp_path, *tasks, memory=2, timeout=9) == Processes(
            n_workers=2, memory=2, timeout=9
        )

    def test_one_that_is_left_is_done_here(self, tmp_path):
        tasks = [small_task("a"), small_task("b")]
        assert self.chosen(tmp_path, *tasks, there=["a"], timeout=9) == InProcess(timeout=9)

    def test_one_worker_is_this_process(self, tmp_path):
        tasks = [small_task("a"), small_task("b")]
        assert self.chosen(tmp_path, *tasks, n_workers=1) == InProcess()

    @pytest.mark.parametrize(("n", "kind"), [(9, InProcess), (2_000, Processes)])
    def test_what_is_not_shown_is_little_unless_it_is_much(self, tmp_path, n, kind):
        tasks = [small_task(f"{k}", is_shown=False) for k in range(n)]
        assert isinstance(self.chosen(tmp_path, *tasks), kind)
