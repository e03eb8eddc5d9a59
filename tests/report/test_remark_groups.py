"""Remarks that differ in their numbers alone are one remark, which is true of all of its cells."""

from __future__ import annotations

import pytest

from qspin.remarks import Level, Remark
from qspin.report.trust import grouped, summary

BROKEN = Remark("broken", "3 broke")
WORSE = Remark("broken", "4 broke")
LATE = Remark("late", "late", Level.SERIOUS)
NOTE = Remark("n", "n", Level.NOTE)


def test_groups_go_by_kind_and_stand_by_level_then_by_number():
    groups = grouped(
        [("a", "x", NOTE), ("a", "x", BROKEN), ("a", "y", Remark("rare", "r")), ("b", "x", WORSE),
         ("b", "y", LATE)], 6,
    )  # fmt: skip
    assert [group.code for group in groups] == ["late", "broken", "rare", "n"]
    assert str(groups[1]) == "2 of 6 cells (x on a, b): 3 to 4 broke"
    assert str(groups[0]) == "b with y: late"


def test_one_code_with_other_words_or_another_level_is_another_remark():
    told = [Remark("broken", "all broke", Level.SERIOUS), Remark("broken", "3 broke", Level.NOTE)]
    groups = grouped([("a", "x", BROKEN), *(("b", "x", remark) for remark in told)], 2)
    assert [(group.level, str(group)) for group in groups] == [
        (Level.SERIOUS, "b with x: all broke"),
        (Level.CAUTION, "a with x: 3 broke"),
        (Level.NOTE, "b with x: 3 broke"),
    ]


@pytest.mark.parametrize(
    ("texts", "told"),
    [
        (["16 of 16 stopped at -96.3: chosen", "9 of 16 stopped at -50: chosen"],
         "9 to 16 of 16 stopped at -96.3 to -50: chosen"),
        (["3.5% of all at T = 1e-05", "10% of all at T = inf"], "3.5% to 10% of all at T = 1e-05 to inf"),
        (["is 0.67(4), below 1.", "is 0.5(10), below 1."], "is 0.5(10) to 0.67(4), below 1."),
        (["n = 8: 4 x2 rows", "n = 64: 4 x2 rows", "n = 30: 4 x2 rows"], "n = 8 to 64: 4 x2 rows"),
    ],
)  # fmt: skip
def test_a_merged_remark_tells_ranges(texts, told):
    (group,) = grouped([(f"p{k}", "x", Remark("r", text)) for k, text in enumerate(texts)], 9)
    assert group.text == told


def test_names_are_no_numbers():
    texts = ["x2 of glass-3.nc, v1.2.3", "x4 of glass-3.nc, v1.2.3", "x2 of glass-5.nc, v1.2.3"]
    groups = grouped([("a", "x", Remark("r", text)) for text in texts], 9)
    assert [group.text for group in groups] == texts


def test_a_cell_counts_once_and_says_a_text_once():
    (group,) = grouped([("a", "x", BROKEN)] * 3 + [("a", "x", WORSE)], 2)
    assert group.where == "a with x"
    assert [text for *_, text in group.told] == ["3 broke", "4 broke"]


def test_many_problems_are_not_all_named():
    (group,) = grouped([(f"p{k}", "x", BROKEN) for k in range(9)] + [("p0", "y", BROKEN)], 20)
    assert group.where == "10 of 20 cells (x on p0, p1, p2 and 6 more; y on p0)"
    assert group.is_cut
    assert group.is_one_text
    assert group.which() == "x on p0, p1, p2, p3, p4, p5, p6, p7, p8; y on p0"


def test_the_whole_in_a_sentence():
    assert summary([], 0) == (
        Level.NOTE,
        "No sampler and no study has a remark: no sign against it, and no proof.",
    )
    assert summary(grouped([("a", "x", NOTE)], 1), 0)[0] is Level.NOTE
    assert summary(grouped([("a", "x", BROKEN), ("a", "x", NOTE)], 1), 0) == (
        Level.CAUTION, "1 caution. First of all, a with x: 3 broke.",
    )  # fmt: skip
    assert summary([], 2) == (Level.SERIOUS, "2 failures.")
    part = "This page is of a part, 3 of 4 tasks; the rest may say otherwise. "
    assert summary([], 0, 3, 4) == (Level.CAUTION, part + summary([], 0)[1])
    assert summary([], 0, 4, 4) == summary([], 0)
    assert summary([], 2, 3, 4) == (Level.SERIOUS, part + "2 failures.")
    level, text = summary(grouped([("a", "x", BROKEN), ("b", "x", LATE)], 2), 1)
    assert (level, text) == (
        Level.SERIOUS,
        "1 failure, 1 serious remark, 1 caution. First of all, b with x: late.",
    )
