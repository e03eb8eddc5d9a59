"""Many images on one panel: where each stands, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.figure import Figure

from qspin import plot
from qspin.errors import InputError


@pytest.fixture
def ax():
    return Figure().subplots()


def test_images_stand_row_by_row_with_a_line_between(ax):
    rows = np.array([[0, 1, 1, 1, 0, 0], [1, 0, 0, 0, 1, 1], [0, 0, 0, 1, 1, 1]])
    plot.mosaic(rows, ax, shape=(2, 3), n_columns=2)
    (image,) = ax.images
    tiled = image.get_array()
    assert tiled.shape == (2 * 3 + 1, 2 * 4 + 1)
    np.testing.assert_array_equal(tiled[1:3, 1:4], rows[0].reshape(2, 3))
    np.testing.assert_array_equal(tiled[1:3, 5:8], rows[1].reshape(2, 3))
    np.testing.assert_array_equal(tiled[4:6, 1:4], rows[2].reshape(2, 3))
    assert (tiled[[0, 3, 6]] < 0).all()
    assert (tiled[4:6, 5:8] < 0).all(), "no image stands there"
    colours = image.to_rgba(tiled)
    assert (colours[1, 1, :3] == 1).all(), "0 is white"
    assert (colours[1, 2, :3] == 0).all(), "1 is black"
    assert len({tuple(colours[0, 0]), (1, 1, 1, 1), (0, 0, 0, 1)}) == 3


def test_what_is_not_known_and_numbers_of_both_signs(ax):
    plot.mosaic(np.array([[[0.5, np.nan], [-2.0, 0.0]]]), ax, is_signed=True)
    (image,) = ax.images
    assert image.get_clim() == (-2, 2)
    colours = image.to_rgba(image.get_array())
    red, blue = colours[1, 1], colours[2, 1]
    assert red[0] > red[2]
    assert blue[2] > blue[0]
    assert colours[1, 2][:3].max() - colours[1, 2][:3].min() > 0.5, "orange"
    np.testing.assert_allclose(colours[2, 2][:3], 0.97, atol=0.03)


def test_images_of_one_value(ax):
    plot.mosaic(np.zeros((4, 2, 2)), ax)
    assert ax.images[0].to_rgba(ax.images[0].get_array())[1, 1, :3].tolist() == [1, 1, 1]


@pytest.mark.parametrize(
    ("images", "shape", "came"),
    [
        (np.zeros((2, 6)), None, r"got \(2, 6\)$"),
        (np.zeros((2, 6)), (2, 2), r"got \(2, 6\) with shape=\(2, 2\)"),
        (np.zeros((0, 2, 2)), None, r"got \(0, 2, 2\)"),
        (np.zeros((1, 2, 3)), (3, 2), "with shape"),
    ],
)
def test_what_is_no_image(ax, images, shape, came):
    with pytest.raises(InputError, match=f"images have shape .*{came}"):
        plot.mosaic(images, ax, shape=shape)
