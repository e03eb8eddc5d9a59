"""Chromium opens the page, sorts its tables and asks nobody."""

from __future__ import annotations

import re
import shutil
import subprocess

import pytest
from pages import page, read, study

from qspin.report import render

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")

ACTS = """<script>
const buttons = document.querySelectorAll("#one-numbers-table th button");
buttons[1].focus(); buttons[1].click(); buttons[1].click();
location.hash = "#one-more";
dispatchEvent(new Event("beforeprint"));
</script>"""


def opened(folder, text, *options):
    (folder / "page.html").write_text(text, encoding="utf-8")
    command = [
        CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-sync",
        "--disable-background-networking", "--disable-component-update", "--enable-logging=stderr",
        f"--log-net-log={folder / 'net.json'}", f"--user-data-dir={folder / 'profile'}",
        "--host-resolver-rules=MAP * ~NOTFOUND", *options, "--dump-dom", f"file://{folder / 'page.html'}",
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0
    assert "CONSOLE" not in done.stderr
    return read(done.stdout)


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    text = render(page(study("one", rows=20), study("two", n_findings=20)))
    folder = tmp_path_factory.mktemp("browser")
    found = opened(folder, text.replace("</body>", ACTS + "</body>"), "--window-size=1200,800")
    log = (folder / "net.json").read_text()
    hosts = {
        host for host in re.findall(r'"url":"https?://([^/"]+)', log)
    }  # of the browser's own maker alone
    assert not {host for host in hosts if not host.endswith(("google.com", "googleapis.com"))}
    return found


def test_two_presses_sort_a_column_downwards(tree):
    table = tree.one("table", id="one-numbers-table")
    headings = table.all("th")
    assert [heading.attributes.get("aria-sort") for heading in headings] == [None, "descending"]
    values = [float(row.all("td")[1].text) for row in table.one("tbody").all("tr")]
    assert values == sorted(values, reverse=True)


def test_on_paper_what_the_page_says_once_is_unfolded(tree):
    folded = [d for d in tree.one("main").all("details") if not d.has("class_", "again")]
    assert len(folded) > 3
    assert all("open" in details.attributes for details in folded)


def test_contents_stand_open_at_the_side_and_closed_above(tree, tmp_path):
    assert "open" in tree.one("details", class_="contents").attributes
    assert tree.one("nav").all("a", **{"aria-current": "true"})
    narrow = opened(tmp_path, render(page()), "--window-size=500,800")
    assert "open" not in narrow.one("details", class_="contents").attributes
