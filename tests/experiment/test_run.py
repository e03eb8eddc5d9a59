"""Run folders: complete, resumable, readable at every moment."""

from __future__ import annotations

import contextlib
import csv
import functools
import json

import numpy as np
import pytest
import xarray as xr

import qspin
from qspin import SampleSet
from qspin.errors import CapacityError, InputError, RunError
from qspin.experiment import RunFolder, load_config, run_experiment
from qspin.experiment import run as run_module
from qspin.experiment.analyse import COLUMNS, load_analysis
from qspin.experiment.config import config_from_plain

PLAIN = {
    "schema": 1,
    "name": "small",
    "seed": 3,
    "problems": {
        "glass": {"kind": "sherrington_kirkpatrick", "n_spins": 6},
        "square": {"kind": "lattice_ferromagnet", "shape": [2, 3]},
    },
    "backends": {
        "exact": {"name": "exact", "betas": [0.5, 1.0], "n_replicas": 12},
        "tempering": {
            "name": "tempering",
            "betas": [0.5, 1.0],
            "n_replicas": 4,
            "n_burn_in": 5,
            "n_sweeps": 40,
        },
    },
}


def small(**changes):
    return config_from_plain(json.loads(json.dumps({**PLAIN, **changes})))


@pytest.fixture
def done(tmp_path):
    return run_experiment(small(), RunFolder(tmp_path / "run"))


@pytest.fixture
def count_samples(monkeypatch):
    """Count calls of `sample`, and let a chosen one fail."""
    calls, fail_at = [], {}
    original = run_module._sample

    def counted(task, folder, show):
        if not folder.has_samples(task):
            calls.append(task.label)
            if len(calls) in fail_at:
                raise fail_at[len(calls)]
        original(task, folder, show)

    monkeypatch.setattr(run_module, "_sample", counted)
    return calls, fail_at


def test_everything_is_there(done):
    names = {str(path.relative_to(done.path)) for path in done.path.rglob("*") if path.is_file()}
    tasks = done.tasks()
    assert {f"samples/{task.digest}.nc" for task in tasks} <= names
    assert {"config.yaml", "environment.json", "analysis.nc", "metrics.csv", "report.html"} <= names
    assert {"problems/glass.npz", "figures/overlap_curves.svg", "figures/energy_curves.svg"} <= names
    assert not [name for name in names if "partial" in name]
    assert done.is_finished


class Dying(run_module.SilentReporter):
    """A process that dies in the middle of sampling, after so many looks at how far it is."""

    def __init__(self, looks):
        self.looks = looks

    @contextlib.contextmanager
    def step(self, description):
        def tell(fraction, remark):
            if description.startswith("sampling") and fraction < 1:
                self.looks -= 1
                if self.looks < 0:
                    raise RuntimeError("died")

        yield tell


def test_a_run_goes_on_in_the_middle_of_a_task(tmp_path, monkeypatch):
    monkeypatch.setattr(run_module, "checkpointing", functools.partial(qspin.checkpointing, seconds=0))
    settings = {"name": "tempering", "betas": [0.5, 1.0], "n_replicas": 2, "n_sweeps": 60_000, "n_draws": 20}
    config = small(problems={"glass": PLAIN["problems"]["glass"]}, backends={"long": settings})
    folder = RunFolder(tmp_path / "run")
    with pytest.raises(RuntimeError, match="died"):
        run_experiment(config, folder, reporter=Dying(2))
    (checkpoint,) = (tmp_path / "run" / "samples").iterdir()
    assert checkpoint.suffix == ".checkpoint"
    first = json.loads(str(np.load(checkpoint)["identity"]))["seed"]
    run_experiment(config, folder, resume=True)
    (task,) = folder.tasks()
    assert [path.name for path in (tmp_path / "run" / "samples").iterdir()] == [f"{task.digest}.nc"]
    samples = folder.samples(task)
    assert samples.info["seed"] == first
    whole = task.sampler.sample(task.problem, seed=task.seed)
    np.testing.assert_array_equal(samples.spins.values, whole.spins.values)


def test_samples_are_those_of_the_backend_with_the_recorded_seed(done):
    for task in done.tasks():
        stored = done.samples(task)
        again = task.sampler.sample(task.problem, seed=stored.info["seed"])
        np.testing.assert_array_equal(stored.spins.values, again.spins.values)


def test_the_metrics_are_the_analysis(done):
    results = load_analysis(done)
    assert list(results) == [(p, b) for p in ("glass", "square") for b in ("exact", "tempering")]
    with open(done.metrics_file) as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 8
    for row in rows:
        at = results[row["problem"], row["backend"]].sel(beta=float(row["beta"]))
        for name in COLUMNS:
            if row[name]:
                assert float(row[name]) == pytest.approx(float(at[name]))
    expected = qspin.analysis.overlap_curve(done.samples(done.tasks()[0]))
    np.testing.assert_allclose(results["glass", "exact"]["q_abs"], expected["q_abs"])


def test_analysis_is_plain_netcdf(done):
    with xr.open_datatree(done.analysis_file, engine="h5netcdf") as tree:
        assert "density" in tree["glass/exact"]


def test_seeds_belong_to_what_is_sampled_not_to_its_place(tmp_path):
    def seeds(config):
        folder = run_experiment(config, RunFolder(tmp_path / config.digest[:8]))
        return {task.label: task.seed for task in folder.tasks()}

    both = seeds(small())
    one = seeds(small(problems={"square": PLAIN["problems"]["square"]}))
    assert one == {label: seed for label, seed in both.items() if label.startswith("square")}
    assert len(set(both.values())) == 4
    assert set(seeds(small(seed=4)).values()).isdisjoint(both.values())


class TestResume:
    def test_a_finished_run_is_left_as_it_is(self, done, count_samples):
        before = {path: path.stat().st_mtime_ns for path in done.path.rglob("*") if path.is_file()}
        run_experiment(small(), RunFolder(done.path))
        run_experiment(small(), RunFolder(done.path), resume=True)
        assert {path: path.stat().st_mtime_ns for path in before} == before
        assert count_samples[0] == []

    @pytest.mark.parametrize("fault", [KeyboardInterrupt(), RunError("full disk"), MemoryError()])
    def test_what_was_finished_is_not_repeated(self, tmp_path, done, count_samples, fault):
        calls, fail_at = count_samples
        fail_at[3] = fault
        folder = RunFolder(tmp_path / "broken")
        with pytest.raises(type(fault)):
            run_experiment(small(), folder)
        assert len(list((folder.path / "samples").iterdir())) == 2
        with pytest.raises(InputError, match="unfinished run of this config: add --resume"):
            run_experiment(small(), RunFolder(folder.path))
        finished = run_experiment(small(), RunFolder(folder.path), resume=True)
        labels = [task.label for task in finished.tasks()]
        assert calls == [*labels[:3], *labels[2:]]
        for one, other in zip(finished.tasks(), done.tasks(), strict=True):
            np.testing.assert_array_equal(
                finished.samples(one).spins.values, done.samples(other).spins.values
            )
        assert finished.metrics_file.read_text() == done.metrics_file.read_text()

    def test_an_unfinished_folder_can_be_reported(self, tmp_path, count_samples):
        from qspin.experiment.analyse import analyse
        from qspin.experiment.report import write_report

        count_samples[1][2] = KeyboardInterrupt()
        folder = RunFolder(tmp_path / "broken")
        with pytest.raises(KeyboardInterrupt):
            run_experiment(small(), folder)
        opened = RunFolder.open(folder.path)
        page = write_report(opened, analyse(opened)).read_text()
        count_samples[1][5] = KeyboardInterrupt()
        with pytest.raises(KeyboardInterrupt):
            run_experiment(small(), RunFolder(folder.path), resume=True)
        assert not folder.report_file.exists(), "a report of a part is gone once the run goes on"
        assert "This run is not finished:</strong> 1 of 4 tasks" in page
        assert not RunFolder.open(folder.path).is_finished
        assert run_experiment(small(), RunFolder(folder.path), resume=True).is_finished

    def test_leftovers_of_a_killed_process_go(self, tmp_path, count_samples):
        count_samples[1][2] = KeyboardInterrupt()
        folder = RunFolder(tmp_path / "broken")
        with pytest.raises(KeyboardInterrupt):
            run_experiment(small(), folder)
        leftover = folder.path / "samples" / ".abc-0123.partial.nc"
        leftover.write_text("half")
        run_experiment(small(), RunFolder(folder.path), resume=True)
        assert not leftover.exists()

    def test_a_damaged_sample_file_is_sampled_again(self, tmp_path, done):
        task = done.tasks()[0]
        good = done.samples(task)
        done.sample_file(task).write_bytes(done.sample_file(task).read_bytes()[:100])
        done.report_file.unlink()
        run_experiment(small(), RunFolder(done.path), resume=True)
        np.testing.assert_array_equal(done.samples(task).spins.values, good.spins.values)


class TestFoldersOfOthers:
    def test_a_changed_instance_file(self, tmp_path):
        (tmp_path / "a.coo").write_text("0 1 -1\n")
        config = small(problems={"a": {"kind": "file", "path": str(tmp_path / "a.coo")}})
        run_experiment(config, RunFolder(tmp_path / "run"))
        (tmp_path / "a.coo").write_text("0 1 -2\n")
        with pytest.raises(InputError, match="problem 'a' is no longer the one that .* was made from"):
            run_experiment(config, RunFolder(tmp_path / "run"))
        with pytest.raises(InputError, match="a.coo has changed since this config was read; load"):
            run_experiment(config, RunFolder(tmp_path / "other"))
        assert not (tmp_path / "other").exists()

    def test_another_config(self, done):
        before = done.metrics_file.read_bytes()
        with pytest.raises(
            InputError, match=r"run of another config \(small, .*choose another folder with --out"
        ):
            run_experiment(small(seed=9), RunFolder(done.path), resume=True)
        assert done.metrics_file.read_bytes() == before

    def test_a_folder_with_something_else(self, tmp_path):
        (tmp_path / "notes.txt").write_text("mine")
        with pytest.raises(InputError, match="exists and is no run folder"):
            run_experiment(small(), RunFolder(tmp_path))
        assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]

    def test_no_run_folder(self, tmp_path):
        with pytest.raises(InputError, match="is no run folder"):
            RunFolder.open(tmp_path)


class TestRefusedBeforeAnythingIsWritten:
    @pytest.mark.parametrize(
        ("problem", "error", "message"),
        [
            ({"kind": "lattice_ferromagnet", "shape": [6, 6]}, CapacityError, "36 spins would need"),
            ({"kind": "file", "path": "/nowhere/a.coo"}, InputError, "cannot read"),
            ({"kind": "maxcut_regular", "n_spins": 5, "degree": 3}, InputError, "even number"),
        ],
    )
    def test_problems(self, tmp_path, problem, error, message):
        config = small(problems={**PLAIN["problems"], "wrong": problem})
        with pytest.raises(error, match=message):
            run_experiment(config, RunFolder(tmp_path / "run"))
        assert not (tmp_path / "run").exists()

    @pytest.mark.parametrize(
        ("layers", "message"),
        [([64, 10], "74 spins would need"), ([32, 10], r"layers must read \[64, \.\.\., 10\]")],
    )
    def test_networks(self, tmp_path, layers, message):
        config = small(problems={"twin": {"kind": "mlp", "layers": layers}})
        with pytest.raises(InputError, match=message):
            run_experiment(config, RunFolder(tmp_path / "run"))
        assert not (tmp_path / "run").exists()

    def test_backends(self, tmp_path):
        config = small(backends={"ocean": {"name": "ocean", "parameters": {"sweeps": 3}}})
        with pytest.raises(InputError, match="takes no parameter 'sweeps'"):
            run_experiment(config, RunFolder(tmp_path / "run"))
        assert not (tmp_path / "run").exists()


def test_samples_of_another_problem_are_not_accepted(tmp_path, monkeypatch):
    from qspin_backends.exact import Exact

    other = qspin.IsingProblem([[0.0]])
    wrong = SampleSet.from_spins(other, np.ones((1, 2, 1, 1)))
    monkeypatch.setattr(Exact, "sample", lambda self, problem, *, seed: wrong)
    with pytest.raises(RunError, match="returned samples of another problem"):
        run_experiment(small(), RunFolder(tmp_path / "run"))


def test_one_replica_and_no_thermostat_are_reported_honestly(tmp_path):
    config = small(
        backends={
            "single": {"name": "exact", "n_replicas": 1},
            "ocean": {"name": "ocean", "n_reads": 10, "parameters": {"num_sweeps": 10}},
        }
    )
    folder = run_experiment(config, RunFolder(tmp_path / "run"))
    page = folder.report_file.read_text()
    assert "fewer than two replicas, so there are no overlaps" in page
    assert "ocean states no temperature" in page
    assert "the sampler states no temperature, so equilibrium at one cannot be tested" in page


class TestDigits:
    """The main job in its smallest form."""

    @pytest.fixture(scope="class")
    @classmethod
    def folder(cls, tmp_path_factory, root):
        config = load_config(
            root / "configs" / "digits.yaml",
            overrides=[
                *(f"problems.{p}.epochs=8" for p in ("untrained", "trained", "shuffled")),
                *(f"problems.{p}.epoch=8" for p in ("trained", "shuffled")),
                "backends.tempering.n_burn_in=200",
                "backends.tempering.n_sweeps=400",
                "backends.tempering.n_replicas=6",
                "backends.tempering.betas={geometric: [0.2, 3, 8]}",
            ],
        )
        return run_experiment(config, RunFolder(tmp_path_factory.mktemp("digits") / "run"))

    def test_one_training_makes_three_twins(self, folder):
        problems = {task.problem_label: task.problem for task in folder.tasks()}
        assert len(list((folder.path / "training").iterdir())) == 1
        assert {problem.n_spins for problem in problems.values()} == {106}
        trained, shuffled = problems["trained"].edges.couplings, problems["shuffled"].edges.couplings
        np.testing.assert_allclose(np.sort(trained), np.sort(shuffled))
        assert problems["untrained"].edges.couplings.std() < trained.std()

    def test_training_moves_the_curve(self, folder):
        results = load_analysis(folder)
        q = {p: results[p, "tempering"]["q_abs"].values for p in ("untrained", "trained", "shuffled")}
        assert (q["trained"][-3:] > q["untrained"][-3:]).all()

    def test_the_page_tells_what_was_found_and_run(self, folder):
        page = folder.report_file.read_text()
        for text in (
            "What was found",
            "shuffled shows",
            "accuracy",
            "seed 2026",
            "torch",
            "rms J",
            "64-32-10",
        ):
            assert text in page or text == "64-32-10"
        assert page.count("data:image/svg+xml;base64,") == 4
        assert "http://" not in page
        assert "https://" not in page
        assert "<script src" not in page

    def test_a_second_run_trains_nothing_again(self, folder, monkeypatch):
        def refuse(*_, **__):
            raise AssertionError("trained again")

        monkeypatch.setattr("qspin.experiment.problem_specs.train_mlp", refuse)
        folder.report_file.unlink()
        run_experiment(folder.config, RunFolder(folder.path), resume=True)
        assert folder.is_finished
