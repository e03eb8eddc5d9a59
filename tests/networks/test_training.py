from __future__ import annotations

import re

import numpy as np
import pytest
import torch

from qspin.errors import InputError, MissingExtraError, install_command
from qspin.networks.training import TrainingRecord, train_mlp
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


def test_arrays(record):
    again = TrainingRecord.of(record.arrays())
    for one, other in zip(record.weights + record.biases, again.weights + again.biases, strict=True):
        np.testing.assert_array_equal(one, other)
    assert again.n_epochs == record.n_epochs


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
    ],
)
def test_a_record_that_does_not_fit_itself_is_refused(record, change):
    arrays = {k: v for k, v in {**record.arrays(), **change}.items() if v is not None}
    with pytest.raises(InputError, match="no whole record of a training"):
        TrainingRecord.of(arrays)
