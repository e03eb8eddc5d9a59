"""Where do layers of random weights freeze? The closed formula against samples of one to three weight layers.

At the transition of a mean-field glass N^(2/3) <q^2> is the same for all sizes, and around it a function of
(T - T_c) N^(1/3): curves of layers of 50 to 200 neurons cross, and collapse, at a temperature that knows
nothing of the formula, which only places the ladder. Weights are normal with variance 1 / width; means are
over draws of them, errors by bootstrap over draws.
"""

from __future__ import annotations

import numpy as np
import pytest

import qspin
from qspin.analysis.finite_size import collapse, crossings
from qspin.networks import critical_temperature, twin_from_weights

DRAWS = {50: 400, 100: 200, 200: 70}  # neurons a layer -> draws of weights
RATIOS = np.array([1.2, 1.13, 1.07, 1.03, 1.0, 0.97, 0.93, 0.88])  # of the ladder to the formula
TOLERANCE = 0.03
NU = 3.0  # of the scaling with N
N_RESAMPLES = 40


def layered(width, n_layers, seed):
    rng = np.random.default_rng([seed, width, n_layers])
    weights = [rng.normal(size=(width, width)) / np.sqrt(width) for _ in range(n_layers)]
    return twin_from_weights(weights, scale="none")


def squares(n_layers, width, n_draws, temperatures):
    """N^(2/3) <q^2> of every draw, (draw, temperature)."""
    sampler = qspin.get_backend(
        "tempering",
        betas=(1 / temperatures).tolist(),
        n_replicas=4,
        n_burn_in=500,
        n_sweeps=600,
        store="statistics",
        cluster="none",
        n_threads=1,
    )
    found = []
    for seed in range(n_draws):
        problem = layered(width, n_layers, seed)
        samples = sampler.sample(problem, seed=seed)
        q2 = qspin.analysis.overlap_curve(samples)["q2"]
        found.append(problem.n_spins ** (2 / 3) * q2.values)
    return np.array(found)


def estimates(temperatures, rows, guess):
    """Crossing of the smallest and the largest, and the collapse of all with a free exponent, each with its
    error. The collapse comes out low by a few percent where sizes are as small as these.
    """
    rng = np.random.default_rng(0)
    curves = {n: r.mean(axis=0) for n, r in rows.items()}
    errors = {n: r.std(axis=0, ddof=1) / np.sqrt(len(r)) for n, r in rows.items()}
    drawn = {
        n: np.array([r[rng.integers(len(r), size=len(r))].mean(axis=0) for _ in range(N_RESAMPLES)])
        for n, r in rows.items()
    }

    def collapsed(given):
        return collapse(temperatures, given, errors, start=(guess, NU), n_resamples=2)

    ends = min(rows), max(rows)
    (crossing,) = crossings(temperatures, {n: curves[n] for n in ends}, {n: drawn[n] for n in ends})
    fit = collapsed(curves)
    spread = np.std([collapsed({n: d[k] for n, d in drawn.items()}).t_c for k in range(N_RESAMPLES)], ddof=1)
    return (crossing.temperature, crossing.error), (fit.t_c, spread), fit


@pytest.mark.parametrize("n_layers", [1, 2, 3])
def test_the_formula_is_where_samples_freeze(benchmark, remark, n_layers):
    formula = critical_temperature([200] * (n_layers + 1), [1 / 200] * n_layers)
    temperatures = formula * RATIOS
    rows = {w * (n_layers + 1): squares(n_layers, w, n, temperatures) for w, n in DRAWS.items()}
    crossed, collapsed, fit = estimates(temperatures, rows, formula)
    parts = [
        f"{name} {value:.4f}({error:.4f}), {value / formula - 1:+.1%}"
        for name, (value, error) in {"curves cross at": crossed, "collapse at": collapsed}.items()
    ]
    remark(
        f"{n_layers} weight layers of 50 to 200: T_c {formula:.4f} by the formula; {'; '.join(parts)} "
        f"(nu {fit.nu:.2f}, quality {fit.quality:.2f})"
    )
    benchmark.pedantic(layered, args=(50, n_layers, 0), rounds=1)
    assert abs(crossed[0] - formula) < TOLERANCE * formula + 2 * crossed[1]
