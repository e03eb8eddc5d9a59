"""P(q) of infinitely many spins beside measured ones: where it is asked for, how it is drawn."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pytest
import xarray as xr
from made_results import MadeResults, asked
from ran import texts

from qspin import plot, theory
from qspin.registry import get_source, get_study
from qspin.studies.landscape.glass import Glass, Place, Row
from qspin.studies.landscape.theory import beside_theory
from qspin.studies.lines import DENSITY, SYMMETRIC, with_density

GLASS = get_source("sherrington_kirkpatrick", n_spins=20)
COUNTED = {"central_excess": 0.1, "central_error": 0.01}
BETAS = np.array([0.5, 1.6, 2.5])


def measured(n=20, betas=BETAS):
    """Of free spins, on the lattice of so many of them."""
    q = np.linspace(-1, 1, n + 1)
    density = np.tile(np.exp(-n * q**2 / 2), (len(betas), 1))
    density /= density.sum(axis=1, keepdims=True) * 2 / n
    return xr.Dataset(
        {
            "density": (("beta", "q"), density),
            "density_error": (("beta", "q"), 0.05 * density),
            "width": ("q", np.full(n + 1, 2 / n)),
        },
        coords={"beta": betas, "q": q, "temperature": ("beta", 1 / np.asarray(betas))},
    )


def concluded(source=GLASS, **given):
    results = {("overlap_distribution", "a", "x"): measured()}
    return get_study("overlaps", temperatures=[0.4], **given).conclude(
        MadeResults(asked({"a": source}, ["x"]), results)
    )


def test_it_is_parisis_at_what_is_shown():
    found = with_density(measured(), GLASS, [2.5])
    assert np.isnan(found[DENSITY].values[:2]).all()
    parisi = theory.parisi(0.4, steps=6, bins=101)
    np.testing.assert_allclose(found[DENSITY].values[2], parisi.density.values[0])
    np.testing.assert_allclose(found.theory_q, parisi.q)
    assert found.density.dims == ("beta", "q")
    assert float(found[SYMMETRIC][2]) == pytest.approx(float(theory.sk(0.4, steps=0).q_abs[0]))


def test_above_the_transition_all_of_it_is_at_zero():
    found = with_density(measured(), GLASS, [0.5, 2.5])
    own = found[DENSITY].values[0]
    assert own[50] == pytest.approx(101 / 2)
    assert np.abs(np.delete(own, 50)).max() < 1e-9
    assert float(found[SYMMETRIC][0]) == 0
    assert np.isfinite(found[DENSITY].values[2]).all()


def test_none_is_drawn_where_none_is_known_or_asked_for():
    found = concluded()
    assert DENSITY in found.datasets["a-x"]
    (told,) = [text for text in texts(found) if "Parisi" in text]
    assert told.startswith("Theory of a: P(q) is Parisi's, an average over instances")
    ends = theory.parisi(0.4, steps=6)
    assert f"of weight {float(ends.weight[0]):.2g} at |q| = {float(ends.q_ea[0]):.3g} (T = 0.4)" in told
    assert "infinitely many spins by theory" in found.sections[0].figures[0].caption
    for other in (
        concluded(theory="none"),
        concluded(get_source("mattis", n_spins=20)),
        concluded(get_source("sherrington_kirkpatrick", n_spins=21, clamp={"0": 1})),
    ):
        assert DENSITY not in other.datasets["a-x"]
        assert "theory" not in other.sections[0].figures[0].caption


def test_the_line_is_drawn_once_and_its_peaks_leave_the_panel():
    found = with_density(measured(), GLASS, [2.5])
    ax = plt.figure().subplots()
    plot.overlap_densities({"a": found, "b": found}, 2.5, ax)
    top = ax.get_ylim()[1]
    plot.theory_densities({"a": found, "b": found}, 2.5, DENSITY, SYMMETRIC, ax)
    labels = [line.get_label() for line in ax.lines]
    assert [label for label in labels if not label.startswith("_")] == [
        "a", "b", r"theory, $N \to \infty$", "replica-symmetric",
    ]  # fmt: skip
    upright = sorted(
        line.get_xdata()[0] for line in ax.lines if line.get_label().startswith(("_", "replica"))
    )
    assert upright == [-float(found[SYMMETRIC][2]), float(found[SYMMETRIC][2])]
    assert top <= ax.get_ylim()[1] < float(found[DENSITY].max())


def test_sizes_of_overlaps_have_both_sides_of_it():
    density = with_density(measured(), GLASS, [2.5])[DENSITY].isel(beta=2)
    ax = plt.figure().subplots()
    ax.plot([0, 1], [1, 1])
    plot.theory_sizes(density, ax)
    q, shown = ax.lines[-1].get_data()
    assert q.min() == 0
    assert np.trapezoid(shown, q) == pytest.approx(1, abs=0.01)
    assert ax.get_ylim()[1] < 2 < shown.max()


def test_landscapes_are_drawn_beside_theirs():
    place = Place(
        "a", "x", {}, (Row(0.4, COUNTED, Glass.OPEN),), {"landscape_nulls": measured()}, (), Glass.OPEN
    )
    results = MadeResults(asked({"a": GLASS}, ["x"]), {})
    found = beside_theory(results, place).found["landscape_nulls"]
    assert np.isfinite(found[DENSITY].values).all(axis=1).tolist() == [False, False, True]
    frozen = place._replace(rows=(Row(0.0, COUNTED, Glass.OPEN),))
    assert beside_theory(results, frozen).found["landscape_nulls"] is place.found["landscape_nulls"]
    others = MadeResults(asked({"a": get_source("mattis", n_spins=20)}, ["x"]), {})
    assert DENSITY not in beside_theory(others, place).found["landscape_nulls"]


def test_rows_near_a_temperature():
    assert plot.row_at(measured(), 2.4) == 2
    assert plot.row_at(measured(), 0.9) is None
    assert plot.row_at(measured(), np.nan) is None
    nowhere = measured().assign_coords(temperature=("beta", np.full(3, np.nan)))
    assert plot.row_at(nowhere, np.nan) == 0
    assert with_density(nowhere, GLASS, [np.nan]) is nowhere
