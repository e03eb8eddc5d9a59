"""Tempering along a trajectory, against enumeration: the last checkpoint, its ln Z, and every swap."""

from __future__ import annotations

import copy
import dataclasses
import itertools
import pickle

import networkx as nx
import numpy as np
import pytest
import torch
from boltzmann_for_tests import one_thread, randomised  # noqa: F401
from scipy import stats

import qspin
from qspin.errors import InputError, RunError
from qspin.measure import offered_by
from qspin.networks import TrajectoryTempering, fit_boltzmann, log_likelihood
from qspin.networks.boltzmann import BoltzmannMachine, HybridBoltzmannMachine, RestrictedBoltzmannMachine
from qspin.networks.boltzmann.machines import generator_of
from qspin.networks.boltzmann.trajectory.exchange import Ladder, exchange, started, works_of
from qspin.networks.boltzmann.trajectory.running import Length, farthest_neighbours, run
from qspin.sampler import OFFERS, Sampler
from qspin.sampling import check_samples

BY_CHANCE = 1e-4
STANDARD_ERRORS = 4.0
GRAPH = nx.Graph([("a", (0, 1)), ("a", 2), ((0, 1), 2), (2, "b"), ("b", "c"), ("c", "a")])


def machines(units):
    return {
        "restricted": RestrictedBoltzmannMachine(4, 2, units),
        "hybrid": HybridBoltzmannMachine(4, 2, units),
        "none hidden": BoltzmannMachine(GRAPH, [], units=units),
        "hidden together": BoltzmannMachine(GRAPH, ["b", "c"], units=units),
    }


CASES = [(units, name) for units in ("spins", "bits") for name in machines("spins")]


def path(units, name, scale=1.0):
    """Machines whose parameters grow, and turn, towards those of the last."""
    made = [randomised(copy.deepcopy(machines(units)[name]), seed, scale) for seed in (1, 2)]
    steps = []
    for share in (0.1, 0.4, 0.7, 1.0):
        at = copy.deepcopy(made[0])
        with torch.no_grad():
            for own, one, other in zip(*(m.parameters() for m in (at, *made)), strict=True):
                own.copy_(share * (share * one + (1 - share) * other))
        steps.append(at)
    return steps


def on(seed=0):
    return generator_of(seed, torch.device("cpu"))


def every(machine):
    """All configurations of the spins of its problem, in its units."""
    low, n = machine.units.low, len(machine.problem_labels)
    return torch.tensor(list(itertools.product([low, 1], repeat=n)), dtype=torch.float64)


def numbered(spins):
    """Numbers of configurations (..., n), in the order of `every`."""
    return (np.asarray(spins) > 0) @ (2 ** np.arange(np.shape(spins)[-1])[::-1])


def probabilities(problem):
    s = np.array(list(itertools.product([-1, 1], repeat=problem.n_spins)))
    weights = np.exp(-(problem.energies(s) - problem.energies(s).min()))
    return weights / weights.sum()


def check_distribution(spins, problem):
    """Pearson's test of independent configurations (n, N); cells of less than five expected ones together."""
    expected = probabilities(problem) * len(spins)
    found = np.bincount(numbered(spins), minlength=len(expected))
    rare = expected < 5
    cells = [np.append(values[~rare], values[rare].sum()) for values in (found, expected)]
    keep = cells[1] > 0
    assert stats.chisquare(cells[0][keep], cells[1][keep]).pvalue > BY_CHANCE


STEPS = [0, 4, 8, 12, 16, 20, 30, 40, 60, 80, 100]


@pytest.fixture(scope="module")
def fit():
    machine = RestrictedBoltzmannMachine(6, 3)
    rows = np.repeat([[1, 1, 1, 1, 1, 1], [-1, -1, -1, -1, -1, -1], [1, -1, 1, 1, -1, -1]], 2, axis=0)
    settings = {"n_steps": 100, "learning_rate": 0.05, "likelihood": "none", "keep_at": STEPS}
    return fit_boltzmann(machine, rows, "exact", seed=0, **settings)


def along(fit, **changes):
    settings = {"n_replicas": 8, "n_burn_in": 50, "n_sweeps": 100, "n_draws": 20}
    return TrajectoryTempering.of(fit.machine, fit.kept, **{**settings, **changes})


# -- oracles --------------------------------------------------------------------------------------


@pytest.mark.parametrize(("units", "name"), CASES)
def test_the_last_checkpoint_is_sampled(units, name):
    """A draw of each of many replicas, which are independent."""
    steps = path(units, name)
    problem = steps[-1].problem()
    sampler = TrajectoryTempering(checkpoints=steps, n_replicas=3_000, n_burn_in=40, n_sweeps=2, n_draws=1)
    samples = sampler.sample(problem, seed=1)
    check_samples(samples, problem)
    check_distribution(samples.spins.values[0, :, 0], problem)


@pytest.mark.parametrize("name", ["restricted", "hybrid"])
def test_machines_taken_one_by_one_sample_the_same(name):
    steps = path("bits", name)
    ladder = dataclasses.replace(Ladder.of(steps), layers=None)
    done = run(ladder, Length(3_000, 40, 2, 1), on(2))
    n = len(steps[-1].problem_labels)
    check_distribution(done.at[0, :, 0, :n].numpy(), steps[-1].problem())


@pytest.mark.parametrize(("units", "name"), CASES)
def test_weights_are_those_of_the_machines(units, name):
    """Of all at once and of one by one; a machine without hidden sums has those of all units."""
    steps = path(units, name)
    ladder = Ladder.of(steps)
    x = started(ladder, 50, on()).at
    logs = ladder.log_weights(x)
    for k, machine in enumerate(steps, 1):
        v = x[k, :, : machine.n_visible]
        known = machine.energies(x[k]) if name == "hidden together" else machine.free_energy(v)
        torch.testing.assert_close(logs[k], -known, rtol=0, atol=1e-10)
        torch.testing.assert_close(ladder.log_weights_at(k, x[k]), -known, rtol=0, atol=1e-10)
    torch.testing.assert_close(logs[0], ladder.log_weights_at(0, x[0]), rtol=0, atol=1e-10)


@pytest.mark.parametrize(("units", "name"), [c for c in CASES if c[1] != "hybrid"])
def test_swaps_balance_in_detail(units, name):
    """pi(x) pi'(y) P(swap of x, y) is the same as of y, x: for all pairs of configurations."""
    steps = path(units, name, scale=1.5)
    ladder = Ladder.of(steps)
    x = torch.tensor(list(itertools.product([steps[0].units.low, 1], repeat=6)), dtype=torch.float64)
    x = x[:, : len(steps[0].labels)].unique(dim=0)
    one, other = (part.reshape(-1, x.shape[1]) for part in torch.broadcast_tensors(x[:, None], x[None]))
    for pair in range(1, len(steps)):
        logs = [-_energy(machine, x) for machine in steps[pair - 1 : pair + 1]]
        before = (logs[0][:, None] + logs[1][None]).numpy()
        at = torch.stack([one if k == pair else other for k in range(len(ladder))])
        works = works_of(ladder, at, np.array([pair]))[0]
        rate = np.minimum(1, np.exp((works[1] - works[0]).reshape(len(x), -1).numpy()))
        flow = np.exp(before - before.max()) * rate
        np.testing.assert_allclose(flow, flow.T, rtol=1e-9)


def _energy(machine, x):
    if len(machine.hidden) and isinstance(machine, RestrictedBoltzmannMachine):
        return machine.free_energy(x[:, : machine.n_visible]).detach()
    return machine.energies(x).detach()


def test_swaps_move_configurations_with_their_walkers():
    ladder = Ladder.of(path("spins", "restricted"))
    walkers = started(ladder, 30, on())
    before = walkers.at.clone()
    exchange(ladder, walkers, 1, on(1))
    for k, r in itertools.product(range(len(ladder)), range(30)):
        assert torch.equal(walkers.at[k, r], before[walkers.numbers[k, r], r])
    assert (np.sort(walkers.numbers, axis=0) == np.arange(len(ladder))[:, None]).all()
    assert 0 < walkers.accepted[1] < walkers.attempts[1] == 30
    assert not walkers.attempts[[0, 2]].any()


@pytest.mark.parametrize(("units", "name"), CASES)
def test_the_partition_function_is_that_of_enumeration(units, name):
    steps = path(units, name)
    sampler = TrajectoryTempering(checkpoints=steps, n_replicas=30, n_burn_in=30, n_sweeps=200, n_draws=100)
    problem = steps[-1].problem()
    exact = np.log(np.exp(-problem.energies(2 * (every(steps[-1]).numpy() > 0) - 1)).sum())
    value, error, remarks = sampler.log_partition(seed=3)
    assert not remarks
    assert 0 < error < 0.1
    assert abs(value - exact) < STANDARD_ERRORS * error


def test_a_trained_machine_by_its_likelihood(fit):
    rows = [[1, 1, 1, 1, 1, 1], [1, -1, 1, 1, -1, -1]]
    exact = log_likelihood(fit.machine, rows)
    sampler = along(fit, n_replicas=30, n_sweeps=300, n_draws=150).thinned(seed=1)
    found = log_likelihood(fit.machine, rows, "trajectory", seed=2, trajectory=sampler)
    assert abs(found.value - exact.value) < STANDARD_ERRORS * found.error
    assert found.error < 0.1
    assert found.method == "trajectory"


# -- what comes back ------------------------------------------------------------------------------


def test_samples_are_of_one_temperature_and_many_replicas(fit, tmp_path):
    sampler = along(fit)
    problem = fit.machine.problem()
    samples = sampler.sample(problem, seed=5)
    check_samples(samples, problem)
    assert isinstance(sampler, Sampler)
    assert dict(samples.spins.sizes) == {"beta": 1, "replica": 8, "draw": 20, "spin": 9}
    assert samples.betas.tolist() == [1.0]
    assert sampler.offers == offered_by(samples, problem) & set(OFFERS)
    assert samples.info["trajectory"]["steps"] == STEPS
    assert samples.dataset["checkpoint_step"].values.tolist() == STEPS
    rates = samples.dataset["checkpoint_swap_rate"].values
    assert rates.shape == (11,)
    assert ((rates > 0.2) & (rates <= 1)).all()
    assert samples.dataset["round_trips"].values.sum() > 0
    samples.save(tmp_path / "samples.nc")
    again = qspin.SampleSet.load(tmp_path / "samples.nc", problem)
    assert again.info == samples.info
    qspin.analysis.equilibrium_remarks(samples)


def test_a_seed_gives_the_same_samples_and_no_seed_is_recorded(fit):
    problem = fit.machine.problem()
    first, again, other = (along(fit).sample(problem, seed=seed).spins.values for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)
    assert isinstance(along(fit).sample(problem).info["seed"], int)


def test_settings_travel_and_are_plain(fit):
    sampler = along(fit)
    for twin in (copy.deepcopy(sampler), pickle.loads(pickle.dumps(sampler))):
        assert twin == sampler
    told = qspin.settings.settings_of(sampler)
    assert set(told["checkpoints"]) == {"steps", "machine", "sha256"}
    fewer = {step: fit.kept[step] for step in (0, 60, 100)}
    assert TrajectoryTempering.of(fit.machine, fewer) != TrajectoryTempering.of(fit.machine, fit.kept)
    with pytest.raises(AttributeError):
        sampler.n_replicas = 3


def test_a_trajectory_is_not_changed_with_its_machine(fit):
    machine = copy.deepcopy(fit.machine)
    sampler = TrajectoryTempering(checkpoints=[machine], n_sweeps=10, n_draws=2)
    problem = machine.problem()
    with torch.no_grad():
        machine.weights.mul_(2)
    sampler.check(problem)
    with pytest.raises(InputError, match="another problem"):
        sampler.check(machine.problem())


def test_it_draws_for_whoever_takes_a_backend(fit):
    rows = qspin.networks.boltzmann.sample(fit.machine, 40, along(fit), seed=1)
    assert rows.shape == (40, 6)
    ends = along(fit).sample(fit.machine.problem(), seed=2).spins.values[0, :, -1]
    start = fit.machine.from_spins(ends)
    found = log_likelihood(fit.machine, rows, "ais", start=start, n_chains=50, n_betas=50)
    assert np.isfinite(found.value)


# -- checkpoints ----------------------------------------------------------------------------------


def test_checkpoints_are_thinned_until_swaps_become_rare(fit):
    sampler = along(fit, n_replicas=30, n_sweeps=200, n_draws=50)
    few = sampler.thinned(seed=1, least=0.3)
    fewer = sampler.thinned(seed=1, least=0.05)
    steps = [s.checkpoints.steps for s in (sampler, few, fewer)]
    assert len(steps[2]) < len(steps[1]) < len(steps[0])
    assert all(set(one) <= set(steps[0]) and one[-1] == 100 for one in steps)
    assert dataclasses.replace(few, checkpoints=sampler.checkpoints) == sampler
    rates = few.sample(fit.machine.problem(), seed=2).dataset["checkpoint_swap_rate"].values
    assert (rates > 0.2).all()
    with pytest.raises(InputError, match="between 0 and 1; got 1"):
        sampler.thinned(least=1)


def test_the_share_of_swaps_is_foretold(fit):
    """By configurations of two states, without a swap between them."""
    ladder = Ladder.of(along(fit).checkpoints.at_steps)
    done = run(ladder, Length(200, 50, 40, 4), on(3), everywhere=True)
    found = farthest_neighbours(ladder, done.at, 0.999)
    assert [state for state, _ in found] == list(range(1, 12))
    np.testing.assert_allclose([share for _, share in found], done.swap_rates, atol=0.05)


def test_neighbours_that_are_far_apart_are_named(fit):
    strong = copy.deepcopy(fit.machine)
    with torch.no_grad():
        strong.visible_biases.copy_(torch.tensor([9.0, -9.0] * 3))
    kept = {8: fit.kept[8], 100: fit.kept[100], 400: strong.state_dict()}
    sampler = TrajectoryTempering.of(fit.machine, kept, n_replicas=4, n_burn_in=20, n_sweeps=40, n_draws=10)
    samples = sampler.sample(strong.problem(), seed=1)
    assert [remark.code for remark in samples.remarks] == ["low-swap-rate", "no-round-trip"]
    assert "steps 100 and 400" in samples.remarks[0].text
    with pytest.raises(RunError, match="steps 100 and 400 do not overlap"):
        sampler.log_partition(seed=1)
    with pytest.raises(RunError, match="steps 100 and 400 are accepted in 0.00%"):
        sampler.thinned(seed=1)


def test_a_trajectory_that_begins_late_is_told():
    late = RestrictedBoltzmannMachine(40, 10, spread=1.0)
    sampler = TrajectoryTempering(checkpoints=[late], n_replicas=4, n_burn_in=10, n_sweeps=40, n_draws=10)
    with pytest.raises(RunError, match="independent units and the first checkpoint, step 0, do not overlap"):
        sampler.log_partition(seed=1)


# -- refusals -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"checkpoints": []}, "at least one checkpoint: keep_at"),
        ({"checkpoints": [3]}, "checkpoints are machines of qspin.networks"),
        ({"checkpoints": 3}, "checkpoints are machines of qspin.networks"),
        (
            {"checkpoints": [RestrictedBoltzmannMachine(3, 2), RestrictedBoltzmannMachine(3, 3)]},
            "checkpoint 1 is of another machine than the first",
        ),
        (
            {"checkpoints": [RestrictedBoltzmannMachine(3, 2), RestrictedBoltzmannMachine(3, 2, "bits")]},
            "its units are bits, here spins",
        ),
        ({"n_replicas": 1}, "n_replicas: should be greater than or equal to 2; got 1"),
        ({"n_draws": 11, "n_sweeps": 10}, "n_draws is at most n_sweeps, 10; got 11"),
        ({"n_sweeps": 10, "n_draws": 1, "swap_every": 6}, "n_sweeps is at least 2 swap_every, 12"),
        ({"betas": [1.0]}, "has no setting 'betas'"),
    ],
)
def test_what_is_no_trajectory(given, message):
    with pytest.raises(InputError, match=message):
        TrajectoryTempering(**{"checkpoints": [RestrictedBoltzmannMachine(3, 2)], **given})


def test_state_dicts_that_are_no_trajectory(fit):
    with pytest.raises(InputError, match="at least one checkpoint: keep_at"):
        TrajectoryTempering.of(fit.machine, {})
    other = RestrictedBoltzmannMachine(6, 4).state_dict()
    with pytest.raises(InputError, match="the checkpoint of step 7 is of another machine"):
        TrajectoryTempering.of(fit.machine, {0: fit.kept[0], 7: other})
    with pytest.raises(InputError, match="checkpoints are machines of qspin.networks"):
        TrajectoryTempering.of(3, fit.kept)
    broken = {name: tensor.clone() for name, tensor in fit.kept[0].items()}
    broken["weights"][0, 0] = torch.nan
    with pytest.raises(InputError, match="finite"):
        TrajectoryTempering.of(fit.machine, {0: broken})


def test_problems_that_are_not_at_its_end(fit):
    sampler = along(fit)
    for problem, came in (
        (RestrictedBoltzmannMachine(6, 3).problem(), "as many spins with other couplings"),
        (qspin.IsingProblem([[0, 1], [1, 0]]), "of 2 spins"),
    ):
        for ask in (sampler.sample, sampler.check, sampler.workload):
            with pytest.raises(InputError, match=f"last checkpoint, step 100, of 9 spins.*{came}"):
                ask(problem)
    with pytest.raises(InputError, match="takes no initial"):
        sampler.sample(fit.machine.problem(), initial=[1] * 9)
    with pytest.raises(InputError, match="expected an IsingProblem"):
        sampler.sample(3)


def test_a_likelihood_along_no_trajectory(fit):
    rows = [[1, 1, 1, 1, 1, 1]]
    for wrong in (None, 3):
        with pytest.raises(InputError, match="pass trajectory=TrajectoryTempering.of"):
            log_likelihood(fit.machine, rows, "trajectory", trajectory=wrong)
    with pytest.raises(InputError, match="another problem"):
        log_likelihood(RestrictedBoltzmannMachine(6, 3), rows, "trajectory", trajectory=along(fit))
