"""Training of Boltzmann machines: gradients against enumeration, samplers against exact sums."""

from __future__ import annotations

import itertools
import math
import re

import networkx as nx
import numpy as np
import pytest
import torch
from boltzmann_for_tests import one_thread, randomised  # noqa: F401
from scipy import stats
from torch.optim.lr_scheduler import LambdaLR, LinearLR, SequentialLR

import qspin
from qspin.errors import CapacityError, InputError, RunError
from qspin.networks.boltzmann import (
    BoltzmannMachine,
    ExactPhase,
    GibbsPhase,
    HybridBoltzmannMachine,
    RestrictedBoltzmannMachine,
    SampledPhase,
    fit_boltzmann,
    log_likelihood,
)
from qspin.networks.boltzmann.enumeration import enumerated
from qspin.networks.boltzmann.fitting.phases import average_over
from qspin.networks.boltzmann.fitting.positive import positive_gradients
from qspin.networks.boltzmann.fitting.record import Record, remarks_on
from qspin.networks.boltzmann.machines import gradients_of
from qspin.provenance import run_info
from qspin.samples import SampleSet


def bars_and_stripes(n, units="spins"):
    """All distinct patterns (2^(n+1) - 2, n^2)."""
    rows = np.array(list(itertools.product([0, 1], repeat=n)))
    bars = np.repeat(rows[:, None, :], n, axis=1).reshape(-1, n * n)
    stripes = np.repeat(rows[:, :, None], n, axis=2).reshape(-1, n * n)
    bits = np.unique(np.concatenate([bars, stripes]), axis=0)
    return 2 * bits - 1 if units == "spins" else bits


def machines(units):
    """Of twelve units each."""
    graph = nx.circulant_graph(12, [1, 2, 5])
    return {
        "restricted": randomised(RestrictedBoltzmannMachine(7, 5, units)),
        "none hidden": randomised(BoltzmannMachine(graph, [], units=units)),
        "hidden apart": randomised(BoltzmannMachine(graph, [0, 3, 6], units=units)),
        "hidden together": randomised(BoltzmannMachine(graph, [0, 1, 2, 3], units=units)),
    }


CASES = [(units, name) for units in ("spins", "bits") for name in machines(units)]


def all_states(machine, n):
    return np.array(list(itertools.product([machine.units.low, 1], repeat=n)), dtype=np.float64)


def averages(machine, x, weights):
    """<dE/d(parameter)> over weighted configurations, from the definition of the energy."""
    if isinstance(machine, RestrictedBoltzmannMachine):
        v, h = x[:, : machine.n_visible], x[:, machine.n_visible :]
        return {
            "weights": -np.einsum("k,ki,kj->ij", weights, v, h),
            "visible_biases": -weights @ v,
            "hidden_biases": -weights @ h,
        }
    place = {label: k for k, label in enumerate(machine.labels)}
    pairs = [weights @ (x[:, place[u]] * x[:, place[v]]) for u, v in machine.edges]
    return {"couplings": np.array(pairs), "fields": weights @ x}


def by_enumeration(machine, data):
    """Gradient of minus the mean log-likelihood, over all configurations of all units."""
    x = all_states(machine, len(machine.labels))
    weights = np.exp(-machine.energies(x).detach().numpy())
    of_model = averages(machine, x, weights / weights.sum())
    of_data = np.zeros(len(x))
    for v in data:
        fits = (x[:, : machine.n_visible] == v).all(axis=1)
        of_data += np.where(fits, weights, 0) / weights[fits].sum() / len(data)
    found = averages(machine, x, of_data)
    return {name: found[name] - of_model[name] for name in found}


def some_data(machine, n=6, seed=0):
    return np.random.default_rng(seed).choice([machine.units.low, 1], size=(n, machine.n_visible))


# -- gradients ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("units", "name"), CASES)
def test_exact_gradients(units, name):
    machine = machines(units)[name]
    data = some_data(machine)
    negative = ExactPhase().negative(machine, machine.checked_visible(data), {}, 0)
    positive = positive_gradients(machine, machine.checked_visible(data), 0, 1)
    expected = by_enumeration(machine, data)
    for key, value in expected.items():
        np.testing.assert_allclose(positive[key] - negative.gradients[key], value, atol=1e-10)


@pytest.mark.parametrize("units", ["spins", "bits"])
@pytest.mark.parametrize("kind", [RestrictedBoltzmannMachine, HybridBoltzmannMachine])
def test_gradients_in_closed_form(kind, units):
    machine = randomised(kind(7, 5, units))
    data = machine.checked_visible(some_data(machine))
    found, expected = machine.gradients_over(data), gradients_of(machine, machine.free_energy(data).mean())
    assert found.keys() == expected.keys()
    for key, value in expected.items():
        torch.testing.assert_close(found[key], value, atol=1e-12, rtol=0)


@pytest.mark.parametrize(("units", "name"), CASES)
def test_centred_gradients(units, name):
    """As of a machine whose energy is written in x - offset: the chain rule through its own parameters."""
    machine = machines(units)[name]
    plain = {k: torch.as_tensor(v) for k, v in by_enumeration(machine, some_data(machine)).items()}
    offsets = torch.linspace(-0.4, 0.7, len(machine.labels), dtype=torch.float64)
    found = machine.centred(plain, offsets)
    x = all_states(machine, len(machine.labels))
    weights, shifted = np.exp(-machine.energies(x).detach().numpy()), x - offsets.numpy()
    weights /= weights.sum()
    of_data = np.zeros(len(x))
    for v in some_data(machine):
        fits = (x[:, : machine.n_visible] == v).all(axis=1)
        of_data += np.where(fits, weights, 0) / weights[fits].sum() / 6
    own = {
        k: v - averages(machine, shifted, weights)[k] for k, v in averages(machine, shifted, of_data).items()
    }
    for key in own:
        np.testing.assert_allclose(found[key], own[key], atol=1e-10)
    # a step along them changes the energy as it does in the centred form, but for a constant
    step, before = 0.1, {key: parameter.detach().clone() for key, parameter in machine.named_parameters()}
    energies = machine.energies(x).detach().numpy()
    with torch.no_grad():
        for key, parameter in machine.named_parameters():
            parameter -= step * found[key]
    machine.follow(before, offsets)
    change = machine.energies(x).detach().numpy() - energies
    features = _features(machine, shifted)
    expected = -step * sum((features[key] * own[key]).reshape(len(x), -1).sum(axis=1) for key in own)
    np.testing.assert_allclose(change - change.mean(), expected - expected.mean(), atol=1e-10)


def _features(machine, x):
    """dE/d(parameter) of configurations, which need not be values of the units."""
    if isinstance(machine, RestrictedBoltzmannMachine):
        v, h = x[:, : machine.n_visible], x[:, machine.n_visible :]
        return {"weights": -v[:, :, None] * h[:, None, :], "visible_biases": -v, "hidden_biases": -h}
    place = {label: k for k, label in enumerate(machine.labels)}
    pairs = np.stack([x[:, place[u]] * x[:, place[v]] for u, v in machine.edges], axis=1)
    return {"couplings": pairs, "fields": x}


def backend(name, **settings):
    return SampledPhase(qspin.get_backend(name, **settings))


LADDER = [0.2, 0.35, 0.6, 1.0]
SAMPLERS = {
    "pcd": GibbsPhase(n_sweeps=30, n_chains=1_000),
    "exact": backend("exact", betas=[1.0], n_replicas=1_000),
    "tempering": backend(
        "tempering", betas=LADDER, n_replicas=100, n_burn_in=30, n_sweeps=50, n_draws=5, n_threads=1
    ),
    "annealing": backend(
        "tempering", method="annealing", betas=LADDER, n_replicas=500, n_sweeps=200, n_threads=1
    ),
    "population": backend(
        "tempering", method="population", betas=LADDER, n_replicas=4, n_population=200, n_sweeps=80,
        n_draws=200, n_threads=1,
    ),
    "annealer": backend(
        "annealer", topology="none", physics="thermal", temperature=0.8, n_reads=500, n_sweeps=200, n_gauges=2
    ),
}  # fmt: skip
"""Phases whose averages are those of the machine, an annealer's at the temperature that it measures."""

THREE_ERRORS = 0.0027  # how often chance exceeds three standard errors


def deviations(machine, phase, n_calls):
    """Of every entry of the gradient from enumeration, where visible units are at the temperature of the
    samples: the mean over calls in its standard errors; and of the whole gradient what is claimed, and found.
    """
    visible, n_hidden = all_states(machine, machine.n_visible), machine.n_hidden
    energies = machine.energies(all_states(machine, len(machine.labels))).detach()
    batch, off, claimed = machine.checked_visible(some_data(machine)), [], []
    for seed in range(n_calls):
        found = phase.negative(machine, batch, {}, seed)
        weights = torch.softmax(-found.beta * energies, 0).reshape(-1, 2**n_hidden).sum(1)
        exact = gradients_of(machine, (weights * machine.free_energy(visible)).sum())
        off.append(torch.cat([(found.gradients[key] - exact[key]).ravel() for key in exact]).numpy())
        claimed.append(found.noise)
    error = np.std(off, axis=0, ddof=1) / math.sqrt(n_calls)
    return np.mean(off, axis=0) / error, np.mean(np.square(claimed)), np.mean(np.square(off)) * len(error)


@pytest.mark.parametrize(
    ("name", "sampler"),
    [("restricted", sampler) for sampler in SAMPLERS]
    + [("hidden together", sampler) for sampler in ("pcd", "tempering")],
)
def test_sampled_gradients_within_their_errors(name, sampler):
    """47 or 48 entries of each of eight gradients: so many beyond three errors as chance has, not one more.

    By Student's t, as errors are those of 12 calls; and the noise that a phase claims is what it has.
    """
    scores, claimed, found = deviations(machines("spins")[name], SAMPLERS[sampler], n_calls=12)
    beyond = np.abs(scores) > stats.t.isf(THREE_ERRORS / 2, 11)
    assert beyond.sum() <= stats.binom.isf(1e-3, len(scores), THREE_ERRORS)
    assert 0.4 < claimed / found < 2.5


@pytest.mark.parametrize("sampler", ["annealing", "population", "annealer"])
def test_what_starts_anew_teaches_step_after_step(sampler):
    """Also where a sampler of the same name could go on from configurations."""
    machine = RestrictedBoltzmannMachine(4, 2)
    fit = fit_boltzmann(machine, bars_and_stripes(2), SAMPLERS[sampler], seed=0, n_steps=3, likelihood="none")
    assert np.isfinite(fit.curves.gradient_norm).all()


def test_contrastive_divergence_is_biased_the_less_the_more_it_sweeps():
    """Chains that start at the data are not of the machine after one sweep."""
    machine = machines("spins")["restricted"]
    batch = machine.checked_visible(some_data(machine)).repeat(500, 1)
    exact, off = ExactPhase().negative(machine, batch, {}, 0).gradients, []
    for n_sweeps in (1, 3, 30):
        found = GibbsPhase(n_sweeps=n_sweeps, persistent=False).negative(machine, batch, {}, 0)
        assert found.state == {}
        apart = sum(float(((found.gradients[key] - exact[key]) ** 2).sum()) for key in exact)
        off.append(math.sqrt(apart) / found.noise)
    assert off[0] > off[1] > 5
    assert off[2] < 2


def test_gradients_of_a_circuit_at_its_own_temperature():
    """Weak fields and couplings turn up alike in the shots of one layer where its mixer is pi / 6, since then
    sin(2 beta) = sin(4 beta): at beta = sqrt(3) gamma of the machine.
    """
    machine = randomised(RestrictedBoltzmannMachine(4, 2), scale=0.1)
    circuit = backend("qaoa", angles={"gamma": [3**-0.5], "beta": [math.pi / 6]}, n_shots=500)
    scores, claimed, found = deviations(machine, circuit, n_calls=6)
    assert (np.abs(scores) < stats.t.isf(THREE_ERRORS / 2, 5)).all()
    assert 0.4 < claimed / found < 2.5
    own = circuit.negative(machine, machine.checked_visible(some_data(machine)), {}, 0)
    assert abs(own.beta - 1) < 4 * own.beta_error


def test_the_noise_of_a_gradient_is_its_scatter():
    machine = machines("spins")["restricted"]
    generator = torch.Generator().manual_seed(0)
    found = enumerated(machine)
    each = [average_over(machine, found.draws(machine, 200, generator)) for _ in range(60)]
    mean = {k: sum(g[k] for g, _ in each) / len(each) for k in each[0][0]}
    scatter = np.mean([sum(float(((g[k] - mean[k]) ** 2).sum()) for k in mean) for g, _ in each]) * 60 / 59
    claimed = np.mean([noise**2 for _, noise in each])
    assert claimed == pytest.approx(scatter, rel=0.25)


def test_a_clamped_phase_is_the_exact_one_within_noise():
    """Hidden units sampled with visible ones held, where they are too many to be summed over."""
    machine = machines("spins")["hidden together"]
    data = machine.checked_visible(np.repeat(some_data(machine), 3_000, axis=0))
    exact = positive_gradients(machine, data, 0, 1)

    class Coupled(BoltzmannMachine):
        is_summable = False

    held = Coupled(nx.circulant_graph(12, [1, 2, 5]), [0, 1, 2, 3])
    with torch.no_grad():
        for one, two in zip(held.parameters(), machine.parameters(), strict=True):
            one.copy_(two)
    found = positive_gradients(held, data, 0, 30)
    for key in exact:
        assert float((found[key] - exact[key]).abs().max()) < 4 / math.sqrt(len(data))


# -- training -------------------------------------------------------------------------------------


@pytest.mark.parametrize("units", ["spins", "bits"])
def test_bars_and_stripes_by_exact_sums(units):
    """16 draws of 3x3 pixels, the two uniform patterns twice: -41.589 in all is the best there can be."""
    data = bars_and_stripes(3, units)
    uniform = data[(data == data[:, :1]).all(axis=1)]
    data, best = np.concatenate([data, uniform]), -41.589 / 16
    machine = RestrictedBoltzmannMachine(9, 8, units, spread=0.1)
    rate = {"spins": 0.05, "bits": 0.2}[units]
    fit = fit_boltzmann(machine, data, "exact", seed=0, n_steps=150, learning_rate=rate, evaluate_every=50)
    assert fit.curves.log_likelihood.values[0] == pytest.approx(-9 * math.log(2), abs=0.1)
    assert best > fit.curves.log_likelihood.values[-1] > 1.02 * best
    assert fit.curves.steps_done.values.tolist() == [0, 50, 100, 150]
    assert fit.stopped == "steps"
    assert not fit.remarks


def test_the_same_seed_gives_the_same_machine():
    data = bars_and_stripes(2, "bits")
    ends = []
    for seed in (1, 1, 2):
        machine = RestrictedBoltzmannMachine(4, 3, "bits")
        fit_boltzmann(machine, data, "pcd", seed=seed, n_steps=20, batch_size=4, likelihood="none")
        ends.append(machine.weights.detach().clone())
    assert torch.equal(ends[0], ends[1])
    assert not torch.equal(ends[0], ends[2])


@pytest.fixture(scope="module")
def taught():
    """Data from a machine without deep valleys, and how likely exact sums make them."""
    teacher = randomised(RestrictedBoltzmannMachine(6, 3), scale=0.6)
    data = enumerated(teacher).draws(teacher, 300, torch.Generator().manual_seed(0))[:, :6]
    return data, learned(data, "exact")


def learned(data, sampler):
    machine = RestrictedBoltzmannMachine(6, 3, spread=0.1)
    fit = fit_boltzmann(machine, data, sampler, seed=0, n_steps=100, learning_rate=0.03)
    assert not fit.remarks
    return float(fit.curves.log_likelihood[-1])


TEMPERING = {"betas": [0.4, 0.7, 1.0], "n_replicas": 100, "n_burn_in": 0, "n_sweeps": 10, "n_draws": 1}


@pytest.mark.parametrize(
    "sampler",
    ["pcd", "cd", qspin.get_backend("tempering", **TEMPERING), qspin.get_backend("tempering")],
    ids=["pcd", "cd", "tempering", "tempering by default"],
)
def test_samplers_learn_what_exact_sums_learn(sampler, taught):
    """Within the noise of training."""
    data, exact = taught
    assert abs(learned(data, sampler) - exact) < 0.1


def test_tempering_learns_where_chains_stick():
    """Bars and stripes: persistent chains stay in a pattern, and learn less than replicas that cross."""
    data, reached = bars_and_stripes(2), {}
    for name, sampler in {"pcd": "pcd", "tempering": qspin.get_backend("tempering", **TEMPERING)}.items():
        machine = RestrictedBoltzmannMachine(4, 6, spread=0.1)
        reached[name] = fit_boltzmann(machine, data, sampler, seed=0, n_steps=150, learning_rate=0.05)
    moves = {name: float(fit.curves.persistence[-20:].mean()) for name, fit in reached.items()}
    assert moves["tempering"] < 0.5 < moves["pcd"]
    ends = {name: float(fit.curves.log_likelihood[-1]) for name, fit in reached.items()}
    assert ends["tempering"] > -math.log(6) - 0.15
    assert ends["pcd"] < ends["tempering"]


def test_parameters_move_no_faster_than_chains_follow():
    """Without that, gradients promise what never comes, and a remark says so."""
    data, reached = bars_and_stripes(2), {}
    for paced in (True, False):
        machine = RestrictedBoltzmannMachine(4, 6, spread=0.1)
        reached[paced] = fit_boltzmann(
            machine, data, "pcd", seed=0, n_steps=100, learning_rate=0.05, paced=paced, evaluate_every=10
        )
    curves = reached[True].curves
    kept = 1 - np.clip(curves.persistence.values, 0, 1)
    pace, expected = 1.0, []
    for moved in kept:
        pace = pace if np.isnan(moved) else 0.9 * pace + 0.1 * moved
        expected.append(0.05 * pace)
    np.testing.assert_allclose(curves.learning_rate, expected)
    assert curves.log_likelihood[-1] > curves.log_likelihood[0]
    assert "likelihood-fell" not in [remark.code for remark in reached[True].remarks]
    assert (reached[False].curves.learning_rate == 0.05).all()
    assert reached[False].curves.log_likelihood[-1] < -4 * math.log(2)
    (remark,) = (remark for remark in reached[False].remarks if remark.code == "likelihood-fell")
    assert remark.level == "serious"
    assert "gradients promised a gain of" in remark.text
    assert "lower learning rate" in remark.text


def test_gradients_promise_what_they_give():
    """To first order, of exact ones: the sum over many short steps is the change of the likelihood."""
    machine, data = randomised(RestrictedBoltzmannMachine(4, 3), scale=0.3), bars_and_stripes(2)
    fit = fit_boltzmann(machine, data, "exact", seed=0, n_steps=40, learning_rate=1e-4, evaluate_every=20)
    gained = np.diff(fit.curves.log_likelihood.values)
    np.testing.assert_allclose(fit.curves.promised_gain.values.reshape(2, 20).sum(axis=1), gained, rtol=2e-3)


@pytest.mark.parametrize("sampler", ["exact", "pcd", "cd"])
def test_an_absurd_learning_rate_gives_no_absurd_likelihood(sampler):
    """An error where parameters stand for no probability, and until then a serious remark."""

    def trained(rate):
        machine = RestrictedBoltzmannMachine(4, 3, spread=0.1)
        return fit_boltzmann(
            machine, bars_and_stripes(2), sampler, seed=0, n_steps=20, learning_rate=rate, paced=False
        )

    with pytest.raises(RunError, match="training diverged at step 1, .* Take a tenth of it"):
        trained(1e4)
    fit = trained(30.0)
    assert fit.curves.log_likelihood[-1] < -4 * math.log(2) - 1
    assert "likelihood-fell" in [remark.code for remark in fit.remarks if remark.level == "serious"]


def test_hidden_units_that_are_coupled_are_sampled():
    """More of them together than can be summed over: training goes on, without a likelihood."""
    graph = nx.path_graph(24)
    machine = BoltzmannMachine(graph, range(4, 24), spread=0.1)
    fit = fit_boltzmann(machine, bars_and_stripes(2), "pcd", seed=0, n_steps=5)
    assert [remark.code for remark in fit.remarks] == ["no-likelihood"]
    assert fit.curves.sizes["evaluation"] == 0
    assert np.isfinite(fit.curves.gradient_norm).all()


def test_a_hybrid_machine_learns():
    """Two mirrored patterns; chains that never cross between them are told of."""
    data = np.array([[1, 1, -1, -1, 1, -1], [-1, -1, 1, 1, -1, 1]])
    machine = HybridBoltzmannMachine(6, 1, spread=0.1)
    exact = fit_boltzmann(machine, data, "exact", seed=0, n_steps=60, learning_rate=0.05)
    assert exact.curves.log_likelihood.values[-1] > -math.log(2) - 0.05
    for n_steps, codes in ((15, []), (60, ["chains-stuck"])):
        machine = HybridBoltzmannMachine(6, 1, spread=0.1)
        fit = fit_boltzmann(
            machine, data, GibbsPhase(n_sweeps=3), seed=0, n_steps=n_steps, learning_rate=0.05
        )
        assert [remark.code for remark in fit.remarks] == codes
        if not codes:
            assert fit.curves.log_likelihood.values[-1] > -math.log(2) - 1


def test_training_stops_by_held_out_data():
    rng = np.random.default_rng(0)
    data, unseen = rng.choice([-1, 1], size=(2, 8, 9))  # nothing to be learned
    machine = RestrictedBoltzmannMachine(9, 8, spread=0.1)
    fit = fit_boltzmann(
        machine, data, "exact", seed=0, n_steps=2_000, learning_rate=0.05, held_out=unseen, evaluate_every=10,
        patience=3,
    )  # fmt: skip
    held = fit.curves.held_out.values
    assert fit.stopped == "held_out"
    assert len(held) - 1 - held.argmax() == 3
    assert float(log_likelihood(machine, unseen).value) == pytest.approx(held.max())


def test_schedules_and_decay():
    data = bars_and_stripes(2)
    machine = RestrictedBoltzmannMachine(4, 2, spread=0.5)
    fit = fit_boltzmann(
        machine, data, "exact", seed=0, n_steps=4, weight_decay=0.1, likelihood="none",
        optimiser=lambda p: torch.optim.SGD(p, lr=0.1),
        schedule=lambda o: torch.optim.lr_scheduler.ExponentialLR(o, 0.5),
    )  # fmt: skip
    np.testing.assert_allclose(fit.curves.learning_rate, [0.1, 0.05, 0.025, 0.0125])
    for name, rates in (("linear", [0.1, 0.075, 0.05, 0.025]), ("constant", [0.1] * 4)):
        other = fit_boltzmann(
            RestrictedBoltzmannMachine(4, 2), data, "exact", seed=0, n_steps=4, learning_rate=0.1,
            schedule=name, likelihood="none",
        )  # fmt: skip
        np.testing.assert_allclose(other.curves.learning_rate, rates)
    bare = RestrictedBoltzmannMachine(4, 2, spread=0.5)
    fit_boltzmann(
        bare, data, "exact", seed=0, n_steps=4, likelihood="none",
        optimiser=lambda p: torch.optim.SGD(p, lr=0.1),
        schedule=lambda o: torch.optim.lr_scheduler.ExponentialLR(o, 0.5),
    )  # fmt: skip
    assert machine.weights.norm() < bare.weights.norm()


def test_a_training_goes_on_where_it_was(tmp_path, monkeypatch):
    """Killed at some step: the parameters, curves and chains at the end are those of an unbroken one."""
    data, path = bars_and_stripes(2), tmp_path / "training.checkpoint"
    tempering = qspin.get_backend(
        "tempering", betas=[0.5, 1.0], n_replicas=4, n_burn_in=0, n_sweeps=5, n_draws=1
    )
    settings = {
        "seed": 4, "n_steps": 12, "batch_size": 4, "evaluate_every": 5, "keep_at": [0, 3, 12],
        "weight_decay": 0.05, "schedule": lambda o: torch.optim.lr_scheduler.ExponentialLR(o, 0.9),
    }  # fmt: skip

    def adam(parameters):
        return torch.optim.Adam(parameters, lr=0.02)

    cd_2, device = GibbsPhase(n_sweeps=2, persistent=False), SampledPhase(Device(2.0, n_reads=20))
    for sampler in ("pcd", cd_2, tempering, device):
        whole = RestrictedBoltzmannMachine(4, 3)
        unbroken = fit_boltzmann(whole, data, sampler, optimiser=adam, **settings)
        machine, steps = RestrictedBoltzmannMachine(4, 3), 0

        def killed(*args, **kwargs):
            nonlocal steps
            steps += 1
            if steps == 8:
                raise KeyboardInterrupt
            return positive_gradients(*args, **kwargs)

        keep = {"checkpoint": path, "checkpoint_seconds": 0, "optimiser": adam, **settings}
        with monkeypatch.context() as patch:
            patch.setattr("qspin.networks.boltzmann.fitting.fit.positive_gradients", killed)
            with pytest.raises(KeyboardInterrupt):
                fit_boltzmann(machine, data, sampler, **keep)
        assert path.exists()
        resumed = fit_boltzmann(RestrictedBoltzmannMachine(4, 3), data, sampler, **keep)
        assert torch.equal(resumed.machine.weights, whole.weights)
        assert list(resumed.kept) == list(unbroken.kept) == [0, 3, 12]
        assert resumed.remarks == unbroken.remarks
        for step, state in unbroken.kept.items():
            assert all(torch.equal(resumed.kept[step][name], tensor) for name, tensor in state.items())
        timed = ["seconds"]
        assert resumed.curves.drop_vars(timed).identical(unbroken.curves.drop_vars(timed))
        assert not path.exists()


def falling(n):
    return lambda o: LambdaLR(o, lambda k: 1 - k / n)


def after(factor):
    return lambda o: SequentialLR(o, [LinearLR(o, factor), LambdaLR(o, lambda k: 1.0)], [2])


def test_a_checkpoint_of_another_training_is_refused(tmp_path, monkeypatch):
    data, path = bars_and_stripes(2), tmp_path / "training.checkpoint"

    def fail(*args, **kwargs):
        raise KeyboardInterrupt

    keep = {"checkpoint": path, "checkpoint_seconds": 0, "n_steps": 3}
    with monkeypatch.context() as patch:
        patch.setattr("qspin.networks.boltzmann.fitting.fit.positive_gradients", fail)
        with pytest.raises(KeyboardInterrupt):
            fit_boltzmann(RestrictedBoltzmannMachine(4, 3), data, seed=1, **keep)

    def refused(message, machine=None, rows=data, **change):
        machine = RestrictedBoltzmannMachine(4, 3) if machine is None else machine
        with pytest.raises(InputError, match=f"is the checkpoint of another run: .*{message}") as error:
            fit_boltzmann(machine, rows, **{"seed": 1, **keep, **change})
        assert not re.search("[0-9a-f]{20}", str(error.value).replace(str(path), ""))

    refused("its seed is 1, here it is 2", seed=2)
    refused("the data differ", rows=data[1:])
    refused("the units and graph differ", RestrictedBoltzmannMachine(4, 3, "bits"), (1 + data) / 2)
    refused("the first parameters differ", RestrictedBoltzmannMachine(4, 3, seed=1))
    refused("the first parameters differ", RestrictedBoltzmannMachine(4, 3, spread=0.1))
    refused('its dtype is "torch.float64"', RestrictedBoltzmannMachine(4, 3, dtype=torch.float32))
    refused("optimiser.0.weight_decay is 0.0, here it is 0.1", weight_decay=0.1)
    refused("optimiser.kind", optimiser=lambda p: torch.optim.SGD(p, lr=0.02))
    refused(
        'its schedule is "none", here it is "StepLR"',
        schedule=lambda o: torch.optim.lr_scheduler.StepLR(o, 5),
    )
    assert path.exists()


@pytest.mark.parametrize(
    ("first", "second", "message"),
    [
        (lambda o: LinearLR(o, 0.5), None, 'schedule is "LinearLR", here it is "none"'),
        (
            lambda o: LinearLR(o, 0.5),
            lambda o: LinearLR(o, 0.25),
            "schedule_settings.start_factor is 0.5, here it is",
        ),
        (lambda o: LambdaLR(o, lambda k: 0.9**k), lambda o: LambdaLR(o, lambda k: 0.8**k), "lr_lambdas"),
        (falling(10), falling(20), "lr_lambdas"),
        (after(0.5), after(0.25), "schedulers"),
    ],
)
def test_a_checkpoint_of_another_schedule_is_refused(first, second, message, tmp_path, monkeypatch):
    data, keep = bars_and_stripes(2), {"checkpoint": tmp_path / "training", "checkpoint_seconds": 0}

    def fail(*args, **kwargs):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("qspin.networks.boltzmann.fitting.fit.positive_gradients", fail)
        with pytest.raises(KeyboardInterrupt):
            fit_boltzmann(RestrictedBoltzmannMachine(4, 3), data, seed=1, n_steps=3, schedule=first, **keep)
    with pytest.raises(InputError, match=message):
        fit_boltzmann(RestrictedBoltzmannMachine(4, 3), data, seed=1, n_steps=3, schedule=second, **keep)
    fit_boltzmann(RestrictedBoltzmannMachine(4, 3), data, seed=1, n_steps=3, schedule=first, **keep)


# -- temperatures ---------------------------------------------------------------------------------


class Device:
    """Exact samples at an inverse temperature of its own, which it measures as an annealer does."""

    is_paid = True

    def __init__(self, beta, n_reads=1_000, measures=True):
        self.beta, self.n_reads, self.measures = beta, n_reads, measures

    def sample(self, problem, *, seed=None):
        from qspin_backends.common.effective import pseudo_likelihood

        drawn = qspin.get_backend("exact", betas=[self.beta], n_replicas=self.n_reads).sample(
            problem, seed=seed
        )
        spins = drawn.spins.values
        found = pseudo_likelihood(problem, spins[0, :, 0], np.arange(self.n_reads))
        extra = {"beta_effective": ("beta", [found.beta]), "beta_effective_error": ("beta", [found.error])}
        info = run_info(self, seed, clocks={"device": 0.25})
        return SampleSet.from_spins(problem, spins, None, info, extra if self.measures else None)


def test_a_device_is_programmed_for_the_model():
    """At a temperature that nobody told: it learns what exact sums learn, and without the correction not."""
    data = bars_and_stripes(2)
    reached = {}
    for name, sampler in {
        "exact": "exact",
        "corrected": SampledPhase(Device(3.0, n_reads=300)),
        "not": SampledPhase(Device(3.0, n_reads=300), correct_temperature=False),
    }.items():
        machine = RestrictedBoltzmannMachine(4, 5, spread=0.1)
        reached[name] = fit_boltzmann(machine, data, sampler, seed=0, n_steps=60, learning_rate=0.08)
    likelihoods = {name: float(fit.curves.log_likelihood[-1]) for name, fit in reached.items()}
    assert abs(likelihoods["corrected"] - likelihoods["exact"]) < 0.1
    assert likelihoods["not"] < likelihoods["exact"] - 0.2
    assert not reached["corrected"].remarks
    assert "off-temperature" in [remark.code for remark in reached["not"].remarks]
    curves = reached["corrected"].curves
    assert float(np.abs(curves.beta_effective[-30:] - 1).mean()) < 0.1
    assert (curves.paid_seconds == 0.25).all()


@pytest.mark.parametrize(
    ("missing", "told"),
    [
        ([], None),
        ([5, 30], None),
        (range(0, 48, 8), "at 6 of 60 steps, so nobody"),
        ([*range(3, 10), 59], "at 8 of 60 steps, the last one among them, so nobody"),
        ([59], "at 1 of 60 steps, the last one among them"),
        ([50, 52], "at 2 of 60 steps, so nobody"),
        (range(48, 60), "no temperature of the last samples could be measured"),
    ],
)
def test_temperatures_that_are_missing_are_told(missing, told):
    record = Record()
    for k in range(60):
        beta = math.nan if k in missing else 1.0
        record.step(beta_effective=beta, beta_effective_error=0.01, promised_gain=0.0)
    found = remarks_on(record.dataset())
    assert [remark.code for remark in found] == ["no-effective-temperature"] * (told is not None)
    assert told is None or told in found[0].text


def learned_slower_and_slower(sampler, n_steps):
    """Bars of 2x2 pixels, at a rate that falls to nothing, so that noise is averaged out at the end."""
    return fit_boltzmann(
        RestrictedBoltzmannMachine(4, 5, spread=0.1), bars_and_stripes(2), sampler, seed=0, n_steps=n_steps,
        learning_rate=0.2, evaluate_every=n_steps,
        schedule=lambda o: torch.optim.lr_scheduler.LambdaLR(o, lambda k: 1 - k / n_steps),
    )  # fmt: skip


def test_a_thermal_annealer_learns_what_exact_sums_learn():
    """Only if its temperature is taken out; bench_bars.py has more pixels, and graphs of hardware."""
    annealer = qspin.get_backend(
        "annealer", topology="none", physics="thermal", temperature=0.2, n_reads=200, n_sweeps=50, n_gauges=2
    )
    blind = SampledPhase(annealer, correct_temperature=False)
    exact, found, without = (
        learned_slower_and_slower(*given) for given in (("exact", 40), (annealer, 40), (blind, 20))
    )
    ends = [float(fit.curves.log_likelihood[-1]) for fit in (exact, found, without)]
    assert abs(ends[1] - ends[0]) < 0.1
    assert ends[2] < ends[0] - 0.3
    assert not found.remarks
    assert "off-temperature" in [remark.code for remark in without.remarks]


def test_a_circuit_whose_shots_follow_no_temperature_is_told():
    """Angles of a table follow the scale of the couplings, so that no programming sets a temperature."""
    machine = randomised(RestrictedBoltzmannMachine(4, 2), scale=0.3)
    circuit = qspin.get_backend("qaoa", n_shots=4_000)
    fit = fit_boltzmann(machine, bars_and_stripes(2), circuit, seed=0, n_steps=2, learning_rate=0.01)
    told = {remark.code: remark for remark in fit.remarks}
    assert told["not-boltzmann"].level == "serious"
    assert told["not-boltzmann"].text.startswith("in 1 of the last 1 steps in the shots single spins are")


def taught_by_a_circuit(scale):
    """Data of a machine with parameters of this size, learned exactly and with a circuit of given angles."""
    teacher = randomised(RestrictedBoltzmannMachine(4, 2), scale=scale)
    data = enumerated(teacher).draws(teacher, 200, torch.Generator().manual_seed(0))[:, :4]
    circuit = qspin.get_backend("qaoa", angles={"gamma": [3**-0.5], "beta": [math.pi / 6]}, n_shots=500)
    for sampler in ("exact", circuit):
        machine = RestrictedBoltzmannMachine(4, 2, spread=0.1)
        yield fit_boltzmann(machine, data, sampler, seed=0, n_steps=10, learning_rate=0.1, evaluate_every=2)


def test_a_circuit_teaches_as_long_as_its_shots_follow_a_temperature():
    """With angles that are given, programming sets it where couplings are weak; stronger ones turn spins
    past where one layer follows them, which is told from what comes of the gradients.
    """
    gained = []
    for fit in taught_by_a_circuit(0.15):
        gained.append(float(fit.curves.log_likelihood[-1] - fit.curves.log_likelihood[0]))
        assert not fit.remarks
    assert 0.4 * gained[0] < gained[1] < gained[0]
    _, strong = taught_by_a_circuit(0.4)
    assert "likelihood-fell" in [remark.code for remark in strong.remarks]
    assert "off-temperature" in [remark.code for remark in strong.remarks]


def test_who_has_no_temperature_cannot_teach():
    """What says what it has is refused before it is asked for a sample; anything else at the first."""
    machine, data = RestrictedBoltzmannMachine(4, 2), bars_and_stripes(2)
    with pytest.raises(InputError, match="states no temperature and measures none"):
        fit_boltzmann(machine, data, Device(1.0, measures=False), seed=0)

    class Paid(Device):
        offers = frozenset({"replicas", "spins"})

        def sample(self, problem, *, seed=None):
            raise AssertionError("a sample was bought")

    with pytest.raises(InputError, match="Paid states no temperature and measures none"):
        fit_boltzmann(machine, data, Paid(1.0, measures=False), seed=0)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"data": [[0, 1, 1, 1]]}, "data must be -1 or \\+1"),
        ({"data": np.ones((0, 4))}, "at least one row"),
        ({"data": [[1, 1]]}, "data must have shape \\(..., 4\\)"),
        ({"n_steps": 0}, "n_steps must be at least 1"),
        ({"batch_size": 0}, "batch_size must be at least 1"),
        ({"learning_rate": 0.0}, "learning_rate is positive"),
        ({"sampler": "pdc"}, "did you mean 'pcd'"),
        ({"sampler": 3}, "sampler is one of exact, cd, pcd, a backend"),
        ({"patience": 2}, "pass held_out"),
        ({"likelihood": "best"}, "likelihood 'best'"),
        ({"offset_rate": 0.0}, "offset_rate must lie above 0"),
        ({"learning_rate": "0.1"}, "learning_rate must be a number; got '0.1'"),
        ({"learning_rate": True}, "learning_rate must be a number; got True"),
        ({"weight_decay": True}, "weight_decay must be a number; got True"),
        ({"offset_rate": True}, "offset_rate must be a number; got True"),
        ({"learning_rate": math.nan}, "learning_rate must be finite; got nan"),
        ({"learning_rate": 0.02, "optimiser": torch.optim.SGD}, "leave learning_rate out"),
        ({"keep_at": [0, 3]}, "keep_at names step 3, after the last of 2 steps"),
        ({"optimiser": "adam"}, "optimiser is a function of the parameters.*got 'adam'"),
        ({"schedule": "liner"}, "schedule 'liner': did you mean 'linear'"),
        ({"schedule": 3}, "schedule is constant or linear, or a function of the optimiser; got 3"),
        ({"schedule": lambda o: None}, "returns a scheduler of torch; it returned None"),
        ({"schedule": torch.optim.lr_scheduler.ReduceLROnPlateau}, "which takes a metric"),
        ({"optimiser": lambda p: None}, "optimiser is a function that returns one of torch"),
        ({"sampler": qspin.get_backend("tempering", betas=[0.1, 0.5])}, "beta = 1, .* got 0.1, 0.5"),
        (
            {"sampler": qspin.get_backend("tempering", method="annealing")},
            "got a ladder that is found anew for every problem",
        ),
        (
            {"sampler": qspin.get_backend("tempering", method="search", n_replicas=3)},
            "tempering with method='search' states no temperature .* are of: leave out method$",
        ),
        ({"seed": -1}, "seed must be at least 0; got -1"),
        ({"checkpoint_seconds": -1}, "checkpoint_seconds between two saves must be .* at least 0; got -1"),
        ({"checkpoint_seconds": math.nan}, "checkpoint_seconds .* got nan"),
        ({"checkpoint_seconds": "1"}, "checkpoint_seconds .* got '1'"),
        (
            {"sampler": qspin.get_backend("tempering", betas=[0.5, 1.0], store="statistics")},
            "keeps averages alone",
        ),
        ({"sampler": qspin.get_backend("annealer", betas=[0.5, 1.0])}, "annealer gives 2 rows of samples"),
        ({"sampler": qspin.get_backend("ocean")}, "ocean states no temperature .*: take tempering, annealer"),
    ],
)
def test_what_cannot_be_trained(change, message):
    given = {"data": bars_and_stripes(2), "sampler": "exact", "seed": 0, "n_steps": 2, **change}
    with pytest.raises(InputError, match=message):
        fit_boltzmann(RestrictedBoltzmannMachine(4, 2), **given)


def test_an_exact_phase_beyond_its_size():
    with pytest.raises(CapacityError, match=r"2\^30 configurations"):
        fit_boltzmann(
            RestrictedBoltzmannMachine(30, 30), np.ones((2, 30)), "exact", seed=0, likelihood="none"
        )


@pytest.mark.parametrize("wrong", [math.nan, math.inf])
def test_parameters_that_are_no_numbers(wrong):
    """Given ones are bad input; those that an optimiser makes are a training that diverged."""
    data, machine = bars_and_stripes(2), RestrictedBoltzmannMachine(4, 2)
    with torch.no_grad():
        machine.weights[1, 1] = wrong
    with pytest.raises(InputError, match="weights of the machine must be finite; .* in 1 of 8 places: load"):
        fit_boltzmann(machine, data, "cd", seed=0, likelihood="none")

    class Broken(torch.optim.SGD):
        def step(self, closure=None):
            super().step()
            self.param_groups[1]["params"][0].data[0] = wrong

    with pytest.raises(RunError, match="diverged at step 1, at the learning rate 0.1: .*visible_biases"):
        fit_boltzmann(
            RestrictedBoltzmannMachine(4, 2), data, "cd", seed=0, optimiser=lambda p: Broken(p, lr=0.1)
        )


# -- what is kept ---------------------------------------------------------------------------------


def test_parameters_are_kept_at_steps():
    data, machine = bars_and_stripes(2), RestrictedBoltzmannMachine(4, 3)
    first = {name: tensor.clone() for name, tensor in machine.state_dict().items()}
    settings = {"seed": 1, "evaluate_every": 100, "learning_rate": 0.05}
    fit = fit_boltzmann(machine, data, "pcd", n_steps=6, keep_at=[0, 4, 6], **settings)
    assert list(fit.kept) == [0, 4, 6]
    assert fit.curves.steps_done.values.tolist() == [0, 4, 6]
    other = RestrictedBoltzmannMachine(4, 3)
    fit_boltzmann(other, data, "pcd", n_steps=4, **settings)
    for step, state in ((0, first), (4, other.state_dict()), (6, machine.state_dict())):
        assert all(torch.equal(fit.kept[step][name], tensor) for name, tensor in state.items())
    for step, value in zip(fit.kept, fit.curves.log_likelihood.values, strict=True):
        other.load_state_dict(fit.kept[step])
        assert log_likelihood(other, data, "exact", seed=0).value == pytest.approx(value, abs=1e-12)


def test_samplers_leave_the_checkpoint_to_the_training(tmp_path):
    """One that keeps its own work in a file would find there that of the training."""
    from qspin.checkpoint import checkpointing, current_checkpoint

    class Keeping(Device):
        def sample(self, problem, *, seed=None):
            assert current_checkpoint() is None
            return super().sample(problem, seed=seed)

    with checkpointing(tmp_path / "unfinished"):
        machine = RestrictedBoltzmannMachine(4, 2)
        fit_boltzmann(machine, bars_and_stripes(2), SampledPhase(Keeping(1.0)), seed=0, n_steps=1)
        assert current_checkpoint() is not None
