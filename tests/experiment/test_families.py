"""Instances of one disorder: spelled out, averaged, and sizes held against each other."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
import yaml

from qspin.analysis import overlap_curve
from qspin.errors import InputError
from qspin.experiment import RunFolder, load_config, run_experiment
from qspin.experiment.analyse import analyse, load_analysis
from qspin.experiment.families import crossing_sentences, on_one_ladder
from qspin.registry import get_backend
from qspin.testing import assert_within_errors

GLASS = {"kind": "sherrington_kirkpatrick", "n_spins": 8, "seed": 5, "instances": 4}
CONFIG = {
    "schema": 1,
    "name": "families",
    "problems": {
        "small": GLASS,
        "large": {**GLASS, "n_spins": 12},
        "alone": {"kind": "mattis", "n_spins": 6},
    },
    "backends": {"exact": {"name": "exact", "betas": [0.3, 0.7, 1.2, 2.0], "n_replicas": 60}},
}


@pytest.fixture
def written(tmp_path):
    def load(config):
        (tmp_path / "a.yaml").write_text(yaml.safe_dump(config, sort_keys=False))
        return load_config(tmp_path / "a.yaml")

    return load


def test_instances_are_problems_with_consecutive_seeds(written):
    config = written(CONFIG)
    assert list(config.problems) == [
        *(f"small-{k}" for k in range(4)),
        *(f"large-{k}" for k in range(4)),
        "alone",
    ]
    assert [config.problems[f"small-{k}"].seed for k in range(4)] == [5, 6, 7, 8]
    assert config.families == {
        "small": [f"small-{k}" for k in range(4)],
        "large": [f"large-{k}" for k in range(4)],
    }


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({**GLASS, "instances": 0}, "must be an integer from 1 to 10000; got 0"),
        ({**GLASS, "instances": True}, "must be an integer from 1 to 10000; got True"),
        ({"kind": "file", "path": "a.npz", "instances": 2}, "kind 'file' has no instances"),
    ],
)
def test_what_has_no_instances(written, spec, message):
    with pytest.raises(InputError, match=message):
        written({**CONFIG, "problems": {"a": spec}})


@pytest.mark.parametrize(
    ("problems", "message"),
    [
        ({"a": GLASS, "a-0": {"kind": "mattis", "n_spins": 6}}, r"'a': its 4 .* problem 'a-0' beside it"),
        ({"a-3": {"kind": "mattis", "n_spins": 6}, "a": GLASS}, r"'a': its 4 .* problem 'a-3' beside it"),
        (
            {"a": {"kind": "mattis", "n_spins": 6}, "b": {**GLASS, "instances": 1, "family": "a"}},
            None,
        ),
        (
            {
                "a": {"kind": "mattis", "n_spins": 6},
                "b": {"kind": "mattis", "n_spins": 6, "family": "a"},
            },
            "problem 'a' is called as the family of problem 'b'; rename one of them",
        ),
    ],
)
def test_labels_of_their_own(written, problems, message):
    if message is None:  # the label of the family is the one under which instances were asked for
        assert written({**CONFIG, "problems": problems}).families == {"b": ["b-0"]}
        return
    with pytest.raises(InputError, match=message):
        written({**CONFIG, "problems": problems})


def test_averages_stand_for_their_instances(written, tmp_path):
    folder = run_experiment(written(CONFIG), RunFolder(tmp_path / "run"))
    single = analyse(folder)
    assert len(single) == 9
    found = load_analysis(folder)
    assert list(found) == [("small", "exact"), ("large", "exact"), ("alone", "exact")]
    own = [
        overlap_curve(folder.samples(task)) for task in folder.tasks() if task.problem_label[:5] == "small"
    ]
    mean = np.mean([curve["q_abs"].values for curve in own], axis=0)
    np.testing.assert_allclose(found["small", "exact"]["q_abs"], mean)
    assert found["small", "exact"].attrs["n_instances"] == 4
    sentences = crossing_sentences(folder.config, single)
    assert len(sentences) == 1
    assert sentences[0].startswith("With exact, Binder ratios of sherrington_kirkpatrick, sizes 8 and 12, ")
    page = folder.report_file.read_text(encoding="utf-8")
    assert "binder_sherrington_kirkpatrick_exact" in page
    assert "small-0" not in page.split("Resolved config")[0].split("<h2>Figures</h2>")[1].split("verdicts")[0]


def test_ladders_of_their_own_are_averaged_where_they_overlap(written, tmp_path):
    """``betas: auto`` gives every instance its own: interpolated curves are averaged."""
    problems = {"small": {**GLASS, "instances": 3}, "large": {**GLASS, "n_spins": 12, "instances": 3}}
    backends = {
        "auto": {"name": "tempering", "n_replicas": 8, "n_sweeps": 400, "n_burn_in": 50, "n_draws": 40}
    }
    folder = run_experiment(
        written({**CONFIG, "problems": problems, "backends": backends}), RunFolder(tmp_path / "run")
    )
    found = load_analysis(folder)
    assert set(found) == {("small", "auto"), ("large", "auto")}
    mean = found["small", "auto"]
    ladders = [folder.samples(t).temperatures for t in folder.tasks() if t.problem_label.startswith("small")]
    assert float(mean["temperature"].max()) == min(ladder.max() for ladder in ladders)
    assert float(mean["temperature"].min()) == max(ladder.min() for ladder in ladders)
    problem = folder.tasks()[0].problem
    exact = get_backend("exact", betas=[1.0]).enumerate(problem)
    one = on_one_ladder([analyse(folder)[f"small-{k}", "auto"] for k in range(3)])[0]
    expected = [exact.mean_energy(beta) / problem.n_spins for beta in one["beta"].values]
    assert_within_errors(one["energy"], one["energy_error"], expected, what="interpolated energy")
    np.testing.assert_allclose((mean["density"] * mean["width"]).sum("q"), 1, rtol=1e-9)
    assert "Binder ratios of sherrington_kirkpatrick, sizes 8 and 12" in folder.report_file.read_text()


def test_ladders_that_do_not_overlap_stay_single():
    results = [
        xr.Dataset({"q2": ("beta", [0.1, 0.2])}, coords={"beta": b, "temperature": ("beta", 1 / np.array(b))})
        for b in ([1.0, 2.0], [3.0, 4.0])
    ]
    assert on_one_ladder(results) is None
