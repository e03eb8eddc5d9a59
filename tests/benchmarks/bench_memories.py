"""How well memories of random patterns keep what they store: the figures behind the tests, with errors."""

from __future__ import annotations

import time

import numpy as np
import pytest
from scipy.special import ndtr

from qspin import networks


def patterns_of(n_patterns, n_spins, seed):
    return np.random.default_rng(seed).choice(np.array([-1, 1], np.int8), size=(n_patterns, n_spins))


def kept(rule, load, n_spins, seed, n_cues=50, turned=0.0):
    """Mean overlap of patterns with what zero-temperature dynamics makes of them, some spins turned over."""
    patterns = patterns_of(round(load * n_spins), n_spins, seed)
    cues = patterns[:n_cues].copy()
    cues[:, : round(turned * n_spins)] *= -1
    found = networks.retrieve(rule(patterns), cues, seed=seed)
    return float(np.diagonal(found.overlap.values).mean())


def told(values):
    return f"{np.mean(values):.4f}({np.std(values, ddof=1) / np.sqrt(len(values)):.4f})"


@pytest.mark.parametrize(("load", "holds"), [(0.10, lambda m: m > 0.95), (0.18, lambda m: m < 0.6)])
def test_hebbs_rule_at_a_thousand_spins(benchmark, remark, load, holds):
    overlaps = [kept(networks.hebbian, load, 1000, seed) for seed in range(4)]
    remark(f"Hebb, N = 1000, load {load:.2f}: overlap {told(overlaps)}")
    benchmark.pedantic(kept, args=(networks.hebbian, load, 200, 0), rounds=1)
    assert holds(np.mean(overlaps))


def test_the_projection_rule_at_half_as_many_patterns_as_spins(benchmark, remark):
    overlaps = [kept(networks.pseudo_inverse, 0.5, 400, seed, turned=0.03) for seed in range(4)]
    remark(f"projection rule, N = 400, load 0.50, 3 % of the spins of cues wrong: overlap {told(overlaps)}")
    benchmark.pedantic(kept, args=(networks.pseudo_inverse, 0.5, 100, 0), rounds=1)
    assert np.mean(overlaps) > 0.99


@pytest.mark.parametrize(("n_patterns", "published"), [(500, 0.0040), (1000, 0.045)])
def test_bit_errors_of_degree_three(benchmark, remark, n_patterns, published):
    """Of the first step, within 25 % and two standard errors; and where the dynamics ends."""
    start, first, last = time.process_time(), [], []
    for seed in range(30):
        memory = networks.DenseMemory(patterns_of(n_patterns, 100, seed), 3)
        patterns, before = memory.patterns, memory.energies(memory.patterns)
        lower = []
        for k in range(0, 100, 5):
            turned = memory.patterns
            turned[:, k] *= -1
            lower.append(memory.energies(turned) < before)
        first.append(np.mean(lower))
        if seed < 3:
            last.append(np.mean(memory.descend(patterns[:60], seed=seed) != patterns[:60]))
    remark(
        f"degree 3, N = 100, {n_patterns} patterns: bit errors of one step {told(first)}, at the end of the "
        f"dynamics {told(last)}; Gaussian noise gives {ndtr(-100 / np.sqrt(3 * n_patterns)):.4f}, a "
        f"simulation elsewhere {published} ({time.process_time() - start:.0f} s)"
    )
    benchmark.pedantic(memory.energies, args=(patterns[:5],), rounds=1)
    error = np.std(first, ddof=1) / np.sqrt(len(first))
    assert abs(np.mean(first) - published) < 0.25 * published + 2 * error
