"""Folders of results: processes share the work, a kill anywhere is survived, damage is noticed and mended."""

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
from probes import PLAIN
from qspin_backends.exact import Exact

from qspin import SampleSet
from qspin.engine import actions
from qspin.engine.storage.presence import Presence
from qspin.errors import InputError, RunError, StorageError
from qspin.executor import Kind
from qspin.experiment import RunFolder, run_experiment
from qspin.experiment.config.run_config import config_from_plain
from qspin.experiment.folder import PROCESSES, is_new, read_head, write_head
from qspin.experiment.reporting import reporting
from qspin.experiment.run import report_on

SWEPT = {"sk": {"kind": "sherrington_kirkpatrick", "sizes": {"n_spins": [4]}, "instances": 2}}
"""Two backends at two points each."""


@pytest.fixture(autouse=True)
def _kinds(kinds):
    """The study `probe`, whose report costs little."""


def small(**changes):
    return config_from_plain(json.loads(json.dumps({**PLAIN, **changes})))


@pytest.fixture
def finished(tmp_path):
    return run_experiment(small(), RunFolder(tmp_path / "finished"))


@pytest.fixture
def copy(finished):
    """A finished run to damage, as another process finds it."""
    return RunFolder(finished.path)


def sample_file(folder, task):
    return folder.store.file("sample", task.key)


def sample_content(folder, task):
    return folder.store.samples(task.key).spins.values[:, :4]


def another_in(folder):
    """A process that works in a folder, as far as others can see."""
    presence = Presence(folder.path / PROCESSES)
    presence.enter()
    return presence


class TestSeveralProcesses:
    def test_a_second_one_joins(self, copy, counted):
        """It needs no --resume, and leaves alone what the other may be writing."""
        sample_file(copy, copy.tasks()[1]).unlink()
        (copy.path / ".abc-0123.partial.nc").write_text("half of the other one")
        head = (copy.path / "config.yaml").stat()
        with pytest.raises(InputError, match="unfinished run of this config: add --resume"):
            run_experiment(small(), RunFolder(copy.path))
        other, told = another_in(copy), []
        assert run_experiment(small(), RunFolder(copy.path), reporter=told.append).is_finished
        notes = [event.remark for event in told if event.kind == Kind.NOTE]
        assert f"is shared with process {os.getpid()} on {platform.node()}, since 20" in notes[0]
        assert counted == [5]
        assert (copy.path / ".abc-0123.partial.nc").exists()
        assert (copy.path / "config.yaml").stat() == head
        other.leave()

    def test_one_that_was_killed_is_not_there(self, tmp_path):
        in_a_process(lambda: (Presence(tmp_path).enter(), os.kill(os.getpid(), signal.SIGKILL)), killed=True)
        assert len(list(tmp_path.glob("*.process"))) == 1
        others = []
        presence = Presence(tmp_path)
        presence.enter(others.append)
        assert others == [[]]
        assert [file.stem for file in tmp_path.glob("*.process")] == [presence.name]
        presence.leave()
        assert [file.name for file in tmp_path.iterdir()] == [".lock"]

    def test_a_finished_run_needs_no_lock(self, finished):
        with Presence(finished.path / PROCESSES).undisturbed():
            run_experiment(small(), RunFolder(finished.path))

    def test_a_folder_that_cannot_be_made_is_refused(self, tmp_path):
        (tmp_path / "file").write_text("")
        with pytest.raises(InputError, match="cannot write"):
            run_experiment(small(), RunFolder(tmp_path / "file" / "run"))

    def test_the_report_is_written_once(self, copy, kinds):
        """By one of two that come to the end; and again where there is something else to tell."""
        kinds.COUNTS.clear()
        other, told = another_in(copy), []
        copy.report_file.unlink()
        run_experiment(small(), RunFolder(copy.path))
        assert kinds.COUNTS["conclude"] == 1
        (copy.path / ".report-of-a-part").touch()  # as a process sees it that looked before
        run_experiment(small(), RunFolder(copy.path), reporter=told.append)
        assert kinds.COUNTS["conclude"] == 1
        notes = [event.remark for event in told if event.kind == Kind.NOTE]
        assert f"the report was written by process {os.getpid()} on {platform.node()}" in notes
        other.leave()

    def test_one_that_writes_the_report_is_waited_for(self, copy):
        told = []
        with contextlib.ExitStack() as stack:
            stack.enter_context(Presence(copy.path / PROCESSES).held("report.lock"))

            def tell(event):
                told.append(event.remark)
                stack.close()

            with reporting(copy, tell):
                pass
        assert told == [f"another process writes the report of {copy.path}, which is waited for"]


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
    """A function that tells how often it was called for something in a folder, before it is called; a folder
    that is there already is none that it makes.
    """
    count = 0

    def called(path, *arguments, **options):
        nonlocal count
        if str(path).startswith(str(folder)) and not os.path.isdir(path):
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

    def test_a_run(self, tmp_path, monkeypatch, call, counted):
        config = small(problems=SWEPT)
        whole = RunFolder(tmp_path / "whole")
        n = self.points(monkeypatch, call, whole.path, lambda: run_experiment(config, whole))
        assert n >= {"mkdir": 3, "replace": 9}[call]
        n_tasks = len(whole.tasks())
        drawn = [sample_content(whole, task) for task in whole.tasks()]
        for at in range(1, n + 1):
            folder = RunFolder(tmp_path / f"{at}")
            work = functools.partial(run_experiment, config, folder)
            in_a_process(functools.partial(dying, call, at, folder.path, work), killed=True)
            done = {path: path.stat().st_mtime_ns for path in folder.path.glob("samples/[!.]*.nc")}
            counted.clear()
            run_experiment(config, folder, resume=True)
            assert len(counted) == n_tasks - len(done)
            assert {path: path.stat().st_mtime_ns for path in done} == done
            assert RunFolder(folder.path).is_finished
            again = [sample_content(folder, task) for task in folder.tasks()]
            np.testing.assert_array_equal(again, drawn)
            assert not list(folder.path.rglob(".*partial*"))
            assert read_head(folder.path).digest == config.digest


class TestDamage:
    """Noticed, told by a report that keeps the rest, and made anew by --resume."""

    @pytest.mark.parametrize("where", [0.2, 0.5, 0.999])
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
        assert "environment.json is damaged" in report_on(RunFolder.open(copy.path)).read_text()

    @pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff", b'{"python": "3"}'])
    def test_the_environment(self, copy, content, counted):
        (copy.path / "environment.json").write_bytes(content)
        assert RunFolder.open(copy.path).faults() == ["environment.json is damaged"]
        assert run_experiment(small(), RunFolder(copy.path), resume=True).faults() == []
        assert json.loads((copy.path / "environment.json").read_text())["versions"]["qspin"]
        assert counted == []

    def test_a_sample_file(self, copy, counted):
        good, other = copy.tasks()
        whole, file = sample_content(copy, other), sample_file(copy, other)
        file.write_bytes(file.read_bytes()[:2000])
        folder = RunFolder.open(copy.path)
        (fault,) = folder.faults()
        assert fault.startswith(f"glass with other: its file samples/{other.key}.nc is damaged: ")
        before = sample_file(copy, good).stat().st_mtime_ns
        page = report_on(folder).read_text()
        assert f"its file samples/{other.key}.nc is damaged" in page
        with pytest.raises(InputError, match="unfinished run of this config: add --resume"):
            run_experiment(small(), RunFolder(copy.path))
        done = run_experiment(small(), RunFolder(copy.path), resume=True)
        assert done.is_finished
        assert counted == [5]
        assert sample_file(copy, good).stat().st_mtime_ns == before
        np.testing.assert_array_equal(sample_content(done, other), whole)

    def test_a_file_of_a_measure(self, copy, counted, kinds):
        measured = [task for task in copy.plan.tasks.values() if task.action == "measure"]
        file = copy.store.file("measure", measured[0].key)
        whole = file.read_bytes()
        file.write_bytes(whole[:-30])
        folder = RunFolder.open(copy.path)
        (fault,) = folder.faults()
        assert fault.startswith(f"mean_energy of glass with good: its file measures/{measured[0].key}.npz is")
        kinds.COUNTS.clear()
        assert run_experiment(small(), RunFolder(copy.path), resume=True).is_finished
        assert file.read_bytes() == whole
        assert (counted, kinds.COUNTS["measure"]) == ([], 1)

    def test_a_file_of_a_preparation(self, tmp_path, counted, kinds):
        config = small(problems={"pair": {"kind": "needy"}})
        folder = run_experiment(config, RunFolder(tmp_path / "prepared"))
        (file,) = (folder.path / "prepared").iterdir()
        file.write_bytes(file.read_bytes()[:-30])
        (fault,) = RunFolder.open(folder.path).faults()
        assert fault.startswith(f"rolling 1, depth 0: its file prepared/{file.name} is damaged: ")
        kinds.COUNTS.clear()
        counted.clear()
        assert run_experiment(config, RunFolder(folder.path), resume=True).is_finished
        assert (counted, kinds.COUNTS["make"], kinds.COUNTS["measure"]) == ([], 1, 0)

    def test_a_report_of_a_part_does_not_finish_a_run(self, copy, counted):
        """A report that was written while the run went on, and the run was killed before its own."""
        (copy.path / ".report-of-a-part").touch()
        assert not RunFolder(copy.path).is_finished
        assert run_experiment(small(), RunFolder(copy.path), resume=True).is_finished
        assert counted == []

    def test_samples_of_another_task(self, copy):
        """A file that is whole, and not the one that belongs there."""
        good, other = copy.tasks()
        wrong = copy.store.samples(good.key)
        info = {**wrong.info, "problem": "0" * 64}
        actions._samples.clear()  # as in another process
        SampleSet(wrong.dataset.assign_attrs(info=json.dumps(info))).save(sample_file(copy, other))
        with pytest.raises(InputError, match="samples of another problem"):
            RunFolder.open(copy.path).samples("glass", "other")
        shutil.rmtree(copy.path / "measures")
        with pytest.raises(RunError, match="samples of another problem"):
            report_on(RunFolder.open(copy.path))


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
        (tmp_path / PROCESSES).mkdir()
        assert is_new(tmp_path)
        (tmp_path / "mine.txt").write_text("")
        assert not is_new(tmp_path)
        assert not is_new(tmp_path / "mine.txt")


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
    def test_in_a_run(self, tmp_path, monkeypatch, error, message):
        folder = RunFolder(tmp_path / "run")
        with (
            failing(monkeypatch, error),
            pytest.raises(RunError, match=f"1 of 4 tasks failed, 1 that need them wait.*{message}"),
        ):
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
        assert "This run is not finished" in page
        assert (
            "glass with other: backend &#39;other&#39; failed: ZeroDivisionError: &lt;b&gt;x&lt;/b&gt;"
            in page
        )

    def test_a_run_without_any_samples_has_a_report_that_says_why(self, tmp_path, monkeypatch):
        config = small(backends={"other": PLAIN["backends"]["other"]})
        with failing(monkeypatch, ValueError("no")), pytest.raises(RunError, match="1 of 2 tasks failed"):
            run_experiment(config, RunFolder(tmp_path / "run"))
        folder = RunFolder.open(tmp_path / "run")
        assert "ValueError: no" in folder.report_file.read_text(encoding="utf-8")
        assert not folder.is_finished

    def test_an_interrupt_still_interrupts(self, tmp_path, monkeypatch):
        with failing(monkeypatch, KeyboardInterrupt()), pytest.raises(KeyboardInterrupt):
            run_experiment(small(), RunFolder(tmp_path / "run"))

    def test_a_full_disk_still_ends_the_run(self, tmp_path, monkeypatch):
        with failing(monkeypatch, StorageError("full")), pytest.raises(StorageError):
            run_experiment(small(), RunFolder(tmp_path / "run"))

    def test_a_check_that_breaks_is_no_refusal(self, tmp_path, monkeypatch):
        monkeypatch.setattr(Exact, "check", lambda self, problem: 1 / 0)
        with pytest.warns(RuntimeWarning, match="check of backend 'good' failed"):
            assert run_experiment(small(), RunFolder(tmp_path / "run")).is_finished

    def test_at_points_of_a_sweep(self, tmp_path, monkeypatch):
        folder, config = RunFolder(tmp_path / "run"), small(problems=SWEPT)
        with (
            failing(monkeypatch, ZeroDivisionError("no")),
            pytest.raises(RunError, match="2 of 8 tasks fail"),
        ):
            run_experiment(config, folder)
        assert [cell.n_missing for cell in folder.results("probe").cells("mean_energy")] == [0, 2]
        first, second = RunFolder(folder.path).faults()
        assert first.startswith("sk (instance 0, n_spins 4) with other: backend 'other' failed: ZeroDiv")
        assert second.startswith("sk (instance 1, n_spins 4) with other")
        with pytest.raises(InputError, match="unfinished run"):
            run_experiment(config, RunFolder(folder.path))
        assert run_experiment(config, RunFolder(folder.path), resume=True).faults() == []

    def test_nothing_that_is_a_sample_set(self, tmp_path, monkeypatch):
        monkeypatch.setattr(Exact, "sample", lambda self, problem, *, seed: None)
        with pytest.raises(RunError, match="4 of 8 tasks failed.*returned a NoneType"):
            run_experiment(small(problems=SWEPT), RunFolder(tmp_path / "run"))


class TestInterruptedSamples:
    """A sampler that hears Ctrl-C returns what there is; that is no finished task."""

    @pytest.mark.parametrize("at", [1, 2, 4])
    def test_they_are_sampled_again(self, tmp_path, monkeypatch, at):
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
        folder, config = RunFolder(tmp_path / "run"), small(problems=SWEPT)
        with pytest.raises(KeyboardInterrupt):
            run_experiment(config, folder)
        assert len(list(folder.path.glob("samples/*.nc"))) == at - 1
        assert run_experiment(config, RunFolder(folder.path), resume=True).is_finished
