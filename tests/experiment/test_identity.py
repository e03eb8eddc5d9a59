"""What decides on a task and what does not: settings, labels, places of files."""

from __future__ import annotations

import copy
import json
import shutil
from typing import Annotated

import numpy as np
import pytest
import yaml

import qspin
from qspin import instances
from qspin.errors import InputError
from qspin.experiment import RunFolder, load_config, run_experiment
from qspin.experiment import run as run_module
from qspin.experiment.bench_config import load_bench_config
from qspin.experiment.bench_run import BenchFolder, run_benchmark
from qspin.experiment.config import config_from_plain
from qspin.experiment.store import Task, make_tasks
from qspin.registry import available_backends, backend_class
from qspin.sampler import Incidental, PositiveInt, deciding_settings, settings, settings_of
from qspin.settings import setting_names

GLASS = instances.sherrington_kirkpatrick(10, seed=1)
BIMODAL = instances.edwards_anderson((4, 4, 4), couplings="bimodal", seed=1)

# every setting that decides nothing, with another value than its default
INCIDENTAL = {
    "annealer": {"max_qpu_seconds": 3.0, "reuse": False, "retries": 9, "retry_pause": 7.0},
    "exact": {"max_spins": 12},
    "ocean": {},
    "qaoa": {"max_qpu_seconds": 3.0, "reuse": False, "retries": 9, "retry_pause": 7.0},
    "tempering": {"n_threads": 3, "max_memory": 1.5},
}
CHEAP = {
    "annealer": {"topology": "none", "n_reads": 6, "n_sweeps": 5},
    "exact": {"betas": [0.5, 1.0], "n_replicas": 5},
    "ocean": {"n_reads": 6, "parameters": {"num_sweeps": 5}},
    "qaoa": {"n_shots": 10, "angles": "linear_ramp"},
    "tempering": {"betas": [0.3, 0.8], "n_replicas": 5, "n_burn_in": 5, "n_sweeps": 50},
}


def task_of(sampler, problem=GLASS):
    config = config_from_plain(
        {
            "schema": 1,
            "name": "one",
            "problems": {"p": {"kind": "mattis", "n_spins": 4}},
            "backends": {"b": {"name": type(sampler).name}},
        }
    )
    spec = config.backends["b"]
    return Task("p", "b", problem, sampler, spec.identity(sampler), 0)


def small(backends, problems=None, **changes):
    return config_from_plain(
        {
            "schema": 1,
            "name": "small",
            "problems": problems or {"glass": {"kind": "sherrington_kirkpatrick", "n_spins": 6}},
            "backends": backends,
            **changes,
        }
    )


@pytest.fixture(autouse=True)
def no_reports(monkeypatch):
    """They would take longer than the tasks that these tests are about."""
    monkeypatch.setattr(run_module, "report_on", lambda folder: folder.report_file.touch())


class TestSettings:
    @pytest.mark.parametrize("backend", sorted(available_backends()))
    def test_every_setting_decides_or_is_marked(self, backend):
        """Every setting in turn takes a value that no other has: the names change, or they stay."""
        sampler = qspin.get_backend(backend, **CHEAP[backend])
        names = setting_names(backend_class(backend))
        staying = set()
        for name in names:
            other = copy.copy(sampler)
            object.__setattr__(other, name, "another value")
            task, changed = task_of(sampler), task_of(other)
            same = [task.seed == changed.seed, task.digest == changed.digest]
            assert same[0] == same[1], name
            assert settings_of(other) != settings_of(sampler), name
            if same[0]:
                staying.add(name)
        assert staying == set(INCIDENTAL[backend])

    @pytest.mark.parametrize("backend", [name for name in CHEAP if INCIDENTAL[name]])
    def test_samples_do_not_depend_on_marked_ones(self, backend):
        plain = qspin.get_backend(backend, **CHEAP[backend])
        samples = plain.sample(GLASS, seed=5)
        for name, value in INCIDENTAL[backend].items():
            other = qspin.get_backend(backend, **CHEAP[backend], **{name: value})
            again = other.sample(GLASS, seed=5)
            np.testing.assert_array_equal(again.spins.values, samples.spins.values, err_msg=name)
            assert again.info["settings"][name] == value

    @pytest.mark.parametrize("method", ["tempering", "annealing", "population"])
    @pytest.mark.parametrize("problem", [GLASS, BIMODAL], ids=["sparse", "multispin"])
    def test_threads_change_no_sample(self, method, problem):
        sizes = {"n_replicas": 7, "n_sweeps": 30, "n_population": 70}
        given = {"method": method, "betas": [0.2, 0.5, 0.9], **sizes}
        one, three = (
            qspin.get_backend("tempering", **given, n_threads=n).sample(problem, seed=2) for n in (1, 3)
        )
        np.testing.assert_array_equal(one.spins.values, three.spins.values)

    def test_marks_of_third_parties(self):
        @settings
        class Theirs:
            width: PositiveInt = 3
            n_threads: Incidental[PositiveInt | None] = None
            seconds: Incidental[float] | None = None
            memory: Incidental[Annotated[int, "GiB"]] = 1

        assert deciding_settings(Theirs(n_threads=2, seconds=3.0, memory=9)) == {"width": 3}


class TestResuming:
    BACKENDS = {"t": {"name": "tempering", "betas": [0.5, 1.0], "n_replicas": 2, "n_sweeps": 40}}

    def test_with_other_threads(self, tmp_path):
        folder = run_experiment(small(self.BACKENDS), RunFolder(tmp_path / "run"))
        folder.report_file.unlink()
        (task,) = folder.tasks()
        stamp = folder.sample_file(task).stat().st_mtime_ns
        again = small({"t": {**self.BACKENDS["t"], "n_threads": 1, "max_memory": 2.0}})
        resumed = run_experiment(again, RunFolder(folder.path), resume=True)
        assert resumed.is_finished
        assert folder.sample_file(task).stat().st_mtime_ns == stamp
        kept = yaml.safe_load((folder.path / "config.yaml").read_text())["backends"]["t"]
        assert (kept["n_threads"], kept["max_memory"]) == (1, 2.0)  # the config is the one it ended with
        assert folder.samples(task).info["settings"]["n_threads"] is None  # and samples say what they had

    def test_not_with_other_sweeps(self, tmp_path):
        RunFolder(tmp_path / "run").create(small(self.BACKENDS), resume=False)
        other = small({"t": {**self.BACKENDS["t"], "n_sweeps": 41}})
        with pytest.raises(InputError, match="run of another config"):
            run_experiment(other, RunFolder(tmp_path / "run"), resume=True)


class TestEqualTasks:
    EXACT = {"name": "exact", "betas": [0.5], "n_replicas": 30}

    def test_two_labels_of_one_backend_draw_independently(self, tmp_path):
        config = small({"a": self.EXACT, "b": {**self.EXACT, "max_spins": 20}})
        folder = run_experiment(config, RunFolder(tmp_path / "run"))
        a, b = folder.tasks()
        assert a.seed != b.seed
        assert not np.array_equal(folder.samples(a).spins.values, folder.samples(b).spins.values)

    def test_two_equal_problems_draw_independently(self, tmp_path):
        square = {"kind": "lattice_ferromagnet", "shape": [2, 3]}
        config = small({"a": self.EXACT}, {"p": square, "q": square})
        folder = run_experiment(config, RunFolder(tmp_path / "run"))
        p, q = folder.tasks()
        assert p.problem == q.problem
        assert not np.array_equal(folder.samples(p).spins.values, folder.samples(q).spins.values)

    def test_labels_and_other_tasks_change_no_seed(self):
        problem = instances.sherrington_kirkpatrick(6, seed=0)
        alone = make_tasks(small({"a": self.EXACT}), {"glass": problem})[0]
        config = small({"t": {"name": "tempering"}, "renamed": self.EXACT, "twin": self.EXACT})
        _, renamed, twin = make_tasks(config, {"glass": problem})
        assert renamed.seed == alone.seed
        assert renamed.digest == alone.digest
        assert twin.seed != alone.seed

    def test_equal_cells_of_a_benchmark(self, tmp_path):
        text = {
            "schema": 1,
            "name": "twins",
            "problems": {"glass": {"kind": "sherrington_kirkpatrick", "sizes": {"n_spins": [6, 6]}}},
            "backends": {
                "a": {"name": "exact", "betas": [0.1], "n_replicas": 40},
                "b": {"name": "exact", "betas": [0.1], "n_replicas": 40, "max_spins": 20},
            },
        }
        (tmp_path / "bench.yaml").write_text(yaml.safe_dump(text))
        config = load_bench_config(tmp_path / "bench.yaml")
        folder = BenchFolder(tmp_path / "bench")
        rows = run_benchmark(config, folder)
        lowest = {json.dumps(folder.measured(row.cell)["lowest"]) for row in rows}
        assert len(lowest) == len(rows) == 4

    def test_limits_do_not_name_a_benchmark(self, tmp_path):
        text = {
            "schema": 1,
            "name": "limits",
            "problems": {"glass": {"kind": "sherrington_kirkpatrick", "sizes": {"n_spins": [6]}}},
            "backends": {"a": {"name": "tempering", "lengths": {"n_sweeps": [10, 20]}}},
        }
        (tmp_path / "bench.yaml").write_text(yaml.safe_dump(text))
        plain, limited, longer = (
            load_bench_config(tmp_path / "bench.yaml", overrides=[f"backends.a.{change}"]).digest
            for change in ("n_replicas=8", "max_memory=3", "lengths.n_sweeps=[10, 30]")
        )
        assert plain == limited != longer

    def test_a_benchmark_goes_on_with_other_threads_and_says_so(self, tmp_path):
        text = {
            "schema": 1,
            "name": "threads",
            "problems": {"glass": {"kind": "sherrington_kirkpatrick", "sizes": {"n_spins": [6]}}},
            "backends": {"t": {"name": "tempering", "betas": [0.5, 1.0], "n_sweeps": 10, "n_threads": 2}},
        }
        (tmp_path / "bench.yaml").write_text(yaml.safe_dump(text))
        folder = BenchFolder(tmp_path / "bench")
        (first,) = run_benchmark(load_bench_config(tmp_path / "bench.yaml"), folder)
        other = load_bench_config(tmp_path / "bench.yaml", overrides=["backends.t.n_threads=1"])
        (again,) = run_benchmark(other, folder, resume=True)
        assert again.tts == first.tts
        assert [text for text in again.warnings if text not in first.warnings] == [
            "measured with n_threads = 2"
        ]

    def test_shapes_of_one_size_have_references_of_their_own(self, tmp_path):
        text = {
            "schema": 1,
            "name": "shapes",
            "problems": {
                "glass": {"kind": "edwards_anderson", "sizes": {"shape": [[2, 6], [3, 4]]}},
            },
            "backends": {"a": {"name": "exact", "betas": [99.0], "n_replicas": 40}},
        }
        (tmp_path / "bench.yaml").write_text(yaml.safe_dump(text))
        rows = run_benchmark(load_bench_config(tmp_path / "bench.yaml"), BenchFolder(tmp_path / "bench"))
        assert [row.reference for row in rows] == pytest.approx([row.best for row in rows])
        assert rows[0].reference != pytest.approx(rows[1].reference)


class TestPlacesOfFiles:
    @pytest.fixture
    def written(self, tmp_path):
        """A config beside its instance file, in a folder of a name."""

        def write(name, problem=GLASS):
            folder = tmp_path / name
            folder.mkdir(exist_ok=True)
            qspin.write_problem(problem, folder / "glass.npz")
            text = {
                "schema": 1,
                "name": "moved",
                "problems": {"glass": {"kind": "file", "path": "glass.npz"}},
                "backends": {"exact": {"name": "exact", "betas": [0.5], "n_replicas": 5}},
            }
            (folder / "a.yaml").write_text(yaml.safe_dump(text))
            return folder / "a.yaml"

        return write

    def test_they_do_not_decide_and_contents_do(self, written):
        here, there = load_config(written("here")), load_config(written("there"))
        assert here.digest == there.digest
        other = load_config(written("other", instances.sherrington_kirkpatrick(10, seed=2)))
        assert other.digest != here.digest

    def test_formats_do_not_decide(self, written, tmp_path):
        config = load_config(written("here"))
        qspin.write_problem(GLASS, tmp_path / "here" / "glass.coo")
        text = (tmp_path / "here" / "a.yaml").read_text().replace("glass.npz", "glass.coo")
        (tmp_path / "here" / "a.yaml").write_text(text)
        assert load_config(tmp_path / "here" / "a.yaml").digest == config.digest

    def test_a_run_is_resumed_where_its_file_is_gone(self, written, tmp_path):
        folder = run_experiment(load_config(written("here")), RunFolder(tmp_path / "run"))
        before = [path.name for path in (tmp_path / "run" / "samples").iterdir()]
        shutil.rmtree(tmp_path / "here")
        folder.report_file.unlink()
        kept = load_config(tmp_path / "run" / "config.yaml")
        resumed = run_experiment(kept, RunFolder(tmp_path / "run"), resume=True)
        assert resumed.is_finished
        assert [path.name for path in (tmp_path / "run" / "samples").iterdir()] == before
        with pytest.raises(InputError, match="cannot read"):  # no other folder has the problem
            run_experiment(kept, RunFolder(tmp_path / "elsewhere"))

    def test_a_changed_file_is_refused_by_the_config_of_a_run(self, written, tmp_path):
        folder = run_experiment(load_config(written("here")), RunFolder(tmp_path / "run"))
        folder.report_file.unlink()
        written("here", instances.sherrington_kirkpatrick(10, seed=2))
        with pytest.raises(InputError, match=r"glass\.npz no longer holds the problem"):
            run_experiment(
                load_config(tmp_path / "run" / "config.yaml"), RunFolder(tmp_path / "run"), resume=True
            )


class TestFilesThatSettingsName:
    """Angles that are transferred from another run."""

    @pytest.fixture
    def angles(self, tmp_path):
        qaoa = qspin.get_backend("qaoa", angles="linear_ramp", n_shots=5)
        qaoa.sample(GLASS, seed=1).save(tmp_path / "a.nc")
        return tmp_path / "a.nc"

    def config(self, path):
        return small({"q": {"name": "qaoa", "angles": "transfer", "angles_from": str(path), "n_shots": 5}})

    def test_content_decides_and_place_does_not(self, angles, tmp_path):
        shutil.copy(angles, tmp_path / "b.nc")
        assert self.config(angles).digest == self.config(tmp_path / "b.nc").digest
        before = self.config(angles).digest
        qspin.get_backend("qaoa", angles="linear_ramp", ramp_step=0.3, n_shots=5).sample(GLASS).save(angles)
        assert self.config(angles).digest != before

    def test_a_report_needs_no_file(self, angles, tmp_path):
        folder = run_experiment(self.config(angles), RunFolder(tmp_path / "run"))
        angles.unlink()
        (task,) = RunFolder.open(folder.path).tasks()
        assert folder.has_samples(task)

    def test_a_file_that_changed_meanwhile_is_refused(self, angles):
        sampler = qspin.get_backend("qaoa", angles="transfer", angles_from=str(angles), n_shots=5)
        sampler.sample(GLASS, seed=1)
        angles.write_bytes(angles.read_bytes() + b" ")
        with pytest.raises(InputError, match=r"a\.nc has changed since this setting was given"):
            sampler.sample(GLASS, seed=1)
