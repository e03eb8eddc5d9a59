"""Problems of files and of trainings in a run: places decide nothing, and nothing is made twice."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
import yaml

import qspin
from qspin import instances
from qspin.errors import InputError, RunError
from qspin.experiment.config.run_config import load_config
from qspin.experiment.run import run_experiment
from qspin.experiment.run_folder import RunFolder

pytestmark = pytest.mark.usefixtures("sketched")

GLASS = instances.wishart(8, 0.7, seed=1)
BACKENDS = {"exact": {"name": "exact", "betas": [0.5], "n_replicas": 5}}


def config_with(problems, folder):
    text = {
        "schema": 2,
        "name": "small",
        "problems": problems,
        "backends": BACKENDS,
        "studies": {"overlaps": {}},
    }
    (folder / "a.yaml").write_text(yaml.safe_dump(text))
    return folder / "a.yaml"


class TestFiles:
    @pytest.fixture
    def written(self, tmp_path):
        """A config beside its instance file, in a folder of a name."""

        def write(name, problem=GLASS):
            folder = tmp_path / name
            folder.mkdir(exist_ok=True)
            qspin.write_problem(problem, folder / "glass.npz")
            return config_with({"glass": {"kind": "file", "path": "glass.npz"}}, folder)

        return write

    def test_places_do_not_decide_and_contents_do(self, written):
        here, there = load_config(written("here")), load_config(written("there"))
        assert here.digest == there.digest
        other = load_config(written("other", instances.sherrington_kirkpatrick(8, seed=2)))
        assert other.digest != here.digest

    def test_formats_do_not_decide(self, written, tmp_path):
        first, plain = written("here"), instances.sherrington_kirkpatrick(6, seed=1)
        qspin.write_problem(plain, tmp_path / "here" / "glass.npz")
        config = load_config(first)
        qspin.write_problem(plain, tmp_path / "here" / "glass.coo")
        again = config_with({"glass": {"kind": "file", "path": "glass.coo"}}, tmp_path / "here")
        assert load_config(again).digest == config.digest

    def test_what_is_known_decides(self, written, tmp_path):
        """Whoever corrects a ground energy wants another number of successes."""
        plain = instances.sherrington_kirkpatrick(6, seed=1)
        facts = [plain, *(plain.with_known(ground_energy=energy) for energy in (-3.0, -4.0))]
        digests = {load_config(written("here", problem)).digest for problem in facts}
        assert len(digests) == 3

    def test_a_run_is_resumed_where_its_file_is_gone(self, written, tmp_path):
        folder = run_experiment(load_config(written("here")), RunFolder(tmp_path / "run"))
        before = sorted((tmp_path / "run" / "samples").iterdir())
        shutil.rmtree(tmp_path / "here")
        folder.report_file.unlink()
        kept = load_config(tmp_path / "run" / "config.yaml")
        resumed = run_experiment(kept, RunFolder(tmp_path / "run"), resume=True)
        assert resumed.report_file.exists()
        assert resumed.is_finished
        assert sorted((tmp_path / "run" / "samples").iterdir()) == before
        with pytest.raises(
            RunError, match="reading glass.npz: cannot read"
        ):  # no other folder has the problem
            run_experiment(kept, RunFolder(tmp_path / "elsewhere"))

    def test_a_changed_file_is_refused_by_the_config_of_a_run(self, written, tmp_path):
        folder = run_experiment(load_config(written("here")), RunFolder(tmp_path / "run"))
        folder.report_file.unlink()
        written("here", instances.sherrington_kirkpatrick(8, seed=2))
        with pytest.raises(InputError, match=r"glass\.npz no longer holds the problem"):
            run_experiment(
                load_config(tmp_path / "run" / "config.yaml"), RunFolder(tmp_path / "run"), resume=True
            )

    def test_a_file_that_is_not_there_is_named(self, tmp_path):
        path = config_with({"glass": {"kind": "file", "path": "glass.npz"}}, tmp_path)
        with pytest.raises(InputError, match=r"problems\.glass: file: cannot read '.*glass\.npz'"):
            load_config(path)

    def test_files_may_be_an_axis(self, tmp_path):
        for k in range(2):
            qspin.write_problem(instances.mattis(4 + k, seed=k), tmp_path / f"{k}.npz")
        problems = {"glass": {"kind": "file", "path": "0.npz"}}
        path = config_with(problems, tmp_path)
        text = yaml.safe_load(path.read_text()) | {"sweep": {"problems.glass.path": ["0.npz", "1.npz"]}}
        text["studies"] = None
        path.write_text(yaml.safe_dump(text))
        config = load_config(path)
        folder = run_experiment(config, RunFolder(tmp_path / "run"))
        kept = load_config(tmp_path / "run" / "config.yaml")
        assert kept.digest == config.digest
        sizes = [qspin.SampleSet.load(file).n_spins for file in (tmp_path / "run" / "samples").iterdir()]
        assert sorted(sizes) == [4, 5]
        assert "glass,exact,1.npz," in (tmp_path / "run" / "metrics.csv").read_text()
        for k in range(2):
            (tmp_path / f"{k}.npz").unlink()
        folder.report_file.unlink()
        assert run_experiment(kept, RunFolder(tmp_path / "run"), resume=True).report_file.exists()


class TestTrainings:
    PROBLEMS = {
        "untrained": {"epoch": 0},
        "trained": {},
        "shuffled": {"shuffle": True, "instances": 2},
    }

    @pytest.fixture
    def path(self, tmp_path):
        common = {"kind": "mlp", "layers": [12, 3, 3], "dataset": "digits_small", "epochs": 2}
        return config_with({label: common | own for label, own in self.PROBLEMS.items()}, tmp_path)

    def test_one_training_serves_all_and_none_is_made_again(self, path, tmp_path, monkeypatch):
        folder = run_experiment(load_config(path), RunFolder(tmp_path / "run"))
        assert len(list((tmp_path / "run" / "prepared").iterdir())) == 1
        assert len(list((tmp_path / "run" / "samples").iterdir())) == 4
        monkeypatch.setattr("qspin.networks.training.sources.train_mlp", None)
        folder.report_file.unlink()
        for file in (tmp_path / "run" / "samples").iterdir():
            file.unlink()
        run_experiment(load_config(path), RunFolder(tmp_path / "run"), resume=True)
        assert folder.report_file.exists()

    def test_epochs_may_be_an_axis_of_one_training(self, path, tmp_path):
        text = yaml.safe_load(path.read_text())
        text["problems"] = {"net": text["problems"]["trained"]}
        text["sweep"] = {"problems.net.epoch": [0, 1, 2]}
        path.write_text(yaml.safe_dump(text))
        run_experiment(load_config(path), RunFolder(tmp_path / "run"))
        assert len(list((tmp_path / "run" / "prepared").iterdir())) == 1
        samples = [qspin.SampleSet.load(file) for file in (tmp_path / "run" / "samples").iterdir()]
        assert len({s.info["problem"] for s in samples}) == 3
        assert np.unique([s.n_spins for s in samples]).tolist() == [18]

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"layers": [64, 10]}, r"problems\.trained: digits_small has 12 inputs"),
            ({"epoch": 3}, r"problems\.trained: mlp: epoch 3 lies after the last of 2 epochs"),
            ({"epoch": [1]}, r"problems\.trained: mlp: epoch: should be a valid integer"),
        ],
    )
    def test_faults_are_told_before_the_training(self, path, tmp_path, monkeypatch, change, message):
        monkeypatch.setattr("qspin.networks.training.sources.train_mlp", None)
        text = yaml.safe_load(path.read_text())
        text["problems"]["trained"] |= change
        path.write_text(yaml.safe_dump(text))
        with pytest.raises(InputError, match=message):
            run_experiment(load_config(path), RunFolder(tmp_path / "run"))
