"""In-context learning as a glass: against linear attention's own products, closed forms and the author's
data."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from conftest import ROOT

from qspin.errors import CapacityError, InputError, RunError
from qspin.networks.in_context import (
    Examples,
    adam_weights,
    amp_weights,
    draw_examples,
    draw_prompts,
    in_context,
    prediction_loss,
    prompts,
    ridge_weights,
    sign_problem,
    weight_glass,
    zero_eigenvalue_share,
)
from qspin.significance import STANDARD_ERRORS

RECORDED = ROOT.parent / "shared" / "data" / "in_context"
recorded = pytest.mark.skipif(not RECORDED.is_dir(), reason="in_context is not beside this checkout")


def record(name):
    return np.load(RECORDED / f"{name}.npy")


def held_out(dimension, length, n_tasks=4_000):
    return draw_examples(dimension, length, n_tasks, seed=[9, 9])


class TestPrompts:
    def test_they_hold_pairs_of_a_task_and_a_query_without_its_label(self):
        drawn = draw_prompts(4, 6, 3, seed=1)
        x, labels = drawn.matrices[:, :-1], drawn.matrices[:, -1]
        expected = np.einsum("pd,pdn->pn", drawn.tasks, x) / 2
        np.testing.assert_allclose(labels[:, :-1], expected[:, :-1])
        np.testing.assert_allclose(drawn.targets, expected[:, -1])
        assert (labels[:, -1] == 0).all()

    def test_noise_is_added_to_every_label(self):
        quiet, noisy = (draw_prompts(4, 50, 200, noise=noise, seed=1) for noise in (0.0, 0.3))
        np.testing.assert_array_equal(quiet.matrices[:, :-1], noisy.matrices[:, :-1])
        for difference in (
            (noisy.matrices - quiet.matrices)[:, -1, :-1].ravel(),
            noisy.targets - quiet.targets,
        ):
            error = 0.3 / np.sqrt(2 * len(difference))
            assert difference.std() == pytest.approx(0.3, abs=STANDARD_ERRORS * error)

    def test_predictions_are_linear_in_the_weights(self):
        drawn = draw_prompts(4, 6, 5, noise=0.1, seed=2)
        weights = np.random.default_rng(0).normal(size=(5, 5))
        np.testing.assert_allclose(
            drawn.predictions(weights), drawn.examples().rows @ weights.ravel(), atol=1e-12
        )

    def test_blocks_are_those_of_one_draw(self, monkeypatch):
        monkeypatch.setattr(prompts, "_BLOCK", 100)
        examples = draw_examples(4, 6, 23, noise=0.2, seed=3)
        expected = draw_prompts(4, 6, 23, noise=0.2, seed=3).examples()
        np.testing.assert_array_equal(examples.features, expected.features)
        np.testing.assert_array_equal(examples.targets, expected.targets)


class TestGlass:
    @pytest.mark.parametrize("ridge", [0.0, 0.3])
    def test_its_energy_is_half_the_error_and_the_ridge(self, ridge):
        examples = draw_examples(3, 5, 30, noise=0.1, seed=1)
        glass = weight_glass(examples, ridge)
        weights = np.random.default_rng(1).normal(size=(200, 16))
        errors = ((examples.targets - weights @ examples.rows.T) ** 2).mean(axis=1)
        expected = errors / 2 + ridge / 2 * (weights**2).sum(axis=1)
        np.testing.assert_allclose(glass.energies(weights), expected, rtol=1e-12)

    @pytest.mark.parametrize(
        ("dimension", "n_tasks", "share"),
        [
            (20, 100, 1 - 100 / 441),
            (4, 5, 0.8),
            (4, 19, 0.24),
            (4, 20, 0.2),
            (4, 21, 0.2),
            (4, 90, 0.2),
        ],
    )
    def test_directions_without_a_cost(self, dimension, n_tasks, share):
        examples = draw_examples(dimension, 30, n_tasks, seed=5)
        assert zero_eigenvalue_share(examples) == pytest.approx(share, abs=1e-12)
        eigenvalues = np.linalg.eigvalsh(weight_glass(examples).matrix)
        assert (np.abs(eigenvalues) < 1e-10).mean() == pytest.approx(share, abs=1e-12)


class TestRidge:
    def test_it_is_the_ground_state(self):
        examples = draw_examples(4, 8, 15, seed=1)
        glass = weight_glass(examples, 0.05)
        found = ridge_weights(examples, 0.05)
        assert found.converged
        assert found.residual < 1e-12
        ground = found.weights.ravel()
        around = ground + 0.01 * np.random.default_rng(0).normal(size=(100, 25))
        assert (glass.energies(around) > glass.energies(ground)).all()

    def test_without_a_ridge_it_is_the_shortest_of_all_that_fit(self):
        examples = draw_examples(4, 8, 15, seed=1)
        found = ridge_weights(examples)
        assert prediction_loss(found.weights, examples).value < 1e-20
        np.testing.assert_allclose(found.weights, ridge_weights(examples, 1e-10).weights, atol=1e-5)
        for n_tasks in (15, 20, 21, 800):
            found = ridge_weights(draw_examples(4, 8, n_tasks, seed=1))
            assert found.converged
            assert np.abs(found.weights[:, -1]).max() < 1e-10  # nothing asks for the empty column

    def test_its_test_loss_diverges_where_tasks_are_as_many_as_weights(self):
        """At P = D (D + 1) = 42 of D = 6, by the median over draws; the mean has no limit."""
        tasks = [30, 36, 40, 42, 44, 48, 60]
        test = held_out(6, 30)
        losses = [
            np.median([loss_of(draw_examples(6, 30, n, seed=[k, n]), test) for k in range(40)]) for n in tasks
        ]
        assert tasks[int(np.argmax(losses))] == 42
        assert losses[3] > 5 * max(losses[0], losses[-1])

    def test_it_diverges_at_420_tasks_of_dimension_20(self):
        test = held_out(20, 100, 1_000)
        low, at, high = (
            np.median([loss_of(draw_examples(20, 100, n, seed=[k, n]), test) for k in range(3)])
            for n in (360, 420, 500)
        )
        assert at > 10 * max(low, high)

    @recorded
    @pytest.mark.parametrize("alpha", [1.2, 1.5, 2.0])
    def test_it_is_the_authors_curve_above_the_divergence(self, alpha):
        """Which is of Adam, from weights that are no minimum of shortest length: below alpha = 1.2 they
        differ."""
        k = int(np.flatnonzero(record("figS1_alphas") == alpha)[0])
        author, spread = record("figS1_merged_test_mean")[k], record("figS1_merged_test_std")[k]
        test = held_out(20, 100)
        losses = [loss_of(draw_examples(20, 100, round(400 * alpha), seed=[k, 7]), test) for k in range(6)]
        error = spread * np.sqrt(1 / 50 + 1 / len(losses))
        assert np.mean(losses) == pytest.approx(author, abs=STANDARD_ERRORS * error)


def loss_of(examples, test):
    return prediction_loss(ridge_weights(examples).weights, test).value


class TestMessagePassing:
    def test_its_fixed_point_is_the_ground_state(self):
        examples = draw_examples(5, 20, 800, seed=1)
        found = amp_weights(weight_glass(examples, 0.02))
        assert found.converged
        assert found.residual <= 1e-9
        assert 1 < found.n_steps < 1000
        np.testing.assert_allclose(found.weights, ridge_weights(examples, 0.02).weights, atol=1e-6)

    def test_variances_are_those_of_many_weights(self):
        """The diagonal of the inverse, up to what is left of dense couplings at this size."""
        examples = draw_examples(8, 40, 5_000, seed=1)
        glass = weight_glass(examples, 0.02)
        exact = np.diag(np.linalg.inv(glass.matrix)).reshape(9, 9)
        np.testing.assert_allclose(amp_weights(glass).variances, exact, rtol=0.05)

    @recorded
    @pytest.mark.parametrize("length", [40, 100, 200])
    def test_against_the_authors_losses(self, length):
        """D = 20, 10000 tasks, a ridge of 0.01, no reaction; test sets of 1000 tasks, 50 times."""
        examples = draw_examples(20, length, 10_000, seed=length)
        glass, test = weight_glass(examples, 0.01), held_out(20, length)
        found = amp_weights(glass, reaction=False)
        assert found.converged
        expected = record("fig4_amp_loss_mean")[record("fig4_N_list") == length].item()
        loss = prediction_loss(found.weights, test)
        assert loss.value == pytest.approx(expected, rel=0.05)
        ground = prediction_loss(amp_weights(glass).weights, test)
        assert ground.value == pytest.approx(
            prediction_loss(ridge_weights(examples, 0.01).weights, test).value
        )
        assert loss.value < ground.value < 1.12 * loss.value

    def test_without_reaction_penalties_are_lower(self):
        """By V of each: a fixed point in closed form."""
        examples = draw_examples(5, 20, 800, seed=1)
        glass = weight_glass(examples, 0.02)
        found = amp_weights(glass, reaction=False)
        lowered = glass.penalties - glass.couplings**2 @ found.variances.ravel()
        expected = np.linalg.solve(glass.couplings + np.diag(lowered), -glass.fields)
        np.testing.assert_allclose(found.weights.ravel(), expected, atol=1e-6)
        np.testing.assert_allclose(found.variances.ravel(), 1 / lowered, rtol=1e-5)

    def test_what_does_not_converge_is_told(self):
        glass = weight_glass(draw_examples(5, 20, 800, seed=1), 0.02)
        found = amp_weights(glass, max_steps=3)
        assert not found.converged
        assert found.n_steps == 3
        assert found.residual > 1e-9
        with pytest.raises(RunError, match=r"residual .*: draw more tasks \(n_tasks\), take a larger ridge"):
            amp_weights(weight_glass(draw_examples(5, 20, 10, seed=1), 1e-4))


class TestAdam:
    def test_it_ends_at_the_ridge(self):
        examples = draw_examples(3, 30, 200, seed=1)
        for decay in (0.0, 0.1):
            found = adam_weights(examples, n_steps=1000, weight_decay=decay, seed=2)
            assert found.converged
            assert found.n_steps == 1000
            expected = ridge_weights(examples, decay / 2).weights
            np.testing.assert_allclose(found.weights[:, :-1], expected[:, :-1], atol=1e-3)

    @recorded
    def test_it_is_the_authors_curve_where_that_depends_on_the_optimiser(self):
        """At alpha = 0.8, far above least squares."""
        k = int(np.flatnonzero(record("figS1_alphas") == 0.8)[0])
        author, spread = record("figS1_merged_test_mean")[k], record("figS1_merged_test_std")[k]
        test = held_out(20, 100, 1_000)
        draws = [draw_examples(20, 100, 320, seed=[draw, 8]) for draw in range(2)]
        losses = [prediction_loss(adam_weights(draw, seed=1).weights, test).value for draw in draws]
        error = spread * np.sqrt(1 / 50 + 1 / len(losses))
        assert np.mean(losses) == pytest.approx(author, abs=STANDARD_ERRORS * error)
        assert np.mean([loss_of(draw, test) for draw in draws]) < author - STANDARD_ERRORS * error

    def test_directions_without_a_cost_stay(self):
        examples = draw_examples(3, 30, 200, seed=1)
        one, other = (adam_weights(examples, n_steps=n, seed=2).weights for n in (1, 300))
        np.testing.assert_array_equal(one[:, -1], other[:, -1])
        assert not adam_weights(examples, n_steps=1, seed=2).converged


class TestSigns:
    def test_energies_are_half_the_error(self):
        drawn = draw_prompts(4, 6, 12, noise=0.1, seed=1)
        for scale in (None, 0.7):
            problem = sign_problem(drawn.examples(), scale)
            assert problem.n_spins == 20
            spins = np.random.default_rng(3).choice([-1, 1], size=(200, 20)).astype(np.int8)
            expected = [half_error(drawn, problem, s, 8**-0.5 if scale is None else scale) for s in spins]
            np.testing.assert_allclose(problem.energies(spins), expected, rtol=1e-10)

    def test_the_source_is_the_same_problem(self):
        problem = in_context(3, 5, 7, 0.1, 0.4, seed=3)
        assert problem == sign_problem(draw_examples(3, 5, 7, noise=0.1, seed=3), 0.4)

    def test_groups_lead_back_to_the_matrix(self):
        problem = in_context(3, 5, 7, seed=3)
        names = {name: [problem.labels[k] for k in of] for name, of in problem.known.groups.items()}
        assert names["diagonal"] == ["0:0", "1:1", "2:2"]
        assert names["labels"] == ["3:0", "3:1", "3:2"]
        assert sorted(label for of in names.values() for label in of) == sorted(problem.labels)

    def test_many_tasks_teach_the_diagonal(self):
        """By enumeration: the lowest of all signs are +1 on it."""
        problem = in_context(3, 200, 3_000, scale=0.4, seed=1)
        spins = np.array(list(itertools.product([-1, 1], repeat=12)), dtype=np.int8)
        ground = spins[problem.energies(spins).argmin()]
        assert (ground[problem.known.groups["diagonal"]] == 1).all()

    def test_one_dimension_has_no_other_inputs(self):
        assert set(in_context(1, 5, 7, seed=3).known.groups) == {"diagonal", "labels"}


def half_error(drawn, problem, spins, scale):
    """By linear attention's own products."""
    weights = np.zeros((5, 5))
    for label, s in zip(problem.labels, spins, strict=True):
        weights[tuple(int(k) for k in label.split(":"))] = scale * s
    return ((drawn.targets - drawn.predictions(weights)) ** 2).mean() / 2


FEW = draw_examples(2, 3, 4, seed=1)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: draw_prompts(0, 3, 4, seed=1), "dimension must be at least 1; got 0"),
        (lambda: draw_examples(2, 3, 4, noise=-0.1, seed=1), "noise must not be negative; got -0.1"),
        (lambda: draw_examples(2, 3, 2.5, seed=1), "n_tasks must be an integer; got 2.5"),
        (lambda: draw_examples(2, 3, 4, seed=-1), "seed must be at least 0"),
        (lambda: Examples(np.zeros((3, 2, 3)), np.zeros(3)), "examples are features"),
        (lambda: Examples(np.full((3, 2, 2), np.nan), np.zeros(3)), "examples must be finite"),
        (
            lambda: draw_prompts(2, 3, 4, seed=1).predictions(np.eye(2)),
            r"of shape \(3, 3\); got shape \(2, 2\)",
        ),
        (lambda: weight_glass(FEW, -1.0), "ridge must not be negative; got -1"),
        (lambda: weight_glass(FEW).energies(np.zeros(4)), r"spins must have shape \(..., 9\)"),
        (lambda: ridge_weights(FEW, np.nan), "ridge must be finite"),
        (lambda: prediction_loss(np.full((3, 3), np.inf), FEW), "weights W must be finite"),
        (lambda: prediction_loss(np.eye(3), draw_examples(2, 3, 1, seed=1)), "at least 2 examples; got 1"),
        (lambda: amp_weights(weight_glass(FEW)), "takes a positive ridge"),
        (
            lambda: amp_weights(weight_glass(FEW, 1.0), damping=1.0),
            "damping lies between 0 and below 1; got 1",
        ),
        (lambda: amp_weights(weight_glass(FEW, 1.0), tolerance=0), "tolerance must be positive"),
        (lambda: amp_weights(weight_glass(FEW, 1.0), max_steps=0), "max_steps must be at least 1"),
        (
            lambda: adam_weights(FEW, learning_rate=0.0, seed=1),
            "learning_rate and tolerance must be positive",
        ),
        (lambda: sign_problem(FEW, -0.5), "scale must be positive; got -0.5"),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(InputError, match=message):
        call()


def test_what_does_not_fit_in_memory_is_refused():
    for draw in (draw_prompts, draw_examples):
        with pytest.raises(CapacityError, match="of 1000000000 tasks take"):
            draw(20, 100, 10**9, seed=1)
