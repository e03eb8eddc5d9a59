"""Training of restricted machines beside `rbms` (Decelle, Seoane et al.) and scikit-learn: steps per second,
and held-out likelihood after equal seconds of one core.

`rbms` is no dependency; `pip install --no-deps rbms tqdm` into a folder on PYTHONPATH, and its tests run.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from sklearn.neural_network import BernoulliRBM

import qspin
from qspin.networks.boltzmann import (
    GibbsPhase,
    RestrictedBoltzmannMachine,
    fit_boltzmann,
    log_likelihood,
)

BATCH = CHAINS = 100
Weights = tuple[np.ndarray, np.ndarray, np.ndarray]
"""(n_visible, n_hidden), biases of visible and of hidden units, which are bits."""
Run = Callable[[int], Weights]


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    torch.set_num_threads(1)


# -- who is compared: each trains n steps and gives its weights ------------------------------------


def ours(
    data: np.ndarray, n_hidden: int, sampler: Any, rate: float, seed: int = 0, batch: int = BATCH
) -> Run:
    def run(n_steps: int) -> Weights:
        machine = RestrictedBoltzmannMachine(data.shape[1], n_hidden, "bits", seed=seed, dtype=torch.float32)
        fit_boltzmann(
            machine, data, sampler, seed=seed, n_steps=n_steps, batch_size=batch, learning_rate=rate,
            schedule=lambda own: torch.optim.lr_scheduler.LinearLR(own, 1.0, 0.02, n_steps),
            likelihood="none",
        )  # fmt: skip
        parts = (machine.weights, machine.visible_biases, machine.hidden_biases)
        return tuple(part.detach().numpy() for part in parts)  # type: ignore[return-value]

    return run


def of_rbms(data: np.ndarray, n_hidden: int, n_sweeps: int, rate: float, seed: int = 0) -> Run:
    """Its own step in the loop of its `train`, which besides writes every step to a file."""
    classes = pytest.importorskip("rbms.bernoulli_bernoulli.classes", reason="the peer rbms is not installed")
    from rbms.bernoulli_bernoulli.implement import _init_parameters
    from rbms.training.pcd import fit_batch_pcd

    rows, ones = torch.as_tensor(data), torch.ones(len(data))

    def run(n_steps: int) -> Weights:
        torch.manual_seed(seed)
        b, c, weights = _init_parameters(n_hidden, rows, torch.device("cpu"), torch.float32)
        machine = classes.BBRBM(weights, b, c)
        for parameter in machine.parameters():
            parameter.grad = torch.zeros_like(parameter)
        optimiser = torch.optim.SGD(machine.parameters(), lr=rate, maximize=True)
        chains = machine.init_chains(CHAINS)
        with torch.no_grad():
            for _ in range(n_steps):
                chosen = torch.randperm(len(rows))[:BATCH]
                optimiser.zero_grad(set_to_none=False)
                chains, _ = fit_batch_pcd((rows[chosen], ones[chosen]), chains, machine, n_sweeps, 1.0)
                optimiser.step()
        return machine.weight_matrix.numpy(), machine.vbias.numpy(), machine.hbias.numpy()

    return run


def of_sklearn(data: np.ndarray, n_hidden: int, rate: float, seed: int = 0) -> Run:
    """One sweep a step; it has as many chains as a batch has rows."""

    def run(n_steps: int) -> Weights:
        machine = BernoulliRBM(n_hidden, learning_rate=rate, batch_size=BATCH, random_state=seed)
        rng, at = np.random.default_rng(seed), len(data)
        for _ in range(n_steps):
            if at + BATCH > len(data):
                order, at = rng.permutation(len(data)), 0
            machine.partial_fit(data[order[at : at + BATCH]])
            at += BATCH
        return machine.components_.T, machine.intercept_visible_, machine.intercept_hidden_

    return run


def seconds(run: Callable[[int], object], n_steps: int) -> float:
    """Of a core, whatever else it does."""
    start = time.process_time()
    run(n_steps)
    return time.process_time() - start


# -- steps per second ------------------------------------------------------------------------------


@pytest.mark.parametrize(("n_sweeps", "n_steps"), [(1, 60), (10, 15)])
def test_steps_per_second(benchmark, remark, n_sweeps, n_steps):
    """784-500, batches and chains of 100, single precision: the median over rounds of long - short runs."""
    data = (np.random.default_rng(0).random((2_000, 784)) < 0.3).astype(np.float32)
    phase = GibbsPhase(n_sweeps=n_sweeps, n_chains=CHAINS)
    contenders = {
        "qspin": ours(data, 500, phase, 0.001),
        "rbms": of_rbms(data, 500, n_sweeps, 0.01),
    }
    if n_sweeps == 1:
        contenders["scikit-learn"] = of_sklearn(data, 500, 0.01)
    found: dict[str, list[float]] = {name: [] for name in contenders}
    for run in contenders.values():
        run(2)
    short = n_steps // 5
    for _ in range(5):
        for name, run in contenders.items():
            found[name].append((seconds(run, n_steps) - seconds(run, short)) / (n_steps - short))
    rates = {name: 1 / statistics.median(each) for name, each in found.items()}
    told = ", ".join(f"{name} {rate:.1f}" for name, rate in rates.items())
    remark(f"784-500, PCD-{n_sweeps}: steps per second of a core: {told} (bar: at least those of rbms)")
    benchmark.pedantic(contenders["qspin"], args=(5,), rounds=1)
    assert rates["qspin"] >= rates["rbms"]


# -- likelihood after equal time -------------------------------------------------------------------

N_HIDDEN = 64


def digits() -> tuple[np.ndarray, np.ndarray]:
    """Bits of 8x8 pixels, those that are learned and those held out."""
    bits = (load_digits().data >= 8).astype(np.float32)
    bits = bits[np.random.default_rng(0).permutation(len(bits))]
    return bits[:1_437], bits[1_437:]


def judged(weights: Weights, unseen: np.ndarray) -> tuple[float, float]:
    """Mean ln p of held-out data by annealed importance sampling from both sides, with its error: one judge
    for all."""
    machine = RestrictedBoltzmannMachine(*weights[0].shape, "bits")
    with torch.no_grad():
        for parameter, values in zip(
            (machine.weights, machine.visible_biases, machine.hidden_biases), weights, strict=True
        ):
            parameter.copy_(torch.as_tensor(np.asarray(values, dtype=np.float64)))
    value, error = log_likelihood(machine, unseen, "ais", seed=1, n_chains=200, n_betas=1_000)
    return value, error


def after(make: Callable[[int], Run], limit: float, unseen: np.ndarray, n_seeds: int):
    """Held-out likelihoods of seeds (n,), each trained for `limit` seconds, and steps that took."""
    run = make(0)
    run(5)
    step = (seconds(run, 60) - seconds(run, 10)) / 50
    n_steps = max(1, int(limit / step))
    values = [judged(make(seed)(n_steps), unseen) for seed in range(1, n_seeds + 1)]
    return np.array(values).reshape(-1, 2), n_steps


class Found(NamedTuple):
    """Held-out likelihood, mean over seeds in nats, and its standard error."""

    mean: float
    error: float


@pytest.fixture(scope="module")
def length(request) -> tuple[float, int]:
    """Seconds of a core that a training takes, and seeds."""
    return (5.0, 2) if request.config.getoption("--quick") else (30.0, 3)


def held_out(name: str, make: Callable[[int], Run], length: tuple[float, int], remark: Any) -> Found:
    """Of digits 64-64, after so many seconds."""
    limit, n_seeds = length
    values, n_steps = after(make, limit, digits()[1], n_seeds)
    error = np.hypot(values[:, 0].std(ddof=1), np.sqrt((values[:, 1] ** 2).mean())) / np.sqrt(n_seeds)
    found = Found(float(values[:, 0].mean()), float(error))
    told = f"held out {found.mean:.3f}({found.error:.3f}) nat, {n_steps} steps"
    remark(f"digits, 64-64, {limit:g} s: {name}: {told}")
    return found


@pytest.fixture(scope="module")
def own(length, remark) -> dict[str, Found]:
    """Ours, each at two learning rates, which fall to nothing: tempering as it chooses for itself, and block
    Gibbs. A call of a backend costs as much as several steps of block Gibbs: tempering takes more data at a
    step."""
    learned, tempering = digits()[0], qspin.get_backend("tempering", n_threads=1)
    entries: dict[str, Callable[[int], Run]] = {
        "tempering, Adam 0.05": lambda seed: ours(learned, N_HIDDEN, tempering, 0.05, seed, 500),
        "tempering, Adam 0.1": lambda seed: ours(learned, N_HIDDEN, tempering, 0.1, seed, 500),
        "PCD-1, Adam 0.02": lambda seed: ours(learned, N_HIDDEN, "pcd", 0.02, seed),
        "PCD-1, Adam 0.05": lambda seed: ours(learned, N_HIDDEN, "pcd", 0.05, seed),
    }
    return {name: held_out(name, make, length, remark) for name, make in entries.items()}


def best_of(found: dict[str, Found], start: str) -> Found:
    return max(value for name, value in found.items() if name.startswith(start))


def test_tempering_and_block_gibbs_at_equal_time(benchmark, own):
    """Digits: tempering is not below PCD-1, each at the better of its rates."""
    benchmark.pedantic(ours(digits()[0], N_HIDDEN, "pcd", 0.02), args=(5,), rounds=1)
    tempered, plain = best_of(own, "tempering"), best_of(own, "PCD")
    assert tempered.mean > plain.mean - 2 * np.hypot(tempered.error, plain.error)


def test_digits_at_equal_time(benchmark, remark, length, own):
    """Peers, whose rates do not fall, at the best of several, chosen by the very data they are held by."""
    learned = digits()[0]
    entries: dict[str, Callable[[int], Run]] = {}
    for rate in (0.01, 0.03, 0.1):  # 0.1 is its default
        entries[f"scikit-learn {rate:g}"] = lambda seed, r=rate: of_sklearn(learned, N_HIDDEN, r, seed)
        entries[f"rbms PCD-1 {rate:g}"] = lambda seed, r=rate: of_rbms(learned, N_HIDDEN, 1, r, seed)
    found = {name: held_out(name, make, length, remark) for name, make in entries.items()}
    benchmark.pedantic(entries["scikit-learn 0.1"](0), args=(5,), rounds=1)
    best = max(own.values())
    for peer in ("scikit-learn", "rbms"):
        theirs = best_of(found, peer)
        assert best.mean > theirs.mean + np.hypot(best.error, theirs.error)
