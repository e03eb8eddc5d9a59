"""The study of equilibrium: remarks and verdicts by their level, and the numbers behind them."""

from __future__ import annotations

import json

import numpy as np
import pytest
import xarray as xr
from made_results import THERMOSTAT, MadeResults, asked
from matplotlib.figure import Figure

from qspin.plot.canvas import draw
from qspin.registry import get_backend, get_measure, get_study
from qspin.remarks import Level, Remark
from qspin.study import Axis, Tone

LATE = Remark("interrupted", "the samples are interrupted: the run did not reach its end", Level.SERIOUS)
FEW = Remark("few-effective-samples", "the energy has fewer than 100 effective samples at 2 of 3")
NOTE = Remark("no-temperature", "the sampler states no temperature", Level.NOTE)


def diagnostics(*remarks, r_hat=(1.0, 1.01, 1.2)):
    return xr.Dataset(
        {
            "ess": ("beta", [400.0, 30.0, 200.0]),
            "r_hat": ("beta", list(r_hat)),
            "ess_overlap": ("beta", [400.0] * 3),
            "r_hat_overlap": ("beta", [np.nan] * 3),
            "swap_rate": ("beta", [0.3, 0.2, 0.9]),
        },
        coords={"beta": [0.5, 1.0, 2.0], "temperature": ("beta", [2.0, 1.0, 0.5])},
        attrs={"remarks": json.dumps([remark.plain() for remark in remarks])},
    )


def record():
    facts = {"n_spins": 4, "n_replicas": 8, "n_draws": 50, "round_trips": 12, "seconds_sample": 0.25}
    attrs = {"seed": "77", "status": "complete", "headline": "dense kernel"}
    return xr.Dataset({name: ((), value) for name, value in facts.items()}, attrs=attrs)


def concluded(cells, axes={}):  # noqa: B006
    found = {("chain_diagnostics", "a", backend): own for backend, own in cells.items()}
    found |= {
        ("record", "a", backend): [record()] * len(own) if isinstance(own, list) else record()
        for backend, own in cells.items()
    }
    return get_study("equilibrium").conclude(MadeResults(asked(["a"], list(cells), axes), found))


def test_every_cell_is_asked():
    plan = get_study("equilibrium").plan(asked(["a", "b"], {"x": THERMOSTAT}))
    assert [(w.measure, w.problem) for w in plan.wanted] == [
        (name, p) for p in ("a", "b") for name in ("chain_diagnostics", "record")
    ]


def test_nothing_wrong_is_said_and_is_no_proof():
    found = concluded({"x": diagnostics(NOTE)})
    assert not found.verdicts
    assert "not a proof" in found.sections[0].findings[0].text
    assert found.remarks == [("a", "x", NOTE)]


def test_serious_remarks_are_verdicts():
    found = concluded({"x": diagnostics(LATE, FEW), "y": diagnostics(FEW)})
    (verdict,) = found.verdicts
    assert (verdict.problem, verdict.backend, verdict.tone) == ("a", "x", Tone.BAD)
    assert verdict.text == "doubtful: interrupted"
    assert verdict.detail == LATE.text
    finding = found.sections[0].findings[0]
    assert finding.text.startswith("Not to be trusted as they are: a with x. The first: the samples are")
    assert finding.weight > 1.5
    assert [(backend, remark.code) for _, backend, remark in found.remarks] == [
        ("x", "interrupted"), ("x", "few-effective-samples"), ("y", "few-effective-samples"),
    ]  # fmt: skip


def test_cautions_are_no_proof_of_health():
    (finding,) = concluded({"x": diagnostics(FEW)}).sections[0].findings
    assert finding.text == "There is no serious sign of missing equilibrium; there are cautions."


def test_points_of_an_axis_are_told():
    found = concluded({"x": [diagnostics(), diagnostics(LATE)]}, {"a": [Axis("n", (8, 16))]})
    assert [remark.text for _, _, remark in found.remarks] == [f"n = 16: {LATE.text}"]


def test_the_table_holds_the_worst():
    table, devices = concluded({"x": diagnostics()}).sections[0].tables
    (row,) = table.rows
    assert (row["ess"], row["r_hat"], row["swap_rate"], row["r_hat_overlap"]) == (30, 1.2, 0.2, None)
    headings = [column.heading or column.key for column in table.columns if column.is_shown]
    shown = dict(zip(headings, table.shown()[0], strict=True))
    assert shown["largest R-hat: energy"] == "1.200"
    assert shown["least swap rate"] == "20%"
    assert shown["round trips"] == "12"
    assert shown["sampling seed"] == "77"
    assert devices.rows[0]["headline"] == "dense kernel"
    assert devices.rows[0]["seconds_sample"] == 0.25
    assert devices.rows[0]["seconds_queue"] is None


def test_figures_are_folded_and_drawn():
    figures = (
        concluded({"x": diagnostics(), "y": diagnostics(r_hat=(1.0, np.inf, np.nan))}).sections[0].figures
    )
    assert [figure.name for figure in figures] == ["r_hat", "ess", "swap_rate"]
    assert all(figure.is_folded for figure in figures)
    for figure in figures:
        assert draw(figure).svg


@pytest.mark.parametrize("n_replicas", [1, 8])
def test_of_real_samples(n_replicas):
    """A sampler that was stopped much too early is told, and one replica too."""
    lines = asked(["a"], ["x"])
    problem = lines.problems["a"].outline
    short = get_backend("tempering", betas=[0.5, 1.0], n_replicas=n_replicas, n_sweeps=40, n_draws=4)
    samples = short.sample(problem, seed=1)
    names = ("chain_diagnostics", "record")
    found = {(name, "a", "x"): get_measure(name).measure(samples, problem) for name in names}
    conclusion = get_study("equilibrium").conclude(MadeResults(lines, found))
    codes = {remark.code for _, _, remark in conclusion.remarks}
    assert "few-effective-samples" in codes
    assert ("one-replica" in codes) == (n_replicas == 1)


def test_embeddings_are_drawn_where_a_device_has_a_layout():
    info = {
        "device": {"topology": "zephyr", "shape": [1, 4]},
        "pipeline": {"embedding": {"chains": [[0], [24, 25]]}, "copies": {"n": 1}},
    }
    annealed = record().assign_attrs(info=json.dumps(info))
    cells = {("chain_diagnostics", "a", b): diagnostics() for b in ("x", "y")}
    cells |= {("record", "a", "x"): annealed, ("record", "a", "y"): record()}
    found = get_study("equilibrium").conclude(MadeResults(asked(["a"], ["x", "y"]), cells))
    (figure,) = [figure for figure in found.sections[0].figures if figure.name == "embeddings"]
    assert len(figure.panels) == 1
    assert figure.is_folded
    ax = Figure().subplots()
    figure.panels[0](ax)
    assert ax.get_title() == "a · x\n3 qubits of zephyr 1x4"
