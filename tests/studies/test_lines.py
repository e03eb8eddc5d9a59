"""Lines of theory beside measured curves: where they come from, how they are told, and their values."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pytest
import xarray as xr
from made_results import MadeResults, asked
from ran import table

from qspin import theory
from qspin.plot.canvas import draw
from qspin.registry import get_backend, get_measure, get_source, get_study
from qspin.remarks import Level, Remark, stored
from qspin.source import Source, settings
from qspin.studies.lines import drawn_beside, lines_told, source_at, with_lines
from qspin.studies.series import Series
from qspin.study import Axis


def concluded(source, betas, measure="energy_curve", axes={}, n_replicas=50, **given):  # noqa: B006
    """The study of one measure on one problem, sampled exactly."""
    lines = asked({"a": source}, ["x"], axes)
    problem = source.build({})
    samples = get_backend("exact", betas=betas, n_replicas=n_replicas).sample(problem, seed=1)
    own = get_measure(measure).measure(samples, problem)
    return get_study("measured", measure=measure, **given).conclude(
        MadeResults(lines, {("found", "a", "x"): own})
    )


def test_a_chain_follows_its_line():
    found = concluded(get_source("lattice_ferromagnet", shape=[12]), [0.3, 0.6, 1.0], n_replicas=400)
    rows = table(found, "over_beta")
    t = np.tanh([0.3, 0.6, 1.0])
    np.testing.assert_allclose([row["theory_energy"] for row in rows], -(t + t**11) / (1 + t**12))
    off = [(row["energy"] - row["theory_energy"]) / row["energy_error"] for row in rows]
    np.testing.assert_allclose([row["deviation_energy"] for row in rows], off)
    assert np.abs(off).max() < 4
    (section,) = found.sections
    assert any("follows theory within" in finding.text for finding in section.findings)
    (energy, *_) = section.figures
    assert draw(energy).svg
    assert "theory_energy" in found.datasets["a-x"]


def test_what_lies_off_it_is_told():
    found = concluded(get_source("mattis", n_spins=8), [2.0, 3.0])  # eight spins are far from infinitely many
    (section,) = found.sections
    (text,) = (finding.text for finding in section.findings if "off theory" in finding.text)
    assert "of a · x" in text or "of a " in text
    assert "infinitely many spins" in text


def test_none_is_drawn_where_none_is_asked_for_or_known():
    source = get_source("mattis", n_spins=8)
    for own, given in (
        (source, {"theory": "none"}),
        (get_source("edwards_anderson", shape=[3, 3]), {}),
        (get_source("mattis", n_spins=8, clamp={"0": 1}), {}),
        (get_source("lattice_ferromagnet", shape=[3, 3, 2]), {}),
        (get_source("lattice_ferromagnet", shape=[3, 4], periodic=[True, False]), {}),
    ):
        found = concluded(own, [0.5], **given)
        assert "theory_energy" not in found.datasets["a-x"]


def test_the_line_follows_the_axes_of_a_sweep():
    sizes = [5, 9]
    source = get_source("lattice_ferromagnet", shape=[5])
    shapes = [[5], [9]]
    own = []
    for shape in shapes:
        problem = get_source("lattice_ferromagnet", shape=shape).build({})
        samples = get_backend("exact", betas=[0.7], n_replicas=10).sample(problem, seed=2)
        own.append(get_measure("energy_curve").measure(samples, problem))
    lines = asked({"a": source}, ["x"], {"a": [Axis("shape", tuple(shapes))]})
    found = get_study("measured", measure="energy_curve").conclude(
        MadeResults(lines, {("found", "a", "x"): own})
    )
    t = np.tanh(0.7)
    expected = [-(t + t ** (n - 1)) / (1 + t**n) for n in sizes]
    np.testing.assert_allclose([row["theory_energy"] for row in table(found, "over_beta")], expected)


def test_onsagers_lattice():
    source = get_source("lattice_ferromagnet", shape=[4, 4])
    found = source.predicted(np.array([0.3, 0.5]))
    np.testing.assert_allclose(found.energy, theory.square_lattice([1 / 0.3, 2.0]).energy)
    np.testing.assert_allclose(found.m_abs, theory.square_lattice([1 / 0.3, 2.0]).m_abs)


def test_a_mattis_model_solves_its_equation():
    found = get_source("mattis", n_spins=8).predicted(np.array([0.5, 1.0, 1.0001, 1.5, 20.0]))
    m = np.sqrt(found.q_abs.values)
    betas = found.beta.values
    np.testing.assert_allclose(m, np.tanh(betas * m), atol=1e-9)
    assert m[:2].tolist() == [0, 0]
    assert m[2] == pytest.approx(np.sqrt(3e-4), rel=0.01)
    assert m[4] == pytest.approx(1)


@settings
class Foreign(Source):
    """Of a third party: it predicts by a method of its own."""

    n_spins: int = 4

    def build(self, prepared):
        return get_source("mattis", n_spins=self.n_spins).build({})

    def predicted(self, betas):
        return get_source("lattice_ferromagnet", shape=[self.n_spins]).predicted(betas)


def test_a_source_without_theory_is_not_made_anew():
    source = get_source("wishart", n_spins=8, alpha=0.5)
    assert source_at(source, {"n_spins": "of what is gone"}) is source
    chain = get_source("lattice_ferromagnet", shape=[5])
    assert source_at(chain, {"shape": [9], "n_sweeps": 3}).shape == [9]


def test_third_parties_predict_by_a_method():
    found = concluded(Foreign(), [0.5])
    assert "theory_energy" in found.datasets["a-x"]


def test_the_line_of_the_mean_field_glass():
    found = get_source("sherrington_kirkpatrick", n_spins=8).predicted(np.array([0.5, 0.8, 2.0]))
    np.testing.assert_allclose(found.energy[:2], [-0.25, -0.4], atol=1e-9)  # -beta / 2 above T = 1
    np.testing.assert_allclose(found.q2[:2], 0, atol=1e-9)
    assert -0.745 < float(found.energy[2]) < -0.705
    assert 0 < float(found.q_abs[2]) < 1


@pytest.mark.parametrize(("n_patterns", "temperature"), [(3, 0.4), (2, 0.1)])  # metastable, and lowest
def test_the_overlaps_of_a_memory_are_those_of_retrieval_wherever_there_is_such_a_state(
    n_patterns, temperature
):
    source = get_source("hopfield", n_spins=60, n_patterns=n_patterns)
    betas = np.array([1.0, 1 / temperature])
    found = source.predicted(betas)
    states = theory.hopfield(n_patterns / 60, [1.0, temperature])
    retrieval, glass = (states.sel(state=state) for state in ("retrieval", "spin_glass"))
    assert bool(retrieval.lowest[1]) == (temperature == 0.1)
    assert found.m_max.values[0] == 0.0
    assert found.m_max.values[1] == pytest.approx(float(retrieval.overlap[1]))
    assert found.m_max.values[1] > 0.9
    np.testing.assert_allclose(found.energy__retrieval, retrieval.energy)
    lowest = np.where(retrieval.lowest, retrieval.energy, glass.energy)
    np.testing.assert_allclose(found.energy, lowest)


def test_a_memory_that_retrieves_is_told_beside_its_states():
    """It starts in a pattern and stays: far off the glass, the lowest state of infinitely many spins."""
    source = get_source("hopfield", n_spins=60, n_patterns=3, seed=1)
    theirs = source.predicted(np.array([1.0, 2.5]))
    measured = xr.Dataset(
        {
            "m_max": ("beta", [0.2, float(theirs.m_max[1]) + 0.001]),
            "m_max_error": ("beta", [0.001, 0.001]),
            "energy": ("beta", [-0.1, float(theirs.energy__retrieval[1]) + 0.001]),
            "energy_error": ("beta", [np.nan, 0.001]),
        },
        coords={"beta": [1.0, 2.5], "temperature": ("beta", [1.0, 0.4])},
    )
    drawn = with_lines(measured, source)
    np.testing.assert_allclose(drawn.deviation_m_max, [np.nan, 1.0], rtol=1e-6)  # 0 is of infinitely many
    np.testing.assert_allclose(drawn.deviation_energy__retrieval, [np.nan, 1.0], rtol=1e-6)
    texts = [f.text for f in lines_told([Series("a", "x", {}, {"own": drawn}, label="a")], "own")]
    state = "theory (retrieval state up to T_M)"
    assert any(f"m max of a follows {state} within 1.0 standard errors" in text for text in texts), texts
    assert any(f"energy of a follows {state} within 1.0" in text for text in texts)
    assert any("off theory (state of lowest free energy) at 1 of 1 temp" in text for text in texts)
    figure, ax = plt.subplots()
    drawn_beside(ax, {"a": drawn}, "energy")
    assert ax.get_legend_handles_labels()[1] == ["theory (state of lowest free energy)", state]
    plt.close(figure)


def test_the_line_of_a_memory_is_that_of_its_lowest_state():
    """Energies of many patterns far above the transition are those of couplings of variance load / N."""
    source = get_source("hopfield", n_spins=100, n_patterns=4)
    found = source.predicted(np.array([0.1, 5.0]))
    states = theory.hopfield(0.04, [10.0, 0.2])
    assert found.m_max.values.tolist() == [
        0.0,
        pytest.approx(float(states.sel(state="retrieval").overlap[1])),
    ]
    samples = get_backend("tempering", betas=[0.1], n_replicas=64, n_sweeps=2_000).sample(
        source.build({}), seed=1
    )
    curve = get_measure("energy_curve").measure(samples, source.build({}))
    assert float(curve.energy[0]) == pytest.approx(
        float(found.energy[0]), abs=4 * float(curve.energy_error[0]) + 1e-4
    )
    assert get_source("hopfield", n_spins=10, n_patterns=0).predicted(np.array([1.0])) is None


def test_a_maximum_cut_of_a_random_graph_above_and_below_its_transition():
    """Exact above it; below it one state is assumed, which is told."""
    source = get_source("maxcut_regular", n_spins=200, degree=3)
    results = MadeResults(asked({"a": source}, ["x"]), {("found", "a", "x"): made([-1.15, -0.95])})
    found = get_study("measured", measure="energy_curve").conclude(results)
    cold, hot = table(found, "over_beta")
    assert hot["theory_energy"] == pytest.approx(-1.5 * np.tanh(0.5))
    assert cold["theory_energy"] == pytest.approx(float(theory.regular_glass(1.0, 3).energy[0]))
    texts = [finding.text for finding in found.sections[0].findings]
    assert any(text.startswith("Theory of a: below T = 1.13459 the solution of one state") for text in texts)


def test_pairs_and_rings_have_no_transition():
    betas = np.array([0.5, 3.0])
    for degree in (1, 2):
        found = get_source("maxcut_regular", n_spins=8, degree=degree).predicted(betas)
        np.testing.assert_allclose(found.energy, -degree / 2 * np.tanh(betas))
    assert get_source("maxcut_regular", n_spins=8, degree=0).predicted(betas) is None


@settings
class Rough(Source):
    """Its theory has errors of its own, and a remark."""

    def build(self, prepared):
        return get_source("mattis", n_spins=4).build({})

    def predicted(self, betas):
        values = {
            "energy": ("beta", np.full(len(betas), -1.0)),
            "energy_error": ("beta", [0.03] * len(betas)),
        }
        remarks = stored([Remark("rough", "one state was assumed", Level.CAUTION)])
        return xr.Dataset(values, {"beta": betas}, attrs={"remarks": remarks})


def made(values, errors=None):
    own = {"energy": ("beta", values)}
    own["energy_error"] = ("beta", errors or [0.04] * len(values))
    t = 1.0 + np.arange(len(values))
    return xr.Dataset(own, coords={"beta": 1 / t, "temperature": ("beta", t)})


def test_errors_of_the_theory_count_in_the_distance():
    lines = asked({"a": Rough()}, ["x"])
    results = MadeResults(lines, {("found", "a", "x"): made([-0.9, -1.5])})
    found = get_study("measured", measure="energy_curve").conclude(results)
    near, far = table(found, "over_beta")
    assert near["deviation_energy"] == pytest.approx(2)
    assert far["deviation_energy"] == pytest.approx(-10)
    texts = [finding.text for finding in found.sections[0].findings]
    assert "energy of a is more than 4 standard errors off theory at 1 of 2 temperatures, most at T = 2" in (
        " ".join(texts)
    )
    assert "Theory of a: one state was assumed." in texts
    assert not any(column.key == "theory_remarks" for t in found.sections[0].tables for column in t.columns)


def test_many_curves_are_told_in_one_sentence():
    problems = {f"p{k}": Rough() for k in range(8)}
    cells = {("found", p, "x"): made([-1.0, -1.0 + 0.5 * (p == "p5")]) for p in problems}
    found = get_study("measured", measure="energy_curve").conclude(MadeResults(asked(problems, ["x"]), cells))
    (text,) = [f.text for f in found.sections[0].findings if "follows theory" in f.text]
    assert text.startswith("energy follows theory within 4 standard errors on 7 of 8 curves; that of p5 is")
    assert "at T = 2: -0.50(4) measured, -1 by theory, 10 standard errors" in text
