"""Associative memories against enumeration, published values, and the rules written down once more."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import scipy.special
import torch
import xarray as xr
from torch import nn

import qspin
from qspin import networks
from qspin.errors import CapacityError, InputError, RunError
from qspin.networks.memories.attention import EnergyTransformerBlock, ModernHopfield, token_couplings


def patterns_of(n_patterns, n_spins, seed=0):
    return np.random.default_rng(seed).choice(np.array([-1, 1], np.int8), size=(n_patterns, n_spins))


def all_spins(n):
    return np.array(list(itertools.product([-1, 1], repeat=n)), dtype=np.int8)


def stable(problem, patterns):
    """Share of the spins of patterns that lie in their local field."""
    fields = patterns @ problem.toarray() + problem.fields
    return float((patterns * fields < 0).mean())


# -- storing --------------------------------------------------------------------------------------------


def test_storkeys_rule_term_by_term():
    xi = patterns_of(3, 6).astype(float)
    weights = np.zeros((6, 6))
    for p in xi:
        old = weights.copy()
        for i in range(6):
            for j in range(6):
                if i != j:
                    h_ij = sum(old[i, k] * p[k] for k in range(6) if k not in (i, j))
                    h_ji = sum(old[j, k] * p[k] for k in range(6) if k not in (i, j))
                    weights[i, j] = old[i, j] + (p[i] * p[j] - p[i] * h_ji - h_ij * p[j]) / 6
    np.testing.assert_allclose(networks.storkey(xi).toarray(), -weights, atol=1e-12)


def test_rules_by_what_they_hold():
    """At 40 patterns of 100 spins Hebb's rule leaves spins unstable, Storkey's fewer, the others none."""
    xi = patterns_of(40, 100)
    hebb, storkey = stable(networks.hebbian(xi), xi), stable(networks.storkey(xi), xi)
    assert hebb < 0.98
    assert storkey > hebb + 0.005
    assert stable(networks.pseudo_inverse(xi), xi) == 1
    assert stable(networks.perceptron_trained(xi), xi) == 1


def test_a_perceptron_keeps_its_margin():
    xi = patterns_of(20, 60)
    problem = networks.perceptron_trained(xi, margin=0.5)
    weights = -problem.toarray()
    lengths = np.sqrt((weights**2).sum(axis=1))
    assert (xi * (xi @ weights) > 0.5 * lengths).all()
    np.testing.assert_array_equal(problem.known.patterns, xi)


def test_too_many_patterns_for_a_perceptron():
    with pytest.raises(RunError, match="still lie below the margin 0 after 30 sweeps"):
        networks.perceptron_trained(patterns_of(60, 20), max_sweeps=30)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: networks.storkey([1, -1]), r"shape \(P, N\)"),
        (lambda: networks.storkey(np.zeros((0, 4))), "at least one of each"),
        (lambda: networks.storkey([[1, 0]]), r"-1 or \+1"),
        (lambda: networks.perceptron_trained([[1, -1]], margin=-1), "must not be negative"),
    ],
)
def test_patterns_that_are_none(call, message):
    with pytest.raises(InputError, match=message):
        call()


# -- recall ---------------------------------------------------------------------------------------------


def test_recall_of_hebbs_rule_below_and_above_its_capacity():
    """alpha_c = 0.138: at 1000 spins a pattern is kept at 0.10 and lost at 0.18, on average over patterns."""
    for load, test in ((0.10, lambda m: m > 0.95), (0.18, lambda m: m < 0.6)):
        xi = patterns_of(round(load * 1000), 1000, seed=1)
        found = networks.retrieve(networks.hebbian(xi), xi[:20], seed=2)
        overlap = found.overlap.values[np.arange(20), np.arange(20)].mean()
        assert test(overlap), (load, overlap)


def test_the_projection_rule_recalls_half_as_many_patterns_as_spins():
    xi = patterns_of(100, 200)
    cues = xi[:10].copy()
    cues[:, :6] *= -1
    found = networks.retrieve(networks.pseudo_inverse(xi), cues, seed=0)
    np.testing.assert_array_equal(found.spins.values, xi[:10])
    np.testing.assert_array_equal(found.recalled.values, np.arange(10))
    assert (found.overlap_before.values[np.arange(10), np.arange(10)] == 0.94).all()


def test_each_end_is_a_local_minimum_and_no_energy_rose():
    problem = networks.hebbian(patterns_of(6, 24))
    cues = patterns_of(40, 24, seed=5)
    found = networks.retrieve(problem, cues, seed=1)
    assert (found.energy.values <= problem.energies(cues)).all()
    fields = found.spins.values @ problem.toarray()
    assert (found.spins.values * fields <= 0).all()
    sparse = qspin.IsingProblem(qspin_sparse(problem)).with_known(patterns=problem.known.patterns)
    xr.testing.assert_allclose(networks.retrieve(sparse, cues, seed=1), found)


def qspin_sparse(problem):
    from scipy.sparse import csr_array

    return csr_array(problem.toarray())


def test_held_spins_stay():
    problem = networks.hebbian(patterns_of(2, 30))
    cue = patterns_of(1, 30, seed=9)[0]
    free = networks.retrieve(problem, cue, seed=0)
    turned = np.flatnonzero(free.spins.values[0] != cue)[:2].tolist()
    assert len(turned) == 2
    for clamp in (turned, map(str, turned)):
        found = networks.retrieve(problem, cue, seed=0, clamp=clamp)
        assert (found.spins.values[0, turned] == cue[turned]).all()


def test_any_backend_recalls():
    xi = patterns_of(2, 12, seed=3)
    problem = networks.hebbian(xi)
    cue = xi[1].copy()
    cue[0] *= -1
    tempering = qspin.get_backend("tempering", betas=[5.0], n_replicas=2, n_burn_in=20, n_sweeps=50)
    found = networks.retrieve(problem, cue, tempering, seed=0)
    assert found.recalled.item() == 1
    assert abs(found.overlap.values[0, 1]) == 1
    exact = qspin.get_backend("exact", betas=[20.0], n_replicas=20)
    with pytest.raises(InputError, match="does not start from configurations.*clamp"):
        networks.retrieve(problem, cue, exact, seed=0)
    found = networks.retrieve(problem, cue, exact, seed=0, clamp=range(2, 12))
    np.testing.assert_array_equal(found.spins.values[0], xi[1])


def test_basins_shrink_with_the_load():
    radii = [
        networks.basins(networks.hebbian(patterns_of(p, 100, seed=4)), seed=0).radius.mean().item()
        for p in (2, 8)
    ]
    assert radii[0] > radii[1] > 0.1
    lost = networks.basins(networks.hebbian(patterns_of(60, 100)), seed=0)
    assert np.isnan(lost.radius.values).mean() > 0.9


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda m: networks.retrieve(qspin.IsingProblem(np.zeros((3, 3))), [1, 1, 1], seed=0),
            "knows its patterns",
        ),
        (lambda m: networks.retrieve(m, [1, -1], seed=0), "8"),
        (
            lambda m: networks.retrieve(m, [1] * 8, seed=0, clamp=[9]),
            "clamp names 9, which is none of the 8 spins",
        ),
        (lambda m: networks.retrieve(m, [1] * 8, seed=0, clamp=[3, "3"]), "clamp names one spin twice"),
        (lambda m: networks.basins(m, seed=0, overlaps=[0.0]), r"in \(0, 1\]"),
    ],
)
def test_recalls_that_cannot_be(call, message):
    with pytest.raises(InputError, match=message):
        call(networks.hebbian(patterns_of(2, 8)))


# -- dense memories -------------------------------------------------------------------------------------


@pytest.mark.parametrize("degree", [2, 3, 4, 7, "exponential"])
def test_dense_energies(degree):
    xi, s = patterns_of(5, 9), patterns_of(20, 9, seed=1)
    x = (s @ xi.T).astype(float)
    value = np.exp(x - 9) if degree == "exponential" else x**degree / 9 ** (degree - 1)
    np.testing.assert_allclose(networks.DenseMemory(xi, degree).energies(s), -value.sum(axis=1), rtol=1e-12)


@pytest.mark.parametrize("degree", ["cubic", "3"])
def test_a_degree_is_an_integer_or_exponential(degree):
    with pytest.raises(InputError, match=f"an integer of 2 or more, or 'exponential'; got '{degree}'"):
        networks.DenseMemory([[1, -1]], degree)


def test_a_short_cue_is_called_one():
    memory = networks.hebbian(patterns_of(2, 8))
    with pytest.raises(InputError, match=r"the spins of a cue must have shape \(..., 8\)"):
        networks.retrieve(memory, [1, -1, 1], seed=0)


def test_degree_two_is_the_hopfield_model():
    xi = patterns_of(3, 8)
    memory = networks.DenseMemory(xi, 2)
    expected = networks.hebbian(xi).energies(all_spins(8))
    np.testing.assert_allclose((memory.energies(all_spins(8)) + 3) / 2, expected, atol=1e-12)


@pytest.mark.parametrize("degree", [2, 3, 4])
def test_the_polynomial_is_the_energy(degree):
    memory = networks.DenseMemory(patterns_of(3, 7), degree)
    s = all_spins(7)
    value = sum(v * s[:, list(places)].prod(axis=1) for places, v in memory.terms().items())
    np.testing.assert_allclose(value, memory.energies(s), atol=1e-12)


@pytest.mark.parametrize(("degree", "n", "seed"), [(3, 5, 0), (3, 5, 1), (3, 6, 2), (4, 5, 3), (4, 5, 4)])
def test_pairs_have_the_ground_states_of_the_original(degree, n, seed):
    """And not only those: the lowest energy over auxiliary spins is that of the memory, everywhere."""
    memory = networks.DenseMemory(patterns_of(2, n, seed), degree)
    problem = memory.problem()
    n_more = problem.n_spins - n
    assert n_more <= 14
    lowest = np.full(2**n, np.inf)
    own = all_spins(n)
    for more in all_spins(n_more):
        whole = np.concatenate([own, np.tile(more, (2**n, 1))], axis=1)
        np.minimum(lowest, problem.energies(whole), out=lowest)
    np.testing.assert_allclose(lowest, memory.energies(own), atol=1e-9)


@pytest.mark.parametrize(("n_patterns", "expected"), [(500, 0.0040), (1000, 0.045)])
def test_bit_errors_of_degree_three(n_patterns, expected):
    """Share of spins that leave a stored pattern of 100 spins, within 25 % of a simulation elsewhere; and the
    chance that Gaussian noise of the other patterns outweighs its own (Krotov, Hopfield 2016)."""
    wrong = []
    for seed in range(2):
        memory = networks.DenseMemory(patterns_of(n_patterns, 100, seed), 3)
        before = memory.energies(memory.patterns)
        for i in range(0, 100, 10):
            turned = memory.patterns
            turned[:, i] *= -1
            wrong.append(memory.energies(turned) < before)
    share, error = np.mean(wrong), np.std(np.mean(wrong, axis=1), ddof=1) / np.sqrt(len(wrong))
    estimate = scipy.special.ndtr(-100 / np.sqrt(3 * n_patterns))
    assert abs(share - expected) < 0.25 * expected + 2 * error
    assert abs(share - estimate) < 4 * error
    after = memory.descend(memory.patterns[:5], seed=0)
    assert (memory.energies(after) <= memory.energies(memory.patterns[:5])).all()


def test_metropolis_samples_the_boltzmann_distribution():
    memory, beta, n_chains = networks.DenseMemory(patterns_of(2, 4), 3), 0.7, 40_000
    start = np.random.default_rng(0).choice(np.array([-1, 1], np.int8), size=(n_chains, 4))
    after = memory.metropolis(start, beta, n_sweeps=12, seed=1)
    weights = np.exp(-beta * memory.energies(all_spins(4)))
    expected = n_chains * weights / weights.sum()
    counts = np.bincount(((after + 1) // 2) @ [8, 4, 2, 1], minlength=16)
    chi2 = ((counts - expected) ** 2 / expected).sum()
    assert chi2 < 37.7  # 15 degrees of freedom, p = 0.001


def test_the_exponential_holds_more_patterns_than_spins():
    memory = networks.DenseMemory(patterns_of(200, 60), "exponential")
    cues = memory.patterns[:20]
    cues[:, :6] *= -1
    np.testing.assert_array_equal(memory.descend(cues, seed=0), memory.patterns[:20])


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: networks.DenseMemory([[1, -1]], 1), InputError, "degree"),
        (lambda: networks.DenseMemory([1, -1]), InputError, r"shape \(P, N\)"),
        (lambda: networks.DenseMemory([[1, -1]], "exponential").terms(), InputError, "degrees 2, 3 and 4"),
        (lambda: networks.DenseMemory(np.ones((1, 400)), 3).terms(), CapacityError, "take fewer spins"),
        (lambda: networks.DenseMemory([[1, -1, 1]], 3).problem(strength=-1), InputError, "must be positive"),
    ],
)
def test_memories_that_cannot_be(call, error, message):
    with pytest.raises(error, match=message):
        call()


# -- attention ------------------------------------------------------------------------------------------


def test_a_modern_hopfield_step_is_attention_and_never_raises_the_energy():
    torch.manual_seed(0)
    patterns, x = torch.randn(20, 8), 3 * torch.randn(50, 8)
    layer = ModernHopfield(patterns)
    expected = nn.functional.scaled_dot_product_attention(x[None], patterns[None], patterns[None])[0]
    torch.testing.assert_close(layer(x), expected)
    for beta in (0.1, 1.0, 20.0):
        layer, state = ModernHopfield(patterns, beta), x
        for _ in range(10):
            after = layer(state)
            assert (layer.energy(after) <= layer.energy(state) + 1e-5).all()
            state = after


@pytest.mark.parametrize("rate", [0.1, 10.0])
def test_the_energy_of_a_transformer_block_never_rises(rate):
    torch.manual_seed(1)
    block = EnergyTransformerBlock(6).double().eval()
    x = torch.randn(4, 5, 6, dtype=torch.float64)
    energies = [block.energy(x)]
    for _ in range(30):
        x = block(x, rate=rate)
        energies.append(block.energy(x))
    steps = torch.diff(torch.stack(energies), dim=0)
    assert (steps <= 0).all()
    assert (energies[-1] < energies[0] - 0.1).all()


def test_its_energy_term_by_term():
    torch.manual_seed(2)
    block = EnergyTransformerBlock(3, n_heads=2, head_size=4, n_memories=5).double()
    x = torch.randn(3, 3, dtype=torch.float64)
    g = block.norm(x)
    total = 0.0
    for h in range(2):
        q, k = g @ block.queries[h].T, g @ block.keys[h].T
        for t in range(3):
            terms = [torch.exp(block.beta * q[t] @ k[u]) for u in range(3) if u != t]
            total = total - torch.log(sum(terms)) / block.beta
    total = total - 0.5 * sum(max(float(m @ token), 0.0) ** 2 for m in block.memories for token in g)
    torch.testing.assert_close(block.energy(x), total)


def test_an_attention_head_as_couplings_between_tokens():
    torch.manual_seed(3)
    layer = nn.MultiheadAttention(6, 2, batch_first=True)
    nn.init.normal_(layer.in_proj_bias)
    x = torch.randn(4, 6)
    for head in (0, 1):
        rows = slice(3 * head, 3 * head + 3)
        weights, biases = layer.in_proj_weight.chunk(3), layer.in_proj_bias.chunk(3)
        q, k = (x @ weights[p][rows].T + biases[p][rows] for p in (0, 1))
        logits = (q @ k.T / 3**0.5).detach().double().numpy()
        expected = -(logits + logits.T) / 2
        np.fill_diagonal(expected, 0)
        np.testing.assert_allclose(token_couplings(layer, x, head).toarray(), expected, atol=1e-6)
    for given, head in ((x[:, :3], 0), (x, 2)):
        with pytest.raises(InputError):
            token_couplings(layer, given, head)
