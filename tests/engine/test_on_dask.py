"""Tasks on the workers of Dask: what goes wrong there costs no finished work, and is told in words."""

from __future__ import annotations

import contextlib
import itertools
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace

import pytest
import threadpoolctl  # noqa: F401  (sets a variable of the environment)
from cluster import LoopbackCluster, loopback_cluster

from qspin.errors import InputError, RunError
from qspin.executor import Event, Graph, Kind
from qspin.registry import EXECUTOR, made
from qspin.testing.work import FolderWork, small_task

pytest.importorskip("distributed", reason="the extra dask is not installed")

from qspin.engine.dask import connection
from qspin.engine.dask.cluster import Cluster
from qspin.engine.dask.crew import Crew


@dataclass
class Run:
    """Of a graph, with everything that was told."""

    work: FolderWork
    told: list[Event] = field(default_factory=list)
    failures: dict[str, str] = field(default_factory=dict)

    def __call__(self, tasks, **settings):
        executor = made(EXECUTOR, "dask", {"patience": 60.0, **settings})
        self.failures = dict(executor.run(Graph.of(tasks), self.work, self.told.append))
        assert not self.work.claims
        return self

    @property
    def notes(self) -> str:
        return "\n".join(event.remark for event in self.told if event.kind == Kind.NOTE)

    def wait_for(self, kind: Kind, n: int = 1) -> None:
        until = time.monotonic() + 60
        while sum(event.kind == kind for event in list(self.told)) < n and time.monotonic() < until:
            time.sleep(0.02)


@pytest.fixture
def run(tmp_path):
    (tmp_path / "work").mkdir()
    return Run(FolderWork(tmp_path / "work"))


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    """Two workers with nannies, for tests that leave them as they were."""
    with loopback_cluster(tmp_path_factory.mktemp("cluster"), nanny=True) as cluster:
        yield cluster


@pytest.fixture
def own_cluster(tmp_path):
    """Without workers, for tests that kill."""
    with loopback_cluster(tmp_path / "cluster", n_workers=0) as cluster:
        yield cluster


@contextlib.contextmanager
def meanwhile(work):
    """Do something while a run goes on, in a thread of its own."""
    thread = threading.Thread(target=work)
    thread.start()
    yield
    thread.join()


def naps(n, seconds=0.3):
    return [small_task(f"t{k}", act="sleep", seconds=seconds) for k in range(n)]


class TestSettings:
    @pytest.mark.parametrize(
        ("settings", "message"),
        [
            (
                {"scheduler": "somewhere"},
                "should be local, the address of a scheduler such as tcp://HOST:8786",
            ),
            ({"scheduler": "tcp://host"}, "should be local, the address of a scheduler"),
            ({"scheduler": {"slurn": {}}, "n_workers": 1}, "no job system 'slurn': did you mean 'slurm'"),
            ({"scheduler": {"slurm": {}, "pbs": {}}}, "should be one job system"),
            ({"scheduler": {"slurm": {}}}, "a job system needs n_workers"),
            ({"scheduler": "tcp://host:8786", "n_workers": 3}, "workers of a scheduler are counted there"),
            ({"scheduler": "tcp://host:8786", "memory": 3}, "memory is of scheduler local"),
            ({"patience": 0}, "patience: should be greater than 0; got 0"),
            ({"n_wrokers": 2}, "no setting 'n_wrokers': did you mean 'n_workers'"),
        ],
    )
    def test_what_cannot_work_is_refused(self, settings, message):
        with pytest.raises(InputError, match=message.replace("(", r"\(")):
            made(EXECUTOR, "dask", settings)

    def test_a_job_system_that_takes_other_settings(self, run):
        with pytest.raises(InputError, match="execution: scheduler.slurm cannot be started: "):
            run(naps(1), scheduler={"slurm": {"no_such": 1}}, n_workers=1)


class TestScheduler:
    def test_one_that_cannot_be_reached(self, run):
        with socket.socket() as closed:
            closed.bind(("127.0.0.1", 0))
            address = f"tcp://127.0.0.1:{closed.getsockname()[1]}"
            with pytest.raises(
                InputError, match=f"no scheduler of Dask answers at {address}: it was tried for 1 s"
            ):
                run(naps(1), scheduler=address, patience=1.0)
        assert not run.work.done

    @pytest.mark.parametrize("size", [1, 2**21], ids=["small", "large"])
    def test_one_that_dasks_client_has_given_up(self, own_cluster, size):
        """Before we have heard of it: nothing is sent, which is no fault of the task; `Lost` follows."""
        own = connection.Connection(Cluster(own_cluster.address, "here"), 60.0, lambda: None)
        own._client.close()
        assert not own.send("tcp://127.0.0.1:9", [("key", b"x" * size)], 1)
        own.forget(["key"])
        until = time.monotonic() + 60
        while not isinstance(own.heard.get(timeout=60), connection.Lost):
            assert time.monotonic() < until
        own.close()

    def test_no_worker(self, run, own_cluster):
        with pytest.raises(
            RunError, match=r"no worker for 2 tasks at tcp://.* Start workers with: dask worker"
        ):
            run(naps(2), scheduler=own_cluster.address, patience=1.0)

    @pytest.mark.parametrize("look", [0.5, 5.0], ids=["seen", "behind-our-back"])
    def test_one_that_is_killed_and_comes_back(self, run, own_cluster, monkeypatch, look):
        """With 5 seconds between two looks, Dask's client is connected anew before one is taken."""
        monkeypatch.setattr(connection, "_LOOK_SECONDS", look)
        for _ in range(2):
            own_cluster.start_worker()

        def kill() -> None:
            run.wait_for(Kind.DONE, 2)
            own_cluster.kill(own_cluster.scheduler)
            own_cluster.start_scheduler()
            for _ in range(2):
                own_cluster.start_worker()

        with meanwhile(kill):
            run(naps(12), scheduler=own_cluster.address, patience=120.0)
        assert not run.failures
        assert {f"t{k}" for k in range(12)} == set(run.work.done)
        assert "was lost" in run.notes
        assert "answers again" in run.notes

    def test_one_that_is_killed_for_good(self, run, own_cluster):
        own_cluster.start_worker()
        own_cluster.wait(1)

        def kill() -> None:
            run.wait_for(Kind.DONE, 1)
            own_cluster.kill(own_cluster.scheduler)

        with (
            meanwhile(kill),
            pytest.raises(RunError, match=r"was lost: no scheduler.*it was tried for 2 s.*--resume goes on"),
        ):
            run(naps(20), scheduler=own_cluster.address, patience=2.0)
        assert run.work.done
        assert not run.work.claims


class TestWorkers:
    def test_one_killed_midway_and_one_that_joins_late(self, run, own_cluster):
        first, _ = own_cluster.start_worker(), own_cluster.start_worker()

        def change() -> None:
            run.wait_for(Kind.DONE, 4)
            own_cluster.kill(first)
            own_cluster.start_worker("late")

        with meanwhile(change):
            run(naps(40, 0.4), scheduler=own_cluster.address)
        assert not run.failures
        assert sorted(set(run.work.done)) == sorted(f"t{k}" for k in range(40))
        assert "was lost; what it did goes to others" in run.notes
        assert "late" in {event.worker for event in run.told if event.kind == Kind.DONE}

    @pytest.mark.parametrize("is_heard", [True, False], ids=["later", "at-once"])
    def test_a_task_that_kills_every_worker(self, run, own_cluster, monkeypatch, is_heard):
        """Also before it is heard that it has begun."""
        if not is_heard:
            monkeypatch.setattr(Crew, "_began", lambda crew, key: None)
        for _ in range(2):
            own_cluster.start_worker(nanny=True)
        run([small_task("bad", act="die"), *naps(3)], scheduler=own_cluster.address)
        assert list(run.failures) == ["bad"]
        assert "task bad: its worker died 3 times" in run.failures["bad"]
        assert re.search("was lost; what it did goes|task bad is to be done again; ", run.notes)
        assert {"t0", "t1", "t2"} == set(run.work.done)

    def test_another_version(self, run, own_cluster, tmp_path):
        (tmp_path / "other" / "qspin").mkdir(parents=True)
        (tmp_path / "other" / "qspin" / "__init__.py").write_text("__version__ = '0.0.1'")
        own_cluster.start_worker("old", path=tmp_path / "other")
        with pytest.raises(RunError, match=r"old is not used: it has qspin 0\.0\.1, here it is \d"):
            run(naps(2), scheduler=own_cluster.address)
        own_cluster.start_worker("new")
        run(naps(2), scheduler=own_cluster.address)
        assert {event.worker for event in run.told if event.kind == Kind.DONE} == {"new"}
        assert "old at tcp://" in run.notes

    def test_a_task_larger_than_any(self, run, own_cluster):
        own_cluster.start_worker("small", memory="1GiB")
        large = small_task("large", memory=3 * 2**30)
        run(
            [large, small_task("after", "large"), small_task("fits", memory=2**29)],
            scheduler=own_cluster.address,
        )
        assert run.failures["large"] == (
            "task large: it is expected to take 3 GiB; the largest worker, small, may take 1 GiB: start one "
            "with more memory, or make it smaller"
        )
        assert run.work.done == ["fits"]


class TestTime:
    def test_a_task_that_takes_too_long_is_stopped(self, run, cluster):
        run(
            [small_task("long", act="sleep", seconds=60), *naps(3, 0.1)],
            scheduler=cluster.address,
            timeout=1.0,
        )
        assert run.failures == {"long": "task long: stopped after 1 s (execution.timeout)"}
        assert {"t0", "t1", "t2"} == set(run.work.done)

    def test_a_worker_that_does_not_let_go_is_started_anew(self, run, cluster):
        tasks = [small_task("deaf", act="deaf", seconds=40), *naps(3, 0.1)]
        run(tasks, scheduler=cluster.address, timeout=1.0)
        assert run.failures == {"deaf": "task deaf: stopped after 1 s (execution.timeout)"}
        run(naps(6), scheduler=cluster.address)
        assert not run.failures

    def test_what_is_stopped_leaves_a_foreign_cluster_idle(self, run, cluster):
        def tell(event: Event) -> None:
            if event.kind == Kind.START and event.key == "deaf":
                raise KeyboardInterrupt

        executor = made(EXECUTOR, "dask", {"scheduler": cluster.address})
        start = time.monotonic()
        with pytest.raises(KeyboardInterrupt):
            executor.run(Graph.of([small_task("deaf", act="deaf", seconds=100)]), run.work, tell)
        assert time.monotonic() - start < 80, "seconds: it has not waited for the end of the task"
        assert not run.work.claims
        run(naps(4, 0.1), scheduler=cluster.address)
        assert not run.failures

    def test_a_worker_is_started_anew_although_the_run_ends_at_once(self, monkeypatch):
        """By a thread that is late, as on a busy machine."""
        done = []

        class Client:
            status, scheduler = "running", SimpleNamespace(identity=None)

            def restart_workers(self, workers, **options):
                time.sleep(0.3)
                done.append(workers)
                return dict.fromkeys(workers, "OK")

            def sync(self, *arguments, **options):
                return {"id": "one", "workers": {}}

            def subscribe_topic(self, topic, handler):
                pass

            def close(self, timeout):
                done.append("closed")

        monkeypatch.setattr(connection, "_client", lambda *_: Client())
        own = connection.Connection(Cluster("tcp://127.0.0.1:9", "here"), 60.0, lambda: None)
        own.restart("tcp://127.0.0.1:8")
        own.close()
        assert done == [["tcp://127.0.0.1:8"], "closed"]


class TestLocal:
    def test_nothing_is_left_behind(self, run, tmp_path, monkeypatch, capfd):
        """Slow, since workers that die are started anew three times."""
        monkeypatch.chdir(tmp_path)
        scratch = tmp_path / "scratch"
        scratch.mkdir()
        monkeypatch.setattr("tempfile.tempdir", str(scratch))
        before, environment = set(_children()), dict(os.environ)
        run([*naps(6, 0.1), small_task("bad", act="break"), small_task("die", act="die")], n_workers=2)
        assert set(run.failures) == {"bad", "die"}
        assert {f"t{k}" for k in range(6)} == set(run.work.done)
        assert not [name for name in os.listdir(scratch) if "dask" in name]
        assert sorted(os.listdir(tmp_path)) == ["scratch", "work"]
        assert capfd.readouterr() == ("", "")
        assert not {pid for pid in set(_children()) - before if "dask" in _command(pid)}
        assert dict(os.environ) == environment

    def test_what_is_there_needs_no_worker(self, run, monkeypatch):
        monkeypatch.setattr("qspin.engine.dask.executor.local", lambda *_: pytest.fail("started"))
        run.work.perform(small_task("there"))
        run([small_task("there"), small_task("paid", act="nap", is_paid=True)])
        assert run.work.done == ["there", "paid"]

    def test_memory_is_added_up(self, run):
        tasks = [small_task(f"m{k}", act="sleep", seconds=0.5, memory=2**30) for k in range(3)]
        run([*tasks, small_task("large", memory=2**31)], n_workers=2, memory=1.5)
        spans = sorted((run.work.gave(f"m{k}")["start"], run.work.gave(f"m{k}")["end"]) for k in range(3))
        assert all(one[1] <= other[0] for one, other in itertools.pairwise(spans))
        assert "more than the 1.5 GiB" in run.failures["large"]

    def test_jobs(self, run, tmp_path, monkeypatch):
        """Of a job system whose jobs are processes of this machine."""
        monkeypatch.chdir(tmp_path)
        options = {"cores": 1, "memory": "1GiB", "interface": "lo", "log_directory": str(tmp_path / "logs")}
        run(naps(4, 0.1), scheduler={"local": options}, n_workers=2)
        assert {f"t{k}" for k in range(4)} == set(run.work.done)


def _children():
    return [int(name) for name in os.listdir("/proc") if name.isdigit() and _parent(name) == os.getpid()]


def _parent(pid) -> int:
    with contextlib.suppress(OSError):
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    return 0


def _command(pid) -> str:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")
    return ""


def test_the_cluster_of_tests_restarts_at_its_address(tmp_path):
    cluster = LoopbackCluster(tmp_path)
    try:
        cluster.kill(cluster.start_scheduler())
        cluster.start_scheduler()
    finally:
        cluster.close()


SCRIPT = """
import sys
from pathlib import Path
from qspin.executor import Graph
from qspin.registry import EXECUTOR, made
from qspin.testing.work import FolderWork, small_task

print("script runs", flush=True)
tasks = [small_task("quick"), small_task("long", "quick", act="sleep", seconds=60)]
executor = made(EXECUTOR, "dask", {"n_workers": 2})
work = FolderWork(Path(sys.argv[1]))
executor.run(Graph.of(tasks), work, lambda event: print(event.kind, event.key, event.remark, flush=True))
"""


@pytest.mark.parametrize("how", ["interrupted", "killed"])
def test_a_script_runs_once_and_leaves_no_process(tmp_path, how):
    """It has no ``if __name__ == "__main__"``, and what is typed at the terminal reaches its whole group."""
    (tmp_path / "script.py").write_text(SCRIPT)
    paths = os.pathsep.join(filter(None, sys.path))
    script = subprocess.Popen(
        [sys.executable, "script.py", "."], cwd=tmp_path, start_new_session=True, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={**os.environ, "PYTHONPATH": paths},
    )  # fmt: skip
    lines = []
    for line in script.stdout:
        lines.append(line.strip())
        if line.strip() == "start long":
            break
    if how == "interrupted":
        os.killpg(script.pid, signal.SIGINT)
    else:
        script.kill()
    rest, errors = script.communicate(timeout=120)  # ends when all that hold its pipes have ended
    assert lines == ["script runs", "start quick", "done quick", "start long"]
    assert ("stopping: 1 task finishes or saves its state; " in rest) == (how == "interrupted")
    assert errors.count("Traceback") == (how == "interrupted"), errors
    assert (tmp_path / "done.txt").read_text() == "quick\n"
