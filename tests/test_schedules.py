"""Schedules of annealers: what a file may hold, what is refused and why, and exact integrals in time."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from conftest import ROOT
from scipy.integrate import quad

from qspin.errors import InputError
from qspin.schedules import GHZ_A_MILLIKELVIN, SHAPES, read_schedule, schedule_of

HEADER = "s,A(s) (GHz),B(s) (GHz),c (normalized)\n"
GOOD = HEADER + "0,6,0.5,0\n0.4,1,2,0.4\n1,0,9,1\n"
RECORDED = sorted((ROOT.parent / "shared" / "data" / "dwave_schedules").glob("*.csv"))


@pytest.fixture
def file(tmp_path):
    def written(text, encoding="utf-8"):
        path = tmp_path / "schedule.csv"
        path.write_bytes(text.encode(encoding))
        return path

    return written


class TestFiles:
    @pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
    @pytest.mark.parametrize("header", [HEADER, "S, A(s) [ghz], b (GHz), note\n", "s,A,B,C (normalized)\n"])
    def test_halves_of_a_and_b_are_the_fields(self, file, encoding, header):
        schedule = read_schedule(file(GOOD.replace(HEADER, header), encoding))
        transverse, problem = schedule.fields(np.array([0.0, 0.2, 1.0]))
        np.testing.assert_allclose(transverse, [3, 1.75, 0])
        np.testing.assert_allclose(problem, [0.25, 0.625, 4.5])
        assert schedule.in_ghz
        assert schedule.name == "schedule"

    def test_columns_stand_in_any_order(self, file):
        schedule = read_schedule(file("B (GHz),s,A (GHz)\n1,0,3\n\n2,1,0\n"))
        np.testing.assert_allclose(schedule.fields(np.float64(0.5)), (0.75, 0.75))

    @pytest.mark.skipif(not RECORDED, reason="recorded schedules are not beside this checkout")
    @pytest.mark.parametrize("path", RECORDED, ids=lambda path: path.stem)
    def test_recorded_schedules(self, path):
        schedule = read_schedule(path)
        transverse, problem = schedule.fields(schedule.s)
        assert len(schedule.s) == 1001
        assert 4 < transverse[0] < 6 > 6 * transverse[-1]
        assert 3 < problem[-1] < 8

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("", "is empty; a schedule is a CSV file with a header and the columns s, A"),
            (
                "t,A(s) (GHz),B(s) (GHz)\n0,1,0\n1,0,1\n",
                r"columns s, A\(s\) \(GHz\), B\(s\) \(GHz\); the head",
            ),
            ("0,1,0\n1,0,1\n", "the header of .* is '0,1,0'"),
            (
                GOOD.replace("A(s) (GHz)", "A(s) (MHz)"),
                r"'A\(s\) \(MHz\)' must be in units of GHz; got 'MHz'",
            ),
            (HEADER + "0,6,0.5,0\n", "has two rows or more; got 1"),
            (HEADER + "0,6,0.5,0\n1,zero,1,1\n", "line 3: expected finite numbers s, A and B; got '1,zero"),
            (HEADER + "0,6,0.5,0\n1,0\n", "line 3: expected finite numbers"),
            (HEADER + "0,6,0.5,0\n1,0,inf,1\n", "line 3: expected finite numbers"),
            (GOOD.replace("0.4,1,2", "1.4,1,2"), "line 4: s must ascend; got 1.4, then 1"),
            (GOOD.replace("0.4,1,2", "0.4,7,2"), "line 3: A must not rise with s; got 6, then 7"),
            (GOOD.replace("0.4,1,2", "0.4,1,0.2"), "line 3: B must not fall with s; got 0.5, then 0.2"),
            (GOOD.replace("1,0,9", "0.9,0,9"), "s must go from 0 to 1; got 0 to 0.9"),
            (GOOD.replace("1,0,9", "1,-1,9"), "line 4: A must not be negative; got -1"),
            (GOOD.replace("0.4,1,2", "0.4,-2,2"), "line 3: A must not be negative; got -2"),
        ],
    )
    def test_what_is_no_schedule(self, file, text, message):
        with pytest.raises(InputError, match=message) as refused:
            read_schedule(file(text))
        assert refused.value.key == ("schedule",)

    def test_other_encodings_and_no_file(self, file, tmp_path):
        with pytest.raises(InputError, match="is no text in UTF-8"):
            read_schedule(file(GOOD, "utf-16"))
        with pytest.raises(InputError, match="no schedule at .* can be read: No such file"):
            read_schedule(tmp_path / "none.csv")
        with pytest.raises(InputError, match="no file 'quadratc': did you mean 'quadratic'"):
            schedule_of("quadratc")


class TestCourses:
    @pytest.mark.parametrize("given", [*SHAPES, "file"])
    @pytest.mark.parametrize(
        "points", [[(0, 0), (3, 1)], [(0, 1), (1, 0.3), (2, 0.3), (2.5, 1)], [(1, 0.2), (4, 0.9)]]
    )
    def test_integrals_are_exact(self, given, points, file):
        schedule = schedule_of(file(GOOD) if given == "file" else given, transverse_field=1.7)
        course = schedule.course(points)
        times, fractions = np.array(points, dtype=float).T
        for end in np.linspace(times[0], times[-1], 7):
            for which in (0, 1):

                def field(t, which=which):
                    return schedule.fields(np.interp(t, times, fractions))[which]

                breaks = course.times[course.times < end]
                edges = [*breaks, end]
                expected = sum(quad(field, *piece)[0] for piece in pairwise(edges))
                assert course.integrals(end)[which] == pytest.approx(expected, abs=1e-12)
                assert course.fields(end)[which] == pytest.approx(field(end), abs=1e-12)

    @pytest.mark.parametrize(
        "points", [[(0, 0)], [(0, 0), (0, 1)], [(0, 0), (1, 1.2)], [(0, 0), (np.nan, 1)]]
    )
    def test_points_that_are_no_anneal(self, points):
        with pytest.raises(InputError, match="two or more points .time, s. with ascending times"):
            schedule_of("linear").course(points)


def test_a_millikelvin_in_ghz():
    from scipy.constants import Boltzmann, Planck

    assert pytest.approx(1e-3 * Boltzmann / Planck * 1e-9, rel=1e-9) == GHZ_A_MILLIKELVIN
