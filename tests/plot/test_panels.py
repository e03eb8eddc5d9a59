"""What panels show of the results that they are given."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from matplotlib.figure import Figure

from qspin import plot
from qspin.analysis.nulls import random_overlap


@pytest.fixture
def ax():
    return Figure().subplots()


def curve(temperatures=(0.5, 1.0, 2.0), **coordinates):
    t = np.array(temperatures)
    values = np.linspace(0.9, 0.1, len(t))
    variables = {
        name: ("beta", array)
        for stem in ("q_abs", "energy")
        for name, array in ((stem, values), (f"{stem}_error", np.full(len(t), 0.01)))
    }
    coords = {"temperature": ("beta", t), **{name: ("beta", np.array(v)) for name, v in coordinates.items()}}
    return xr.Dataset(variables, coords)


def labels(ax):
    return ax.get_legend_handles_labels()[1]


@pytest.mark.parametrize("draw", [plot.overlap_curves, plot.energy_curves])
def test_curves_stand_over_the_logarithm_of_the_temperature(ax, draw):
    draw({"down": curve(), "up": curve((2.0, 1.0, 0.5), temperature_error=[0.1, 0.1, 0.1])}, ax)
    assert labels(ax) == ["down", "up"]
    assert ax.get_xscale() == "log"
    assert ax.get_xlabel() == "temperature T"
    for container in ax.containers:
        line = container.lines[0].get_xdata()
        assert list(line) == sorted(line), "a line, whatever the order of a ladder"
    assert [len(container.lines[2]) for container in ax.containers] == [1, 2], (
        "measured temperatures have bars"
    )


@pytest.mark.parametrize(
    ("temperature", "label", "axis"),
    [
        (np.nan, "x (no temperature)", "temperature unknown"),
        (np.inf, "x (infinite temperature)", "infinite temperature"),
    ],
)
def test_samples_of_no_place_on_the_axis_are_bands(ax, temperature, label, axis):
    plot.overlap_curves({"x": curve((temperature,))}, ax)
    assert labels(ax) == [label]
    assert ax.get_xlabel() == axis
    assert not len(ax.get_xticks())


def test_the_overlap_of_independent_spins_has_a_name_in_the_legend(ax):
    plot.overlap_curves({"x": curve()}, ax, n_spins=20)
    assert labels(ax) == ["independent spins, N = 20", "x"] or labels(ax) == [
        "x",
        "independent spins, N = 20",
    ]
    assert random_overlap(20) in {float(line.get_ydata()[0]) for line in ax.lines}


def distribution(temperatures):
    t = np.array(temperatures)
    density = np.full((len(t), 3), 0.5)
    return xr.Dataset(
        {"density": (("beta", "q"), density), "density_error": (("beta", "q"), 0.1 * density)},
        {"q": [-1.0, 0.0, 1.0], "temperature": ("beta", t)},
    )


def test_densities_say_where_they_lie_and_are_left_out_far_away(ax):
    given = {"here": [1.0, 2.0], "near": [1.1], "far": [2.0], "nowhere": [np.nan]}
    plot.overlap_densities({name: distribution(t) for name, t in given.items()}, 1.0, ax)
    assert labels(ax) == ["here", "near (T = 1.1)"]
    other = Figure().subplots()
    plot.overlap_densities({name: distribution(t) for name, t in given.items()}, np.nan, other)
    assert labels(other) == ["nowhere"]


def test_a_map_in_the_order_of_a_dendrogram_with_or_without_its_colours(ax):
    q = np.array([[1.0, 0.2], [0.2, -1.0]])
    plot.overlap_matrix(q, ax, order=[1, 0])
    assert ax.images[0].get_array().tolist() == [[-1.0, 0.2], [0.2, 1.0]]
    assert ax.images[0].get_clim() == (-1, 1)
    assert len(ax.figure.axes) == 2
    bare = Figure().subplots()
    plot.overlap_matrix(q, bare, has_colour_bar=False)
    assert len(bare.figure.axes) == 1


def test_times_without_a_success_stand_at_the_top(ax):
    times = {"a": [(16, 0.1, 0.05, 0.2), (32, np.inf, 1.0, np.inf)], "b": [(16, 0.3, 0.2, np.inf)]}
    plot.time_to_solution(times, ax)
    assert labels(ax) == ["a", "b"]
    marked = [line for line in ax.lines if line.get_marker() == "^" and line.get_xdata()[0] == 32]
    assert [list(line.get_ydata()) for line in marked] == [[pytest.approx(0.9)]]


def test_learning_is_on_a_logarithm_and_accuracy_is_not(ax):
    curves = {f"{what}_{part}": [1.0, 0.5] for what in ("loss", "accuracy") for part in ("train", "test")}
    assert plot.learning_curves(curves, "loss", ax).get_yscale() == "log"
    other = plot.learning_curves(curves, "accuracy", Figure().subplots())
    assert other.get_yscale() == "linear"
    assert labels(other) == ["train", "test"]


def test_sizes_of_binder_ratios_ascend(ax):
    ones = {12: [1.0, 0.5], 4: [0.9, 0.6]}
    plot.binder_ratios([1.0, 2.0], ones, ones, ax)
    assert labels(ax) == ["L = 4", "L = 12"]


def test_energies_and_profiles_are_shares(ax):
    found = xr.Dataset({"cumulative": ("energy", [0.5, 1.0])}, {"energy": [-1.0, -0.5]})
    plot.energy_distributions({"a": found}, ax)
    assert ax.get_ylim() == (0, 1.02)
    shares = {"share": (("solver", "factor"), [[0.5, 1.0], [0.5, 0.5]])}
    profile = xr.Dataset(shares, {"solver": ["a", "b"], "factor": [1.0, 2.0]})
    other = plot.performance_profile(profile, Figure().subplots())
    assert labels(other) == ["a", "b"]
    assert other.get_xscale() == "log"


def test_lattice_points_of_overlaps_go_together_as_densities(ax):
    q = np.linspace(-1, 1, 401)
    share = np.full(401, 1 / 401)
    found = xr.Dataset({name: ("q", share) for name in ("first", "second", "cross")}, {"q": q})
    plot.cross_overlaps(found, ("a", "b"), ax)
    assert labels(ax) == ["a", "b", "a with b"]
    line = ax.lines[0]
    assert len(line.get_ydata()) < 60
    assert line.get_ydata()[5] == pytest.approx(0.5, rel=0.01)


def overlaps(n_spins, q):
    lattice = np.linspace(-1, 1, n_spins + 1)
    values = (np.abs(lattice - q) < 1e-9).astype(float)
    return xr.Dataset({"cross": ("q", values)}, {"q": lattice})


def test_bands_show_where_an_overlap_is_likely(ax):
    plot.overlap_bands({"a": overlaps(8, 0.5), "b": overlaps(16, -1.0), "c": overlaps(8, 1.0)}, "cross", ax)
    image = np.asarray(ax.images[0].get_array())
    assert image.shape == (3, 9), "as many bins as the smallest lattice has overlaps"
    centres = np.linspace(-1, 1, 9)
    assert centres[image.argmax(axis=1)].tolist() == [0.5, -1.0, 1.0]
    assert image.max(axis=1).tolist() == [1.0, 1.0, 1.0]
    assert [text.get_text() for text in ax.get_yticklabels()] == ["a", "b", "c"]


def test_energy_intervals_are_above_the_lowest_of_all(ax):
    def distribution(energies):
        share = np.arange(1, len(energies) + 1) / len(energies)
        return xr.Dataset({"cumulative": ("energy", share)}, {"energy": np.array(energies)})

    good, poor = distribution(np.linspace(-1.0, -0.9, 11)), distribution(np.linspace(-0.8, -0.7, 11))
    plot.energy_intervals({"a": {"x": good, "y": poor}, "b": {"y": poor}}, ax)
    assert labels(ax) == ["x", "y"]
    x, y = (container.lines[0].get_ydata() for container in ax.containers)
    assert list(x) == pytest.approx([0.05])
    assert list(y) == pytest.approx([0.25, 0.05])


def test_sizes_of_overlaps_stand_before_their_null(ax):
    q = np.linspace(0.05, 0.95, 10)
    found = xr.Dataset(
        {"density": ("q", q), "lower_null": ("q", q - 0.1), "upper_null": ("q", q + 0.1)}, {"q": q}
    )
    plot.overlap_sizes(found, ax, central=0.2)
    assert labels(ax) == ["independent spins", "samples"]
    assert ax.lines[0].get_ydata().tolist() == q.tolist()


def test_a_tree_of_valleys_ends_at_their_energies_and_joins_at_the_barriers(ax):
    """Two valleys at -4 and -3 below a barrier of -1, and one at -2 behind 0."""
    barrier = np.array([[-4.0, -1.0, 0.0], [-1.0, -3.0, 0.0], [0.0, 0.0, -2.0]])
    found = xr.Dataset({"energy": ("valley", [-4.0, -3.0, -2.0]), "barrier": (("valley", "other"), barrier)})
    plot.disconnectivity(found, ax, n_spins=2)
    ends = sorted({round(float(y), 6) for line in ax.lines for y in line.get_ydata()})
    assert ends == [-2.0, -1.5, -1.0, -0.5, 0.0]
    first, second = sorted((line.get_ydata() for line in ax.lines), key=max)
    assert sorted(first.round(6)) == [-2.0, -1.5, -0.5, -0.5]
    assert sorted(second.round(6)) == [-1.0, -0.5, 0.0, 0.0]


def test_one_valley_is_a_line(ax):
    found = xr.Dataset({"energy": ("valley", [-4.0]), "barrier": (("valley", "other"), [[-4.0]])})
    plot.disconnectivity(found, ax)
    assert len(ax.lines) == 1


def test_triangles_have_a_line_a_label(ax):
    row = xr.Dataset({"density": ("k", [2.0, 1.0])}, {"k": [0.5, 1.5]})
    plot.triangle_densities({"a": row, "b": row}, ax)
    assert labels(ax) == ["a", "b"]
