"""Mistakes of a whole config or override are told as such, with what was meant."""

from __future__ import annotations

import pytest
from conftest import ROOT

from qspin.errors import InputError
from qspin.experiment import load_config
from qspin.experiment.bench_config import load_bench_config

RUN = """
schema: 1
name: small
problems:
  square: {kind: lattice_ferromagnet, shape: [3, 3]}
backends:
  slow: {name: tempering, betas: [1.0]}
  other: {name: ocean}
"""
BENCH = """
schema: 1
name: sk
problems:
  sk: {kind: sherrington_kirkpatrick, sizes: {n_spins: [8, 12]}}
backends:
  tempering: {name: tempering, betas: [1.0]}
"""


@pytest.fixture
def write(tmp_path):
    def written(text: str):
        path = tmp_path / "given.yaml"
        path.write_text(text)
        return path

    return written


def test_a_benchmark_given_to_run(write):
    path = write(BENCH)
    with pytest.raises(InputError, match=f"config of a benchmark: qspin bench {path}"):
        load_config(path)
    with pytest.raises(InputError, match=f"config of a benchmark: qspin bench {path}"):
        load_config(write(RUN + "clock: wall\n"))


def test_a_run_given_to_bench(write):
    path = write(RUN)
    with pytest.raises(
        InputError, match=f"config of a run, whose problems have no 'sizes': qspin run {path}"
    ):
        load_bench_config(path)


def test_a_backend_given_to_either():
    path = ROOT / "configs" / "backends" / "tempering-quick.yaml"
    for load in (load_config, load_bench_config):
        with pytest.raises(InputError, match=f"spec of a backend.*--backend {path}"):
            load(path)


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("n_sweeps=5", r"no key 'n_sweeps'; expected --set backends\.slow\.n_sweeps=\.\.\.$"),
        ("parameters.num_sweeps=5", r"--set backends\.other\.parameters\.num_sweeps=\.\.\.$"),
        ("slow.n_sweeps=5", r"--set backends\.slow\.n_sweeps=\.\.\.$"),
        ("shape=[4, 4]", r"--set problems\.square\.shape=\.\.\.$"),
        ("square.shape=[4, 4]", r"--set problems\.square\.shape=\.\.\.$"),
        ("sed=5", "did you mean 'seed'"),
    ],
)
def test_a_setting_without_its_place(write, given, meant):
    with pytest.raises(InputError, match=meant):
        load_config(write(RUN), overrides=[given])


def test_a_setting_of_two_backends_names_both(write):
    with pytest.raises(
        InputError, match=r"backends\.slow\.betas=\.\.\. or --set backends\.fast\.betas=\.\.\."
    ):
        load_config(write(RUN + "  fast: {name: exact}\n"), overrides=["betas=[2.0]"])


def test_a_setting_of_a_benchmark_without_its_place(write):
    with pytest.raises(InputError, match=r"--set backends\.tempering\.n_sweeps=\.\.\.$"):
        load_bench_config(write(BENCH), overrides=["n_sweeps=5"])
    assert load_bench_config(write(BENCH), overrides=["clock=wall"]).clock == "wall"
