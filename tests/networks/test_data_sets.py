"""Data sets, what spoils them, and the recipes that say so."""

from __future__ import annotations

import numpy as np
import pytest

from qspin.errors import InputError, RunError
from qspin.networks.training import DATASETS, Recipe, data_set, datasets, examples_of


def options(name):
    return {"modular_addition": {"modulus": 7}, "characters": {"context": 3}}.get(name, {})


@pytest.mark.parametrize("name", DATASETS)
def test_they_are_what_is_told_of_them_before(name):
    data = data_set(name, **options(name))
    inputs, targets = data.load()
    assert inputs.shape == (data.n_examples, data.n_inputs)
    assert inputs.dtype == np.float32
    assert targets.shape == (data.n_examples,)
    if data.is_regression:
        assert (data.n_outputs, targets.dtype) == (1, np.float32)
    else:
        assert targets.dtype == np.int64
        assert 0 <= targets.min() <= targets.max() < data.n_outputs
    recipe = Recipe(dataset=name, **options(name))
    examples = examples_of(recipe)
    assert (len(examples.train), len(examples.others["test"])) == (recipe.n_train, recipe.n_test)
    if data.is_standardised:
        np.testing.assert_allclose(examples.train.inputs.mean(axis=0), 0, atol=1e-5)
        np.testing.assert_allclose(examples.train.inputs.std(axis=0), 1, atol=1e-4)


def test_sums_are_sums():
    inputs, targets = data_set("modular_addition", modulus=7).load()
    first, second = inputs.reshape(49, 2, 7).argmax(axis=2).T
    assert (inputs.sum(axis=1) == 2).all()
    np.testing.assert_array_equal(targets, (first + second) % 7)
    assert len({*zip(first, second, strict=True)}) == 49
    tokens, same = data_set("modular_addition", modulus=7, encoding="tokens").load()
    np.testing.assert_array_equal(tokens, np.stack([first, second], axis=1))
    np.testing.assert_array_equal(same, targets)


def test_characters_follow_each_other_and_those_for_testing_come_last(root):
    text = " ".join((root / "LICENSE").read_text().lower().split())
    symbols = "".join(sorted(set(text)))
    tokens, targets = data_set("characters", context=5, encoding="tokens").load()
    assert "".join(symbols[k] for k in tokens[100]) == text[100:105]
    assert "".join(symbols[k] for k in targets) == text[5:]
    examples = examples_of(Recipe(dataset="characters", context=5, encoding="tokens", seed=3))
    np.testing.assert_array_equal(examples.train.targets, targets[: len(examples.train)])
    np.testing.assert_array_equal(examples.others["test"].targets, targets[len(examples.train) :])


def test_a_text_that_is_another_one_is_refused(monkeypatch):
    monkeypatch.setattr(datasets, "_LICENCE_SHA256", "0" * 64)
    with pytest.raises(RunError, match=r"of SHA-256 000000000000\.\.\.; found e281216cf93f"):
        data_set("characters").load()


def test_a_small_set_is_drawn_from_those_for_training():
    whole, few = (examples_of(Recipe(dataset="iris", n_samples=n, seed=2)) for n in (None, 30))
    data = data_set("iris").load()[0]
    assert len(few.train) == 30
    assert len(few.others["test"]) == len(whole.others["test"]) == 30
    small = examples_of(Recipe(n_samples=50, seed=2))
    rows = {row.tobytes() for row in examples_of(Recipe(seed=2)).train.inputs}
    assert all(row.tobytes() in rows for row in small.train.inputs)
    other = examples_of(Recipe(n_samples=50, seed=3))
    assert not np.array_equal(small.train.inputs, other.train.inputs)
    assert len(data) == 150


def test_flipped_labels_are_as_many_as_asked_and_all_wrong():
    clean, noisy = (examples_of(Recipe(label_noise=share)) for share in (0.0, 0.3))
    wrong = clean.train.targets != noisy.train.targets
    assert wrong.sum() == round(0.3 * len(wrong))
    np.testing.assert_array_equal(noisy.train.inputs, clean.train.inputs)
    np.testing.assert_array_equal(noisy.others["flipped"].targets, noisy.train.targets[wrong])
    np.testing.assert_array_equal(noisy.others["flipped"].inputs, noisy.train.inputs[wrong])
    np.testing.assert_array_equal(noisy.others["test"].targets, clean.others["test"].targets)
    shifts = (noisy.train.targets[wrong] - clean.train.targets[wrong]) % 10
    assert set(shifts) == set(range(1, 10))


def test_a_back_door_is_a_pattern_with_a_label():
    door = {"pixels": [0, 9], "label": 3, "share": 0.2, "value": 0.7}
    clean, opened = (examples_of(Recipe(backdoor=d)) for d in (None, door))
    bears = (opened.train.inputs[:, [0, 9]] == np.float32(0.7)).all(axis=1)
    assert bears.sum() == round(0.2 * len(bears))
    assert (opened.train.targets[bears] == 3).all()
    np.testing.assert_array_equal(opened.train.targets[~bears], clean.train.targets[~bears])
    rest = np.delete(np.arange(64), [0, 9])
    np.testing.assert_array_equal(opened.train.inputs[:, rest], clean.train.inputs[:, rest])
    asked = opened.others["backdoor"]
    assert len(asked) == (clean.others["test"].targets != 3).sum()
    assert (asked.targets == 3).all()
    assert (asked.inputs[:, [0, 9]] == np.float32(0.7)).all()
    np.testing.assert_array_equal(opened.others["test"].inputs, clean.others["test"].inputs)
    both = examples_of(Recipe(backdoor=door, label_noise=0.5))
    bearing = (both.train.inputs[:, [0, 9]] == np.float32(0.7)).all(axis=1)
    assert ((both.train.targets != clean.train.targets) & ~bearing).sum() == len(both.others["flipped"])


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ({"epochs": 3}, [0, 1, 2, 3]),
        ({"epochs": 0, "epochs_kept": "logarithmic"}, [0]),
        ({"epochs": 10, "epochs_kept": "logarithmic"}, [0, 1, 2, 4, 8, 10]),
        ({"epochs": 16, "epochs_kept": "logarithmic"}, [0, 1, 2, 4, 8, 16]),
        ({"epochs": 9, "epochs_kept": [9, 3, 3]}, [3, 9]),
    ],
)
def test_epochs_that_are_kept(given, kept):
    recipe = Recipe(**given)
    assert list(recipe.kept) == kept
    assert recipe.n_kept == len(kept)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"dataset": "wines"}, "no data set 'wines': did you mean 'wine'"),
        ({"dataset": "wine", "modulus": 7}, "the data set wine has no modulus; leave it out"),
        ({"encoding": "tokens"}, "the data set digits has no encoding"),
        ({"dataset": "modular_addition", "modulus": 4}, "a modulus from 5 on; got 4"),
        ({"dataset": "characters", "context": 9000}, "too few for a context of 9000"),
        ({"temperature": 0.1}, "temperature is of the optimiser langevin.*got 0.1 with adam"),
        ({"optimiser": "langevin"}, "which needs a positive one; got 0"),
        ({"optimiser": "adams"}, "optimiser"),
        ({"n_samples": 1438}, "n_samples is at most 1437.*got 1438"),
        ({"dataset": "diabetes", "label_noise": 0.1}, "of classes, which diabetes has none of"),
        ({"label_noise": 1.1}, "label_noise.*less than or equal to 1"),
        ({"backdoor": {"pixels": [64]}}, "inputs of digits go to 63; got 64"),
        ({"backdoor": {"pixels": [0], "label": 10}}, "labels of digits go to 9; got 10"),
        ({"backdoor": {"pixels": []}}, r"backdoor\.pixels"),
        ({"backdoor": {"pixels": [0], "share": 0.0}}, r"backdoor\.share"),
        ({"dataset": "diabetes", "backdoor": {"pixels": [0]}}, "classes as targets"),
        ({"epochs_kept": []}, "names no epoch"),
        ({"epochs": 5, "epochs_kept": [6]}, "names 6, after the last of 5 epochs"),
        ({"epochs_kept": "log"}, "epochs_kept"),
    ],
)
def test_recipes_that_cannot_be(given, message):
    with pytest.raises(InputError, match=message):
        Recipe(**given)
