"""Lines of theory beside measured curves: where they come from, how they are told, and their values."""

from __future__ import annotations

import numpy as np
import pytest
from made_results import MadeResults, asked
from ran import table

from qspin import theory
from qspin.plot.canvas import draw
from qspin.registry import get_backend, get_measure, get_source, get_study
from qspin.source import Source, settings
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
        assert not any(name.startswith("theory_") for name in found.datasets["a-x"])


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


def test_third_parties_predict_by_a_method():
    found = concluded(Foreign(), [0.5])
    assert "theory_energy" in found.datasets["a-x"]


def test_the_line_of_the_mean_field_glass():
    found = get_source("sherrington_kirkpatrick", n_spins=8).predicted(np.array([0.5, 0.8, 2.0]))
    np.testing.assert_allclose(found.energy[:2], [-0.25, -0.4], atol=1e-9)  # -beta / 2 above T = 1
    np.testing.assert_allclose(found.q2[:2], 0, atol=1e-9)
    assert -0.745 < float(found.energy[2]) < -0.705
    assert 0 < float(found.q_abs[2]) < 1


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
