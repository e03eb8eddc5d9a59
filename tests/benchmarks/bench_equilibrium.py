"""Machines and networks at the temperature that they were trained for: do the tests of equilibrium pass?

Boltzmann machines that were trained with samples of annealers, and twins of a network on digits after 100
epochs, down to beta = 1, in at most a minute on two threads.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

import qspin
from qspin import IsingProblem, analysis
from qspin.registry import get_source
from qspin.remarks import Level
from qspin.source import Tools

MACHINES = Path(__file__).resolve().parents[3] / "shared" / "data" / "grbm"
NAMES = [
    f"{chip}_{epochs}_epochs.pth"
    for chip in ("Advantage2_system1", "Advantage_system4")
    for epochs in (10, 40)
]
LENGTH = {"n_burn_in": 20_000, "n_sweeps": 80_000, "n_threads": 2}
LADDERS = {"machine": {"geometric": [0.02, 1.0, 24]}, "twin": {"geometric": [0.05, 1.0, 24]}}
SECONDS = 60.0


def machine(path: Path) -> IsingProblem:
    torch = pytest.importorskip("torch")
    state = {name: tensor.numpy() for name, tensor in torch.load(path, weights_only=True).items()}
    fields = state["_linear"].astype(float)
    couplings = state["_quadratic"].astype(float)
    return IsingProblem.from_edges(
        len(fields), state["_edge_idx_i"], state["_edge_idx_j"], couplings, fields=fields
    )


def twin(**settings) -> IsingProblem:
    pytest.importorskip("torch")
    source = get_source("mlp", layers=(64, 32, 10), dataset="digits", epochs=100, **settings)
    return source.build({name: wanted.make(Tools()) for name, wanted in source.needs().items()})


def tell(remark, name, problem, betas):
    samples = qspin.get_backend("tempering", betas=betas, **LENGTH).sample(problem, seed=1)
    diagnostics = analysis.chain_diagnostics(samples)
    remarks = analysis.equilibrium_remarks(samples, diagnostics)
    clocks, drift = samples.info["clocks"], samples.info["equilibration"]
    seconds = sum(value for value in clocks.values() if value is not None) - clocks["compile"]
    remark(
        f"{name}: {seconds:.1f} s, load {os.getloadavg()[0]:.1f}, "
        f"{int(samples.dataset['round_trips'].sum())} round trips, slowest swaps "
        f"{np.nanmin(samples.dataset['swap_rate']):.2f}, R-hat up to {np.nanmax(diagnostics['r_hat']):.3f}, "
        f"drift {drift['largest_deviation']:.1f} of {drift['allowed']:.1f} standard errors; "
        f"remarks: {', '.join(r.code for r in remarks) or 'none'}"
    )
    assert not [r for r in remarks if r.level is Level.SERIOUS]


@pytest.mark.parametrize("name", NAMES)
def test_machines_of_annealers(remark, name):
    if not (MACHINES / name).is_file():
        pytest.skip(f"machine {name} is not beside this checkout (../shared/data/grbm)")
    tell(remark, name, machine(MACHINES / name), LADDERS["machine"])


@pytest.mark.parametrize("shuffle", [False, True])
def test_twins_of_a_trained_network(remark, shuffle):
    name = "twin of 64-32-10 on digits, 100 epochs" + (", shuffled" if shuffle else "")
    tell(remark, name, twin(shuffle=shuffle), LADDERS["twin"])
