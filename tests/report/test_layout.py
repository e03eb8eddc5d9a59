"""The page: what stands where, for whom, and that nothing of it comes from anywhere else."""

from __future__ import annotations

import re

import pytest
from pages import page, read, study

from qspin.errors import InputError
from qspin.remarks import Level, Remark
from qspin.report import Page, render
from qspin.study import Conclusion, Finding, Section, Tone, Verdict

(FIGURE, *_), (TABLE,) = study("one").sections[0].figures, study("one").sections[0].tables
EVIL = "</pre></script><script>alert(1)</script><img src=x onerror=alert(2)>\" onload='alert(3)' {{ 7 * 7 }}"


@pytest.fixture(scope="module")
def tree():
    return read(render(page(study("one"), study("two", tone=Tone.OPEN))))


def test_parts_stand_in_their_order(tree):
    titles = [heading.text for heading in tree.all("h2")]
    assert titles == [
        "Bottom line", "Verdicts", "What was found", "Whether to trust it", "Study one", "Study two",
        "What was run",
    ]  # fmt: skip
    assert tree.one("h1").text == "run seed 7, qspin 1.0"
    assert [node.tag for node in tree.all() if re.fullmatch("h[1-6]", node.tag)] == ["h1"] + ["h2"] * 7


def test_it_says_what_was_asked(tree):
    asked = tree.one("dl", class_="asked").text
    assert asked == "2 problems 2 glass (seed 0, 1) 2 backends b0; b1 sweep n_spins 16, 32"


def test_every_link_leads_to_a_part(tree):
    names = [node.attributes["id"] for node in tree.all() if "id" in node.attributes]
    assert len(set(names)) == len(names)
    links = [link.attributes["href"] for link in tree.all("a")]
    assert all(link.startswith("#") and link[1:] in names for link in links)
    contents = [link.attributes["href"][1:] for link in tree.one("nav").all("a")]
    headings = [heading.attributes["id"] for heading in tree.all("h2")]
    assert contents == ["page-main", *headings]


def test_cells_of_the_matrix_lead_to_their_section(tree):
    matrix = tree.one("table", class_="matrix")
    assert [cell.text for cell in matrix.one("thead").all("th")] == ["problem", "b0", "b1"]
    rows = matrix.one("tbody").all("tr")
    assert [row.one("th").text for row in rows] == ["p0", "p1"]
    cells = rows[0].all("td")
    assert [cell.text for cell in cells] == ["one p0 b0", "one p0 b1"]
    assert all(cell.has("class_", "good") for cell in cells)
    assert cells[0].one("a").attributes == {"href": "#one", "title": "detail \nStudy two : two p0 b0 "}
    assert rows[1].one("th").attributes["title"] == "seed 1"


def test_without_verdicts_there_is_no_matrix():
    tree = read(render(page(Conclusion([Section("Only", "only")]))))
    assert not tree.all("table", class_="matrix")
    assert "Verdicts" not in tree.one("nav").text


def test_an_empty_page_says_so():
    tree = read(render(Page("empty", {}, {})))
    assert [node.text for node in tree.one("section", class_="bottom-line").all("dd")] == [
        "No study of this run answers it."
    ] * 3
    assert "No study of this run has a finding." in tree.text
    assert "no sign against it, and no proof" in tree.one(None, class_="strip").text


def test_a_section_has_all_that_its_study_gives(tree):
    section = tree.one("section", **{"aria-labelledby": "one"})
    assert section.one("p", class_="question").text == "What of one?"
    assert [item.text for item in section.all("li")] == ["one says 0", "one says 1", "one says 2"]
    for image in section.all("img"):
        assert image.attributes["alt"]
        assert image.attributes["src"].startswith("data:image/svg+xml;base64,")
    assert [figure.attributes["id"] for figure in section.all("figure")] == ["one-curves", "one-more"]
    assert section.one("details", class_="folded").one("figure").attributes["id"] == "one-more"
    table = section.one("table", class_="sortable")
    assert [cell.text for cell in table.all("th")] == ["problem", "value"]
    assert [[cell.text for cell in row.all("td")] for row in table.one("tbody").all("tr")] == [
        ["p0", "0.00"], ["p1", "0.33"],
    ]  # fmt: skip
    assert "results/one-numbers.csv" in table.one("caption").text
    assert "A note." in section.text
    assert "How one is done." in section.text
    assert "unseen" not in section.text


def test_long_tables_scroll_and_longer_ones_end_on_the_page():
    tree = read(render(page(study("one", rows=2000))))
    table = tree.one("table", class_="sortable")
    assert len(table.one("tbody").all("tr")) == 500
    assert tree.one("div", class_="tall").one("table") is table
    assert "The first 500 of 2000 rows; the file has all." in tree.text
    assert "2000 rows" in table.one("caption").text


def test_many_findings_fold():
    tree = read(render(page(study("one", n_findings=30))))
    found = tree.one("section", class_="found")
    assert len(found.one("details").all("li")) == 23
    assert len(found.all("li")) == 30
    section = tree.one("section", **{"aria-labelledby": "one"})
    assert "22 more findings" in section.text


def test_the_worst_is_told_first():
    remarks = [
        ("p0", "b0", Remark("no-test", "cannot be tested", Level.NOTE)),
        ("p0", "b0", Remark("few-draws", "2 draws")),
        ("p0", "b1", Remark("few-draws", "3 draws")),
        ("p1", "b1", Remark("r-hat-energy", "R-hat is 1.3", Level.SERIOUS)),
        ("p1", "b0", Remark("late", "late")),
    ]
    tree = read(render(page(study("one"), remarks=remarks)))
    trust = tree.one("section", **{"aria-labelledby": "page-trust"})
    assert [notice.attributes["class"] for notice in trust.all("div")] == [
        "notice serious", "notice caution", "notice caution", "notice note",
    ]  # fmt: skip
    assert [notice.one("strong").text for notice in trust.all("div")] == [
        "p1 with b1", "2 of 4 cells (b0 on p0; b1 on p0)", "p1 with b0", "p0 with b0",
    ]  # fmt: skip
    assert "p0 with b1: 3 draws" in trust.text
    strip = tree.one(None, class_="strip")
    assert strip.has("class_", "serious")
    assert "1 serious remark, 2 cautions. First of all, p1 with b1: R-hat is 1.3." in strip.text


def test_what_is_missing_is_said():
    failures = ["p0 with b0: too large", "study two: ZeroDivisionError: by chance"]
    plain = page(failures=[*failures, failures[0]], n_done=3, n_tasks=4, figures={})
    tree = read(render(plain))
    assert "This run is not finished: 3 of 4 tasks are done." in tree.text
    missing = tree.one("section", **{"aria-labelledby": "page-trust"}).all("div")[0]
    assert [item.text for item in missing.all("li")] == failures
    assert "2 failures" in tree.all(None, class_="strip")[1].text
    assert tree.text.count("This figure could not be drawn.") == 2


def test_a_part_is_never_trusted_like_a_whole():
    tree = read(render(page(remarks=[], failures=[], n_done=3, n_tasks=4)))
    strip = tree.all(None, class_="strip")[1]
    assert strip.has("class_", "caution")
    assert "This page is of a part, 3 of 4 tasks" in strip.text
    assert tree.one("section", **{"aria-labelledby": "page-trust"}).one("p").has("class_", "caution")


def test_no_element_of_a_page_comes_from_data():
    """Whatever labels, texts of studies, remarks, configs and environments say."""

    def shape(node):
        return [(n.tag, sorted(n.attributes)) for n in node.all()]

    def full(word):
        verdict = Verdict(f"other {word}", f"else {word}", word, Tone.BAD, word)
        bottom = {"glass": Finding(f"answer {word}"), "energy": Finding(word)}
        return page(
            study("one", word=word, bottom_line=bottom),
            Conclusion([Section(word, "bare")], [verdict]),
            word=word,
            remarks=[("a", "b", Remark("late", word)), (word, word, Remark("late", f"{word} again"))],
            failures=[f"failure {word}"],
            problems={word: {"kind": word, word: 1}, "b": {"kind": word, word: 2}},
            backends={f"{word} b": {"name": word}},
        )

    evil, fine = render(full(EVIL)), render(full("fine"))
    assert shape(read(evil)) == shape(read(fine))
    assert evil.count("alert(1)") >= 40
    assert "49" not in re.sub(r"base64,[^\"]*", "", evil.partition("</style>")[2])
    assert "<img src=x" not in evil


def test_it_needs_nothing_beside_it():
    text = render(page(study("one"), study("two")))
    assert not re.search(r'(src|href)="(?!data:|#)', text)
    assert "http" not in text.replace("http://www.w3.org", "")
    assert "@import" not in text
    assert "url(" not in text


@pytest.mark.parametrize(
    ("conclusions", "message"),
    [
        ([Conclusion([Section("x", "one")])] * 2, "two sections are called 'one'"),
        ([Conclusion([Section("x", "a b")])], "names of a section are letters, digits, .*got 'a b'"),
        ([Conclusion([Section("x", "../a")])], "names of a section"),
        ([Conclusion([Section("x", "page-run")])], "anchors that begin with 'page-' are the page's own"),
        ([Conclusion([Section("x", "a", figures=[FIGURE] * 2)])], "two figures are called"),
        ([Conclusion([Section("x", "a", tables=[TABLE] * 2)])], "two tables are called"),
    ],
)  # fmt: skip
def test_names_that_collide_or_leave_their_folder_are_refused(conclusions, message):
    with pytest.raises(InputError, match=message):
        page(*conclusions)


def test_sections_without_anything_are_sections():
    assert read(render(page(Conclusion([Section("Bare", "bare")])))).one("h2", id="bare").text == "Bare"
