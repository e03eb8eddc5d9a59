"""The contract of an executor, for executors of qspin and of third parties.

A third-party package tests its executor with::

    from qspin.testing import ExecutorContract

    class TestMyExecutor(ExecutorContract):
        executor = "my_executor"
        settings = {"n_workers": 2}
"""

from __future__ import annotations

import copy
import itertools
import os
import pickle
import threading
import time
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

from qspin.engine import Store, StoredWork
from qspin.errors import StorageError
from qspin.executor import Event, Executor, Graph, Kind, Reporter, Task, silent
from qspin.experiment.config.run_config import config_from_plain
from qspin.experiment.plan import planned
from qspin.registry import EXECUTOR, made
from qspin.settings import settings_of
from qspin.testing.statistics import assert_frozen, assert_refused
from qspin.testing.work import FolderWork, small_task
from qspin.trust import importing_only

__all__ = ["ExecutorContract"]

_LONG = 60.0  # seconds in which nothing takes so long by rights


class ExecutorContract:
    """What every executor promises. Subclass it in a test module and name the executor.

    Attributes
    ----------
    executor : registered name
    settings : of it
    config : of a run whose results are held against those of the executor ``in_process``
    """

    executor: ClassVar[str]
    settings: ClassVar[Mapping[str, Any]] = {}
    config: ClassVar[Mapping[str, Any]] = {
        "schema": 2,
        "name": "contract",
        "problems": {"glass": {"kind": "sherrington_kirkpatrick", "n_spins": 8, "instances": 2}},
        "backends": {
            "exact": {"name": "exact", "betas": [0.5, 1.0], "n_replicas": 20},
            "tempering": {
                "name": "tempering", "betas": [0.5, 1.0], "n_replicas": 4, "n_sweeps": 100, "n_draws": 10,
            },
        },
        "studies": {"comparison": {"reference": "exact"}, "overlaps": {}},
    }  # fmt: skip

    @pytest.fixture
    def work(self, tmp_path: Path) -> FolderWork:
        return FolderWork(tmp_path)

    def made(self, **changes: Any) -> Executor:
        return made(EXECUTOR, self.executor, {**self.settings, **changes})

    def run(self, work: FolderWork, tasks: list[Task], reporter: Reporter = silent) -> Mapping[str, str]:
        """Failures of a run; afterwards nothing is claimed."""
        try:
            return self.made().run(Graph.of(tasks), work, reporter)
        finally:
            assert not work.claims, "what was claimed is given back"

    def test_settings_are_frozen_and_travel(self) -> None:
        own = self.made()
        assert_frozen(own)
        for twin in (copy.deepcopy(own), pickle.loads(pickle.dumps(own))):
            assert twin == own
        assert made(EXECUTOR, self.executor, settings_of(own)) == own

    def test_an_unknown_setting_is_refused_by_name(self) -> None:
        assert_refused(lambda: self.made(no_such_setting=1), "no_such_setting")

    def test_a_graph_without_tasks(self, work: FolderWork) -> None:
        assert self.run(work, []) == {}

    @pytest.fixture(scope="class")
    def ran(self, tmp_path_factory: Any) -> _Ran:
        """One run of many kinds of tasks, some of which were there."""
        work = FolderWork(tmp_path_factory.mktemp("work"))
        work.perform(small_task("there"))
        tasks = [
            small_task("there"), small_task("a", "there"), *(small_task(f"b{k}", "a") for k in range(5)),
            small_task("c", *(f"b{k}" for k in range(5))), small_task("d", "c", "a"),
            small_task("broken", act="break"), small_task("after", "broken"), small_task("last", "after"),
            small_task("told", act="tell"), small_task("warning", act="warn"),
            small_task("import", act="import"),
        ]  # fmt: skip
        for lane in "xy":
            tasks += [small_task(f"{lane}{k}", act="nap", is_paid=True, lane=lane) for k in range(3)]
        ran = _Ran(work, tasks)
        with importing_only({"dimod"}), warnings.catch_warnings(record=True) as ran.warned:
            warnings.simplefilter("always")
            ran.failures = dict(self.run(work, tasks, ran.tell))
        return ran

    def test_needs_are_done_before_what_needs_them(self, ran: _Ran) -> None:
        assert ran.work.gave("d")["value"] == 1 + 2 + (1 + 5 * 3)

    def test_each_task_is_done_once_and_what_is_there_not_again(self, ran: _Ran) -> None:
        there = {task.key for task in ran.tasks} - set(ran.failures)
        assert sorted(ran.work.done) == sorted(there)
        assert sum(event.n for event in ran.told if event.kind == Kind.FOUND) == 1
        assert "there" not in {event.key for event in ran.told}

    def test_a_failure_costs_what_needs_it_and_nothing_else(self, ran: _Ran) -> None:
        assert {key: text for key, text in ran.failures.items() if key != "import"} == {
            "broken": "task broken: broke",
            "after": "task after: needs task broken, which failed",
            "last": "task last: needs task after, which failed",
        }

    def test_every_task_is_told_in_one_thread(self, ran: _Ran) -> None:
        kinds = {key: [event.kind for event in ran.told if event.key == key] for key in ran.keys}
        assert kinds["told"] == [Kind.START, Kind.PROGRESS, Kind.DONE]
        assert kinds["broken"] == [Kind.START, Kind.FAILED]
        assert kinds["after"] == [Kind.BLOCKED]
        assert {str(kinds[key]) for key in ("a", "d", "x0", "warning")} == {str([Kind.START, Kind.DONE])}
        assert ran.threads == {threading.get_ident()}

    def test_how_far_a_task_is_arrives(self, ran: _Ran) -> None:
        (progress,) = [event for event in ran.told if event.kind == Kind.PROGRESS]
        assert (progress.fraction, progress.remark) == (0.5, "half of it")
        assert dict(progress.figures) == {"best_energy": -3.0}
        assert progress.label == "task told"

    def test_files_may_import_no_more_than_here(self, ran: _Ran) -> None:
        assert "would import the package os" in ran.failures["import"]

    def test_warnings_are_heard_here(self, ran: _Ran) -> None:
        (heard,) = [own for own in ran.warned if "the contract warns" in str(own.message)]
        assert issubclass(heard.category, RuntimeWarning)

    def test_paid_tasks_are_done_in_this_process_one_of_a_lane_at_a_time(self, ran: _Ran) -> None:
        for lane in "xy":
            gave = [ran.work.gave(f"{lane}{k}") for k in range(3)]
            assert {own["pid"] for own in gave} == {os.getpid()}
            spans = sorted((own["start"], own["end"]) for own in gave)
            assert all(one[1] <= other[0] for one, other in itertools.pairwise(spans))

    def test_what_others_have_is_waited_for_or_done_here_where_they_give_up(self, work: FolderWork) -> None:
        work.others = {"a", "c", "d"}

        def others() -> None:
            time.sleep(0.3)
            work.failed["c"] = "task c: broke elsewhere"
            work.others.discard("d")
            work.perform(small_task("a"))

        elsewhere = threading.Thread(target=others)
        elsewhere.start()
        tasks = [small_task("a"), small_task("b", "a"), small_task("c"), small_task("d")]
        failures = self.run(work, tasks)
        elsewhere.join()
        assert failures == {"c": "task c: broke elsewhere"}
        assert sorted(work.done) == ["a", "b", "d"]

    def test_a_store_that_cannot_be_written_ends_it(self, work: FolderWork) -> None:
        with pytest.raises(StorageError, match="no space left"):
            self.run(work, [small_task("a", act="fill"), *(small_task(f"b{k}") for k in range(50))])

    def test_an_interrupt_ends_it(self, work: FolderWork) -> None:
        def tell(event: Event) -> None:
            if event.key == "b" and event.kind == Kind.DONE:
                raise KeyboardInterrupt

        tasks = [small_task("b"), *(small_task(f"a{k}", "b", act="sleep", seconds=_LONG) for k in range(3))]
        start = time.monotonic()
        with pytest.raises(KeyboardInterrupt):
            self.run(work, tasks, tell)
        assert time.monotonic() - start < _LONG / 2
        assert work.done == ["b"]

    def test_a_run_gives_the_same_bit_for_bit(self, tmp_path: Path) -> None:
        plan = planned(config_from_plain(copy.deepcopy(dict(self.config))))
        stores = []
        for name, executor in (("here", made(EXECUTOR, "in_process", {})), ("there", self.made())):
            assert executor.run(plan.graph, StoredWork(tmp_path / name), silent) == {}
            stores.append(Store(tmp_path / name))
        for task in plan.tasks.values():
            first, second = (_arrays(store, task) for store in stores)
            assert_same(first, second, task.label)


@dataclass
class _Ran:
    """A run, and what was heard of it."""

    work: FolderWork
    tasks: list[Task]
    failures: dict[str, str] = field(default_factory=dict)
    told: list[Event] = field(default_factory=list)
    threads: set[int] = field(default_factory=set)
    warned: list[warnings.WarningMessage] = field(default_factory=list)

    def tell(self, event: Event) -> None:
        self.told.append(event)
        self.threads.add(threading.get_ident())

    @property
    def keys(self) -> list[str]:
        return [task.key for task in self.tasks]


def assert_same(first: Mapping[str, Any], second: Mapping[str, Any], label: str) -> None:
    """Arrays by name that are equal bit for bit."""
    assert first.keys() == second.keys(), label
    for name, array in first.items():
        assert array.dtype == second[name].dtype, f"{label}: {name}"
        same = array.tolist() == second[name].tolist() if array.dtype.kind == "O" else None
        assert same or array.tobytes() == second[name].tobytes(), f"{label}: {name}"


def _arrays(store: Store, task: Task) -> dict[str, Any]:
    """What a task gave, but for the seconds that it took."""
    if task.action == "prepare":
        return dict(store.prepared(task.key).arrays)
    found = store.samples(task.key).dataset if task.action == "sample" else store.measured(task.key)
    assert found is not None, task.label
    kept = {str(name): np.asarray(variable.values) for name, variable in found.variables.items()}
    return {name: array for name, array in kept.items() if "second" not in name}
