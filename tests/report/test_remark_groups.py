"""Remarks of one code are one remark."""

from __future__ import annotations

from qspin.remarks import Level, Remark
from qspin.report.trust import grouped, summary

BROKEN = Remark("broken", "3 broke")
WORSE = Remark("broken", "4 broke")
LATE = Remark("late", "late", Level.SERIOUS)
NOTE = Remark("n", "n", Level.NOTE)


def test_groups_go_by_code_and_stand_by_level_then_by_number():
    groups = grouped(
        [("a", "x", NOTE), ("a", "x", BROKEN), ("a", "y", Remark("rare", "r")), ("b", "x", WORSE),
         ("b", "y", LATE)], 6,
    )  # fmt: skip
    assert [group.code for group in groups] == ["late", "broken", "rare", "n"]
    assert str(groups[1]) == "2 of 6 cells (x on a, b): 3 broke"
    assert str(groups[0]) == "b with y: late"


def test_the_worst_of_one_code_is_told():
    (group,) = grouped([("a", "x", BROKEN), ("b", "x", Remark("broken", "all broke", Level.SERIOUS))], 2)
    assert (group.level, group.text) == (Level.SERIOUS, "all broke")


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
