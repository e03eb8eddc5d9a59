"""Panels become figures of a page: laid out, drawn the same each time, and no fault of one costs another."""

from __future__ import annotations

import base64
import re
import xml.etree.ElementTree

import matplotlib
import numpy as np
import pytest

from qspin import plot
from qspin.plot import canvas
from qspin.plot.canvas import Figure, draw, draw_all, save_figures, small_multiples


def lines(n=2, label="series {}"):
    def panel(ax):
        for k in range(n):
            ax.plot([1, 10], [k, k + 1], label=label.format(k), **plot.style_of(k))
        ax.set(xlabel="x", ylabel="y", xscale="log")
        plot.style.finished(ax)

    return panel


def laid_out(figure):
    """The matplotlib figure, and its axes that have panels."""
    laid = canvas._laid_out(figure)
    return laid, laid.axes


def legend_of(laid):
    (legend,) = laid.legends
    return legend, [text.get_text() for text in legend.get_texts()]


def test_a_drawing_is_svg_and_pdf_and_an_address():
    drawing = draw(Figure("lines", "Two lines.", [lines()]), "study-lines")
    assert (drawing.name, drawing.caption) == ("study-lines", "Two lines.")
    assert xml.etree.ElementTree.fromstring(drawing.svg).tag.endswith("svg")
    assert drawing.pdf.startswith(b"%PDF")
    head, _, content = drawing.source.partition(",")
    assert head == "data:image/svg+xml;base64"
    assert base64.b64decode(content) == drawing.svg


def test_the_same_figure_is_the_same_file():
    figure = small_multiples("lines", "Lines.", {"a": lines(), "b": lines(3)})
    first, second = draw(figure), draw(figure)
    assert first.svg == second.svg
    assert re.sub(rb"/ID.*", b"", first.pdf) == re.sub(rb"/ID.*", b"", second.pdf)


def test_what_a_user_has_set_is_left_aside_and_left():
    reference = draw(Figure("lines", "", [lines()])).svg
    with matplotlib.rc_context({"font.family": "serif", "lines.linewidth": 9, "text.usetex": True}):
        assert draw(Figure("lines", "", [lines()])).svg == reference
        assert matplotlib.rcParams["lines.linewidth"] == 9


def test_one_figure_that_fails_is_told_and_costs_no_other(tmp_path):
    def broken(ax):
        raise ZeroDivisionError("by chance")

    drawings, faults = draw_all({"a-x": Figure("x", "", [broken]), "a-y": Figure("y", "", [lines()])})
    assert list(drawings) == ["a-y"]
    assert faults == ["figure a-x: ZeroDivisionError: by chance"]
    save_figures(drawings.values(), tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"a-y.svg", "a-y.pdf"}


def test_a_short_legend_of_one_panel_stays_inside():
    laid, (ax,) = laid_out(Figure("x", "", [lines(4)]))
    assert not laid.legends
    assert ax.get_legend() is not None


@pytest.mark.parametrize("n", [7, 36, 60])
@pytest.mark.parametrize(
    "label", ["series {}", "a problem with a rather long name · annealer on a device {}", "{}" + "long" * 40]
)
def test_legends_fit_below_and_leave_the_panel_its_height(n, label):
    laid, (ax,) = laid_out(Figure("x", "", [lines(n, label)], height=3.8))
    legend, texts = legend_of(laid)
    extent, panel = legend.get_window_extent(), ax.get_window_extent()
    assert extent.x0 >= 0
    assert extent.x1 <= laid.bbox.x1
    assert extent.y0 >= -1
    assert extent.y1 <= ax.get_tightbbox().y0 + 1
    assert panel.height / laid.dpi > 2.8
    assert panel.width / laid.dpi > 6
    assert len(texts) == n
    assert all(text[0] == str(k)[0] or label[0] != "{" for k, text in enumerate(texts))


def test_panels_share_one_legend_without_repetitions():
    laid, axes = laid_out(Figure("x", "", [lines(3), lines(2)]))
    assert legend_of(laid)[1] == ["series 0", "series 1", "series 2"]
    assert all(ax.get_legend() is None for ax in axes)


def test_a_map_beside_a_long_legend_stays_a_square():
    long = "annealer-with-a-long-name-and-more {}"
    laid, axes = laid_out(
        Figure("x", "", [lines(3, long), lambda ax: plot.overlap_matrix(np.eye(5), ax)], height=3.0)
    )
    image = axes[1].get_window_extent()
    assert image.width == pytest.approx(image.height, rel=0.01)
    assert image.height / laid.dpi > 1.8


def test_a_grid_has_common_limits_and_labels_at_its_edge():
    panels = {f"problem {k}": lines(k + 1) for k in range(11)}
    figure = small_multiples("x", "", panels, n_columns=4)
    laid, axes = laid_out(figure)
    assert len(axes) == 11
    assert [ax.get_title() for ax in axes] == list(panels)
    assert len({ax.get_ylim() for ax in axes}) == len({ax.get_xlim() for ax in axes}) == 1
    assert laid.get_supylabel() == "y"
    assert [bool(ax.get_xlabel()) for ax in axes] == [False] * 8 + [True] * 3
    shown = [any(label.get_visible() for label in ax.get_xticklabels()) for ax in axes]
    assert shown == [False] * 7 + [True] * 4
    assert len({tuple(np.round(ax.get_window_extent().size)) for ax in axes}) == 1
    assert laid.get_figheight() > 3 * figure.height


def test_a_panel_that_sets_a_limit_cuts_no_other_off():
    def peak(height):
        def panel(ax):
            ax.plot([0, 1, 2], [0, height, 0])
            ax.set_ylim(bottom=0)

        return panel

    _, axes = laid_out(small_multiples("x", "", {"low": peak(1), "high": peak(9), "middle": peak(5)}))
    assert {ax.get_ylim()[0] for ax in axes} == {0}
    assert min(ax.get_ylim()[1] for ax in axes) >= 9


def test_panels_of_another_kind_keep_their_axes():
    def odd(ax):
        ax.plot([5, 6], [100, 200])
        ax.set(xlabel="other", ylabel="y")

    laid, axes = laid_out(small_multiples("x", "", {"a": lines(), "b": odd, "c": lines(3), "d": lines()}))
    assert axes[0].get_xlim() == axes[2].get_xlim() != axes[1].get_xlim()
    assert [ax.get_xlabel() for ax in axes] == ["x", "other", "x", "x"]
    laid.draw_without_rendering()
    assert all(any(label.get_visible() for label in ax.get_xticklabels()) for ax in axes)


@pytest.mark.parametrize(
    ("n", "most", "columns"), [(4, 3, 2), (5, 3, 3), (7, 4, 4), (9, 4, 3), (2, 4, 2), (12, 4, 4)]
)
def test_rows_of_a_grid_are_about_as_long(n, most, columns):
    assert (
        small_multiples("x", "", dict.fromkeys(map(str, range(n)), lines()), n_columns=most).n_columns
        == columns
    )


def test_titles_of_a_grid_are_shortened_to_their_panel():
    long = "a" * 40 + "z" * 40
    laid, axes = laid_out(small_multiples("x", "", dict.fromkeys([long, long + "z", "c", "d"], lines())))
    title = axes[0].title
    assert title.get_text().startswith("aaa")
    assert title.get_text().endswith("zzz")
    assert title.get_window_extent().width < laid.bbox.width / 4


def test_maps_of_a_grid_have_one_colour_bar():
    panel = lambda ax: plot.overlap_matrix(np.eye(4), ax, has_colour_bar=False)  # noqa: E731
    _, axes = laid_out(small_multiples("x", "", {"a": panel, "b": panel, "c": panel}))
    assert len(axes) == 4
    assert axes[-1].get_ylabel() == "overlap $q$"
    own = laid_out(small_multiples("x", "", {"a": lambda ax: plot.overlap_matrix(np.eye(4), ax), "b": panel}))
    assert len(own[1]) == 3


def test_numbers_where_there_is_no_second_row():
    _, axes = laid_out(small_multiples("x", "", {"a": lines(), "b": lines()}, n_columns=4))
    assert len(axes) == 2
    assert all(ax.get_xlabel() == "x" for ax in axes)
