"""A page to lay out, and a reader of its structure."""

from __future__ import annotations

import html.parser
from dataclasses import dataclass, field

from qspin.plot.canvas import Drawing
from qspin.remarks import Level, Remark
from qspin.report import Page, figures_of
from qspin.study import Axis, Column, Conclusion, Figure, Finding, Section, Table, Tone, Verdict

VOID = {"meta", "img", "br", "link", "input", "hr"}


@dataclass
class Node:
    """An element with what is in it, texts among them."""

    tag: str
    attributes: dict[str, str]
    children: list = field(default_factory=list)

    def all(self, tag=None, **attributes):
        """Elements below with a tag and attributes (``class_`` for one of its classes), in order."""
        found = []
        for child in self.children:
            if isinstance(child, Node):
                if tag in (None, child.tag) and all(child.has(k, v) for k, v in attributes.items()):
                    found.append(child)
                found += child.all(tag, **attributes)
        return found

    def one(self, tag=None, **attributes):
        (found,) = self.all(tag, **attributes)
        return found

    def has(self, name, value):
        if name == "class_":
            return value in self.attributes.get("class", "").split()
        return self.attributes.get(name) == value

    @property
    def text(self):
        return " ".join("".join(c if isinstance(c, str) else f" {c.text} " for c in self.children).split())


class Reader(html.parser.HTMLParser):
    """Raises for elements that are not closed in their order."""

    def __init__(self, page):
        super().__init__(convert_charrefs=True)
        self.open = [Node("", {})]
        self.feed(page)
        self.close()
        assert len(self.open) == 1, f"not closed: {[node.tag for node in self.open[1:]]}"

    def handle_starttag(self, tag, attrs):
        assert len(dict(attrs)) == len(attrs), f"an attribute twice: {attrs}"
        node = Node(tag, {name: value or "" for name, value in attrs})
        self.open[-1].children.append(node)
        if tag not in VOID:
            self.open.append(node)

    def handle_endtag(self, tag):
        assert self.open.pop().tag == tag, f"</{tag}> closes nothing"

    def handle_data(self, data):
        self.open[-1].children.append(data)


def read(page):
    return Reader(page).open[0]


def study(name, *, word="", n_findings=3, weight=1.0, rows=2, tone=Tone.GOOD, problems=("p0", "p1"), **more):
    """A conclusion of one section whose texts all have a word in them."""
    section = Section(
        f"Study {name} {word}",
        name,
        f"What of {name}? {word}",
        [Finding(f"{name} says {k} {word}", weight) for k in range(n_findings)],
        [
            Figure("curves", f"Curves of {name} {word}", [lambda ax: ax.plot([0, 1])]),
            Figure("more", f"More of {name} {word}", [lambda ax: ax.plot([0, 1])], is_folded=True),
        ],
        [
            Table(
                "numbers",
                f"Numbers {word}",
                [
                    Column("problem", is_text=True),
                    Column("value", f"value {word}", ".2f"),
                    Column("hidden", is_shown=False),
                ],
                [{"problem": f"p{k} {word}", "value": k / 3, "hidden": "unseen"} for k in range(rows)],
                f"A note. {word}",
            )
        ],
        [f"How {name} is done. {word}"],
    )
    verdicts = [
        Verdict(p, b, f"{name} {p} {b} {word}", tone, f"detail {word}")
        for p in problems
        for b in ("b0", "b1")
    ]
    return Conclusion([section], verdicts, **more)


def page(*conclusions, word="", **changes):
    """Two problems on two backends."""
    conclusions = conclusions or (study("one", word=word),)
    figures = {
        name: Drawing(name, figure.caption, b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"")
        for name, figure in figures_of(conclusions).items()
    }
    values = {
        "name": "run",
        "problems": {f"p{k}": {"kind": "glass", "seed": k, "word": word} for k in range(2)},
        "backends": {f"b{k}": {"name": f"b{k}", "n_sweeps": 9} for k in range(2)},
        "conclusions": conclusions,
        "figures": figures,
        "axes": [Axis("n_spins", (16, 32))],
        "seed": 7,
        "remarks": [("p0", "b1", Remark("few-draws", f"few draws {word}", Level.CAUTION))],
        "notes": [f"Every neuron is a spin. {word}"],
        "environment": {"python": "3.11", "versions": {"qspin": "1.0", "numpy": f"2.0 {word}"}},
        "config_text": f"schema: 2\nname: run {word}\n",
    }
    return Page(**{**values, **changes})
