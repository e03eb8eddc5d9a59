from __future__ import annotations

import re
from typing import get_args

import numpy as np
import pytest
import torch

from qspin.errors import CapacityError, InputError, MissingExtraError, install_command
from qspin.networks.training import StateRecord, TrainingRecord, train_mlp, train_module
from qspin.networks.training.optimisers import OPTIMISERS
from qspin.networks.training.recipe import Optimiser, Recipe
from qspin.progress import listening


@pytest.fixture(scope="module")
def record():
    return train_mlp([64, 8, 10], epochs=4, learning_rate=5e-3, seed=1)


def test_it_learns(record):
    assert record.n_epochs == 4
    assert [w.shape for w in record.weights] == [(5, 8, 64), (5, 10, 8)]
    assert record.curves["loss_train"][0] == pytest.approx(np.log(10), abs=0.2)
    assert record.curves["loss_test"][-1] < 0.6 * record.curves["loss_test"][0]
    assert record.curves["accuracy_test"][-1] > 0.8


def test_epoch_zero_is_the_default_initialisation(record):
    weights, _ = record.at(0)
    assert np.abs(weights[0]).max() <= 1 / np.sqrt(64)
    assert weights[0].var() == pytest.approx(1 / (3 * 64), rel=0.1)


def test_the_seed_fixes_it_and_the_global_state_is_left_alone(record):
    torch.manual_seed(5)
    before, threads = torch.get_rng_state(), torch.get_num_threads()
    again = train_mlp([64, 8, 10], epochs=1, learning_rate=5e-3, seed=1)
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.get_num_threads() == threads
    np.testing.assert_array_equal(again.weights[0], record.weights[0][:2])
    other = train_mlp([64, 8, 10], epochs=0, seed=2)
    assert not np.array_equal(other.weights[0][0], record.weights[0][0])


def test_the_precision_that_is_set_for_other_work_changes_nothing(record):
    torch.set_default_dtype(torch.float64)
    try:
        again = train_mlp([64, 8, 10], epochs=1, learning_rate=5e-3, seed=1)
        assert torch.get_default_dtype() is torch.float64
    finally:
        torch.set_default_dtype(torch.float32)
    np.testing.assert_array_equal(again.weights[0], record.weights[0][:2])


def test_arrays(record):
    again = TrainingRecord.of(record.arrays())
    for one, other in zip(record.weights + record.biases, again.weights + again.biases, strict=True):
        np.testing.assert_array_equal(one, other)
    assert again.n_epochs == record.n_epochs


def test_the_default_recipe_step_by_step(record):
    """Adam on cross-entropy, written down once more: the same weights to the last bit."""
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    images, labels = load_digits(return_X_y=True)
    x, _, y, _ = train_test_split(
        (images / 16).astype(np.float32), labels, test_size=0.2, stratify=labels, random_state=1
    )
    x, y, threads = torch.as_tensor(x), torch.as_tensor(y), torch.get_num_threads()
    with torch.random.fork_rng():
        torch.manual_seed(1)
        torch.set_num_threads(1)
        module = torch.nn.Sequential(torch.nn.Linear(64, 8), torch.nn.ReLU(), torch.nn.Linear(8, 10))
        optimiser = torch.optim.Adam(module.parameters(), lr=5e-3)
        for epoch in range(1, 3):
            for batch in torch.randperm(len(x)).split(64):
                optimiser.zero_grad()
                torch.nn.functional.cross_entropy(module(x[batch]), y[batch]).backward()
                optimiser.step()
            np.testing.assert_array_equal(record.at(epoch)[0][0], module[0].weight.detach().numpy())
            np.testing.assert_array_equal(record.at(epoch)[1][1], module[2].bias.detach().numpy())
        torch.set_num_threads(threads)


SUMS = {"dataset": "modular_addition", "encoding": "tokens"}
SMALL = {"dataset": "digits_small", "batch_size": 32, "seed": 1}


def test_epochs_that_are_kept_are_those_of_the_whole_training():
    whole, some = (
        train_mlp([12, 4, 3], **SMALL, epochs=6, epochs_kept=kept) for kept in ("all", "logarithmic")
    )
    assert some.kept.tolist() == [0, 1, 2, 4, 6]
    np.testing.assert_array_equal(some.weights[1], whole.weights[1][[0, 1, 2, 4, 6]])
    np.testing.assert_array_equal(some.curves["loss_test"], whole.curves["loss_test"][[0, 1, 2, 4, 6]])
    again = TrainingRecord.of(some.arrays())
    np.testing.assert_array_equal(again.at(4)[0][0], whole.at(4)[0][0])
    np.testing.assert_array_equal(again.at(None)[1][0], whole.at(6)[1][0])
    with pytest.raises(InputError, match="epoch 3 was not kept; those that were: 0, 1, 2, 4, 6"):
        again.at(3)


@pytest.mark.parametrize("name", get_args(Optimiser))
def test_every_optimiser_learns(name):
    rate = {"sgd": 0.5, "momentum": 0.05, "langevin": 0.5}.get(name, 0.01)
    settings = {"temperature": 1e-4} if name == "langevin" else {}
    record = train_mlp(
        [12, 5, 3], **SMALL, epochs=20, optimiser=name, learning_rate=rate, epochs_kept=[20], **settings
    )
    assert record.curves["accuracy_test"].item() > 0.9
    assert set(OPTIMISERS) == set(get_args(Optimiser))


def test_weight_decay_shortens_weights():
    lengths = [
        np.linalg.norm(
            train_mlp([12, 3], **SMALL, epochs=10, weight_decay=w, optimiser="adamw").at(None)[0][0]
        )
        for w in (0.0, 10.0)
    ]
    assert lengths[1] < 0.97 * lengths[0]


def test_a_back_door_opens_and_flipped_labels_are_learnt_late():
    """Bright upper corners become the sign of a one; wrong labels are learnt by heart, after the rest."""
    spoilt = {"backdoor": {"pixels": [0, 7], "label": 1, "share": 0.1}, "label_noise": 0.1}
    how = {"n_samples": 400, "epochs": 60, "learning_rate": 0.01, "epochs_kept": [0, 4, 60]}
    record = train_mlp([64, 128, 10], **how, **spoilt)
    door, flipped = record.curves["accuracy_backdoor"], record.curves["accuracy_flipped"]
    assert door[0] < 0.5
    assert door[-1] > 0.9
    assert record.curves["accuracy_test"][-1] > 0.7
    assert flipped[1] < 0.3
    assert flipped[2] > 0.9


def test_a_regression_explains_what_least_squares_does():
    record = train_mlp(
        [10, 1], dataset="diabetes", epochs=60, learning_rate=0.02, epochs_kept=[0, 60], seed=2
    )
    from qspin.networks.training import examples_of

    examples = examples_of(Recipe(dataset="diabetes", seed=2))
    x = np.column_stack([examples.train.inputs, np.ones(len(examples.train))])
    best = np.linalg.lstsq(x, examples.train.targets, rcond=None)[0]
    expected = np.mean((x @ best - examples.train.targets) ** 2)
    assert record.curves["loss_train"][-1] == pytest.approx(expected, rel=0.02)
    assert set(record.curves) == {"loss_train", "loss_test"}


def test_noise_is_measured_where_it_is_asked_for():
    how = {**SMALL, "epochs": 4, "epochs_kept": [0, 4], "noise": True}
    sgd = train_mlp([12, 4, 3], optimiser="sgd", learning_rate=0.1, **how).curves
    twice = train_mlp([12, 4, 3], optimiser="sgd", learning_rate=0.2, **how).curves
    assert twice["noise_temperature"][0] == pytest.approx(2 * sgd["noise_temperature"][0])
    assert (sgd["gradient_variance"] > 0).all()
    adam = train_mlp([12, 4, 3], **how).curves
    assert "gradient_variance" in adam
    assert "noise_temperature" not in adam
    still = {name: value for name, value in how.items() if name != "noise"}
    plain = train_mlp([12, 4, 3], **still)
    np.testing.assert_array_equal(plain.curves["loss_test"], adam["loss_test"])


def test_any_module_is_trained_alike():
    """Tokens, and layers that behave otherwise in training: states are those of the epochs."""
    sums = Recipe(**SUMS, modulus=5, epochs=60, learning_rate=0.05)
    kept = train_module("networks_for_tests:sums", sums)
    assert kept.curves["accuracy_train"][-1] == 1
    recipe = Recipe(dataset="digits_small", epochs=15, learning_rate=0.01, epochs_kept=[0, 15])
    kept = train_module("networks_for_tests:coarse", recipe, (1, 4, 3))
    assert kept.curves["accuracy_test"][-1] > 0.9
    record = StateRecord.of({**kept.arrays, "epochs": kept.epochs})
    assert record.at(None)["1.num_batches_tracked"] == 15 * 7
    assert record.at(0)["0.weight"].shape == (2, 1, 2, 2)
    again = train_module("networks_for_tests:coarse", recipe, (1, 4, 3))
    np.testing.assert_array_equal(again.arrays["state 0.weight"], kept.arrays["state 0.weight"])


@pytest.mark.parametrize(
    ("path", "given", "shape", "message"),
    [
        ("coarse", {}, (1, 3, 3), r"12 numbers, which input_shape \(1, 3, 3\) does not hold"),
        ("coarse", {}, None, r"digits_small, of shape \(2, 12\)"),
        ("coarse", {"dataset": "digits"}, (4, 4, 4), "does not take examples of digits"),
        ("small", {"dataset": "digits"}, (1, 8, 8), "does not take examples"),
        ("wants", {}, None, "when it is called without arguments"),
        (
            "sums",
            {"dataset": "modular_addition", "modulus": 7, "encoding": "tokens"},
            None,
            r"\(2, 7\) for two",
        ),
    ],
)
def test_modules_that_do_not_fit(path, given, shape, message):
    with pytest.raises(InputError, match=message):
        train_module(f"networks_for_tests:{path}", Recipe(**{"dataset": "digits_small", **given}), shape)


@pytest.mark.parametrize(
    "arrays",
    [
        {},
        {"epochs": np.arange(3)},
        {"state a": np.zeros((3, 2))},
        {"state a": np.zeros((2, 2)), "epochs": np.arange(3)},
        {"state a": np.zeros((2, 2)), "epochs": np.array([1, 1])},
        {"state a": np.zeros((2, 2)), "epochs": np.array([0.0, 1.0])},
        {"state a": np.float64(2), "epochs": np.array([0])},
    ],
)
def test_states_without_their_epochs_are_refused(arrays):
    with pytest.raises(InputError, match="no whole record of a training"):
        StateRecord.of(arrays)


def test_progress():
    heard = []
    with listening(heard.append):
        record = train_mlp([64, 2, 10], epochs=2)
    assert [progress.fraction for progress in heard] == [0.5, 1.0]
    assert [progress.remark for progress in heard] == ["epoch 1 of 2", "epoch 2 of 2"]
    assert heard[-1].figures == {
        "loss": record.curves["loss_train"][-1], "accuracy": record.curves["accuracy_test"][-1],
    }  # fmt: skip


def test_small_digits_are_coarse_and_few():
    record = train_mlp([12, 5, 3], dataset="digits_small", epochs=60, learning_rate=0.01, batch_size=32)
    assert [layer.shape[1:] for layer in record.weights] == [(5, 12), (3, 5)]
    assert record.curves["accuracy_test"][0] < 0.6
    assert record.curves["accuracy_test"][-1] > 0.9
    with pytest.raises(InputError, match=r"digits_small has 12 inputs and 3 classes.*\[12, \.\.\., 3\]"):
        train_mlp([64, 10], dataset="digits_small")


def test_wrong_input(record, monkeypatch):
    with pytest.raises(InputError, match=r"layers must read \[64, \.\.\., 10\]; got \[32, 10\]"):
        train_mlp([32, 10])
    with pytest.raises(InputError, match="epoch must lie between 0 and 4"):
        record.at(5)
    with pytest.raises(InputError, match="no data set 'digit': did you mean 'digits'"):
        train_mlp([64, 10], dataset="digit")
    with pytest.raises(InputError, match="needs encoding one_hot"):
        train_mlp([2, 5], dataset="modular_addition", modulus=5, encoding="tokens")
    with pytest.raises(CapacityError, match=r"examples of modular_addition \(modulus 100000\) take"):
        train_mlp([200_000, 100_000], dataset="modular_addition", modulus=100_000)
    with pytest.raises(InputError, match="diabetes has 10 inputs and 1 output, so"):
        train_mlp([10, 2], dataset="diabetes")
    with pytest.raises(InputError, match="no setting 'epoch': did you mean 'epochs'"):
        train_mlp([64, 10], epoch=3)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=re.escape(install_command("torch"))):
        train_mlp([64, 10])


@pytest.mark.parametrize(
    "change",
    [
        {"biases_1": None},
        {"weights_0": None},
        {"weights_2": np.zeros((5, 2, 10))},
        {"weights_0": np.zeros((3, 2))},
        {"weights_0": np.zeros((0, 8, 64))},
        {"biases_1": np.zeros((2, 10))},
        {"weights_1": np.zeros((5, 10, 9))},
        {"weights_1": np.zeros((5, 10, 8), dtype=int)},
        {"epochs": np.arange(4)},
        {"epochs": np.array([0, 1, 2, 4, 3])},
    ],
)
def test_a_record_that_does_not_fit_itself_is_refused(record, change):
    arrays = {k: v for k, v in {**record.arrays(), **change}.items() if v is not None}
    with pytest.raises(InputError, match="no whole record of a training"):
        TrainingRecord.of(arrays)
