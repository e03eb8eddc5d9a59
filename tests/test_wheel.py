"""The wheel holds everything, and works in a clean environment outside the checkout."""

from __future__ import annotations

import subprocess
import sys
import venv
import zipfile
from importlib.metadata import Distribution, distribution

import pytest
from conftest import ROOT
from packaging.requirements import Requirement

CONFIG = """\
schema: 2
name: small
problems:
  square: {kind: lattice_ferromagnet, shape: [3, 3]}
backends:
  exact: {name: exact}
  tempering: {name: tempering, method: population, betas: [0.5, 1.0], n_population: 100, n_sweeps: 20}
"""
"""Kernels of a population are compiled, which nobody has kept there, in a tenth of the time of others."""


def succeeded(*command):
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    target = tmp_path_factory.mktemp("wheel")
    succeeded(sys.executable, "-m", "build", "--wheel", "--outdir", target, ROOT)
    return next(target.glob("*.whl"))


def needed(requirements):
    """Distributions that these ask for, and all that those ask for in turn, as they are installed here."""
    found, seen, waiting = {}, set(), [(text, "") for text in requirements]
    while waiting:
        text, extra = waiting.pop()
        asked = Requirement(text)
        if asked.marker is not None and not asked.marker.evaluate({"extra": extra}):
            continue
        own = found.setdefault(asked.name, distribution(asked.name))
        new = {(own.name, name) for name in ("", *asked.extras)} - seen
        seen |= new
        waiting += [(text, name) for _, name in new for text in own.requires or ()]
    return list(found.values())


def linked(own, site):
    """Files of a distribution, as links to where it is installed; no commands."""
    for file in own.files:
        if ".." not in file.parts and not (site / file).exists():
            (site / file).parent.mkdir(parents=True, exist_ok=True)
            (site / file).symlink_to(file.locate())


@pytest.fixture(scope="module")
def scripts(wheel, tmp_path_factory):
    """Commands of an environment that holds the wheel and what it needs by its own word, without an extra.

    What it needs is linked to, file by file: to fetch and to unpack it all once more takes a minute, and that
    it can be fetched is seen wherever the environment of these tests is made.
    """
    folder = tmp_path_factory.mktemp("clean") / "venv"
    venv.create(folder, symlinks=True)
    (site,) = folder.glob("lib/python*/site-packages")
    pip = [sys.executable, "-m", "pip", "--python", folder / "bin" / "python"]
    succeeded(*pip, "install", "-q", "--no-deps", "--no-index", "--disable-pip-version-check", wheel)
    (installed,) = site.glob("qspin_framework-*.dist-info")
    for own in needed(Distribution.at(installed).requires):
        linked(own, site)
    succeeded(*pip, "check")
    return folder / "bin"


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


def test_it_works_in_a_clean_environment(scripts, tmp_path, monkeypatch):
    """Core dependencies alone: no extra is needed for exact and tempering."""
    monkeypatch.delenv("PYTHONPATH", raising=False)

    def qspin(*arguments):
        command = [str(scripts / "qspin"), *arguments]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)

    where = succeeded(scripts / "python", "-P", "-c", "import qspin; print(qspin.__file__)").stdout
    assert where.startswith(str(scripts.parent))
    (tmp_path / "small.yaml").write_text(CONFIG)
    done = qspin("run", "small.yaml", "--out", "here")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "here" / "report.html").is_file()
    listed = qspin("backends").stdout
    assert "ocean      needs dwave.samplers: pip install 'qspin-framework[dwave]'" in listed
    missing = qspin("run", "small.yaml", "--backend", "ocean")
    assert missing.returncode == 2
    assert "pip install 'qspin-framework[dwave]'" in missing.stderr
    twin = "{kind: mlp, layers: [64, 10], epochs: 1}"
    text = (tmp_path / "small.yaml").read_text().replace("{kind: lattice_ferromagnet, shape: [3, 3]}", twin)
    (tmp_path / "mlp.yaml").write_text(text)
    missing = qspin("run", "mlp.yaml", "--backend", "tempering")
    assert missing.returncode == 2
    assert "training a network needs the package 'torch'" in missing.stderr
    assert "pip install 'qspin-framework[torch]'" in missing.stderr
    assert not (tmp_path / "runs").exists()
