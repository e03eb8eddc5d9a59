"""Results of all points as one dataset: axes are dimensions, and what differs from point to point stays."""

from __future__ import annotations

import io

import numpy as np
import pytest
import xarray as xr

from qspin.experiment.stacking import stacked
from qspin.netcdf import to_netcdf
from qspin.study import Axis, Point

SIZES = Axis("n_spins", (4, 8))
INSTANCES = Axis("instance", (0, 1, 2))


def curve(values, betas=(0.5, 1.0), **attrs):
    return xr.Dataset(
        {"energy": ("beta", np.asarray(values, float))}, coords={"beta": list(betas)}, attrs=attrs
    )


def points(make):
    return [Point({"n_spins": n, "instance": k}, make(n, k)) for n in SIZES.values for k in INSTANCES.values]


def test_without_axes_it_is_the_result_itself():
    result = curve([1, 2])
    assert stacked((), [Point({}, result)]) is result


def test_axes_are_the_first_dimensions():
    whole = stacked((SIZES, INSTANCES), points(lambda n, k: curve([n, n + k])))
    assert whole["energy"].dims == ("n_spins", "instance", "beta")
    assert whole["energy"].sel(n_spins=8, instance=2, beta=1.0) == 10
    assert whole["beta"].values.tolist() == [0.5, 1.0]


def test_a_missing_point_is_nan():
    whole = stacked((SIZES, INSTANCES), points(lambda n, k: curve([n, k]))[1:])
    assert np.isnan(whole["energy"].values[0, 0]).all()
    assert np.isfinite(whole["energy"].values).sum() == 10


def test_ladders_of_their_own_become_rows():
    whole = stacked((SIZES, INSTANCES), points(lambda n, k: curve([n] * (k + 1), np.arange(k + 1) + n)))
    assert whole["energy"].dims == ("n_spins", "instance", "beta_row")
    assert whole["beta"].dims == ("n_spins", "instance", "beta_row")
    assert whole["beta"].values[1, 2].tolist() == [8, 9, 10]
    assert np.isnan(whole["energy"].values[0, 0, 1:]).all()


def test_sizes_of_their_own():
    """A dimension without a coordinate that is as long as the problem."""
    whole = stacked(
        (SIZES, INSTANCES),
        points(lambda n, k: xr.Dataset({"field": ("spin", np.full(n, float(n)))})),
    )
    assert whole["field"].shape == (2, 3, 8)
    assert np.isnan(whole["field"].values[0, :, 4:]).all()
    assert (whole["field"].values[1] == 8).all()


def test_text_whole_numbers_and_facts():
    def make(n, k):
        return xr.Dataset({"n": ((), n * 10), "word": ((), "x" * k)}, attrs={"seed": k, "same": [1, 2]})

    whole = stacked((SIZES, INSTANCES), points(make))
    assert whole["n"].dtype.kind == "i"
    assert whole["word"].values.tolist() == [["", "x", "xx"]] * 2
    assert whole["seed"].values.tolist() == [[0, 1, 2]] * 2  # it differs, so it is a variable
    assert whole.attrs == {"same": [1, 2]}


def test_variables_that_only_some_points_have():
    def make(n, k):
        return curve([n, k]) if k else curve([n, k]).assign(more=("beta", [1.0, 2.0]))

    whole = stacked((SIZES, INSTANCES), points(make))
    assert whole["more"].values[0, 0].tolist() == [1, 2]
    assert np.isnan(whole["more"].values[:, 1:]).all()


def test_values_that_stand_twice_keep_both():
    axis = Axis("n_spins", (4, 4))
    whole = stacked((axis,), [Point({"n_spins": 4}, curve([k, k])) for k in (1, 2)])
    assert whole["energy"].values[:, 0].tolist() == [1, 2]


@pytest.mark.parametrize(
    ("values", "coordinate"),
    [
        (((2, 3), (3, 4)), ["[2, 3]", "[3, 4]"]),
        (("a", "b"), ["a", "b"]),
        ((1, 2.5), [1, 2.5]),
        ((None, "a"), ["null", "a"]),
        ((True, False), [1, 0]),
    ],
)
def test_coordinates_of_any_values(values, coordinate):
    axis = Axis("shape", values)
    whole = stacked((axis,), [Point({"shape": value}, curve([1, 2])) for value in values])
    assert whole["shape"].values.tolist() == coordinate


def test_files_bring_it_back():
    whole = stacked((SIZES, INSTANCES), points(lambda n, k: curve([n] * (k + 1), range(k + 1), seed=f"s{k}")))
    again = xr.open_dataset(io.BytesIO(to_netcdf(whole)), engine="h5netcdf")
    xr.testing.assert_equal(again, whole)


def test_what_is_called_like_an_axis_gets_another_name():
    def make(n, k):
        result = curve([1, 2]).assign(n_spins=((), n))
        return result.assign_attrs(instance=f"run {k}")

    whole = stacked((SIZES, INSTANCES), points(make))
    assert whole["n_spins"].values.tolist() == [4, 8]
    assert whole["n_spins_measured"].values.tolist() == [[4] * 3, [8] * 3]
    assert whole["instance_measured"].values[0].tolist() == ["run 0", "run 1", "run 2"]
    axis = Axis("beta", (1, 2))
    whole = stacked((axis,), [Point({"beta": value}, curve([value, 0])) for value in (1, 2)])
    assert whole["energy"].dims == ("beta", "beta_measured")
    assert whole["beta"].values.tolist() == [1, 2]
