"""Machines that a config trains: data, curves and problems, against trainings by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
import yaml
from boltzmann_for_tests import one_thread  # noqa: F401

import qspin
from qspin.errors import CapacityError, InputError
from qspin.experiment.config.run_config import load_config
from qspin.experiment.run import refuse_unfit, run_experiment
from qspin.experiment.run_folder import RunFolder
from qspin.networks.boltzmann import RestrictedBoltzmannMachine, fit_boltzmann, log_likelihood
from qspin.networks.training import bars_and_stripes, binary_digits
from qspin.networks.training.binary import binary_data
from qspin.registry import get_source
from qspin.remarks import remarks_of
from qspin.source import Tools
from qspin.testing import prepared_for

EXACT = {"size": 2, "hidden": 4, "sampler": "exact", "epochs": 50, "learning_rate": 0.1, "spread": 0.1}


# -- data -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("n", "in_all"), [(3, -41.589), (4, -108.131)])
def test_bars_and_stripes_have_the_likelihood_that_is_told(n, in_all):
    rows = bars_and_stripes(n)
    patterns, counts = np.unique(rows, axis=0, return_counts=True)
    assert (len(rows), len(patterns)) == (2 ** (n + 1), 2 ** (n + 1) - 2)
    assert (counts * np.log(counts / len(rows))).sum() == pytest.approx(in_all, abs=5e-4)
    formula = len(rows) * (2 ** (1 - n) - n - 1) * math.log(2)
    assert formula == pytest.approx(in_all, abs=5e-4)
    images = patterns.reshape(-1, n, n)
    full = (images == images[:, :1]).all((1, 2)) | (images == images[:, :, :1]).all((1, 2))
    assert full.all()


def test_digits_are_black_and_white():
    rows = binary_digits()
    assert rows.shape == (1797, 64)
    assert set(np.unique(rows)) == {0, 1}
    train, test = binary_data("digits").split(0)
    assert (len(train), len(test)) == (1437, 360)
    both = np.concatenate([train, test])
    np.testing.assert_array_equal(np.sort(both @ 2.0 ** np.arange(64)), np.sort(rows @ 2.0 ** np.arange(64)))
    assert not np.array_equal(test, binary_data("digits").split(1)[1])


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"name": "digit"}, "did you mean 'digits'"),
        ({"name": "digits", "size": 3}, "have no size; leave it out"),
        ({"name": "bars_and_stripes", "size": 11}, "at most 10 lines; got size = 11"),
    ],
)
def test_data_that_are_none(given, message):
    with pytest.raises(InputError, match=message):
        binary_data(**given)


# -- the source -----------------------------------------------------------------------------------


def test_a_config_trains_what_is_trained_by_hand():
    source = get_source("boltzmann", **EXACT, epochs_kept=[0, 10, 50])
    prepared = prepared_for(source)
    machine = RestrictedBoltzmannMachine(4, 4, spread=0.1, seed=0)
    untrained = machine.problem()
    rows = 2 * bars_and_stripes(2) - 1
    for n_steps, epoch in ((10, 10), (50, None)):
        machine = RestrictedBoltzmannMachine(4, 4, spread=0.1, seed=0)
        fit_boltzmann(machine, rows, "exact", seed=0, n_steps=n_steps, learning_rate=0.1)
        own = get_source("boltzmann", **EXACT, epochs_kept=[0, 10, 50], epoch=epoch)
        assert own.build(prepared) == machine.problem()
    assert source.controls()["before"].build(prepared) == untrained == source.outline()
    curves = prepared["training"].curves
    assert curves.epoch.values.tolist() == [0, 10, 50]
    likelihood = log_likelihood(machine, rows, "exact", seed=0).value
    assert float(curves.log_likelihood_train[-1]) == pytest.approx(likelihood, abs=1e-12)
    assert list(curves.data_vars) == ["log_likelihood_train", "gradient_norm", "beta_effective"]


def test_digits_have_data_that_are_not_learned():
    source = get_source(
        "boltzmann", dataset="digits", hidden=4, batch_size=400, epochs=2, sampler="cd", epochs_kept="all"
    )
    curves = prepared_for(source)["training"].curves
    assert curves.epoch.values.tolist() == [0, 1, 2]
    first, last = curves.log_likelihood_test.values[[0, -1]]
    assert first == pytest.approx(-64 * math.log(2), abs=0.5)
    assert last > first
    assert np.isnan(curves.gradient_norm[0])


def test_the_epoch_decides_on_the_problem_and_not_on_the_training():
    one, other = get_source("boltzmann", **EXACT), get_source("boltzmann", **EXACT, epoch=4)
    assert one.needs()["training"] == other.needs()["training"]
    assert one.identity() != other.identity()
    assert one.identity() == get_source("boltzmann", **EXACT, epoch=50).identity()


def test_a_learning_rate_that_falls():
    """To nothing at the last step: the training of a schedule by hand."""
    source = get_source("boltzmann", **{**EXACT, "epochs": 10}, schedule="linear")
    machine = RestrictedBoltzmannMachine(4, 4, spread=0.1, seed=0)
    rates = []

    def falling(optimiser):
        def rate(step):
            rates.append(1 - step / 10)
            return rates[-1]

        return torch.optim.lr_scheduler.LambdaLR(optimiser, rate)

    rows = 2 * bars_and_stripes(2) - 1
    fit_boltzmann(machine, rows, "exact", seed=0, n_steps=10, learning_rate=0.1, schedule=falling)
    assert source.build(prepared_for(source)) == machine.problem()
    assert (rates[0], rates[-1]) == (1, 0)


def test_what_was_spent_stands_beside_the_curves():
    """As coordinates: they are no curves to be drawn. Contrastive divergence takes as many chains as data."""
    bars = {**EXACT, "size": 3, "batch_size": 8, "epochs": 4, "sampler": "cd", "epochs_kept": "all"}
    prepared = prepared_for(get_source("boltzmann", **bars))["training"]
    curves = prepared.curves
    assert curves.samples.values.tolist() == [0, 16, 32, 48, 64]
    assert (np.diff(curves.seconds.values) > 0).all()
    assert (curves.paid_seconds.values == 0).all()
    assert not {"samples", "seconds", "paid_seconds"} & set(curves.data_vars)
    images = prepared.arrays["images"]
    assert images.shape == (16, 3, 3)
    assert (
        np.sort(images.reshape(16, 9) @ 2 ** np.arange(9)) == np.sort(bars_and_stripes(3) @ 2 ** np.arange(9))
    ).all()


# -- backends of the config -----------------------------------------------------------------------


def test_a_backend_of_the_config_is_the_negative_phase():
    training = get_source("boltzmann", **{**EXACT, "sampler": "draws"}).needs()["training"]
    assert training.uses == ("draws",)
    draws = qspin.get_backend("exact", betas=[1.0], n_replicas=2_000)
    found = training.make(Tools({"draws": draws})).curves
    exact = get_source("boltzmann", **EXACT).needs()["training"].make(Tools()).curves
    assert abs(float(found.log_likelihood_train[-1] - exact.log_likelihood_train[-1])) < 0.1
    with pytest.raises(InputError, match="must be one of the sampler's betas"):
        training.make(Tools({"draws": qspin.get_backend("exact", betas=[0.5])}))


def config(folder, **problem):
    text = {
        "schema": 2,
        "name": "machines",
        "seed": 1,
        "problems": {"machine": {"kind": "boltzmann", **EXACT, "epochs": 8, **problem}},
        "backends": {"draws": {"name": "exact", "betas": [0.5, 1.0], "n_replicas": 50}},
        "sweep": {"problems.machine.epoch": [0, 8]},
        "studies": {"epochs": {}, "training": {}},
    }
    (folder / "a.yaml").write_text(yaml.safe_dump(text))
    return load_config(folder / "a.yaml")


@pytest.mark.usefixtures("sketched")
def test_a_run_trains_once_and_tells_how(tmp_path):
    run = run_experiment(config(tmp_path, sampler="draws"), RunFolder(tmp_path / "run"))
    assert len(list((tmp_path / "run" / "prepared").iterdir())) == 1
    text = run.report_file.read_text()
    assert "Training a Boltzmann machine 4-4 on bars_and_stripes of size 2 by draws" in text
    assert "log_likelihood" in text


@pytest.mark.parametrize(("given", "meant"), [("draw", "draws"), ("pdc", "pcd")])
def test_a_backend_that_is_not_there(tmp_path, given, meant):
    """Told with its line where it is read; names of phases without a backend are as valid as labels."""
    with pytest.raises(InputError) as caught:
        config(tmp_path, sampler=given)
    lines = (tmp_path / "a.yaml").read_text().splitlines()
    (line,) = (k for k, text in enumerate(lines, start=1) if f"sampler: {given}" in text)
    assert str(caught.value) == (
        f"{tmp_path / 'a.yaml'}, line {line}: problems.machine: sampler: training a Boltzmann machine 4-4 on "
        f"bars_and_stripes of size 2 by {given} uses backend {given!r}, which is not there: did you mean "
        f"{meant!r}? Valid names: cd, draws, exact, pcd"
    )


@pytest.mark.parametrize("studies", [{"training": {}}, {"boltzmann_backends": {"reference": "machine"}}])
def test_exact_sums_over_too_many_units_are_refused_with_their_line(tmp_path, studies):
    problem = {"kind": "boltzmann", "dataset": "digits", "hidden": 21, "sampler": "exact"}
    text = {
        "schema": 2, "name": "many", "problems": {"machine": problem, "other": {**problem, "hidden": 2}},
        "backends": {"draws": {"name": "exact"}}, "studies": studies,
    }  # fmt: skip
    file = tmp_path / "many.yaml"
    file.write_text(yaml.safe_dump(text, sort_keys=False))
    line = 1 + file.read_text().splitlines().index("    sampler: exact")
    with pytest.raises(CapacityError) as caught:
        refuse_unfit(load_config(file))
    assert str(caught.value).startswith(
        f"{file}, line {line}: problems.machine: sampler exact with 21 hidden units: an exact sum over this "
        "machine takes 2^21 configurations, 2^1 times those of 20 units, the limit"
    )
    assert "Train it by samples (pcd, cd, or a backend" in str(caught.value)
    assert "ais" not in str(caught.value)


@pytest.mark.parametrize(
    ("backend", "message"),
    [
        ({"name": "tempering", "betas": [0.25, 0.5]}, "must be one of the sampler's betas; got 0.25, 0.5"),
        ({"name": "ocean"}, "ocean states no temperature and measures none"),
    ],
)
def test_a_backend_that_cannot_teach_is_refused_before_anything_is_done(tmp_path, backend, message):
    refuse_unfit(config(tmp_path, sampler="draws"))
    text = yaml.safe_load((tmp_path / "a.yaml").read_text())
    text["backends"]["draws"] = backend
    (tmp_path / "b.yaml").write_text(yaml.safe_dump(text))
    with pytest.raises(InputError, match=f"problems.machine: .*{message}"):
        run_experiment(load_config(tmp_path / "b.yaml"), RunFolder(tmp_path / "run"))
    assert not (tmp_path / "run").exists()


@pytest.mark.usefixtures("sketched")
def test_a_backend_that_finds_its_ladder_teaches_too(tmp_path):
    """By a ladder up to 1 that it takes for steps; the machine is then sampled along one that it finds."""
    config(tmp_path, sampler="draws")
    text = yaml.safe_load((tmp_path / "a.yaml").read_text())
    text["backends"]["draws"] = {"name": "tempering", "n_burn_in": 50, "n_sweeps": 100, "n_replicas": 10}
    (tmp_path / "a.yaml").write_text(yaml.safe_dump(text))
    run = run_experiment(load_config(tmp_path / "a.yaml"), RunFolder(tmp_path / "run"))
    assert (
        "Training a Boltzmann machine 4-4 on bars_and_stripes of size 2 by draws"
        in run.report_file.read_text()
    )


def test_what_a_training_remarks_is_kept():
    """Chains that hardly move are told of."""
    stuck = {**EXACT, "sampler": "pcd", "spread": 40.0, "epochs": 20, "learning_rate": 1e-6}
    curves = get_source("boltzmann", **stuck).needs()["training"].make(Tools()).curves
    assert [remark.code for remark in remarks_of(curves.attrs)] == ["chains-stuck"]
