"""Series can be told apart, by every reader and beyond the last colour."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from qspin.plot.style import COLOURS, MOST_INSIDE, finished, style_of, styles_of

# Machado, Oliveira and Fernandes (2009), severity 1, on linear RGB
VISION = {
    "full": "1 0 0; 0 1 0; 0 0 1",
    "protanopia": "0.152286 1.052583 -0.204868; 0.114503 0.786281 0.099216; -0.003882 -0.048116 1.051998",
    "deuteranopia": "0.367322 0.860646 -0.227968; 0.280085 0.672501 0.047413; -0.011820 0.042940 0.968881",
    "tritanopia": "1.255528 -0.076749 -0.178779; -0.078411 0.930809 0.147602; 0.004733 0.691367 0.303900",
}
# Ottosson (2020), Oklab: linear RGB -> cones -> lightness and two opponent colours
CONES = "0.41222147 0.53633254 0.05144599; 0.21190350 0.68069955 0.10739696; 0.08830246 0.28171884 0.62997870"
OPPONENT = (
    "0.21045426 0.79361779 -0.00407205; 1.97799850 -2.42859221 0.45059371; 0.02590404 0.78277177 -0.8086758"
)


def matrix(text):
    return np.array([row.split() for row in text.split(";")], float)


def linear(colour):
    rgb = np.array(to_rgb(colour))
    return np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)


def perceived(colour, vision):
    seen = np.clip(matrix(VISION[vision]) @ linear(colour), 0, 1)
    return matrix(OPPONENT) @ np.cbrt(matrix(CONES) @ seen)


def apart(first, second):
    return min(np.linalg.norm(perceived(first, v) - perceived(second, v)) for v in VISION)


def test_twelve_colours_are_as_far_apart_as_those_of_okabe_and_ito():
    okabe_ito = min(apart(*pair) for pair in itertools.combinations(COLOURS[:7], 2))
    assert len(COLOURS) == 12
    assert min(apart(*pair) for pair in itertools.combinations(COLOURS, 2)) == okabe_ito > 0.07


@pytest.mark.parametrize("colour", COLOURS)
def test_colours_stand_out_from_white(colour):
    assert 1.05 / (linear(colour) @ [0.2126, 0.7152, 0.0722] + 0.05) > 2.2


def test_markers_and_lines_tell_on_beyond_the_colours():
    styles = [style_of(k) for k in range(80)]
    assert len({(s["color"], s["marker"]) for s in styles}) == 80
    assert len({(s["color"], str(s["linestyle"])) for s in styles}) == 80


def pairs(n_problems, n_backends):
    return [(f"p{i}", f"b{j}") for i in range(n_problems) for j in range(n_backends)]


@pytest.mark.parametrize(
    ("n_problems", "n_backends", "teller"), [(1, 3, 1), (4, 3, 1), (5, 3, 0), (12, 1, 0), (1, 1, 0)]
)
def test_colours_tell_backends_where_problems_are_few(n_problems, n_backends, teller):
    styles = styles_of(pairs(n_problems, n_backends))
    by_colour = {}
    for key, style in styles.items():
        by_colour.setdefault(style["color"], set()).add(key[teller])
    assert all(len(names) == 1 for names in by_colour.values())
    assert len(by_colour) == (n_problems, n_backends)[teller]
    assert len({(s["color"], s["marker"], str(s["linestyle"])) for s in styles.values()}) == len(styles)


def test_lines_repeat_what_colours_tell_where_there_is_nothing_else_to_tell():
    for styles in (styles_of(pairs(1, 3)), styles_of(pairs(12, 1))):
        assert len({style["marker"] for style in styles.values()}) == min(len(styles), 11)


def test_long_legends_stand_below_their_panel():
    for n, is_below in ((MOST_INSIDE, False), (MOST_INSIDE + 1, True)):
        figure = Figure()
        ax = figure.subplots()
        for k in range(n):
            ax.plot([0, 1], [k, k], label=f"series {k}")
        legend = finished(ax).get_legend()
        figure.draw_without_rendering()
        assert (legend.get_window_extent().y1 < ax.get_window_extent().y0) == is_below
    assert finished(Figure().subplots()).get_legend() is None
