"""What becomes of the temperatures that rows of a dimod sample set state."""

from __future__ import annotations

import dimod
import numpy as np
import pytest

from qspin import SampleSet
from qspin.remarks import Level


class TestTemperatures:
    @pytest.mark.parametrize(
        "changed",
        [
            lambda rows: rows.slice(5, 20),
            lambda rows: dimod.concatenate([rows, rows]),
            lambda rows: rows.truncate(7),
        ],
    )
    def test_that_are_dropped_are_spoken_of(self, samples, glass, changed):
        rows = changed(samples.to_dimod())
        for problem in (glass, None):
            made = SampleSet.from_dimod(rows, problem)
            assert made.arrays.spins.shape == (1, len(rows), 1, 10)
            assert np.isnan(made.betas).all()
            remark = made.remarks[0]
            assert (remark.code, remark.level) == ("betas-dropped", Level.CAUTION)
            assert "inverse temperatures in the vector beta, 0.5 to 1, which are dropped" in remark.text

    def test_that_differ_within_a_row_are_not_taken_for_its_first(self, samples, glass):
        rows = samples.to_dimod()
        rows.record.beta[3] = 0.75
        made = SampleSet.from_dimod(rows, glass)
        assert np.isnan(made.betas).all()
        assert [remark.code for remark in made.remarks] == ["betas-dropped"]

    def test_where_there_are_none_nothing_is_said(self, spins, samples, glass):
        unknown = SampleSet.from_spins(glass, spins, [np.nan] * 2).to_dimod()
        foreign = dimod.SampleSet.from_samples(
            (spins[0, 0], list(glass.labels)), "SPIN", glass.energies(spins[0, 0])
        )
        whole = samples.to_dimod()
        for rows in (unknown, unknown.slice(3, 9), foreign, whole, whole.slice(0, 0)):
            assert SampleSet.from_dimod(rows, glass).remarks == []
        assert SampleSet.from_dimod(whole, glass).betas.tolist() == [0.5, 1.0]

    def test_rows_of_an_empty_sample_set_are_none(self, spins, glass):
        empty = SampleSet.from_spins(glass, spins[:, :0], [0.5, 1.0])
        assert SampleSet.from_dimod(empty.to_dimod(), glass).arrays.energies.size == 0
