"""How long every backend takes to hear Ctrl-C in the middle of long work. As a script, prints the seconds::

python tests/backends/interrupts.py [--asked] [NAME ...]

With ``--asked`` the signal asks first, as in the command line.
"""

from __future__ import annotations

import signal
import subprocess
import sys
import time

CLIENT = """
import contextlib
import signal
import sys
import numpy as np
import networkx as nx
import qspin
from qspin.cli.ending import Interrupts, leave
from qspin.engine.in_process import _PATIENCE
from qspin.stopping import patient

def glass(n):
    return qspin.instances.sherrington_kirkpatrick(n, seed=1)

def sparse(n, degree):
    graph = nx.random_regular_graph(degree, n, seed=1)
    edges = np.array(sorted(tuple(sorted(edge)) for edge in graph.edges))
    return qspin.IsingProblem.from_edges(n, *edges.T, np.ones(len(edges)))

def backend(name, n_sweeps=100, **settings):
    # with so many sweeps, and with few
    sweeps = {} if name in ("qaoa", "exact") else {"n_sweeps": n_sweeps}
    few = {} if not sweeps else {"n_sweeps": 100}
    return qspin.get_backend(name, **sweeps, **settings), qspin.get_backend(name, **few, **WARM.get(name, {}))

def ocean(name, **parameters):
    path = f"dwave.samplers:{name}"
    long, short = {"sampler": path, "n_reads": 2, "parameters": parameters}, {"sampler": path, "n_reads": 2}
    return qspin.get_backend("ocean", **long), qspin.get_backend("ocean", **short)

WARM = {
    "annealer": {"topology": "zephyr", "size": 2, "n_reads": 2},
    "qaoa": {"angles": "optimise", "n_iterations": 2},
    "tempering": {"betas": [0.5, 1.0]},
}
problem, sampler, warm = %s
warm.sample(glass(4), seed=1)  # imports and compiles
hearing = contextlib.nullcontext()
if "asked" in sys.argv:
    signal.signal(signal.SIGINT, Interrupts())
    hearing = patient(_PATIENCE)
print("go", flush=True)
try:
    with hearing:
        if sampler.sample(problem, seed=1).info["status"] == "interrupted":  # with what there was
            print("heard", flush=True)
except KeyboardInterrupt:
    print("heard", flush=True)
leave(1)
"""

LONG, LONGER = 10**6, 10**8
CASES = {
    "ocean-simulated-annealing": f"glass(300), *ocean('SimulatedAnnealingSampler', num_sweeps={LONG})",
    "ocean-path-integral": f"glass(300), *ocean('PathIntegralAnnealingSampler', num_sweeps={LONG})",
    "ocean-tabu": "glass(300), *ocean('TabuSampler', timeout=60_000)",
    "annealer-embedding": "sparse(300, 6), *backend('annealer')",
    "annealer-path-integral": f"sparse(300, 3), *backend('annealer', {LONG}, topology='none')",
    "annealer-rotor": f"sparse(300, 3), *backend('annealer', {LONG}, topology='none', physics='rotor')",
    "annealer-thermal": f"sparse(300, 3), *backend('annealer', {LONG}, topology='none', physics='thermal')",
    "annealer-clique": f"glass(150), *backend('annealer', {LONG})",
    "qaoa-aer": "glass(24), *backend('qaoa', depth=11)",
    "qaoa-depth": "glass(20), *backend('qaoa', depth=300, angles='linear_ramp')",
    "qaoa-training": "glass(22), *backend('qaoa', depth=11, angles='optimise')",
    "qaoa-products": (
        "glass(30), *backend('qaoa', depth=3, method='matrix_product_state', max_bond_dimension=512)"
    ),
    "exact": "glass(26), *backend('exact')",
    "tempering": f"glass(1000), *backend('tempering', {LONGER}, betas=[0.5, 1.0], n_draws=10)",
    "tempering-pilot": "glass(3000), *backend('tempering')",
    "tempering-multispin": (
        f"sparse(5000, 4), *backend('tempering', {LONGER}, betas=[0.5, 1.0], n_replicas=64, n_draws=10)"
    ),
}


def heard_after(name: str, seconds: float, *, asks: bool = False) -> tuple[float, float]:
    """Seconds from an interrupt, so long after the work began, until it was heard and until the end.

    Parameters
    ----------
    asks : whether the signal asks first and interrupts later
    """
    command = [sys.executable, "-c", CLIENT % CASES[name], *(["asked"] if asks else [])]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        assert process.stdout.readline() == "go\n"
        time.sleep(seconds)
        assert process.poll() is None, f"{name} ended before it could be interrupted"
        start = time.perf_counter()
        process.send_signal(signal.SIGINT)
        assert process.stdout.readline() == "heard\n"
        heard = time.perf_counter() - start
        process.wait(60)
        assert process.returncode == 1, f"{name} ended with {process.returncode}"
        return heard, time.perf_counter() - start
    finally:
        process.kill()


if __name__ == "__main__":
    asked = "--asked" in sys.argv
    for case in [name for name in sys.argv[1:] if name in CASES] or CASES:
        try:
            took = heard_after(case, 4.0, asks=asked)
            print(f"{case:<28} heard after %.2f s, ended after %.2f s" % took, flush=True)
        except AssertionError as error:
            print(f"{case:<28} {error}", flush=True)
