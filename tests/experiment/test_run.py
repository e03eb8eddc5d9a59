"""Run folders: complete, resumable, readable at every moment."""

from __future__ import annotations

import csv
import functools
import json

import numpy as np
import pytest
import xarray as xr
from qspin_backends.exact import Exact

import qspin
from qspin import SampleSet
from qspin.engine import actions
from qspin.engine.actions import built, sampler_of
from qspin.errors import CapacityError, InputError, RunError, StorageError
from qspin.executor import Kind
from qspin.experiment import RunFolder, load_config, run_experiment
from qspin.experiment.config.run_config import config_from_plain
from qspin.experiment.run import report_on
from qspin.sampling import sampled

pytestmark = pytest.mark.usefixtures("sketched")

PLAIN = {
    "schema": 2,
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
    "studies": {"overlaps": {}},
}


def small(**changes):
    return config_from_plain(json.loads(json.dumps({**PLAIN, **changes})))


def run_small(path, **changes):
    return run_experiment(small(**changes), RunFolder(path))


@pytest.fixture
def done(tmp_path):
    return run_experiment(small(), RunFolder(tmp_path / "run"))


@pytest.fixture
def count_samples(monkeypatch):
    """Labels of what was sampled, in order; a chosen call fails."""
    calls, fail_at = [], {}

    def counted(sampler, problem, *, seed, backend):
        calls.append(backend)
        if len(calls) in fail_at:
            raise fail_at[len(calls)]
        return sampled(sampler, problem, seed=seed, backend=backend)

    monkeypatch.setattr(actions, "sampled", counted)
    return calls, fail_at


def sample_file(folder, task):
    return folder.store.file("sample", task.key)


def loaded(folder, task):
    return folder.store.samples(task.key)


def test_everything_is_there(done):
    names = {str(path.relative_to(done.path)) for path in done.path.rglob("*") if path.is_file()}
    assert {f"samples/{task.key}.nc" for task in done.tasks()} <= names
    measured = [task for task in done.plan.tasks.values() if task.action == "measure"]
    assert {f"measures/{task.key}.npz" for task in measured} <= names
    assert {"config.yaml", "environment.json", "analysis.nc", "metrics.csv", "report.html"} <= names
    assert {"figures/overlaps-mean_overlap.svg", "figures/overlaps-energy.pdf", "remarks.txt"} <= names
    assert not [name for name in names if "partial" in name]
    assert done.is_finished


class Dying:
    """A process that dies in the middle of sampling, after so many looks at how far it is."""

    def __init__(self, looks):
        self.looks = looks

    def __call__(self, event):
        if event.kind == Kind.PROGRESS and event.action == "sample" and event.fraction < 1:
            self.looks -= 1
            if self.looks < 0:
                raise StorageError("died")


def test_a_run_goes_on_in_the_middle_of_a_task(tmp_path, monkeypatch):
    monkeypatch.setattr(actions, "checkpointing", functools.partial(qspin.checkpointing, seconds=0))
    settings = {"name": "tempering", "betas": [0.5, 1.0], "n_replicas": 2, "n_sweeps": 60_000, "n_draws": 20}
    config = small(problems={"glass": PLAIN["problems"]["glass"]}, backends={"long": settings})
    folder = RunFolder(tmp_path / "run")
    with pytest.raises(StorageError, match="died"):
        run_experiment(config, folder, reporter=Dying(2))
    (checkpoint,) = (tmp_path / "run" / "samples").iterdir()
    assert checkpoint.suffix == ".checkpoint"
    first = json.loads(str(np.load(checkpoint)["identity"]))["seed"]
    run_experiment(config, folder, resume=True)
    (task,) = folder.tasks()
    assert [path.name for path in (tmp_path / "run" / "samples").iterdir()] == [f"{task.key}.nc"]
    samples = folder.samples("glass", "long")
    assert samples.info["seed"] == first == task.settings["seed"]
    sampler = config.backend_lines["long"].made()
    whole = sampler.sample(folder.problem("glass"), seed=task.settings["seed"])
    np.testing.assert_array_equal(samples.spins.values, whole.spins.values)


def test_samples_are_those_of_the_backend_with_the_recorded_seed(done):
    assert len(done.tasks()) == 4
    for task in done.tasks():
        stored = loaded(done, task)
        problem = built(task.settings["problem"], done.store)
        again = sampler_of(task.settings["backend"]).sample(problem, seed=stored.info["seed"])
        np.testing.assert_array_equal(stored.spins.values, again.spins.values)


def test_the_metrics_are_the_analysis(done):
    with (done.path / "metrics.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 8
    assert {(row["problem"], row["backend"]) for row in rows} == set(done.plan.cells)
    curves = ("energy_curve", "overlap_curve", "link_overlap_curve")
    with xr.open_datatree(done.path / "analysis.nc", engine="h5netcdf") as tree:
        for row in rows:
            cell = tree[row["problem"]][row["backend"]]
            for dataset in (cell[name].to_dataset() for name in curves):
                at = dataset.sel(beta=float(row["beta"]))
                for name in at.data_vars:
                    if at[name].ndim == 0 and at[name].dtype.kind == "f" and row.get(name):
                        assert float(row[name]) == pytest.approx(float(at[name]))
        found = tree["glass/exact/overlap_curve"]["q_abs"].values
    expected = qspin.analysis.overlap_curve(done.samples("glass", "exact"))
    np.testing.assert_allclose(found, expected["q_abs"])


def test_seeds_belong_to_what_is_sampled_not_to_its_place():
    def seeds(config):
        from qspin.experiment.plan import planned

        return {task.label: task.settings["seed"] for task in planned(config).samples()}

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

    @pytest.mark.parametrize("fault", [KeyboardInterrupt(), StorageError("full disk")])
    def test_what_was_finished_is_not_repeated(self, tmp_path, done, count_samples, fault):
        calls, fail_at = count_samples
        fail_at[3] = fault
        folder = RunFolder(tmp_path / "broken")
        with pytest.raises(type(fault)):
            run_experiment(small(), folder)
        assert len(list((folder.path / "samples").glob("*.nc"))) == 2
        with pytest.raises(InputError, match="unfinished run of this config: add --resume"):
            run_experiment(small(), RunFolder(folder.path))
        finished = run_experiment(small(), RunFolder(folder.path), resume=True)
        assert calls == ["exact", "tempering", "exact", "exact", "tempering"]
        for task in done.tasks():
            np.testing.assert_array_equal(
                loaded(finished, task).spins.values, loaded(done, task).spins.values
            )
        metrics = [(folder.path / "metrics.csv").read_text() for folder in (finished, done)]
        assert metrics[0] == metrics[1]

    def test_an_unfinished_folder_can_be_reported(self, tmp_path, count_samples):
        count_samples[1][2] = KeyboardInterrupt()
        folder = RunFolder(tmp_path / "broken")
        with pytest.raises(KeyboardInterrupt):
            run_experiment(small(), folder)
        page = report_on(RunFolder.open(folder.path)).read_text()
        count_samples[1][5] = KeyboardInterrupt()
        with pytest.raises(KeyboardInterrupt):
            run_experiment(small(), RunFolder(folder.path), resume=True)
        assert not folder.report_file.exists(), "a report of a part is gone once the run goes on"
        assert "This run is not finished" in page
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

    def test_a_damaged_sample_file_is_sampled_again(self, done):
        task = done.tasks()[0]
        good, file = loaded(done, task), sample_file(done, task)
        file.write_bytes(file.read_bytes()[:100])
        done.report_file.unlink()
        run_experiment(small(), RunFolder(done.path), resume=True)
        np.testing.assert_array_equal(loaded(done, task).spins.values, good.spins.values)


class TestFoldersOfOthers:
    def test_a_changed_instance_file(self, tmp_path):
        (tmp_path / "a.coo").write_text("0 1 -1\n")
        config = small(problems={"a": {"kind": "file", "path": str(tmp_path / "a.coo")}})
        run_experiment(config, RunFolder(tmp_path / "run"))
        (tmp_path / "a.coo").write_text("0 1 -2\n")
        changed = small(problems={"a": {"kind": "file", "path": str(tmp_path / "a.coo")}})
        with pytest.raises(InputError, match="run of another config"):
            run_experiment(changed, RunFolder(tmp_path / "run"))
        with pytest.raises((InputError, RunError), match=r"a\.coo no longer holds the problem"):
            run_experiment(config, RunFolder(tmp_path / "other"))

    def test_another_config(self, done):
        before = (done.path / "metrics.csv").read_bytes()
        with pytest.raises(
            InputError, match=r"run of another config \(small, .*choose another folder with --out"
        ):
            run_experiment(small(seed=9), RunFolder(done.path), resume=True)
        assert (done.path / "metrics.csv").read_bytes() == before

    def test_a_folder_with_something_else(self, tmp_path):
        (tmp_path / "notes.txt").write_text("mine")
        with pytest.raises(InputError, match="exists and is no run folder"):
            run_experiment(small(), RunFolder(tmp_path))
        assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]

    def test_no_run_folder(self, tmp_path):
        with pytest.raises(InputError, match="is no run folder"):
            RunFolder.open(tmp_path)

    def test_no_such_cell_or_point(self, done):
        with pytest.raises(
            InputError, match=r"no cell \('glas', 'exact'\); problems: glass, square; backends: "
        ):
            done.samples("glas", "exact")
        with pytest.raises(InputError, match="no cell"):
            done.problem("nothing")


class TestRefusedBeforeAnythingIsWritten:
    @pytest.mark.parametrize(
        ("problem", "error", "message"),
        [
            ({"kind": "lattice_ferromagnet", "shape": [6, 6]}, CapacityError, "36 spins would need"),
            ({"kind": "file", "path": "/nowhere/a.coo"}, InputError, "cannot read"),
            ({"kind": "maxcut_regular", "n_spins": 5, "degree": 3}, InputError, "even number"),
            (
                {"kind": "maxcut_regular", "degree": 3, "sizes": {"n_spins": [4, 5]}},
                InputError,
                "even number",
            ),
        ],
    )
    def test_problems(self, tmp_path, problem, error, message):
        with pytest.raises(error, match=message):
            run_small(tmp_path / "run", problems={**PLAIN["problems"], "wrong": problem})
        assert not (tmp_path / "run").exists()

    @pytest.mark.parametrize(
        ("layers", "message"),
        [([64, 10], "74 spins would need"), ([32, 10], r"layers must read \[64, \.\.\., 10\]")],
    )
    def test_networks(self, tmp_path, layers, message):
        with pytest.raises(InputError, match=message):
            run_small(tmp_path / "run", problems={"twin": {"kind": "mlp", "layers": layers}})
        assert not (tmp_path / "run").exists()

    def test_backends(self, tmp_path):
        with pytest.raises(InputError, match="takes no parameter 'sweeps'"):
            run_small(tmp_path / "run", backends={"ocean": {"name": "ocean", "parameters": {"sweeps": 3}}})
        assert not (tmp_path / "run").exists()


def test_where_all_fails_for_one_reason_that_is_told_once(tmp_path):
    told = []
    problems = {"glass": {"kind": "edwards_anderson", "shape": [2, 2], "instances": 4}}
    config = small(problems=problems, execution={"engine": "in_process", "memory": 1e-6})
    with pytest.raises(RunError) as failed:
        run_experiment(config, RunFolder(tmp_path / "run"), reporter=told.append)
    said = str(failed.value)
    n = len(RunFolder.open(tmp_path / "run").plan.tasks)
    n_failed = sum(event.kind == Kind.FAILED and event.action != "" for event in told)
    assert said.startswith(f"{n_failed} of {n} tasks failed, {n - n_failed} that need them wait: glass")
    assert said.count("it is expected to take") == 1
    assert f"({n_failed - 1} more so)" in said
    assert "the others" not in said
    assert "Why is in the folder" in said
    assert sum(event.kind == Kind.BLOCKED for event in told) == n - n_failed > 0


def test_samples_of_another_problem_are_not_accepted(tmp_path, monkeypatch):
    other = qspin.IsingProblem([[0.0]])
    wrong = SampleSet.from_spins(other, np.ones((1, 2, 1, 1)))
    monkeypatch.setattr(Exact, "sample", lambda self, problem, *, seed: wrong)
    with pytest.raises(RunError, match="returned samples of another problem"):
        run_experiment(small(), RunFolder(tmp_path / "run"))


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
        problems = {label: folder.problem(label) for label in ("untrained", "trained", "shuffled")}
        assert len(list((folder.path / "prepared").iterdir())) == 1
        assert {problem.n_spins for problem in problems.values()} == {106}
        trained, shuffled = problems["trained"].edges.couplings, problems["shuffled"].edges.couplings
        np.testing.assert_allclose(np.sort(trained), np.sort(shuffled))
        assert problems["untrained"].edges.couplings.std() < trained.std()

    def test_training_moves_the_curve(self, folder):
        with xr.open_datatree(folder.path / "analysis.nc", engine="h5netcdf") as tree:
            q = {
                p: tree[f"{p}/tempering/overlap_curve"]["q_abs"].values
                for p in ("untrained", "trained", "shuffled")
            }
        assert (q["trained"][-3:] > q["untrained"][-3:]).all()

    def test_the_page_tells_what_was_found_and_run(self, folder):
        page = folder.report_file.read_text()
        for text in ("shuffled", "accuracy", "seed 2026", "torch", "64-32-10"):
            assert text in page
        for text in ("http://", "https://", "<script src"):
            assert text not in page.replace("http://www.w3.org", "")

    def test_a_second_run_trains_nothing_again(self, folder, monkeypatch):
        def refuse(*_, **__):
            raise AssertionError("trained again")

        monkeypatch.setattr("qspin.networks.training.sources.train_mlp", refuse)
        folder.report_file.unlink()
        run_experiment(folder.config, RunFolder(folder.path), resume=True)
        assert folder.is_finished
