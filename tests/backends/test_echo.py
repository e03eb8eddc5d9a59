"""A new backend is one file and one line: nothing else has to know of it."""

from __future__ import annotations

import pytest

from qspin import registry
from qspin.experiment import RunFolder, run_experiment
from qspin.experiment.config.run_config import config_from_plain
from qspin.testing import SamplerContract


@pytest.fixture(autouse=True)
def registered(monkeypatch):
    """The one line."""
    monkeypatch.setitem(registry.BACKENDS, "echo", registry.Builtin("echo:Echo"))


class TestEcho(SamplerContract):
    backend = "echo"
    settings = {"n_replicas": 6}


@pytest.mark.usefixtures("sketched")
def test_a_config_names_it(tmp_path):
    config = config_from_plain(
        {
            "schema": 2,
            "name": "echo",
            "problems": {"ring": {"kind": "lattice_ferromagnet", "shape": [6]}},
            "backends": {
                "echo": {"name": "echo"},
                "exact": {"name": "exact", "betas": [0.5, 1.0], "n_replicas": 20},
            },
            "sweep": {"backends.echo.spins": ["up", "random"]},
        }
    )
    folder = run_experiment(config, RunFolder(tmp_path / "run"))
    assert folder.samples("ring", "echo", {"spins": "up"}).energies.values.tolist() == [[[-6.0]] * 4]
    page = folder.report_file.read_text(encoding="utf-8")
    assert "spins = random" in page
