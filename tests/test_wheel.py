"""The wheel holds everything, and works in a clean environment outside the checkout."""

from __future__ import annotations

import subprocess
import sys
import zipfile

import pytest
from conftest import ROOT


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    target = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "build", "--wheel", "--outdir", str(target), str(ROOT)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return next(target.glob("*.whl"))


def test_it_holds_both_packages_and_the_template(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    for path in [*(ROOT / "qspin").rglob("*.py"), *(ROOT / "backends").rglob("*.py")]:
        assert str(path.relative_to(ROOT)).removeprefix("backends/") in names
    for name in ("page.html.j2", "parts.html.j2", "page.css", "page.js", "contents.js"):
        assert f"qspin/report/templates/{name}" in names
    assert "qspin_backends/qaoa/published_angles.json" in names
    assert "qspin/py.typed" in names
    assert any(name.endswith("licenses/LICENSE") for name in names)
    assert not [name for name in names if name.startswith(("tests", "configs", "notebooks"))]


def test_it_works_in_a_clean_environment(wheel, tmp_path):
    """Core dependencies alone: no extra is needed for exact and tempering."""
    subprocess.run([sys.executable, "-m", "venv", str(tmp_path / "venv")], check=True)
    python = tmp_path / "venv" / "bin" / "python"
    install = [
        python,
        "-m",
        "pip",
        "install",
        "-q",
        "--disable-pip-version-check",
        "--no-compile",  # half of the time
        "-c",
        ROOT / "constraints.txt",
        wheel,
    ]
    done = subprocess.run(list(map(str, install)), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    (tmp_path / "small.yaml").write_text(
        "schema: 2\nname: small\n"
        "problems:\n  square: {kind: lattice_ferromagnet, shape: [3, 3]}\n"
        "backends:\n"
        "  exact: {name: exact}\n"
        "  tempering: {name: tempering, betas: [1.0], n_sweeps: 400}\n"
    )
    qspin = str(tmp_path / "venv" / "bin" / "qspin")
    done = subprocess.run(
        [qspin, "run", "small.yaml", "--out", "here"], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "here" / "report.html").is_file()
    listed = subprocess.run([qspin, "backends"], cwd=tmp_path, capture_output=True, text=True).stdout
    assert "ocean      needs dwave.samplers: pip install 'qspin-framework[dwave]'" in listed
    missing = subprocess.run(
        [qspin, "run", "small.yaml", "--backend", "ocean"], cwd=tmp_path, capture_output=True, text=True
    )
    assert missing.returncode == 2
    assert "pip install 'qspin-framework[dwave]'" in missing.stderr
    twin = "{kind: mlp, layers: [64, 10], epochs: 1}"
    text = (tmp_path / "small.yaml").read_text().replace("{kind: lattice_ferromagnet, shape: [3, 3]}", twin)
    (tmp_path / "mlp.yaml").write_text(text)
    missing = subprocess.run(
        [qspin, "run", "mlp.yaml", "--backend", "tempering"], cwd=tmp_path, capture_output=True, text=True
    )
    assert missing.returncode == 2
    assert "training a network needs the package 'torch'" in missing.stderr
    assert "pip install 'qspin-framework[torch]'" in missing.stderr
    assert not (tmp_path / "runs").exists()
