"""Verdicts of a run, and its page in a browser: no error, no request, tables that sort."""

from __future__ import annotations

import csv
import re
import shutil
import subprocess

import pytest
import yaml

import qspin
from qspin.experiment import RunFolder, load_config, run_experiment
from qspin.experiment.comparison import _times

CONFIG = {
    "schema": 1,
    "name": "three",
    "seed": 3,
    "problems": {"glass": {"kind": "sherrington_kirkpatrick", "n_spins": 16, "seed": 1}},
    "backends": {
        "tempering": {
            "name": "tempering",
            "betas": {"geometric": [0.1, 4.0, 12]},
            "n_replicas": 40,
            "n_sweeps": 2_000,
            "n_draws": 20,
        },
        "exact": {"name": "exact", "betas": [0.3, 0.9, 2.0], "n_replicas": 500},
        "annealer": {"name": "annealer", "topology": "none", "betas": [0.5, 1.0], "n_reads": 200},
        "qaoa": {"name": "qaoa", "depth": 1, "n_shots": 1_000},
        "single": {"name": "qaoa", "depth": 1, "n_shots": 1},
    },
}
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("three")
    (folder / "three.yaml").write_text(yaml.safe_dump(CONFIG, sort_keys=False))
    return run_experiment(load_config(folder / "three.yaml"), RunFolder(folder / "run"))


@pytest.fixture(scope="module")
def verdicts(run):
    with (run.path / "comparison.csv").open() as file:
        return list(csv.DictReader(file))


class TestVerdicts:
    def test_every_other_backend_is_held_against_the_first_with_a_ladder(self, verdicts):
        assert {row["reference"] for row in verdicts} == {"tempering"}
        counts = {label: sum(row["backend"] == label for row in verdicts) for label in CONFIG["backends"]}
        assert counts == {"tempering": 0, "exact": 3, "annealer": 2, "qaoa": 1, "single": 1}

    def test_exact_samples_are_the_same_ensemble(self, verdicts):
        p_values = [float(row["p_value"]) for row in verdicts if row["backend"] == "exact"]
        assert max(p_values) > 0.05
        assert min(p_values) > 0.002
        assert [float(r["temperature"]) for r in verdicts if r["backend"] == "exact"] == pytest.approx(
            [1 / 0.3, 1 / 0.9, 0.5], rel=1e-4
        )

    def test_a_shallow_circuit_is_not(self, verdicts):
        (row,) = [row for row in verdicts if row["backend"] == "qaoa"]
        assert float(row["p_value"]) <= 0.05
        assert row["verdict"].startswith("not the same ensemble at T = ")

    def test_what_cannot_be_compared_says_why(self, verdicts):
        (row,) = [row for row in verdicts if row["backend"] == "single"]
        assert row["p_value"] == ""
        assert row["verdict"].startswith("not compared: ")

    def test_figures_are_files_too(self, run):
        names = {path.name for path in run.figures.iterdir()}
        for stem in ("overlap_curves", "energy_distributions", "cross_glass_qaoa"):
            assert {f"{stem}.svg", f"{stem}.pdf"} <= names


@pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")
class TestPage:
    @pytest.fixture(scope="class")
    def opened(self, run, tmp_path_factory):
        """The page after a click on a heading, and what the browser said."""
        folder = tmp_path_factory.mktemp("page")
        click = "<script>document.querySelector('#verdicts th:nth-child(4)').click()</script>"
        page = run.report_file.read_text(encoding="utf-8").replace("</body>", click + "</body>")
        (folder / "page.html").write_text(page, encoding="utf-8")
        command = [
            CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-sync",
            "--disable-background-networking", "--disable-component-update", "--enable-logging=stderr",
            f"--log-net-log={folder / 'net.json'}", f"--user-data-dir={folder / 'profile'}",
            "--host-resolver-rules=MAP * ~NOTFOUND", "--dump-dom", f"file://{folder / 'page.html'}",
        ]  # fmt: skip
        done = subprocess.run(command, capture_output=True, text=True, timeout=120)
        return done, (folder / "net.json").read_text()

    def test_it_opens_without_an_error(self, opened):
        done, _ = opened
        assert done.returncode == 0
        assert "CONSOLE" not in done.stderr
        assert "Do the backends see the same landscape?" in done.stdout

    def test_it_asks_nobody(self, opened, run):
        """Neither in the browser's log, apart from the browser's own business with its maker, nor in the
        page.
        """
        _, log = opened
        hosts = {host for host in re.findall(r'"url":"https?://([^/"]+)', log)}
        assert not {host for host in hosts if not host.endswith(("google.com", "googleapis.com"))}
        page = run.report_file.read_text(encoding="utf-8")
        assert not re.search(r'(src|href)="(?!data:|#)', page)

    def test_a_click_sorts_the_table(self, opened):
        done, _ = opened
        assert 'aria-sort="ascending"' in done.stdout
        body = done.stdout.split('id="verdicts"')[1].split("</tbody>")[0].split("<tbody>")[1]
        rows = [row.split("<td")[4] for row in body.split("<tr")[1:]]
        shown = [row.split(">")[1].split("<")[0] for row in rows]
        numbers = [float(text.split("(")[0]) for text in shown if text != "–"]
        assert numbers == sorted(numbers)

    def test_it_is_small(self, run):
        assert run.report_file.stat().st_size < 10e6


def test_no_offset_and_no_unit_changes_a_time_to_solution():
    """Couplings of 2^-20 beside an offset of 2^40: all energies are rounded to the same number."""
    glass = qspin.instances.sherrington_kirkpatrick(8, seed=3)

    def counted(scale, offset):
        problem = qspin.IsingProblem(glass.couplings * scale, offset=offset)
        samples = {
            str(beta): qspin.get_backend("exact", betas=[beta / scale], n_replicas=100).sample(
                problem, seed=1
            )
            for beta in (0.3, 1.0)
        }
        return [time.probability.successes for _, time in _times(samples, problem)]

    plain = counted(1.0, 0.0)
    assert 0 < plain[0] < plain[1] < 100
    for scale, offset in [(1.0, 2.0**40), (2.0**-20, 2.0**40), (2.0**-40, 0.0), (2.0**40, 0.0)]:
        assert counted(scale, offset) == plain
