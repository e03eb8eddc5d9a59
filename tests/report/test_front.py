"""Which answers, verdicts and findings open a page."""

from __future__ import annotations

from pages import page, study

from qspin.report.front import MOST_FINDINGS, bottom_line, findings, matrix
from qspin.study import BOTTOM_LINE, Conclusion, Finding, Section, Tone, Verdict


def test_the_heaviest_answer_stands_and_of_equals_the_first():
    def answering(anchor, **weights):
        answers = {key: Finding(f"{anchor} on {key}", weight) for key, weight in weights.items()}
        return Conclusion([Section(anchor, anchor)], bottom_line=answers)

    answers = bottom_line(
        [answering("a", glass=1, energy=1), answering("b", glass=2, energy=1), Conclusion(bottom_line={})]
    )
    assert [answer.question for answer in answers] == list(BOTTOM_LINE.values())
    assert [(answer.text, answer.anchor) for answer in answers] == [
        ("b on glass", "b"),
        ("", ""),
        ("a on energy", "a"),
    ]


def test_bad_verdicts_stand_before_good_ones_and_those_before_open_ones():
    first, second = study("first", tone=Tone.OPEN), study("second", tone=Tone.GOOD, problems=["p1"])
    third, fourth = (study(name, tone=Tone.BAD, problems=["p1"]) for name in ("third", "fourth"))
    backends, rows = matrix(page(first, second, third, fourth))
    assert backends == ["b0", "b1"]
    assert [judged.section.anchor for judged in rows["p0"]] == ["first"] * 2
    assert [judged.section.anchor for judged in rows["p1"]] == ["third"] * 2
    assert rows["p1"][0].detail.splitlines() == [
        "detail ",
        "Study fourth : fourth p1 b0 ",
        "Study second : second p1 b0 ",
        "Study first : first p1 b0 ",
    ]


def test_cells_of_which_nobody_speaks_are_empty_and_others_have_a_row():
    verdicts = [Verdict("p1", "b1", "yes"), Verdict("elsewhere", "b0", "no")]
    _, rows = matrix(page(Conclusion([Section("x", "x")], verdicts)))
    assert {problem: [cell and cell.verdict.text for cell in cells] for problem, cells in rows.items()} == {
        "p0": [None, None], "p1": [None, "yes"], "elsewhere": ["no", None],
    }  # fmt: skip


def told(*sections, **bottom):
    conclusions = [Conclusion([section]) for section in sections]
    return [
        [item.text for item in part] for part in findings(page(*conclusions, Conclusion(bottom_line=bottom)))
    ]


def section(anchor, *weights):
    return Section(anchor, anchor, findings=[Finding(f"{anchor}{k}", w) for k, w in enumerate(weights)])


def test_the_first_screen_has_seven_at_most_and_every_section_a_word():
    first, others = told(section("a", *[1] * 20), section("b", 1, 1), section("c", 0.5, 3))
    assert first == ["c1", "a0", "b0", "a1", "b1", "a2", "a3"]
    assert len(first) == MOST_FINDINGS
    assert len(others) == 17
    assert others[-1] == "c0"


def test_findings_without_weight_never_stand_there():
    assert told(section("a", 0, 1, 0)) == [["a1"], ["a0", "a2"]]


def test_what_the_bottom_line_says_is_not_said_again():
    assert told(section("a", 1, 1), glass=Finding("a0")) == [["a1"], []]
