"""Text stands out from what is behind it, by day and by night (WCAG 2.2, 1.4.3: 4.5 to 1)."""

from __future__ import annotations

import re

import pytest
from conftest import ROOT

CSS = (ROOT / "qspin" / "report" / "templates" / "page.css").read_text(encoding="utf-8")
TEXTS = [
    *(("ink", behind) for behind in ("page", "panel", "serious-back", "caution-back", "note-back")),
    *(("soft", behind) for behind in ("page", "panel", "serious-back", "caution-back", "note-back")),
    *(("link", behind) for behind in ("page", "serious-back", "caution-back", "note-back")),
    *((tone, f"{tone}-back") for tone in ("good", "bad", "open", "serious", "caution", "note")),
]


def colours(theme):
    light, dark = re.findall(r":root \{(.*?)\}", CSS, re.DOTALL)
    text = light if theme == "light" else light + dark
    return dict(re.findall(r"--([\w-]+): (#[0-9a-f]{3,6});", text))


def luminance(colour):
    digits = colour[1:] if len(colour) == 7 else "".join(2 * digit for digit in colour[1:])
    values = [int(digits[k : k + 2], 16) / 255 for k in (0, 2, 4)]
    red, green, blue = (v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in values)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize(("text", "behind"), TEXTS)
def test_text_can_be_read(theme, text, behind):
    found = colours(theme)
    low, high = sorted([luminance(found[text]), luminance(found[behind])])
    assert (high + 0.05) / (low + 0.05) >= 4.5


def test_both_themes_name_the_same_colours():
    light, dark = re.findall(r":root \{(.*?)\}", CSS, re.DOTALL)
    assert set(re.findall(r"--[\w-]+", light)) == set(re.findall(r"--[\w-]+", dark))
    assert set(re.findall(r"var\((--[\w-]+)\)", CSS)) <= set(re.findall(r"(--[\w-]+):", light))
