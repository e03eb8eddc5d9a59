"""The command that embeds: what it says, writes and draws; it buys nothing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

import qspin
from qspin.cli import app

ADVANTAGE2 = Path(__file__).parents[2] / "shared" / "data" / "advantage2_system1.5.json"


@pytest.fixture
def ring(tmp_path):
    problem = qspin.IsingProblem.from_edges(8, range(8), [*range(1, 8), 0], [-1.0] * 8)
    qspin.write_problem(problem, tmp_path / "ring.npz")
    return tmp_path / "ring.npz"


def embed(*arguments):
    return CliRunner().invoke(app, ["embed", *map(str, arguments)])


def test_it_tells_chains_copies_and_reads(ring, tmp_path):
    picture, found = tmp_path / "ring.png", tmp_path / "ring.json"
    done = embed(ring, "--set", "size=2", "--set", "n_copies=3", "--plot", picture, "-o", found)
    assert done.exit_code == 0, done.output
    assert "Solver: simulated (zephyr 2x4, 160 qubits work)" in done.output
    assert "Copies: 3 of 8 spins on 24 qubits" in done.output
    assert "Chains: 24 of 1 qubit\n" in done.output
    assert "Reads: 100 by 34 anneals in 4 programmings" in done.output
    assert "Cost" not in done.output
    told = json.loads(found.read_text())
    assert (told["n_copies"], told["labels"], len(told["chains"][0])) == (3, list(range(8)), 3)
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_a_described_solver_says_what_reads_would_cost(ring):
    if not ADVANTAGE2.exists():
        pytest.skip(f"{ADVANTAGE2.name} is not beside this checkout (../shared/data)")
    done = embed(ring, "--solver", ADVANTAGE2, "--set", "n_copies=20")
    assert done.exit_code == 0, done.output
    assert "description of Advantage2_system1.5 (zephyr 12x4, 4594 qubits work)" in done.output
    assert "Cost: 0.035" in done.output
    assert "ms a read; nothing was bought" in done.output
    assert "Budget" not in done.output
    done = embed(ring, "--solver", ADVANTAGE2, "--set", "max_qpu_seconds=0.01", "--set", "n_copies=20")
    assert "Budget: that is more than max_qpu_seconds = 0.01, so a QPU would not start" in done.output


def test_calibrations_are_told_apart(ring, tmp_path):
    settings = "size=2", "n_shim=3", "readout_mitigation=true", "shim_reads=20", "n_copies=2"
    done = embed(ring, *(word for one in settings for word in ("--set", one)), "-o", tmp_path / "told.json")
    expected = "Reads: 100 by 150 anneals in 10 programmings, of which 100 in 5 calibrate the device\n"
    assert expected in done.output
    told = json.loads((tmp_path / "told.json").read_text())
    assert (told["n_anneals"], told["n_calibrating"], told["n_calibrations"]) == (150, 100, 5)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--solver", "nowhere.json"], "nowhere.json can be read"),
        (["--set", "n_copies=none"], "expected a number of copies from 1, or 'auto'"),
        (["--plot", "ring.gif"], "a picture is a .png, .svg or .pdf file; got 'ring.gif'"),
        (["--set", "embeding=auto"], "did you mean 'embedding'"),
        (["--solver", "Advantage2_system1"], "needs a D-Wave API token"),
        (["--set", "size=1", "--set", "n_copies=90"], "90 copies were asked for and"),
    ],
)
def test_unusable_input_exits_with_one_line(ring, monkeypatch, arguments, message):
    (ring.parent / "dwave.conf").write_text("[defaults]\n")
    monkeypatch.setenv("DWAVE_CONFIG_FILE", str(ring.parent / "dwave.conf"))
    done = embed(ring, *arguments)
    assert done.exit_code in (1, 2), done.output
    assert message in done.output
    assert message in done.output.strip().splitlines()[-1]
