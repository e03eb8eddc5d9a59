"""What is done from a parcel is what would have been done beside the store, to the bit."""

from __future__ import annotations

import pickle
import threading
import warnings

import pytest

import qspin
from qspin import stopping
from qspin.engine import Performer, Store, actions
from qspin.engine.dask.depot import Depot
from qspin.engine.dask.parcels import Answer, Parcels
from qspin.errors import MissingExtraError, StorageError
from qspin.executor import Task
from qspin.progress import report_progress
from qspin.trust import importing_only, require_trusted

RING = {"kind": "ring", "settings": {"n_spins": 4}, "key": "ring", "prepared": {}}
NEEDY = {"kind": "needy", "settings": {"value": 2.0}, "key": "needy", "prepared": {"rolled": "p"}}


def prepare():
    source = {"kind": "needy", "settings": {"value": 2.0}}
    return Task("p", "prepare", {"source": source, "path": ["rolled"], "prepared": {}, "samplers": {}})


def sample(key="s", problem=RING, backend="dice", **settings):
    needs = tuple(problem["prepared"].values())
    spec = {
        "problem": problem,
        "backend": {"name": backend, "settings": settings},
        "backend_label": "b",
        "seed": 3,
    }
    return Task(key, "sample", spec, needs, label="ring with b")


def measure(samples="s", problem=RING, key="m"):
    needs = (*problem["prepared"].values(), samples)
    spec = {
        "measure": "mean_energy", "settings": {}, "problem": problem, "samples": samples, "reference": None,
    }  # fmt: skip
    return Task(key, "measure", spec, needs, label="energies")


@pytest.fixture
def there(kinds, tmp_path):
    """Where the store is."""
    return Parcels(tmp_path / "run")


@pytest.fixture
def depot(tmp_path):
    return Depot(tmp_path / "depot")


def sent(parcel):
    return pickle.loads(pickle.dumps(parcel))


def through(tasks, there, depot):
    """All tasks through parcels, in their order."""
    done = {task.key: task for task in tasks}
    for task in tasks:
        parcel = sent(there.pack(task, [done[key] for key in task.needs]))
        assert there.unpack(task, sent(depot.do(parcel))) is None


class TestTheSame:
    def test_preparations_samples_and_measures(self, there, depot, tmp_path):
        tasks = [prepare(), sample(problem=NEEDY), measure(problem=NEEDY)]
        through(tasks, there, depot)
        for task in tasks:
            assert Performer(tmp_path / "beside")(task) is None
        one, other = Store(there.path), Store(tmp_path / "beside")
        assert one.prepared("p").arrays == other.prepared("p").arrays
        assert one.content(tasks[2]) == other.content(tasks[2])
        assert one.samples("s").dataset.drop_attrs().identical(other.samples("s").dataset.drop_attrs())

    def test_what_is_needed_is_sent_once_where_it_is_large(self, there, depot, monkeypatch):
        through([sample()], there, depot)
        assert there.pack(measure(), [sample()], kept={"s"}).contents.keys() == {"s"}
        monkeypatch.setattr("qspin.engine.dask.parcels._ALWAYS", 0)
        parcel = there.pack(measure(), [sample()], kept={"s"})
        assert not parcel.contents
        assert depot.do(parcel).content

    def test_samples_that_were_drawn_here_are_not_read_to_be_measured(self, there, depot, monkeypatch):
        through([sample()], there, depot)
        monkeypatch.setattr(Store, "samples", lambda self, key: pytest.fail("read again"))
        assert depot.do(there.pack(measure(), [sample()])).content


class TestDepot:
    def test_what_it_no_longer_has_is_asked_for(self, there, tmp_path, monkeypatch):
        through([sample()], there, Depot(tmp_path / "a"))
        monkeypatch.setattr("qspin.engine.dask.parcels._ALWAYS", 0)
        answer = Depot(tmp_path / "b").do(there.pack(measure(), [sample()], kept={"s"}))
        assert answer.lacking == ("s",)
        assert answer.content is None

    def test_the_oldest_goes_first(self, there, tmp_path):
        depot = Depot(tmp_path / "depot", most_bytes=1)
        through([sample(key) for key in "abc"], there, depot)
        assert [file.stem for file in (tmp_path / "depot" / "samples").iterdir()] == ["c"]
        through([sample("a"), measure("a")], there, depot)

    def test_one_at_a_time(self, there, depot, monkeypatch):
        running, most = [], []

        def slow(task, store):
            running.append(task)
            most.append(len(running))
            threading.Event().wait(0.02)
            running.remove(task)
            store.keep_prepared(task.key, qspin.source.Prepared({}))

        monkeypatch.setitem(actions._ACTIONS, "prepare", slow)
        tasks = [Task(key, "prepare", {}) for key in "abcd"]
        threads = [threading.Thread(target=depot.do, args=[there.pack(task, [])]) for task in tasks]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert max(most) == 1


class TestFailures:
    def test_the_traceback_comes_back(self, there, depot, kinds):
        kinds.FAILING.add("sample")
        answer = sent(depot.do(there.pack(sample(), [])))
        failure = there.unpack(sample(), answer)
        assert failure == "ring with b: backend 'b' failed: ZeroDivisionError: sample fails"
        text = (there.path / "failures" / "s.txt").read_text()
        assert text.startswith(failure)
        assert "probes.py" in text
        kinds.FAILING.clear()
        through([sample()], there, depot)
        assert not (there.path / "failures").exists()

    def test_a_package_that_is_not_there_is_told(self, there, depot, monkeypatch):
        def lacking(task, store):
            raise MissingExtraError("backend 'x'", extra="dwave", module="dwave.system")

        monkeypatch.setitem(actions._ACTIONS, "sample", lacking)
        answer = depot.do(there.pack(sample(), []))
        assert "needs the package 'dwave.system', which is not installed" in answer.failure
        assert answer.is_lack

    def test_a_full_disk_is_no_failure_of_the_task(self, there, depot, monkeypatch):
        def full(task, store):
            raise StorageError("full disk")

        monkeypatch.setitem(actions._ACTIONS, "sample", full)
        assert depot.do(there.pack(sample(), [])).fault == "StorageError: full disk"

    def test_nothing_ends_the_process_of_others(self, there, depot, monkeypatch):
        monkeypatch.setitem(actions._ACTIONS, "sample", lambda task, store: exit(3))
        assert depot.do(there.pack(sample(), [])).failure == "SystemExit: 3"

    def test_what_came_back_damaged(self, there):
        assert "came back from its worker is damaged" in there.unpack(sample(), Answer(content=b"nothing"))
        assert not Store(there.path).has(sample())


class TestStopping:
    def test_a_task_that_was_asked_to_stop_sends_its_checkpoint(self, there, depot, monkeypatch):
        def long(task, store):
            store.checkpoint(task).parent.mkdir(exist_ok=True, parents=True)
            before = store.checkpoint(task).read_bytes() if store.checkpoint(task).exists() else b"state"
            store.checkpoint(task).write_bytes(before + b"!")
            depot.stop(task.key)
            while True:
                report_progress(0.5)

        monkeypatch.setitem(actions._ACTIONS, "sample", long)
        for turn in (1, 2):
            answer = sent(depot.do(sent(there.pack(sample(), []))))
            assert answer.was_stopped
            assert there.unpack(sample(), answer) is None
            assert Store(there.path).checkpoint(sample()).read_bytes() == b"state" + turn * b"!"

    def test_one_that_has_just_said_that_it_begins_is_stopped(self, there, depot, monkeypatch):
        def hears(task, store):
            assert stopping.is_requested()
            raise KeyboardInterrupt

        monkeypatch.setitem(actions._ACTIONS, "sample", hears)
        assert depot.do(there.pack(sample(), []), began=lambda: depot.stop("s")).was_stopped

    def test_others_are_not_stopped(self, there, depot, monkeypatch):
        def short(task, store):
            depot.stop("another")
            store.keep_prepared(task.key, qspin.source.Prepared({}))

        monkeypatch.setitem(actions._ACTIONS, "prepare", short)
        task = Task("p", "prepare", {})
        assert depot.do(there.pack(task, [])).content
        depot.stop("p")
        assert depot.do(there.pack(task, [])).content

    def test_what_was_warned_of_is_warned_of_where_the_store_is(self, there, depot, monkeypatch):
        def warning(task, store):
            warnings.warn("too hot", RuntimeWarning, stacklevel=1)
            raise ValueError("too hot")

        monkeypatch.setitem(actions._ACTIONS, "sample", warning)
        answer = sent(depot.do(there.pack(sample(), [])))
        with pytest.warns(RuntimeWarning, match="too hot"):
            there.unpack(sample(), answer)

    def test_what_it_warns_of_in_a_class_of_its_own_is_told_by_name(self, there, depot, monkeypatch):
        odd = type("Odd", (RuntimeWarning,), {"__module__": "elsewhere"})

        def warning(task, store):
            warnings.warn("too odd", odd, stacklevel=1)
            raise ValueError("too odd")

        monkeypatch.setitem(actions._ACTIONS, "sample", warning)
        answer = sent(depot.do(there.pack(sample(), [])))
        with pytest.warns(UserWarning, match="Odd: too odd"):
            there.unpack(sample(), answer)

    def test_progress_is_heard(self, there, depot, monkeypatch):
        told = []
        monkeypatch.setitem(
            actions._ACTIONS,
            "measure",
            lambda task, store: report_progress(0.5, "half", best_energy=-3.0) or 1 / 0,
        )
        depot.do(there.pack(Task("m", "measure", {}), []), told.append, lambda: told.append("began"))
        assert told == ["began", (0.5, "half", {"best_energy": -3.0})]


class TestWhatTravels:
    def test_trust(self, there, depot, monkeypatch):
        def importing(task, store):
            require_trusted("os:system", "sampler", key="sampler")

        monkeypatch.setitem(actions._ACTIONS, "sample", importing)
        with importing_only({"dimod"}):
            parcel = sent(there.pack(sample(), []))
        assert "If you trust it: --allow-import os" in depot.do(parcel).failure
        assert "sampler" not in str(depot.do(there.pack(sample("t"), [])).failure)

    def test_files_that_settings_name(self, there, depot, tmp_path):
        """As where no disk is shared."""
        problem = qspin.instances.mattis(3, seed=1)
        given = tmp_path / "samples.nc"
        qspin.get_backend("exact", betas=[1.0], n_replicas=3).sample(problem, seed=1).save(given)
        source = qspin.registry.get_source("mattis", n_spins=3, seed=1)
        backend = qspin.get_backend("samples", path=given)
        spec = {"kind": "mattis", "settings": qspin.settings.settings_of(source), "key": "q", "prepared": {}}
        task = sample("g", spec, "samples", **qspin.settings.settings_of(backend))
        parcel = sent(there.pack(task, []))
        assert list(parcel.files) == [str(given)]
        given.unlink()
        answer = depot.do(parcel)
        assert answer.failure is None, answer
        assert there.unpack(task, answer) is None
        samples = Store(there.path).samples("g")
        assert samples.info["settings"]["path"]["path"] == str(given)

    def test_instance_files(self, there, depot, tmp_path):
        path = tmp_path / "problem.coo"
        qspin.write_problem(qspin.instances.mattis(3, seed=1), path)
        source = {
            "kind": "file",
            "settings": qspin.settings.settings_of(qspin.registry.get_source("file", path=path)),
        }
        task = Task("r", "prepare", {"source": source, "path": ["problem"], "prepared": {}, "samplers": {}})
        parcel = sent(there.pack(task, []))
        path.unlink()
        assert there.unpack(task, depot.do(parcel)) is None
        assert Store(there.path).prepared("r").arrays
