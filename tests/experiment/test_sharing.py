"""Runs that share a store, processes that share a run, and places where nothing can be kept."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
import yaml
from probes import PLAIN
from qspin_backends.exact import Exact

from qspin.engine.storage.marker import FORMAT
from qspin.errors import InputError, RunError, StorageError
from qspin.executor import Kind
from qspin.experiment import RunFolder, load_config, placing, run_experiment
from qspin.experiment.config.run_config import config_from_plain
from qspin.experiment.run import report_on


@pytest.fixture(autouse=True)
def _kinds(kinds):
    """The study `probe`, whose report costs little."""


def small(store=None, **changes):
    execution = {"engine": "in_process"} | ({} if store is None else {"store": str(store)})
    return config_from_plain(json.loads(json.dumps({**PLAIN, "execution": execution, **changes})))


def only(*labels):
    return {label: PLAIN["backends"][label] for label in labels}


def notes(told):
    return [event.remark for event in told if event.kind == Kind.NOTE]


class TestSharedStore:
    def test_what_one_run_made_another_finds(self, tmp_path, counted):
        store = tmp_path / "store"
        first = run_experiment(small(store, backends=only("good")), RunFolder(tmp_path / "first"))
        assert counted == [4]
        second = run_experiment(small(store), RunFolder(tmp_path / "second"))
        assert counted == [4, 5]
        assert {file.name for file in store.iterdir()} == {"store.json", "claims", "samples", "measures"}
        assert not (tmp_path / "first" / "samples").exists()
        for folder in (first, second):
            again = RunFolder.open(folder.path)
            assert again.is_finished
            assert again.samples("glass", "good").spins.sizes["replica"] == 4
            assert again.store.path == store

    def test_of_another_run(self, tmp_path, counted):
        """A run folder is a store, too."""
        run_experiment(small(), RunFolder(tmp_path / "first"))
        config = small(tmp_path / "first", name="second")
        done = run_experiment(config, RunFolder(tmp_path / "second"))
        assert done.is_finished
        assert counted == [4, 5]
        assert RunFolder.open(tmp_path / "first").is_finished

    def test_at_the_same_time(self, tmp_path, monkeypatch):
        """Each sampling waits for the other run to be there; none is done twice."""
        calls, gate = [], threading.Barrier(2, timeout=300)
        original, first = Exact.sample, threading.local()

        def sample(self, problem, *, seed=None):
            if not hasattr(first, "is_over"):
                first.is_over = True
                gate.wait()
            calls.append(self.n_replicas)
            return original(self, problem, seed=seed)

        monkeypatch.setattr(Exact, "sample", sample)
        store = tmp_path / "store"
        backends = {f"b{n}": {"name": "exact", "betas": [1.0], "n_replicas": n} for n in range(2, 12)}
        names = list(backends)
        configs = [
            small(store, backends={k: backends[k] for k in chosen})
            for chosen in (names[:8], list(reversed(names[2:])))
        ]
        faults = []

        def work(number):
            try:
                run_experiment(configs[number], RunFolder(tmp_path / f"run{number}"))
            except BaseException as error:
                faults.append(error)
                gate.abort()

        threads = [threading.Thread(target=work, args=(k,)) for k in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert faults == []
        assert sorted(calls) == list(range(2, 12))
        assert all(RunFolder.open(tmp_path / f"run{k}").is_finished for k in range(2))

    def test_many_may_look_whether_it_can_be_made(self, tmp_path):
        """None finds a folder that another one tries."""
        store, gate, faults = tmp_path / "store", threading.Barrier(8), []

        def look():
            try:
                gate.wait(60)
                for _ in range(200):
                    placing._refuse_impossible(store)
            except Exception as error:
                faults.append(error)

        threads = [threading.Thread(target=look) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert faults == []
        assert list(tmp_path.iterdir()) == []

    def test_its_place_decides_nothing(self, tmp_path):
        assert small(tmp_path / "store").digest == small().digest

    def test_relative_to_the_config(self, tmp_path):
        plain = {**PLAIN, "execution": {"store": "../shared"}}
        (tmp_path / "configs").mkdir()
        file = tmp_path / "configs" / "a.yaml"
        file.write_text(yaml.safe_dump(plain))
        for engine in (None, "in_process"):
            config = load_config(file, engine=engine)
            assert config.store == tmp_path / "shared"
            again = config_from_plain(config.resolved())
            assert again.store == tmp_path / "shared"
        config = load_config(file, overrides=["execution.store=here"])
        assert config.store == tmp_path / "configs" / "here"

    @pytest.mark.parametrize(("store", "message"), [("", "execution"), (3, "execution"), ([], "execution")])
    def test_no_path(self, tmp_path, store, message):
        file = tmp_path / "a.yaml"
        file.write_text(yaml.safe_dump({**PLAIN, "execution": {"store": store}}))
        with pytest.raises(InputError, match=message):
            load_config(file)

    def test_failures_are_told_with_their_place(self, tmp_path, monkeypatch):
        monkeypatch.setattr(Exact, "sample", lambda self, problem, *, seed: 1 / 0)
        store, folder = tmp_path / "store", RunFolder(tmp_path / "run")
        with pytest.raises(RunError, match=f"Why is in the folder {store}/failures"):
            run_experiment(small(store), folder)
        faults = RunFolder.open(folder.path).faults()
        assert len(faults) == 2
        for fault in faults:
            assert Path(fault.partition("traceback in ")[2].rstrip(")")).is_file()

    def test_damage_is_told_with_its_place(self, tmp_path):
        store = tmp_path / "store"
        folder = run_experiment(small(store), RunFolder(tmp_path / "run"))
        file = store / "measures" / next(file.name for file in (store / "measures").iterdir())
        file.write_bytes(b"damaged")
        (fault,) = RunFolder.open(folder.path).faults()
        assert f"its file {file} is damaged" in fault
        told = []
        run_experiment(small(store), RunFolder(folder.path), resume=True, reporter=told.append)
        (note,) = notes(told)
        assert note.startswith(f"{file} of mean_energy of glass with ")
        assert f"it is now {store}/damaged/{file.name}, and is made again" in note
        assert RunFolder.open(folder.path).is_finished


class TestUnfitStores:
    """Refused before anything is changed, also in a run that was begun."""

    def refused(self, path, store, message, resume=False):
        before = sorted(path.rglob("*")) if path.exists() else None
        with pytest.raises(InputError, match=message):
            run_experiment(small(store), RunFolder(path), resume=resume)
        assert (sorted(path.rglob("*")) if path.exists() else None) == before

    def test_a_folder_with_something_else(self, tmp_path):
        (tmp_path / "store").mkdir()
        (tmp_path / "store" / "notes.txt").write_text("mine")
        self.refused(tmp_path / "run", tmp_path / "store", r"holds other files \(notes.txt\) and is no store")

    def test_a_file(self, tmp_path):
        (tmp_path / "store").write_text("")
        self.refused(tmp_path / "run", tmp_path / "store", "cannot be read: Not a directory; choose another")

    def test_a_newer_one(self, tmp_path):
        (tmp_path / "store").mkdir()
        (tmp_path / "store" / "store.json").write_text(json.dumps({"format": FORMAT + 1}))
        message = f"has format {FORMAT + 1}; this version of qspin reads up to {FORMAT}"
        self.refused(tmp_path / "run", tmp_path / "store", message)
        folder = run_experiment(small(), RunFolder(tmp_path / "own"))
        (folder.path / "store.json").write_text(json.dumps({"format": FORMAT + 1}))
        self.refused(folder.path, None, message)

    @pytest.mark.skipif(not Path("/proc/self").exists(), reason="a folder where nothing can be made")
    def test_a_place_where_no_folder_can_be_made(self, tmp_path):
        self.refused(tmp_path / "run", Path("/proc/store"), "no store can be made at /proc/store: ")

    def test_a_place_that_is_not_there(self, tmp_path):
        """Such as a disk that is not mounted."""
        self.refused(
            tmp_path / "run", tmp_path / "disk" / "store", "disk is not there, so that no store can be"
        )

    def test_one_that_went_away(self, tmp_path):
        store = tmp_path / "store"
        folder = run_experiment(small(store), RunFolder(tmp_path / "run"))
        store.rename(tmp_path / "moved")
        message = f"the store {store} of the run in .*run is not there: mount or restore it, or run"
        self.refused(folder.path, store, message, resume=True)
        with pytest.raises(InputError, match=message):
            report_on(RunFolder.open(folder.path))
        done = run_experiment(small(tmp_path / "moved"), RunFolder(folder.path), resume=True)
        assert RunFolder.open(done.path).store.path == tmp_path / "moved"
        assert RunFolder.open(done.path).is_finished

    def test_another_one_than_before(self, tmp_path):
        one, other = tmp_path / "one", tmp_path / "other"
        folder = run_experiment(small(one), RunFolder(tmp_path / "run"))
        message = f"the objects of the run in .*run lie in {one}, not in {other}: go on with --set execution"
        self.refused(folder.path, other, message, resume=True)
        self.refused(folder.path, None, f"lie in {one}, not in .*run: go on", resume=True)
        own = run_experiment(small(), RunFolder(tmp_path / "own"))
        self.refused(own.path, other, f"lie in {own.path}, not in {other}", resume=True)


class TestDamageIsSaidOnce:
    @pytest.mark.parametrize("resume", [False, True])
    def test_an_object(self, tmp_path, counted, resume):
        folder = run_experiment(small(), RunFolder(tmp_path / "run"))
        whole = {file: file.read_bytes() for file in (folder.path / "measures").iterdir()}
        for file in whole:
            file.write_bytes(b"damaged")
        told = []
        if resume:
            run_experiment(small(), RunFolder(folder.path), resume=True, reporter=told.append)
            assert {file: file.read_bytes() for file in whole} == whole
            assert len(list((folder.path / "damaged").iterdir())) == len(whole)
        else:
            report_on(RunFolder.open(folder.path), told.append)
        assert len(notes(told)) == len(whole) == 2
        run_experiment(small(), RunFolder(folder.path), resume=True, reporter=told.append)
        assert len(notes(told)) == 2

    def test_the_config(self, tmp_path):
        folder, told = run_experiment(small(), RunFolder(tmp_path / "run")), []
        head = folder.path / "config.yaml"
        whole = head.read_bytes()
        head.write_bytes(whole[:-9])
        run_experiment(small(), RunFolder(folder.path), resume=True, reporter=told.append)
        moved = folder.path / "damaged" / "config.yaml"
        assert notes(told) == [f"{head} was damaged: it is now {moved}, and is written anew"]
        assert (head.read_bytes(), moved.read_bytes()) == (whole, whole[:-9])

    def test_the_environment(self, tmp_path):
        folder, told = run_experiment(small(), RunFolder(tmp_path / "run")), []
        (folder.path / "environment.json").write_text("{")
        run_experiment(small(), RunFolder(folder.path), resume=True, reporter=told.append)
        assert notes(told) == [
            f"{folder.path / 'environment.json'} was damaged or missing, and is written anew"
        ]

    def test_old_folders_can_be_reported(self, tmp_path):
        """Those that know nothing of markers, claims and processes."""
        folder = run_experiment(small(), RunFolder(tmp_path / "run"))
        for name in ("store.json", ".report.json", ".processes", "claims"):
            path = folder.path / name
            subprocess.run(["rm", "-r", str(path)], check=True)
        assert report_on(RunFolder.open(folder.path)).is_file()
        assert RunFolder.open(folder.path).is_finished


def in_a_child(work):
    """What a forked process says at its end."""
    read, write = os.pipe()
    if (child := os.fork()) == 0:
        try:
            os.write(write, work().encode())
        finally:
            os._exit(0)
    os.close(write)
    os.waitpid(child, 0)
    with os.fdopen(read) as said:
        return said.read()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
class TestPlacesThatKeepNothing:
    def test_a_full_disk(self, tmp_path, counted):
        """No file may grow beyond so many bytes: what was finished stays, and the rest is made later."""
        whole = run_experiment(small(), RunFolder(tmp_path / "whole"))
        sizes = sorted(file.stat().st_size for file in whole.path.rglob("*") if file.is_file())
        ends = []
        for size in [1, 13, 100, 700, *range(sizes[len(sizes) // 2], sizes[-1], (sizes[-1] - 1) // 6)]:
            folder = RunFolder(tmp_path / f"{size}")

            def work(size=size, folder=folder):
                resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
                try:
                    run_experiment(small(), folder)
                except (StorageError, InputError, RunError) as error:
                    return f"{type(error).__name__}: {error}"
                return "done"

            ends.append(in_a_child(work))
            assert "File too large" in ends[-1], ends[-1]
            assert not list(folder.path.rglob(".*partial*")) if folder.path.exists() else True
            done = {file: file.stat().st_mtime_ns for file in folder.path.glob("samples/*.nc")}
            finished = run_experiment(small(), RunFolder(folder.path), resume=True)
            assert finished.is_finished
            assert {file: file.stat().st_mtime_ns for file in done} == done
            for label in ("good", "other"):
                np.testing.assert_array_equal(
                    finished.samples("glass", label).spins, whole.samples("glass", label).spins
                )
        assert any(end.startswith("StorageError") for end in ends)

    @pytest.mark.parametrize("what", ["run", "store"])
    def test_a_folder_that_cannot_be_written(self, tmp_path, what, monkeypatch):
        """Not even by root, as of a filesystem that was mounted to be read."""
        store, folder = tmp_path / "store", RunFolder(tmp_path / "run")
        run_experiment(small(store), folder)
        for file in store.glob("measures/*"):
            file.unlink()
        locked = folder.path if what == "run" else store
        original = os.open

        def refusing(path, flags, *rest, **options):
            if flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT) and str(path).startswith(str(locked)):
                raise OSError(30, "Read-only file system", str(path))
            return original(path, flags, *rest, **options)

        with monkeypatch.context() as patch:
            patch.setattr(os, "open", refusing)
            with pytest.raises(InputError, match="cannot write '.*: Read-only file system; choose another"):
                run_experiment(small(store), RunFolder(folder.path), resume=True)
        assert run_experiment(small(store), RunFolder(folder.path), resume=True).is_finished

    @pytest.mark.parametrize("number", [37, 38], ids=["ENOLCK", "ENOSYS"])
    def test_a_filesystem_without_locks(self, tmp_path, monkeypatch, number):
        import fcntl

        original, store = fcntl.flock, tmp_path / "store"

        def flock(file, operation):
            name = os.readlink(f"/proc/self/fd/{file if isinstance(file, int) else file.fileno()}")
            if name.startswith(str(store)):
                raise OSError(number, os.strerror(number))
            return original(file, operation)

        monkeypatch.setattr(fcntl, "flock", flock)
        with pytest.raises(InputError, match=f"{store} lies on a filesystem without locks"):
            run_experiment(small(store), RunFolder(tmp_path / "run"))
        monkeypatch.setattr(fcntl, "flock", original)
        assert run_experiment(small(store), RunFolder(tmp_path / "run"), resume=True).is_finished

    def test_a_clock_that_is_set_back_a_day(self, tmp_path, counted, monkeypatch):
        """Files from the future are as good as any."""
        import time

        folder = RunFolder(tmp_path / "run")
        run_experiment(small(), folder)
        for file in folder.path.rglob("*"):
            os.utime(file, (time.time() + 86400,) * 2)
        next(folder.path.glob("samples/*.nc")).unlink()
        yesterday = time.time() - 86400
        monkeypatch.setattr(time, "time", lambda: yesterday)
        counted.clear()
        assert run_experiment(small(), RunFolder(folder.path), resume=True).is_finished
        assert len(counted) == 1


@pytest.mark.parametrize("script", ["killing", "together"])
def test_a_trial(script, root):
    """Of runs that are killed, and of two at once; many with the scripts themselves. Whole programs, whose
    start takes seconds each."""
    arguments = {"killing": ["in_process", "1"], "together": ["1"]}[script]
    command = [sys.executable, str(root / "tests" / "engine" / f"{script}.py"), *arguments]
    variables = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=variables)
    assert done.returncode == 0, done.stdout + done.stderr
