"""A report survives what happens around it, and says what it lacks."""

from __future__ import annotations

import csv
import os
import shutil
import subprocess
import sys

import pytest
import yaml

from qspin import plot
from qspin.engine import actions
from qspin.errors import InputError, RunError
from qspin.experiment import RunFolder, run_experiment
from qspin.experiment.config.run_config import config_from_plain
from qspin.experiment.run import report_on
from qspin.measures.against import Compare
from qspin.measures.overlaps import OverlapCurve
from qspin.samples import SampleSet
from qspin.studies.comparison import Comparison

SKETCHED = pytest.mark.usefixtures("sketched")
ANNEALER = {"name": "annealer", "topology": "none", "betas": [0.5, 1.0], "n_reads": 40, "n_sweeps": 20}
SK = {"kind": "sherrington_kirkpatrick", "n_spins": 12, "seed": 1}


def config(backends, problems=None):
    return {"schema": 2, "name": "report", "problems": problems or {"a": SK}, "backends": backends}


def ran(tmp_path, backends, problems=None):
    folder = RunFolder(tmp_path / "run")
    run_experiment(config_from_plain(config(backends, problems)), folder)
    return folder


def verdicts(folder):
    with (folder.path / "results" / "comparison-verdicts.csv").open() as file:
        return list(csv.DictReader(file))


@SKETCHED
def test_a_gap_in_the_ladder_of_the_reference(tmp_path):
    folder = ran(
        tmp_path, {"exact": {"name": "exact", "betas": [0.02, 8.0], "n_replicas": 60}, "annealer": ANNEALER}
    )
    rows = verdicts(folder)
    assert len(rows) == 2
    assert all("falls into a gap of the reference between" in row["verdict"] for row in rows)
    page = folder.report_file.read_text(encoding="utf-8")
    assert "It has no place on the ladder of exact: the mean energy" in page
    assert "not compared: no temperature to compare at" in page


@SKETCHED
def test_what_theory_says_of_a_problem_is_told_once(tmp_path):
    problems = {"memory": {"kind": "hopfield", "n_spins": 12, "n_patterns": 1}}
    backends = {"exact": {"name": "exact", "betas": [0.5, 2.0], "n_replicas": 20}}
    studies = {"overlaps": {}, "energy_curve": {}, "pattern_overlap_curve": {}}
    folder = RunFolder(tmp_path / "run")
    plain = {"schema": 2, "name": "once", "problems": problems, "backends": backends, "studies": studies}
    run_experiment(config_from_plain(plain), folder)
    page = folder.report_file.read_text(encoding="utf-8")
    for told in ("Theory has T_g", "Theory has T_M", "energy of memory follows theory"):
        assert page.count(told) == 2, "on the first screen, and in the section that comes first"


@SKETCHED
def test_a_study_that_has_nothing_to_ask_says_so(tmp_path):
    folder = RunFolder(tmp_path / "run")
    exact = {"name": "exact", "betas": [1.0], "n_replicas": 20}
    plain = {**config({"exact": exact}), "studies": {"overlaps": {}, "comparison": {}, "training": {}}}
    run_experiment(config_from_plain(plain), folder)
    page = folder.report_file.read_text(encoding="utf-8")
    assert page.count("This study has nothing to ask of the problems and backends of this run.") == 2
    told = folder.remarks_file.read_text().splitlines()
    for label in ("comparison", "training"):
        assert f"study {label} has nothing to ask of the problems and backends of this run" in told
        assert f'id="{label}"' in page
    assert folder.is_finished


@SKETCHED
@pytest.mark.parametrize(
    "studies", [{"time_to_solution": {}}, {"m": {"name": "measured", "measure": "diversity"}}]
)
def test_remarks_of_samples_are_told_whatever_the_studies(tmp_path, studies):
    folder = RunFolder(tmp_path / "run")
    asked = {
        "name": "tempering", "betas": [0.5, 1.0], "n_replicas": 2, "n_burn_in": 1, "n_sweeps": 5,
        "target_energy": -1e3,
    }  # fmt: skip
    planted = {"kind": "wishart", "n_spins": 10, "alpha": 0.8, "seed": 1}
    plain = {**config({"aimed": asked}, {"a": planted}), "studies": studies}
    run_experiment(config_from_plain(plain), folder)
    told = folder.remarks_file.read_text()
    assert told.count("a with aimed: no configuration reaches the energy -1000: ") == 1
    assert "target-out-of-reach" in folder.report_file.read_text(encoding="utf-8")


def test_infinite_temperature_alone(tmp_path):
    exact = {"name": "exact", "betas": [0.0], "n_replicas": 60}
    folder = ran(tmp_path, {"exact": exact, "annealer": ANNEALER})
    assert "P(q), at T = infinity" in folder.report_file.read_text(encoding="utf-8")
    assert (folder.figures / "overlaps-energy.pdf").is_file()


@SKETCHED
def test_samples_have_one_temperature(tmp_path):
    """That of the table, in metrics.csv and in words; the device's own estimate keeps its own column."""
    exact = {"name": "exact", "betas": {"geometric": [0.1, 4, 10]}, "n_replicas": 200}
    folder = ran(tmp_path, {"exact": exact, "annealer": ANNEALER})
    with (folder.path / "metrics.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if row["backend"] == "annealer"]
    told = verdicts(folder)
    assert [float(r["temperature"]) for r in rows] == pytest.approx(
        [float(v["temperature"]) for v in told], 1e-5
    )
    assert all(
        float(row["beta_effective"]) != pytest.approx(float(row["beta_matched"]), 1e-3) for row in rows
    )
    corrected = [float(v["p_corrected"]) for v in told]
    assert max(corrected) >= max(float(v["p_value"]) for v in told)
    assert min(corrected) == pytest.approx(min(1, 2 * min(float(v["p_value"]) for v in told)))


def broken(*_, **__):
    raise ZeroDivisionError("by chance")


@SKETCHED
@pytest.mark.parametrize("part", ["figure", "study"])
def test_one_part_that_fails_is_named_and_costs_no_other(tmp_path, monkeypatch, part):
    where, name, told = {
        "figure": (plot, "energy_curves", "figure overlaps-energy: ZeroDivisionError: by chance"),
        "study": (Comparison, "conclude", "study comparison: ZeroDivisionError: by chance"),
    }[part]
    monkeypatch.setattr(where, name, broken)
    exact = {"name": "exact", "betas": [0.5, 1.0], "n_replicas": 60}
    with pytest.raises(RunError, match=f"lacks 1 of its parts: {told}"):
        ran(tmp_path, {"exact": exact, "again": {**exact, "n_replicas": 61}})
    page = (tmp_path / "run" / "report.html").read_text(encoding="utf-8")
    assert told in page
    assert (tmp_path / "run" / "figures" / "overlaps-mean_overlap.svg").is_file()
    assert (tmp_path / "run" / "metrics.csv").is_file()
    assert not RunFolder(tmp_path / "run").is_finished


@SKETCHED
@pytest.mark.parametrize(
    ("measure", "method", "error", "told"),
    [
        (OverlapCurve, "measured", ZeroDivisionError("by chance"), "overlap_curve of a with annealer"),
        (OverlapCurve, "measured", InputError("no such thing"), "overlap_curve of a with annealer"),
        (Compare, "held", ZeroDivisionError("by chance"), "compare of a with annealer against exact"),
    ],
)
def test_one_measure_that_fails_is_left_out(tmp_path, monkeypatch, measure, method, error, told):
    exact = {"name": "exact", "betas": [0.5, 1.0], "n_replicas": 60}
    real = getattr(measure, method)

    def fails(self, samples, *args):
        if samples.info["backend"] == "annealer":
            raise error
        return real(self, samples, *args)

    monkeypatch.setattr(measure, method, fails)
    reason = f"{told}: {error}"
    with pytest.raises(RunError, match=rf"1 of \d+ tasks failed, the others are done: {reason}"):
        ran(tmp_path, {"exact": exact, "annealer": ANNEALER})
    folder = RunFolder(tmp_path / "run")
    page = folder.report_file.read_text(encoding="utf-8")
    assert reason in page
    with (folder.path / "metrics.csv").open() as file:
        filled = {row["backend"] for row in csv.DictReader(file) if row["q_abs"]}
    assert filled == ({"exact"} if measure is OverlapCurve else {"exact", "annealer"})
    assert not folder.is_finished


@SKETCHED
def test_an_interrupt_is_no_failure_of_a_measure(tmp_path, monkeypatch):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(OverlapCurve, "measured", interrupted)
    with pytest.raises(KeyboardInterrupt):
        ran(tmp_path, {"exact": {"name": "exact", "betas": [0.5], "n_replicas": 60}})


@SKETCHED
def test_each_sample_file_is_read_once(tmp_path, monkeypatch):
    folder = ran(
        tmp_path, {"exact": {"name": "exact", "betas": [0.5, 1.0], "n_replicas": 60}, "annealer": ANNEALER}
    )
    read = []
    load = SampleSet.load
    monkeypatch.setattr(SampleSet, "load", lambda path, *args: read.append(path) or load(path, *args))
    shutil.rmtree(folder.path / "measures")
    actions._samples.clear()  # as in another process
    folder = RunFolder.open(folder.path)
    report_on(folder)
    assert not folder.faults()
    assert len(read) == len(set(read)) == 2
    report_on(RunFolder.open(folder.path))
    assert len(read) == 2, "what was measured needs no samples"


def test_a_users_surroundings(tmp_path):
    """TeX in a matplotlibrc, a backend that does not exist, an interpreter without docstrings: in a process
    of its own, since matplotlib reads them once.
    """
    (tmp_path / "matplotlibrc").write_text("text.usetex: true\nfont.family: nowhere\n")
    exact = {"name": "exact", "betas": [0.5, 1.0], "n_replicas": 60}
    (tmp_path / "a.yaml").write_text(yaml.safe_dump(config({"ex_act": exact})))
    done = subprocess.run(
        [sys.executable, "-OO", "-c", "from qspin.cli import main; main()", "run", "a.yaml", "--out", "run"],
        env={**os.environ, "MATPLOTLIBRC": str(tmp_path), "MPLBACKEND": "nonsense"},
        cwd=tmp_path, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "warning: a with ex_act: the energy has fewer than 100 effective samples" in done.stderr
    assert len(list((tmp_path / "run" / "figures").iterdir())) >= 6
