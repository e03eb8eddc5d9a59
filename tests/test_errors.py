"""Errors travel through pickle, copy and a pool of processes, and give advice that works where it is read."""

from __future__ import annotations

import copy
import importlib
import pickle
import pkgutil
import shutil
import subprocess
import sys
import tomllib
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import pytest
import qspin_backends
from conftest import ROOT
from qspin_backends.common import faults

import qspin
from qspin import errors
from qspin.errors import InputError, MissingExtraError, QspinError, RunError, install_command


def own_exceptions() -> list[type[Exception]]:
    """Every exception class that a module of qspin or of its backends defines."""
    found = set()
    for package in (qspin, qspin_backends):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if module.name.endswith("__main__"):
                continue
            for member in vars(importlib.import_module(module.name)).values():
                if (
                    isinstance(member, type)
                    and issubclass(member, Exception)
                    and member.__module__.startswith("qspin")
                ):
                    found.add(member)
    return sorted(found, key=lambda cls: cls.__name__)


OWN = own_exceptions()


def made(cls: type[Exception]) -> Exception:
    if cls is MissingExtraError:
        return cls("backend 'x'", extra="dwave", module="dwave.system")
    return cls("what was expected, what came")


def test_every_kind_is_found():
    assert {*map(errors.__dict__.get, errors.__all__)} & set(OWN) >= {QspinError, InputError, RunError}
    assert {faults.Fault, faults.TokenRefused, faults.Malformed} <= set(OWN)


@pytest.mark.parametrize("cls", OWN, ids=lambda cls: cls.__name__)
@pytest.mark.parametrize(
    "carried",
    [lambda e: pickle.loads(pickle.dumps(e)), copy.copy, copy.deepcopy],
    ids=["pickle", "copy", "deep"],
)
def test_every_error_travels(cls, carried):
    before = made(cls)
    after = carried(before)
    assert type(after) is cls
    assert str(after) == str(before)
    assert after.args == before.args


class Stubborn(Exception):
    def __init__(self, first, second):
        super().__init__(f"{first} and {second}")


def test_key_notes_and_cause_are_kept():
    error = InputError("a wrong setting", key=("backends", "a", 0))
    error.add_note("seen in the third run")
    error.__cause__ = faults.TokenRefused("renew it")
    after = pickle.loads(pickle.dumps(error))
    assert after.key == ("backends", "a", 0)
    assert after.__notes__ == ["seen in the third run"]
    assert isinstance(after.__cause__, faults.TokenRefused)
    assert str(after.__cause__) == "renew it"
    error.__cause__ = Stubborn("one", "two")  # which no pickle brings back
    assert str(pickle.loads(pickle.dumps(error)).__cause__) == "Stubborn: one and two"


def _raise(cls: type[Exception]) -> None:
    raise made(cls) from OSError(2, "No such file")


def test_every_error_comes_back_from_a_pool():
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        waiting = {cls: pool.submit(_raise, cls) for cls in OWN}
        for cls, future in waiting.items():
            error = future.exception(timeout=120)
            assert type(error) is cls
            assert str(error) == str(made(cls))
            assert "No such file" in str(error.__cause__)


def test_a_checkout_installs_itself(monkeypatch, tmp_path):
    monkeypatch.chdir(ROOT)
    assert install_command("dwave") == "pip install -e '.[dwave]'"
    monkeypatch.chdir(tmp_path)
    assert install_command("dwave") == f"pip install -e '{ROOT}[dwave]'"


@pytest.mark.parametrize("beside", ["", "[project]\nname = 'other'\n", "no toml at all ["])
def test_an_installed_package_goes_by_its_name(tmp_path, beside):
    """Also where another project's pyproject.toml lies in the folder that holds the package."""
    shutil.copytree(ROOT / "qspin", tmp_path / "qspin", ignore=shutil.ignore_patterns("__pycache__"))
    if beside:
        (tmp_path / "pyproject.toml").write_text(beside)
    code = "from qspin.errors import install_command as c; print(c('torch'))"
    done = subprocess.run(
        [sys.executable, "-P", "-c", code],
        env={"PYTHONPATH": str(tmp_path)},
        cwd="/",
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "pip install 'qspin-framework[torch]'\n"


def test_the_name_of_the_distribution_stands_in_pyproject():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["name"] == errors.DISTRIBUTION
