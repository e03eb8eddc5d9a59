"""Populations of modes of trained machines: tempering in beta against tempering along the training.

Both get as many replicas and sweeps of every state. Populations are known by enumeration of hidden units. Of
a narrow cluster beside a broad one the energy is low, and the entropy too: a transition of first order in
beta, through which replicas do not come in equilibrium, while training has split them continuously. On bars
and stripes there is no such transition.
"""

from __future__ import annotations

import dataclasses
import time
from typing import NamedTuple

import numpy as np
import torch

import qspin
from qspin.networks.boltzmann.enumeration import enumerated
from qspin.networks.boltzmann.machines import generator_of
from qspin.significance import STANDARD_ERRORS

# the trajectory forgets where it began in about a thousand sweeps
LENGTH = {"n_replicas": 16, "n_burn_in": 4_000, "n_sweeps": 4_000, "n_draws": 200}
LADDER = np.linspace(0.05, 1, 20).tolist()
LEAST = 0.5
EXACT_DRAWS = 100_000


class Found(NamedTuple):
    """Populations of modes (seed, replica, mode), round trips of a seed, seconds of it."""

    shares: np.ndarray
    round_trips: float
    seconds: float

    def off(self, exact):
        """Root mean square distance of populations from the exact ones, over modes and seeds."""
        return float(np.sqrt(((self.shares.mean(axis=1) - exact) ** 2).mean()))

    def error(self):
        """That chance gives, by the spread of replicas."""
        n = self.shares.shape[1]
        return float(np.sqrt((self.shares.var(axis=1, ddof=1) / n).mean()))


def clusters(n_visible=60, n_core=20, n_free=40, n_rows=100):
    """A narrow and a broad cluster, as many data of each; the first spins tell which."""
    rng = np.random.default_rng(0)
    narrow, broad = np.ones((2, n_rows, n_visible), dtype=int)
    broad[:, :n_core] = -1
    broad[:, -n_free:] = rng.choice([-1, 1], size=(n_rows, n_free))
    rows = np.concatenate([narrow, broad])
    rows = np.where(rng.random(rows.shape) < 0.02, -rows, rows)

    def modes(v):
        is_broad = v[..., :n_core].mean(axis=-1) < 0
        return np.stack([~is_broad, is_broad], axis=-1).astype(float)

    return rows, modes


def bars_and_stripes():
    """4x4; a mode is an image, and what is none."""
    lines = np.array(np.meshgrid(*[[-1, 1]] * 4)).reshape(4, -1).T
    stripes = np.repeat(lines, 4, axis=1)
    images = np.unique(np.concatenate([stripes, np.tile(lines, 4)]), axis=0)

    def modes(v):
        hit = (v[..., None, :] == images).all(axis=-1)
        return np.concatenate([hit, ~hit.any(axis=-1, keepdims=True)], axis=-1).astype(float)

    return images, modes


def trained(rows, n_hidden, n_steps):
    machine = qspin.networks.RestrictedBoltzmannMachine(rows.shape[1], n_hidden)
    keep_at = {0, n_steps, *np.geomspace(1, n_steps, 80).astype(int).tolist()}
    return qspin.networks.fit_boltzmann(
        machine,
        rows,
        "exact",
        seed=0,
        n_steps=n_steps,
        learning_rate=0.005,
        keep_at=keep_at,
        likelihood="none",
    )


def measured(sampler, problem, n_visible, modes, seeds):
    shares, trips, start = [], 0, time.perf_counter()
    for seed in seeds:
        samples = sampler.sample(problem, seed=seed)
        shares.append(modes(samples.spins.values[-1, ..., :n_visible]).mean(axis=1))
        trips += int(samples.dataset["round_trips"].sum())
    return Found(np.array(shares), trips / len(seeds), (time.perf_counter() - start) / len(seeds))


def compared(rows, modes, n_hidden, n_steps, quick):
    """Exact populations, and what either sampler finds."""
    fit, seeds = trained(rows, n_hidden, n_steps), range(1 if quick else 3)
    n, problem = rows.shape[1], fit.machine.problem()
    draws = enumerated(fit.machine).draws(fit.machine, EXACT_DRAWS, generator_of(0, torch.device("cpu")))
    exact = modes(draws[:, :n].numpy().astype(int)).mean(axis=0)
    every = qspin.networks.TrajectoryTempering.of(fit.machine, fit.kept, **LENGTH)
    few = dataclasses.replace(every, n_burn_in=500, n_sweeps=1_000, n_draws=50).thinned(seed=9, least=LEAST)
    trajectory = dataclasses.replace(few, **LENGTH)
    tempering = qspin.get_backend("tempering", betas=LADDER, n_threads=1, **LENGTH)
    found = {
        f"tempering, {len(LADDER)} betas": measured(tempering, problem, n, modes, seeds),
        f"trajectory, {len(few.checkpoints.steps)} checkpoints": measured(
            trajectory, problem, n, modes, seeds
        ),
    }
    return exact, found


def told(name, found, exact):
    """A line of the report."""
    return (
        f"{name}: populations off by {found.off(exact):.4f} (chance by replicas {found.error():.4f}), "
        f"{found.round_trips:.0f} round trips, {found.seconds:.1f} s"
    )


def test_a_narrow_cluster_beside_a_broad_one(remark, request):
    rows, modes = clusters()
    exact, found = compared(rows, modes, 8, 1_500, request.config.getoption("--quick"))
    in_beta, along = found.values()
    shares = ", ".join(f"{name} {of.shares[..., 1].mean():.3f}" for name, of in found.items())
    remark(f"a narrow and a broad cluster, machine 60-8: the broad one has {exact[1]:.3f}; {shares}")
    for name, of in found.items():
        remark(f"  {told(name, of, exact)}")
    remark(f"  error of tempering over that of the trajectory: {in_beta.off(exact) / along.off(exact):.1f}")
    assert in_beta.off(exact) > max(0.2, STANDARD_ERRORS * in_beta.error())
    assert along.off(exact) < STANDARD_ERRORS * along.error()


def test_bars_and_stripes(remark, request):
    rows, modes = bars_and_stripes()
    exact, found = compared(rows, modes, 10, 1_500, request.config.getoption("--quick"))
    remark(f"bars and stripes 4x4, machine 16-10: {1 - exact[-1]:.3f} of the draws are images")
    for name, of in found.items():
        remark(f"  {told(name, of, exact)}")
        assert of.off(exact) < STANDARD_ERRORS * of.error()
