"""What decides on a task and what does not: settings, labels, places of files."""

from __future__ import annotations

import copy
import shutil
from dataclasses import replace
from typing import Annotated

import numpy as np
import pytest
import yaml

import qspin
from qspin import instances
from qspin.errors import InputError
from qspin.experiment import RunFolder, load_config, run_experiment
from qspin.experiment.config.run_config import config_from_plain
from qspin.experiment.plan import planned
from qspin.experiment.run import report_on
from qspin.registry import available_backends, backend_class
from qspin.sampler import (
    Incidental,
    PositiveInt,
    deciding_settings,
    samples_version,
    settings,
    settings_of,
)
from qspin.settings import setting_names

GLASS = instances.sherrington_kirkpatrick(10, seed=1)
BIMODAL = instances.edwards_anderson((4, 4, 4), couplings="bimodal", seed=1)

# every setting that decides nothing, with another value than its default
INCIDENTAL = {
    "annealer": {"max_qpu_seconds": 3.0, "reuse": False, "retries": 9, "retry_pause": 7.0},
    "exact": {"max_spins": 12},
    "ocean": {},
    "qaoa": {"max_qpu_seconds": 3.0, "reuse": False, "retries": 9, "retry_pause": 7.0},
    "samples": {},
    "tempering": {"n_threads": 3, "max_memory": 1.5},
}
CHEAP = {
    "annealer": {"topology": "none", "n_reads": 6, "n_sweeps": 5},
    "exact": {"betas": [0.5, 1.0], "n_replicas": 5},
    "ocean": {"n_reads": 6, "parameters": {"num_sweeps": 5}},
    "qaoa": {"n_shots": 10, "angles": "linear_ramp"},
    "samples": {"path": __file__},
    "tempering": {"betas": [0.3, 0.8], "n_replicas": 5, "n_burn_in": 5, "n_sweeps": 50},
}
NEEDED = {"samples": CHEAP["samples"]}


@pytest.fixture(autouse=True)
def _kinds(kinds):
    """The study `probe`, whose report costs less than the tasks that these tests are about."""


def small(backends, problems=None, **changes):
    return config_from_plain(
        {
            "schema": 2,
            "name": "small",
            "problems": problems or {"glass": {"kind": "sherrington_kirkpatrick", "n_spins": 6}},
            "backends": backends,
            "studies": {"probe": {}},
            **changes,
        }
    )


def written(folder, **changes):
    """A config file, see `small`."""
    data = {"schema": 2, "name": "small", "studies": {"probe": {}}, **changes}
    (folder / "a.yaml").write_text(yaml.safe_dump(data))
    return folder / "a.yaml"


def task_of(sampler):
    """The task of a sampler on one problem."""
    config = small({"b": {"name": type(sampler).name, **NEEDED.get(type(sampler).name, {})}})
    (line,) = config.backend_lines.values()
    config.backend_lines["b"] = replace(line, settings={})
    vars(config.backend_lines["b"])["_first"] = sampler  # as if the config had made it
    (task,) = planned(config).samples()
    return task, config.digest


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
            (task, digest), (changed, changed_digest) = task_of(sampler), task_of(other)
            same = [
                task.settings["seed"] == changed.settings["seed"],
                task.key == changed.key,
                digest == changed_digest,
            ]
            assert len(set(same)) == 1, name
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

    @pytest.mark.parametrize("method", ["tempering", "annealing", "population", "search"])
    @pytest.mark.parametrize("problem", [GLASS, BIMODAL], ids=["sparse", "multispin"])
    def test_threads_change_no_sample(self, method, problem):
        sizes = {"n_replicas": 7, "n_sweeps": 30, "n_population": 70}
        betas = {} if method == "search" else {"betas": [0.2, 0.5, 0.9]}
        given = {"method": method, **betas, **sizes}
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

    def test_a_version_of_samples_is_another_key(self, monkeypatch):
        sampler = qspin.get_backend("exact", **CHEAP["exact"])
        (task, digest), version = task_of(sampler), samples_version(sampler)
        monkeypatch.setattr(backend_class("exact"), "samples_version", version + 1, raising=False)
        changed, changed_digest = task_of(sampler)
        assert task.key != changed.key
        assert task.settings["seed"] != changed.settings["seed"]
        assert digest != changed_digest

    def test_a_version_of_a_source_is_another_key(self, kinds, monkeypatch):
        config = small({"d": {"name": "dice"}}, {"r": {"kind": "ring"}})
        (task,) = planned(config).samples()
        assert config.digest == small({"d": {"name": "dice"}}, {"r": {"kind": "ring", "remark": "x"}}).digest
        monkeypatch.setattr(kinds.Ring, "version", 2)
        changed = small({"d": {"name": "dice"}}, {"r": {"kind": "ring"}})
        assert next(planned(changed).samples()).key != task.key
        assert changed.digest != config.digest

    def test_a_version_of_a_measure_is_another_key(self, kinds, monkeypatch):
        config = small({"d": {"name": "dice"}}, {"r": {"kind": "ring"}})
        keys = set(planned(config).tasks)
        monkeypatch.setattr(kinds.MeanEnergy, "version", 2)
        changed = set(planned(config).tasks)
        assert len(keys & changed) == 1  # the samples are the same
        assert len(keys ^ changed) == 2

    def test_settings_of_a_measure_are_other_keys(self):
        backends, problems = {"d": {"name": "dice"}}, {"r": {"kind": "ring"}}
        one, other, both = (
            set(planned(small(backends, problems, studies=studies)).tasks)
            for studies in (
                {"probe": {}},
                {"probe": {"times": 2.0}},
                {"probe": {}, "more": {"name": "probe", "times": 2.0}},
            )
        )
        assert len(one & other) == 1
        assert both == one | other


class TestResuming:
    BACKENDS = {"t": {"name": "tempering", "betas": [0.5, 1.0], "n_replicas": 2, "n_sweeps": 40}}

    def test_with_other_threads(self, tmp_path):
        folder = run_experiment(small(self.BACKENDS), RunFolder(tmp_path / "run"))
        folder.report_file.unlink()
        (task,) = folder.tasks()
        stamp = folder.store.file("sample", task.key).stat().st_mtime_ns
        again = small({"t": {**self.BACKENDS["t"], "n_threads": 1, "max_memory": 2.0}})
        resumed = run_experiment(again, RunFolder(folder.path), resume=True)
        assert resumed.is_finished
        assert folder.store.file("sample", task.key).stat().st_mtime_ns == stamp
        kept = yaml.safe_load((folder.path / "config.yaml").read_text())["backends"]["t"]
        assert (kept["n_threads"], kept["max_memory"]) == (1, 2.0)  # the config is the one it ended with
        samples = folder.samples("glass", "t")
        assert samples.info["settings"]["n_threads"] is None  # and samples say what they had

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
        assert a.settings["seed"] != b.settings["seed"]
        one, other = (folder.samples("glass", label).spins.values for label in "ab")
        assert not np.array_equal(one, other)

    def test_two_equal_problems_draw_independently(self, tmp_path):
        square = {"kind": "lattice_ferromagnet", "shape": [2, 3]}
        config = small({"a": self.EXACT}, {"p": square, "q": square})
        folder = run_experiment(config, RunFolder(tmp_path / "run"))
        assert folder.problem("p") == folder.problem("q")
        one, other = (folder.samples(label, "a").spins.values for label in "pq")
        assert not np.array_equal(one, other)

    def test_labels_and_other_tasks_change_no_seed(self):
        (alone,) = planned(small({"a": self.EXACT})).samples()
        config = small({"t": {"name": "tempering"}, "renamed": self.EXACT, "twin": self.EXACT})
        _, renamed, twin = planned(config).samples()
        assert renamed.settings["seed"] == alone.settings["seed"]
        assert renamed.key == alone.key
        assert twin.settings["seed"] != alone.settings["seed"]

    def test_more_problems_change_no_other_key(self):
        backends = {"a": self.EXACT, "d": {"name": "dice"}}
        problems = {"r": {"kind": "ring"}, "m": {"kind": "mattis", "n_spins": 3, "instances": 3}}
        few = planned(small(backends, problems)).tasks
        more = planned(small(backends, {"first": {"kind": "ring", "seed": 5}, **problems})).tasks
        assert set(few) < set(more)
        assert all(more[key].settings["seed"] == task.settings["seed"]
                   for key, task in few.items() if task.action == "sample")  # fmt: skip

    def test_equal_points_of_a_sweep(self, tmp_path):
        problems = {"glass": {"kind": "sherrington_kirkpatrick", "sizes": {"n_spins": [6, 6]}}}
        hot = {"name": "exact", "betas": [0.1], "n_replicas": 40}
        folder = RunFolder(tmp_path / "run")
        run_experiment(small({"a": hot, "b": {**hot, "max_spins": 20}}, problems), folder)
        tasks = folder.tasks()
        drawn = {folder.store.samples(task.key).energies.values.tobytes() for task in tasks}
        assert len(drawn) == len(tasks) == 4

    def test_equal_values_of_an_axis_are_found_by_their_place(self, tmp_path):
        """Both are in the results, although their values on the axis are one."""
        problems = {"glass": {"kind": "sherrington_kirkpatrick", "sizes": {"n_spins": [6, 6]}}}
        folder = run_experiment(small({"a": self.EXACT}, problems), RunFolder(tmp_path / "run"))
        (cell,) = folder.results("probe").cells("mean_energy")
        assert len({float(point.result["energy"][0]) for point in cell.points}) == 2

    def test_limits_do_not_name_a_run(self, tmp_path):
        path = written(
            tmp_path,
            problems={"glass": {"kind": "sherrington_kirkpatrick", "sizes": {"n_spins": [6]}}},
            backends={"a": {"name": "tempering", "lengths": {"n_sweeps": [10, 20]}}},
        )
        plain, limited, longer = (
            load_config(path, overrides=[f"backends.a.{change}"]).digest
            for change in ("n_replicas=8", "max_memory=3", "lengths.n_sweeps=[10, 30]")
        )
        assert plain == limited != longer

    def test_shapes_of_one_size_are_problems_of_their_own(self, tmp_path):
        problems = {"glass": {"kind": "edwards_anderson", "sizes": {"shape": [[2, 6], [3, 4]]}}}
        cold = {"name": "exact", "betas": [99.0], "n_replicas": 40}
        folder = run_experiment(small({"a": cold}, problems), RunFolder(tmp_path / "run"))
        one, other = (
            folder.samples("glass", "a", {"shape": shape}).best.energy for shape in ([2, 6], [3, 4])
        )
        assert one != pytest.approx(other)


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
        assert RunFolder.open(folder.path).samples("glass", "q").n_spins == 6
        assert report_on(RunFolder.open(folder.path)).is_file()

    def test_a_file_that_changed_meanwhile_is_refused(self, angles):
        sampler = qspin.get_backend("qaoa", angles="transfer", angles_from=str(angles), n_shots=5)
        sampler.sample(GLASS, seed=1)
        angles.write_bytes(angles.read_bytes() + b" ")
        with pytest.raises(InputError, match=r"a\.nc has changed since this setting was given"):
            sampler.sample(GLASS, seed=1)
