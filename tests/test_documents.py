"""What the README and the notebooks say works as they say it."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import nbformat
import pytest
from conftest import ROOT
from jupyter_client.manager import start_new_kernel
from nbclient import NotebookClient

README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, flags=re.MULTILINE | re.DOTALL)


FIGURES = {
    "01_quickstart.ipynb": 3,
    "02_annealer.ipynb": 4,
    "03_qaoa.ipynb": 6,
    "04_overlaps_and_rsb.ipynb": 5,
    "05_benchmark.ipynb": 3,
    "06_networks.ipynb": 3,
    "07_memories.ipynb": 4,
    "08_boltzmann.ipynb": 5,
    "09_theory.ipynb": 5,
    "10_hardware.ipynb": 4,
}


@pytest.fixture(scope="module")
def kernel():
    """One for all notebooks, whose start and imports take seconds; set as Jupyter does."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MPLBACKEND", "module://matplotlib_inline.backend_inline")
        manager, client = start_new_kernel()
    client.stop_channels()
    yield manager
    manager.shutdown_kernel(now=True)


@pytest.mark.parametrize("path", sorted((ROOT / "notebooks").glob("*.ipynb")), ids=lambda path: path.name)
def test_notebooks_run(path, kernel, tmp_path):
    notebook = nbformat.read(path, as_version=4)
    assert len(notebook.cells) < 20
    assert not any(cell.get("outputs") for cell in notebook.cells), "notebooks are kept without output"
    notebook.cells.insert(0, nbformat.v4.new_code_cell(f"%reset -f\n%cd -q {tmp_path}"))
    NotebookClient(notebook, km=kernel, timeout=300).execute()
    errors = [o for cell in notebook.cells for o in cell.get("outputs", []) if o.output_type == "error"]
    figures = [
        o for cell in notebook.cells for o in cell.get("outputs", []) if "image/png" in o.get("data", {})
    ]
    assert not errors
    assert len(figures) == FIGURES[path.name]


def test_the_two_commands_come_first():
    first = blocks("console")[0].splitlines()
    assert [line.split("#")[0].strip() for line in first] == ["make run", "make test"]
    assert README.index("make run") < 30


def test_the_ten_lines_run(capsys):
    code = blocks("python")[0]
    assert len([line for line in code.splitlines() if line.strip()]) <= 10
    exec(compile(code, "README.md", "exec"), {})
    tempering, exact = (line.split() for line in capsys.readouterr().out.splitlines())
    assert (tempering[0], exact[0]) == ("tempering", "exact")
    assert float(tempering[1]) == pytest.approx(float(exact[1]))
    difference, error = float(tempering[2]) - float(exact[2]), float(tempering[3]) + float(exact[3])
    assert abs(difference) < 4 * error


def test_the_tempering_section_runs(capsys):
    code = next(block for block in blocks("python") if "swap_rate" in block)
    exec(compile(code, "README.md", "exec"), {})
    assert capsys.readouterr().out.startswith("sparse ")


def installed(folder, distribution: str, example: str, groups: str, suite: str) -> dict[str, str]:
    """Install a worked example as the README says; the environment in which it is found."""
    module = distribution.replace("-", "_")
    info = folder / f"{module}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.0\n")
    lines = re.sub(r'\[project\.entry-points\."(.*?)"\]', r"[\1]", groups).replace('"', "")
    (info / "entry_points.txt").write_text(lines)
    (folder / f"{module}.py").write_text(example)
    (folder / "test_it.py").write_text(suite)
    return {**os.environ, "PYTHONPATH": os.pathsep.join([str(folder), os.environ.get("PYTHONPATH", "")])}


def assert_suite_passes(folder, environment) -> None:
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "--rootdir",
        folder,
        "test_it.py",
    ]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout
    assert " passed" in done.stdout


def test_the_worked_backend_passes_the_contract(tmp_path):
    """Installed as the README says, the example is a backend by name and passes its own suite."""
    example = next(code for code in blocks("python") if "class Glauber" in code)
    suite = next(code for code in blocks("python") if "class TestGlauber" in code)
    groups = next(text for text in blocks("toml") if "qspin.backends" in text)
    environment = installed(tmp_path, "qspin-glauber", example, groups, suite)
    assert_suite_passes(tmp_path, environment)
    listed = subprocess.run(
        [sys.executable, "-m", "qspin", "backends"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert "glauber    ready" in listed.stdout


RING = """
schema: 2
name: rings
problems: {ring: {kind: frustrated_ring, sizes: {n_spins: [6, 8]}, instances: 2}}
backends: {exact: {name: exact, betas: [0.5, 3.0], n_replicas: 20}}
studies: {grounded: {often: 0.9}}
"""


def test_the_worked_source_and_study_pass_their_contracts_and_run(tmp_path):
    """Both in forty lines, known by name in a config."""
    example = next(code for code in blocks("python") if "class Grounded" in code)
    assert sum(bool(line.strip()) for line in example.splitlines()) <= 40
    suite = next(code for code in blocks("python") if "class TestGrounded" in code)
    groups = next(text for text in blocks("toml") if "qspin.sources" in text)
    environment = installed(tmp_path, "qspin-ring", example, groups, suite)
    assert_suite_passes(tmp_path, environment)
    (tmp_path / "rings.yaml").write_text(RING)
    command = [sys.executable, "-m", "qspin", "run", "rings.yaml", "--out", "run"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    page = (tmp_path / "run" / "report.html").read_text(encoding="utf-8")
    assert "2 of 2 cells reach it in 90% of their runs." in page
    shares = (tmp_path / "run" / "results" / "grounded-shares.csv").read_text(encoding="utf-8")
    assert shares.splitlines()[0] == "problem,backend,share"


def test_the_rooms_in_the_architecture_exist():
    table = README[README.index("| room |") : README.index("Threads, retries, budgets, executors")]
    for cell in re.findall(r"^\| (`.*?) \|", table, flags=re.MULTILINE):
        folder = ""
        for name in re.findall(r"`([^`]+)`", cell):
            path = name if "/" in name.rstrip("/") else folder + name
            folder = path.rsplit("/", 1)[0] + "/" if not path.endswith("/") else folder
            assert (ROOT / path).exists(), path


def test_the_annealer_section_runs(capsys):
    code = next(block for block in blocks("python") if "beta_effective" in block)
    names = {}
    exec(compile(code, "README.md", "exec"), names)
    assert "nan" not in capsys.readouterr().out.split("\n")[0]
    assert names["curve"].sizes["beta"] == 3


def test_the_networks_section_runs(capsys):
    code = next(block for block in blocks("python") if "networks.twin" in block)
    exec(compile(code, "README.md", "exec"), {})
    assert capsys.readouterr().out.splitlines() == ["218 ['input', '0', '4']", "3 1.0"]


def test_the_theory_section_runs(capsys):
    code = next(block for block in blocks("python") if "theory.sk(" in block)
    exec(compile(code, "README.md", "exec"), {})
    energies, line, overlap, transition = capsys.readouterr().out.splitlines()
    assert [float(word) for word in energies.strip("[]").split()] == pytest.approx(
        [-0.759457, -0.711470], abs=1e-6
    )
    assert float(line) == pytest.approx(0.53510, abs=5e-6)
    assert overlap == "[0.991165]"
    assert float(transition) == pytest.approx(1.0, abs=0.05)


def test_the_qaoa_section_runs(capsys):
    code = next(block for block in blocks("python") if 'angles="table"' in block)
    exec(compile(code, "README.md", "exec"), {})
    without_shots, with_them = map(float, capsys.readouterr().out.splitlines()[0].split())
    assert with_them == pytest.approx(without_shots, rel=0.1)


def test_the_comparing_section_runs(capsys):
    code = next(block for block in blocks("python") if "found = qspin.analysis.compare" in block)
    names = {}
    exec(compile(code, "README.md", "exec"), names)
    assert 0 < names["found"].test.p_value <= 1
    assert names["fit"].temperature > 0
