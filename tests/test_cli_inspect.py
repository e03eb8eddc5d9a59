"""``qspin inspect``: sentences, a report, a config, and what it refuses."""

from __future__ import annotations

import re

import pytest
import yaml
from typer.testing import CliRunner

from qspin import networks
from qspin.cli import app
from qspin.experiment import RunFolder

torch = pytest.importorskip("torch")

SHORT = [
    "--n-shuffles", "3", "--executor", "in_process", "--set", "backends.tempering.n_sweeps=100",
    "--set", "backends.tempering.n_burn_in=50", "--set", "backends.tempering.cluster=none",
]  # fmt: skip


def qspin(*arguments, cwd):
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(cwd)
        return CliRunner().invoke(app, list(arguments))


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with a small network."""
    folder = tmp_path_factory.mktemp("inspect")
    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Linear(8, 6), torch.nn.ReLU(), torch.nn.Linear(6, 4))
    torch.save(net.state_dict(), folder / "net.pt")
    torch.save(net, folder / "module.pt")
    return folder


def test_sentences_a_report_and_resuming(place):
    done = qspin("inspect", "net.pt", "--out", "run", *SHORT, cwd=place)
    assert done.exit_code == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0].startswith("model has 18 spins in 3 groups (layer 0 of 8, layer 1 of 6, layer 2 of 4)")
    assert sum(line.startswith("Mean |q| of model") for line in lines) == 2
    for head, test in (("Of the weights between", "Student p"), ("The 48 couplings between", "Smirnov")):
        (told,) = [line for line in lines if line.startswith(head) and "layer 0" in line]
        assert re.search(rf"{test}.*, corrected for the number of pieces", told), told
    assert lines[-1] == "Report: run/report.html"
    page = (place / "run" / "report.html").read_text(encoding="utf-8")
    assert "Inspection of model" in page
    assert "the edge of Marchenko and Pastur" in page
    assert (place / "run" / "results" / "inspection-curves.csv").is_file()
    again = qspin("inspect", "net.pt", "--out", "run", *SHORT, "--resume", cwd=place)
    assert "Nothing to do" in again.stderr
    assert again.stdout == done.stdout


def test_a_machine_of_ours_is_held_against_its_shuffles_alone(place):
    """How it began is not part of its state dict."""
    machine = networks.RestrictedBoltzmannMachine(5, 4, "bits", spread=2.0, seed=3)
    torch.save(machine.state_dict(), place / "machine.pt")
    done = qspin("inspect", "machine.pt", "--out", "machine", *SHORT, cwd=place)
    assert done.exit_code == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0].startswith("model has 9 spins in 2 groups (visible of 5, hidden of 4)")
    assert lines[1].startswith("It is held against its shuffles alone")
    assert lines[2].startswith("Couplings of its own variances with signs at random freeze at T_c =")
    for head in (
        "States at T = 1:",
        "Triangles at T = 1:",
        "States and triangles at T = 1 beside 3 shuffles:",
    ):
        assert sum(line.startswith(head) for line in lines) == 1, head
    (place / "machine.pt").unlink()
    run = RunFolder(place / "machine")
    chosen, _ = run.config.plans["inspection"]
    assert chosen.study.conclude(run.results("inspection")).sections, "the file is not needed again"


def test_a_machine_annealed_at_a_factor(place):
    """At which temperature, in equilibrium there, and how far from its own; a dry run tells how long."""
    machine = networks.RestrictedBoltzmannMachine(5, 4, spread=1.0, seed=3)
    torch.save(machine.state_dict(), place / "annealed.pt")
    names = [f"{physics}{at}" for physics in ("thermal", "path_integral") for at in ("", "_at_1")]
    few = [f"--set=backends.{name}.{setting}" for name in names for setting in ("n_reads=20", "n_sweeps=50")]
    quick = {"n_sweeps": 400, "n_burn_in": 50, "n_replicas": 8, "cluster": "none"}
    few += [f"--set=backends.tempering.{setting}={value}" for setting, value in quick.items()]
    few += ["--set=studies.own_temperature.permutations=19"]
    short = ["--executor", "in_process", *few]
    done = qspin("inspect", "annealed.pt", "--annealed", "0.5", "--out", "anneal", *short, cwd=place)
    assert done.exit_code == 0, done.stderr
    lines = done.stdout.splitlines()
    for label in names:
        (told,) = [line for line in lines if line.startswith(f"On model, {label} (annealer: ")]
        assert "programmed with 0.5 of the energy, sampled at beta = " in told
        assert f"temperature {'1' if label.endswith('_at_1') else '0.5'}" in told
        assert "At beta = 1 it is" in told
    assert "equilibrium at them is not tested" not in done.stdout + done.stderr, "that is what was tested"
    assert "is not tested" not in (place / "anneal" / "remarks.txt").read_text()
    assert (place / "anneal" / "results" / "own-temperature-held.csv").is_file()
    plan = qspin("inspect", "annealed.pt", "--annealed", "0.5", "--dry-run", *short, "--seed", "1", cwd=place)
    assert "model with path_integral_at_1" in plan.stdout
    assert "earlier task" in plan.stdout


def test_a_config_to_be_run_later(place):
    done = qspin("inspect", "net.pt", "--config", "inspect.yaml", "--layers", "0,1", "--seed", "5", cwd=place)
    assert done.stdout == "Config: inspect.yaml\n"
    config = yaml.safe_load((place / "inspect.yaml").read_text(encoding="utf-8"))
    assert (config["name"], config["seed"], config["problems"]["model"]["layers"]) == (
        "inspect-net", 5, [0, 1],
    )  # fmt: skip
    assert config["problems"]["shuffled"]["path"] == str(place / "net.pt")
    told = qspin("run", "inspect.yaml", "--dry-run", cwd=place)
    assert "reinitialised with tempering" in told.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["none.pt"], "none.pt cannot be read"),
        (["module.pt"], "is no state dict but a pickle of other objects"),
        (["net.pt", "--layers", "0,fc"], "no layer 'fc'"),
        (["net.pt", "--layers", "0,9"], "layers are numbered 0 to 2; got 9"),
        (["net.pt", "--layers", "0,2"], "no couplings among the spins that are kept"),
        (["net.pt", "--n-shuffles", "2"], "n_shuffles must be at least 3; got 2"),
        (["net.pt", "--set", "backends.tempering.n_sweep=3"], "n_sweeps"),
        (["net.pt", "--json"], "add --dry-run"),
        (["net.pt", "--annealed", "0.05"], "is a network, which has no temperature of its own"),
        (["net.pt", "--annealed", "1", "--n-shuffles", "5", "--biases"], "leave out --biases, --n-shuffles"),
    ],
)
def test_what_is_refused(place, arguments, message):
    done = qspin("inspect", *arguments, cwd=place)
    assert done.exit_code == 2
    assert message in done.stderr
