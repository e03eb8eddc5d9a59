"""Estimators with scikit-learn's habits: its own checks, and what they say against enumeration."""

from __future__ import annotations

import itertools
import pickle

import numpy as np
import pytest
import torch
from boltzmann_for_tests import one_thread  # noqa: F401
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import parametrize_with_checks

import qspin
from qspin.errors import InputError
from qspin.networks import BoltzmannClassifier, BoltzmannTransformer

PATTERNS = np.array([[0, 0, 0, 1, 1, 1], [1, 1, 1, 0, 0, 0], [1, 0, 1, 0, 1, 0]])


@parametrize_with_checks(
    [
        BoltzmannTransformer(4, n_iter=2, batch_size=50, random_state=0),
        BoltzmannClassifier(4, n_iter=20, batch_size=30, learning_rate=0.05, sampler="exact", random_state=0),
    ]
)
def test_checks_of_scikit_learn(estimator, check):
    check(estimator)


def noisy(n=60, seed=0):
    """Patterns and their numbers, a tenth of the bits turned."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, len(PATTERNS), n)
    return PATTERNS[y] ^ (rng.random((n, 6)) < 0.1), y


def every(n, low):
    return np.array(list(itertools.product([low, 1], repeat=n)))


@pytest.fixture(scope="module", params=["bits", "spins"])
def transformer(request):
    low = {"bits": 0, "spins": -1}[request.param]
    X = np.where(noisy()[0] == 1, 1, low)
    return BoltzmannTransformer(3, n_iter=20, units=request.param, random_state=1).fit(X)


def test_hidden_means_and_likelihoods_are_those_of_the_model(transformer):
    """By sums over all configurations of visible and hidden units."""
    machine = transformer.machine_
    low = machine.units.low
    v, h = every(6, low), every(3, low)
    whole = np.concatenate([np.repeat(v, 8, axis=0), np.tile(h, (64, 1))], axis=1)
    weights = np.exp(-machine.energies(whole).detach().numpy()).reshape(64, 8)
    np.testing.assert_allclose(
        transformer.score_samples(v), np.log(weights.sum(axis=1) / weights.sum()), atol=1e-10
    )
    assert transformer.score(v) == pytest.approx(transformer.score_samples(v).mean())
    means = weights @ h / weights.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(transformer.transform(v), means, atol=1e-10)
    W = transformer.components_
    assert W.shape == (3, 6)
    field = v @ W.T + transformer.intercept_hidden_
    np.testing.assert_allclose(means, np.tanh(field) if low else 1 / (1 + np.exp(-field)), atol=1e-10)
    assert transformer.intercept_visible_.shape == (6,)
    assert transformer.get_feature_names_out().tolist() == [f"boltzmanntransformer{k}" for k in range(3)]


def test_draws_are_values_of_the_units(transformer):
    low = transformer.machine_.units.low
    for drawn in (
        transformer.sample(50, n_sweeps=20),
        transformer.sample(50, sampler="exact", random_state=3),
        transformer.gibbs(np.full((50, 6), low)),
    ):
        assert drawn.shape == (50, 6)
        assert set(np.unique(drawn)) == {low, 1}
    np.testing.assert_array_equal(transformer.sample(5, n_sweeps=3), transformer.sample(5, n_sweeps=3))


def test_likelihoods_between_bounds_say_their_error():
    X, _ = noisy()
    transformer = BoltzmannTransformer(3, n_iter=3, likelihood="ais", random_state=1).fit(X)
    found = transformer.log_likelihood_
    exact = clone(transformer).set_params(likelihood="exact").fit(X)
    assert found.method == "ais"
    assert abs(found.log_partition - exact.log_likelihood_.log_partition) < 4 * found.error
    assert found.error > 0 == exact.log_likelihood_.error
    np.testing.assert_allclose(
        transformer.score_samples(X) - exact.score_samples(X),
        exact.log_likelihood_.log_partition - found.log_partition,
    )


def test_classes_by_enumeration():
    """p(class | x) with one class unit up, over all hidden units."""
    X, y = noisy()
    names = np.array(["a", "b", "c"])
    classifier = BoltzmannClassifier(3, n_iter=60, learning_rate=0.05, random_state=0).fit(X, names[y])
    machine, h = classifier.machine_, every(3, 0)
    assert machine.n_visible == 9
    joint = np.empty((len(X), 3))
    for k, (own, n) in enumerate(itertools.product(np.eye(3, dtype=int), [len(X)])):
        rows = np.concatenate([X, np.tile(own, (n, 1))], axis=1)
        whole = np.concatenate([np.repeat(rows, 8, axis=0), np.tile(h, (n, 1))], axis=1)
        joint[:, k] = np.exp(-machine.energies(whole).detach().numpy()).reshape(n, 8).sum(axis=1)
    np.testing.assert_allclose(
        classifier.predict_proba(X), joint / joint.sum(axis=1, keepdims=True), atol=1e-10
    )
    Z = np.exp(classifier.log_likelihood_.log_partition)
    np.testing.assert_allclose(classifier.score_samples(X), np.log(joint.sum(axis=1) / Z), atol=1e-10)
    assert classifier.classes_.tolist() == ["a", "b", "c"]
    assert (classifier.predict(X) == names[joint.argmax(axis=1)]).all()
    assert classifier.score(X, names[y]) > 0.8
    assert classifier.sample(4, n_sweeps=5).shape == (4, 6)


def test_samplers_and_settings_reach_the_training():
    X, _ = noisy()
    tempering = qspin.get_backend(
        "tempering", betas=[0.5, 1.0], n_replicas=10, n_burn_in=0, n_sweeps=5, n_draws=1
    )
    for sampler in ("exact", "cd", tempering):
        fitted = BoltzmannTransformer(2, n_iter=2, batch_size=25, sampler=sampler, random_state=0).fit(X)
        assert fitted.curves_.sizes["step"] == 2 * 3
        assert np.isfinite(fitted.score(X))
    small = BoltzmannTransformer(2, n_iter=5, weight_decay=10.0, sampler="exact", random_state=0).fit(X)
    large = clone(small).set_params(weight_decay=0.0).fit(X)
    assert np.abs(small.components_).max() < np.abs(large.components_).max()
    assert BoltzmannTransformer(2, n_iter=1).fit(X.astype(np.float32)).machine_.like.dtype == torch.float32


def test_real_data_become_units_by_a_threshold_that_is_told():
    X = np.array([[0.1, 7.0, 1.0], [0.3, 9.0, 1.0], [0.9, 8.5, 1.0]])
    transformer = BoltzmannTransformer(2, n_iter=1, sampler="exact", random_state=0)
    means = X.mean(axis=0)
    np.testing.assert_allclose(transformer.fit(X).thresholds_, means)
    ready = (means < X).astype(int)
    np.testing.assert_array_equal(transformer.gibbs(X, 0), ready)
    np.testing.assert_array_equal(
        transformer.transform(X), clone(transformer).set_params(threshold=None).fit(ready).transform(ready)
    )
    assert clone(transformer).set_params(threshold=0.5).fit(X).gibbs(X, 0).tolist() == [
        [0, 1, 1],
        [0, 1, 1],
        [1, 1, 1],
    ]
    constant = np.ones((4, 2))
    assert transformer.fit(constant).thresholds_ is None
    assert (transformer.gibbs(constant, 0) == 1).all()


def test_what_is_refused():
    X, _ = noisy()
    transformer = BoltzmannTransformer(2, n_iter=1, random_state=0)
    with pytest.raises(InputError, match=r"X must be 0 or 1.*got 0.5: pass threshold=0.5"):
        clone(transformer).set_params(threshold=None).fit(X * 0.5)
    with pytest.raises(InputError, match=r"and the data of fit were; got -1"):
        transformer.fit(X).transform(2 * X - 1)
    with pytest.raises(ValueError, match="contains NaN"):
        transformer.fit(np.where(X == 1, np.nan, 0.0))
    for wrong, message in (
        ({"threshold": "median"}, "threshold is a number, 'auto' or None"),
        ({"n_components": 0}, "n_components must be"),
        ({"n_iter": 0}, "n_iter must be"),
        ({"batch_size": 0}, "batch_size must be"),
        ({"units": "potts"}, "units must be 'spins'"),
        ({"sampler": "pdc"}, "did you mean 'pcd'"),
        ({"likelihood": "pseudo"}, "likelihood 'pseudo'"),
        ({"device": "gpu"}, "device must be one that torch can use here.*got 'gpu'"),
        ({"device": "meta"}, "device must hold values"),
        *([({"device": "cuda"}, "got 'cuda'")] if not torch.cuda.is_available() else []),
    ):
        with pytest.raises(InputError, match=message):
            clone(transformer).set_params(**wrong).fit(X)


def test_in_pipelines_grids_and_files():
    X, y = noisy()
    transformer = BoltzmannTransformer(3, n_iter=2, random_state=0)
    pipeline = make_pipeline(transformer, LogisticRegression()).fit(X, y)
    again = pickle.loads(pickle.dumps(pipeline))
    np.testing.assert_array_equal(again.predict(X), pipeline.predict(X))
    grid = GridSearchCV(transformer, {"n_components": [1, 2]}, cv=2).fit(X)
    assert np.isfinite(grid.cv_results_["mean_test_score"]).all()
    assert clone(pipeline[0]).get_params() == transformer.get_params()
