"""Folders of results: one process works there, a kill anywhere is survived, damage is noticed and mended."""

from __future__ import annotations

import contextlib
import functools
import json
import os
import platform
import shutil
import signal

import numpy as np
import pytest
import yaml
from qspin_backends.exact import Exact

from qspin import SampleSet
from qspin.errors import InputError, RunError, StorageError
from qspin.experiment import RunFolder, run_experiment
from qspin.experiment import bench_run as bench_module
from qspin.experiment import run as run_module
from qspin.experiment.bench_config import load_bench_config
from qspin.experiment.bench_run import BenchFolder, cells_of, run_benchmark
from qspin.experiment.config import config_from_plain
from qspin.experiment.folder import held, is_new, read_head, recorded, write_head
from qspin.files import atomic_write

PLAIN = {
    "schema": 1,
    "name": "small",
    "problems": {"glass": {"kind": "sherrington_kirkpatrick", "n_spins": 4}},
    "backends": {
        "good": {"name": "exact", "betas": [0.5, 1.0], "n_replicas": 4},
        "other": {"name": "exact", "betas": [0.5, 1.0], "n_replicas": 5},
    },
}
BENCH = {
    "schema": 1,
    "name": "small",
    "problems": {"sk": {"kind": "sherrington_kirkpatrick", "sizes": {"n_spins": [4]}, "instances": 2}},
    "backends": PLAIN["backends"],
}


def small(**changes):
    return config_from_plain(json.loads(json.dumps({**PLAIN, **changes})))


@pytest.fixture
def bench(tmp_path):
    (tmp_path / "bench.yaml").write_text(yaml.safe_dump(BENCH))
    return load_bench_config(tmp_path / "bench.yaml")


@pytest.fixture
def plain_reports(monkeypatch):
    """A report that costs nothing: a file, written last."""
    monkeypatch.setattr(
        run_module, "analyse", lambda folder: [t for t in folder.tasks() if folder.has_samples(t)]
    )
    monkeypatch.setattr(run_module, "write_report", lambda folder, _: atomic_write(folder.report_file, "x"))


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    return run_experiment(small(), RunFolder(tmp_path_factory.mktemp("finished") / "run"))


@pytest.fixture
def copy(finished, tmp_path):
    """A finished run to damage."""
    return RunFolder(shutil.copytree(finished.path, tmp_path / "run"))


@pytest.fixture
def counted(monkeypatch):
    """Numbers of replicas that were asked for, call by call."""
    calls = []
    original = Exact.sample

    def sample(self, problem, *, seed=None):
        calls.append(self.n_replicas)
        return original(self, problem, seed=seed)

    monkeypatch.setattr(Exact, "sample", sample)
    return calls


def files_in(folder):
    return {path.relative_to(folder): path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}


class TestOneProcess:
    def test_a_second_one_is_told_who_works_there(self, tmp_path, counted):
        folder = RunFolder(tmp_path / "run")
        with held(folder.path):
            (folder.path / ".abc-0123.partial.nc").write_text("half of the other one")
            message = f"another process works in .*run: process {os.getpid()} on {platform.node()}, since 20"
            for resume in (False, True):
                with pytest.raises(InputError, match=message):
                    run_experiment(small(), folder, resume=resume)
            assert (folder.path / ".abc-0123.partial.nc").exists()
        assert counted == []

    def test_nor_a_second_benchmark(self, tmp_path, bench, counted):
        with (
            held(tmp_path / "run"),
            pytest.raises(InputError, match=f"another process works in .*process {os.getpid()}"),
        ):
            run_benchmark(bench, BenchFolder(tmp_path / "run"))
        assert counted == []

    def test_a_holder_that_was_killed_holds_no_more(self, tmp_path):
        in_a_process(lambda: die_in(held(tmp_path / "run")), killed=True)
        assert (tmp_path / "run" / ".holder.json").exists()
        with held(tmp_path / "run"):
            assert json.loads((tmp_path / "run" / ".holder.json").read_text())["pid"] == os.getpid()
        assert not (tmp_path / "run" / ".holder.json").exists()

    def test_a_finished_run_needs_no_lock(self, finished):
        with held(finished.path):
            run_experiment(small(), RunFolder(finished.path))

    def test_a_folder_that_cannot_be_made_is_refused(self, tmp_path):
        (tmp_path / "file").write_text("")
        with pytest.raises(InputError, match="cannot write"):
            run_experiment(small(), RunFolder(tmp_path / "file" / "run"))


def die_in(context):
    with context:
        os.kill(os.getpid(), signal.SIGKILL)


def in_a_process(work, *, killed):
    """Fork, work there, and see how it ended."""
    if (child := os.fork()) == 0:
        try:
            work()
        finally:
            os._exit(7)
    _, status = os.waitpid(child, 0)
    ended = os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0
    assert ended == (signal.SIGKILL if killed else 0)


def counting(function, folder, reached):
    """A function that tells how often it was called for something in a folder, before it is called."""
    count = 0

    def called(path, *arguments, **options):
        nonlocal count
        if str(path).startswith(str(folder)):
            count += 1
            reached(count)
        return function(path, *arguments, **options)

    return called


def dying(call, at, folder, work):
    """Kill this process instead of the n-th call."""

    def reached(count):
        if count == at:
            os.kill(os.getpid(), signal.SIGKILL)

    setattr(os, call, counting(getattr(os, call), folder, reached))
    work()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.parametrize("call", ["mkdir", "replace"])
class TestKilledAtEveryWrite:
    """A process dies just before its n-th move of a file into place, or before it makes its n-th folder."""

    def points(self, monkeypatch, call, folder, work):
        """How often the call happens."""
        counts = [0]
        with monkeypatch.context() as patch:
            patch.setattr(os, call, counting(getattr(os, call), folder, counts.append))
            work()
        return counts[-1]

    def test_a_run(self, tmp_path, monkeypatch, call, plain_reports, counted):
        config = small()
        whole = RunFolder(tmp_path / "whole")
        n = self.points(monkeypatch, call, whole.path, lambda: run_experiment(config, whole))
        assert n >= {"mkdir": 3, "replace": 7}[call]
        for at in range(1, n + 1):
            folder = RunFolder(tmp_path / f"{at}")
            work = functools.partial(run_experiment, config, folder)
            in_a_process(functools.partial(dying, call, at, folder.path, work), killed=True)
            done = {path: path.stat().st_mtime_ns for path in folder.path.glob("samples/[!.]*.nc")}
            counted.clear()
            run_experiment(config, folder, resume=True)
            assert len(counted) == 2 - len(done)
            assert {path: path.stat().st_mtime_ns for path in done} == done
            assert RunFolder(folder.path).is_finished
            assert not list(folder.path.rglob(".*partial*"))
            assert read_head(folder.path).digest == config.digest

    def test_a_benchmark(self, tmp_path, monkeypatch, call, bench, counted):
        whole = BenchFolder(tmp_path / "whole")
        n = self.points(monkeypatch, call, whole.path, lambda: run_benchmark(bench, whole))
        assert n >= {"mkdir": 2, "replace": 6}[call]
        for at in range(1, n + 1):
            folder = BenchFolder(tmp_path / f"{at}")
            work = functools.partial(run_benchmark, bench, folder)
            in_a_process(functools.partial(dying, call, at, folder.path, work), killed=True)
            done = {path: path.stat().st_mtime_ns for path in folder.path.glob("cells/[!.]*.json")}
            counted.clear()
            rows = run_benchmark(bench, folder, resume=True)
            assert len(rows) == 4
            assert len(counted) == 2 * (4 - len(done))  # each with its warm-up
            assert {path: path.stat().st_mtime_ns for path in done} == done
            assert not list(folder.path.rglob(".*partial*"))


class TestDamage:
    """Noticed, told by a report that keeps the rest, and made anew by --resume."""

    def report(self, folder):
        from qspin.experiment.analyse import analyse
        from qspin.experiment.report import write_report

        return write_report(folder, analyse(folder)).read_text()

    @pytest.mark.parametrize("where", [0.2, 0.5, 0.999])
    @pytest.mark.usefixtures("plain_reports")
    def test_a_config_that_was_cut(self, copy, counted, where):
        text = (copy.path / "config.yaml").read_bytes()
        (copy.path / "config.yaml").write_bytes(text[: int(len(text) * where)])
        with pytest.raises(InputError, match=r"config\.yaml is damaged \(it .*\): run with"):
            _ = RunFolder.open(copy.path).config
        with pytest.raises(InputError, match="is damaged"):
            run_experiment(small(), RunFolder(copy.path))
        assert run_experiment(small(), RunFolder(copy.path), resume=True).is_finished
        assert (copy.path / "config.yaml").read_bytes() == text
        assert counted == []

    def test_a_cut_config_of_another_run_is_not_taken_over(self, copy):
        text = (copy.path / "config.yaml").read_bytes()
        (copy.path / "config.yaml").write_bytes(text[: len(text) // 2])
        with pytest.raises(InputError, match="holds a run of another config"):
            run_experiment(small(seed=5), RunFolder(copy.path), resume=True)

    def test_a_report_without_the_environment(self, copy):
        (copy.path / "environment.json").unlink()
        assert "environment.json is damaged" in self.report(RunFolder.open(copy.path))

    @pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff", b'{"python": "3"}'])
    @pytest.mark.usefixtures("plain_reports")
    def test_the_environment(self, copy, content, counted):
        (copy.path / "environment.json").write_bytes(content)
        assert RunFolder.open(copy.path).faults() == ["environment.json is damaged"]
        assert run_experiment(small(), RunFolder(copy.path), resume=True).faults() == []
        assert json.loads((copy.path / "environment.json").read_text())["versions"]["qspin"]
        assert counted == []

    @pytest.mark.usefixtures("plain_reports")
    def test_a_problem(self, copy, counted):
        file = copy.path / "problems" / "glass.npz"
        file.write_bytes(file.read_bytes()[:-50])
        assert RunFolder.open(copy.path).faults() == ["glass: its file in problems is damaged"]
        assert run_experiment(small(), RunFolder(copy.path), resume=True).is_finished
        assert counted == []

    def test_a_sample_file(self, copy, counted):
        good, other = copy.tasks()
        whole = copy.samples(other)
        copy.sample_file(other).write_bytes(copy.sample_file(other).read_bytes()[:2000])
        folder = RunFolder.open(copy.path)
        (fault,) = folder.faults()
        assert fault.startswith("glass with other: its sample file is damaged: ")
        page = self.report(folder)
        assert "1 of 2 tasks" in page
        assert "glass with other: its sample file is damaged" in page
        with pytest.raises(InputError, match="unfinished run of this config: add --resume"):
            run_experiment(small(), RunFolder(copy.path))
        before = copy.sample_file(good).stat().st_mtime_ns
        done = run_experiment(small(), RunFolder(copy.path), resume=True)
        assert done.is_finished
        assert counted == [5]
        assert copy.sample_file(good).stat().st_mtime_ns == before
        np.testing.assert_array_equal(done.samples(other).spins.values, whole.spins.values)

    def test_a_report_of_a_part_does_not_finish_a_run(self, copy, plain_reports, counted):
        """A report that was written while the run went on, and the run was killed before its own."""
        with copy.reporting(of=[1]):
            pass
        assert not RunFolder(copy.path).is_finished
        assert run_experiment(small(), RunFolder(copy.path), resume=True).is_finished
        assert counted == []

    def test_a_training(self, copy, monkeypatch):
        from qspin.experiment.problem_specs import MlpSpec
        from qspin.networks.training import TrainingRecord

        def load(path):
            raise InputError("cut")

        training = MlpSpec(kind="mlp", layers=[64, 10]).training
        atomic_write(copy._training_file(training), "cut")
        monkeypatch.setattr(TrainingRecord, "load", load)
        assert copy.training_record(training) is None

    def test_samples_of_another_task(self, copy):
        """A file that is whole, and not the one that belongs there."""
        good, other = copy.tasks()
        wrong = copy.samples(good)
        info = {**wrong.info, "problem": "0" * 64}
        SampleSet(wrong.dataset.assign_attrs(info=json.dumps(info))).save(copy.sample_file(other))
        assert "samples of another problem" in RunFolder.open(copy.path).faults()[0]

    @pytest.mark.parametrize(
        "content", ["", "{", "[]", "{}", '{"lowest": []}', '"text"', '{"lowest": ["a"]}']
    )
    def test_a_cell(self, tmp_path, bench, content, counted):
        folder = BenchFolder(tmp_path / "run")
        run_benchmark(bench, folder)
        cell = cells_of(bench)[0]
        folder.cell_file(cell).write_text(content)
        counted.clear()
        with pytest.raises(InputError, match="unfinished benchmark: add --resume"):
            run_benchmark(bench, folder)
        assert len(run_benchmark(bench, folder, resume=True)) == 4
        assert counted == [4, 4]

    def test_the_config_of_a_benchmark(self, tmp_path, bench, counted):
        folder = BenchFolder(tmp_path / "run")
        run_benchmark(bench, folder)
        text = (folder.path / "config.yaml").read_text()
        (folder.path / "config.yaml").write_text(text[: len(text) // 2])
        counted.clear()
        with pytest.raises(InputError, match="is damaged"):
            run_benchmark(bench, folder)
        run_benchmark(bench, folder, resume=True)
        assert (folder.path / "config.yaml").read_text() == text
        assert counted == []

    def test_a_run_is_no_benchmark(self, copy, bench, tmp_path):
        with pytest.raises(InputError, match="holds a run: choose another"):
            run_benchmark(bench, BenchFolder(copy.path))
        run_benchmark(bench, BenchFolder(tmp_path / "bench"))
        with pytest.raises(InputError, match="holds a benchmark: choose another"):
            run_experiment(small(), RunFolder(tmp_path / "bench"))


class TestHead:
    def test_it_comes_back(self, tmp_path):
        write_head(tmp_path, "run", {"a": ["ü", 1.5]}, "0" * 64)
        assert read_head(tmp_path) == ("run", "0" * 64, {"a": ["ü", 1.5]})

    def test_every_cut_is_noticed(self, tmp_path):
        write_head(tmp_path, "run", {"a": {"b": 1}, "c": [1, 2]}, "0" * 64)
        text = (tmp_path / "config.yaml").read_text()
        for length in range(len(text)):
            (tmp_path / "config.yaml").write_text(text[:length])
            with pytest.raises(InputError, match="is damaged"):
                read_head(tmp_path)

    def test_folders_of_earlier_versions_are_read(self, tmp_path):
        (tmp_path / "config.yaml").write_text("a: 1\n")
        assert read_head(tmp_path) == ("", "", {"a": 1})

    def test_what_is_new(self, tmp_path):
        assert is_new(tmp_path / "none")
        assert is_new(tmp_path)
        (tmp_path / ".config-0123.partial.yaml").write_text("half")
        (tmp_path / ".lock").write_text("")
        assert is_new(tmp_path)
        (tmp_path / "mine.txt").write_text("")
        assert not is_new(tmp_path)
        assert not is_new(tmp_path / "mine.txt")


class TestRecorded:
    def test_a_failure_is_written_down_until_it_goes_well(self, tmp_path):
        with recorded(tmp_path, "key", "glass with bad") as outcome:
            raise RunError("several\nlines")
        assert outcome.failure == "glass with bad: several lines"
        first, *rest = (tmp_path / "failures" / "key.txt").read_text().splitlines()
        assert first == outcome.failure
        assert "Traceback" in "".join(rest)
        with recorded(tmp_path, "key", "glass with bad") as outcome:
            pass
        assert outcome.failure is None
        assert not (tmp_path / "failures").exists()

    @pytest.mark.parametrize("error", [StorageError("full disk"), KeyboardInterrupt()])
    def test_what_all_would_meet_passes(self, tmp_path, error):
        with pytest.raises(type(error)), recorded(tmp_path, "key", "label"):
            raise error
        assert not list(tmp_path.iterdir())


@contextlib.contextmanager
def failing(monkeypatch, error, n_replicas=5):
    """The backend with so many replicas fails."""
    original = Exact.sample

    def sample(self, problem, *, seed=None):
        if self.n_replicas == n_replicas:
            if callable(error):
                return error(original(self, problem, seed=seed))
            raise error
        return original(self, problem, seed=seed)

    with monkeypatch.context() as patch:
        patch.setattr(Exact, "sample", sample)
        yield


def lying(samples):
    return SampleSet(samples.dataset.assign(energies=0 * samples.dataset["energies"] - 1e6))


class TestABadBackendCostsItsCellsOnly:
    @pytest.mark.parametrize(
        ("error", "message"),
        [
            (ZeroDivisionError("division by zero"), "backend 'other' failed: ZeroDivisionError: division by"),
            (SystemExit(0), "backend 'other' failed: SystemExit: 0"),
            (MemoryError(), "backend 'other' failed: MemoryError"),
            (RunError("no network"), "glass with other: no network"),
            (lying, "backend 'other' returned samples that do not fit their problem: 10 of 10 energies"),
        ],
        ids=["error", "exit", "memory", "ours", "lies"],
    )
    def test_in_a_run(self, tmp_path, monkeypatch, error, message, plain_reports):
        folder = RunFolder(tmp_path / "run")
        with failing(monkeypatch, error), pytest.raises(RunError, match=f"1 of 2 tasks failed.*{message}"):
            run_experiment(small(backends=dict(reversed(PLAIN["backends"].items()))), folder)
        assert folder.report_file.exists()
        assert not folder.is_finished
        (fault,) = RunFolder.open(folder.path).faults()
        assert message in fault
        assert (folder.path / fault.partition("traceback in ")[2].rstrip(")")).is_file()
        done = run_experiment(
            small(backends=dict(reversed(PLAIN["backends"].items()))), RunFolder(folder.path), resume=True
        )
        assert done.is_finished
        assert not (folder.path / "failures").exists()

    def test_and_the_report_says_what_is_missing(self, tmp_path, monkeypatch):
        folder = RunFolder(tmp_path / "run")
        with failing(monkeypatch, ZeroDivisionError("<b>x</b>")), pytest.raises(RunError):
            run_experiment(small(), folder)
        page = folder.report_file.read_text()
        assert "1 of 2 tasks" in page
        assert (
            "glass with other: backend &#39;other&#39; failed: ZeroDivisionError: &lt;b&gt;x&lt;/b&gt;"
            in page
        )

    def test_a_run_without_any_samples_has_no_report(self, tmp_path, monkeypatch):
        config = small(backends={"other": PLAIN["backends"]["other"]})
        with failing(monkeypatch, ValueError("no")), pytest.raises(RunError, match="1 of 1 tasks failed"):
            run_experiment(config, RunFolder(tmp_path / "run"))
        assert not (tmp_path / "run" / "report.html").exists()

    def test_an_interrupt_still_interrupts(self, tmp_path, monkeypatch):
        with failing(monkeypatch, KeyboardInterrupt()), pytest.raises(KeyboardInterrupt):
            run_experiment(small(), RunFolder(tmp_path / "run"))

    def test_a_full_disk_still_ends_the_run(self, tmp_path, monkeypatch):
        with failing(monkeypatch, StorageError("full")), pytest.raises(StorageError):
            run_experiment(small(), RunFolder(tmp_path / "run"))

    def test_a_check_that_breaks_is_no_refusal(self, tmp_path, monkeypatch, plain_reports):
        monkeypatch.setattr(Exact, "check", lambda self, problem: 1 / 0)
        with pytest.warns(RuntimeWarning, match="check of backend 'good' failed"):
            assert run_experiment(small(), RunFolder(tmp_path / "run")).is_finished

    def test_in_a_benchmark(self, tmp_path, monkeypatch, bench):
        folder, cells = BenchFolder(tmp_path / "run"), cells_of(bench)
        with failing(monkeypatch, ZeroDivisionError("no")):
            assert {row.cell.backend for row in run_benchmark(bench, folder)} == {"good"}
        assert len(folder.failures(cells)) == 2
        assert "4 spins, instance 0, other: backend 'other' failed: ZeroDiv" in folder.failures(cells)[0]
        with pytest.raises(InputError, match="unfinished benchmark"):
            run_benchmark(bench, folder)
        assert len(run_benchmark(bench, folder, resume=True)) == 4
        assert folder.failures(cells) == []

    def test_a_benchmark_without_any_cell(self, tmp_path, monkeypatch, bench):
        monkeypatch.setattr(Exact, "sample", lambda self, problem, *, seed: None)
        with pytest.raises(RunError, match="4 of 4 cells failed.*returned a NoneType"):
            run_benchmark(bench, BenchFolder(tmp_path / "run"))


class TestInterruptedCells:
    """A sampler that hears Ctrl-C returns what there is; that is no measurement."""

    @pytest.mark.parametrize("at", [1, 2, 3, 8])
    def test_they_are_measured_again(self, tmp_path, monkeypatch, bench, at):
        """The first call of a cell is its warm-up."""
        left = at
        original = Exact.sample

        def sample(self, problem, *, seed=None):
            nonlocal left
            left -= 1
            samples = original(self, problem, seed=seed)
            if left == 0:
                info = json.dumps({**samples.info, "status": "interrupted"})
                samples = SampleSet(samples.dataset.assign_attrs(info=info))
            return samples

        monkeypatch.setattr(Exact, "sample", sample)
        folder = BenchFolder(tmp_path / "run")
        with pytest.raises(KeyboardInterrupt):
            run_benchmark(bench, folder)
        assert len(list(folder.path.glob("cells/*"))) == (at - 1) // 2
        assert len(run_benchmark(bench, folder, resume=True)) == 4


def test_both_modules_share_one_way_to_sample():
    assert bench_module.sample_whole is run_module.sample_whole
