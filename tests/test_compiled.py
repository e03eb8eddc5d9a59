"""Kernels run where nothing can be kept: a package that cannot be written to, a home that is not there."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys

import pytest
from conftest import ROOT

from qspin import compiled

NOWHERE = "/proc/nowhere"  # where root cannot make a folder either
KERNEL = """
import sys, tempfile, warnings
from qspin.compiled import njit

def no_folder(): raise FileNotFoundError(2, "No usable temporary directory found")
if "no-temporary-files" in sys.argv: tempfile.gettempdir = no_folder

@njit(cache=True)
def double(x): return 2 * x

@njit(cache=True, nogil=True)
def triple(x): return 3 * x

print(double(21), triple(14), double.stats.cache_path)
"""


def read_only(folder):
    """Copies of both packages in which nothing can be cached: `__pycache__` is a file."""
    for package in (ROOT / "qspin", ROOT / "backends" / "qspin_backends"):
        shutil.copytree(package, folder / package.name, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "kernel.py").write_text(KERNEL)
    for place, _, _ in list(os.walk(folder)):
        (type(folder)(place) / "__pycache__").touch()
    return folder


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    return read_only(tmp_path_factory.mktemp("site-packages"))


def python(site, *arguments, cwd="/", **environment):
    return subprocess.run(
        [sys.executable, "-P", *arguments],
        env={"PATH": os.environ["PATH"], "HOME": NOWHERE, "PYTHONPATH": str(site), **environment},
        cwd=cwd,
        capture_output=True,
        text=True,
    )


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="needs /proc, where no folder can be made")
class TestReadOnlyInstallation:
    def test_the_cache_folder_of_qspin_serves(self, site, tmp_path):
        done = python(site, "-m", "kernel", QSPIN_CACHE_DIR=str(tmp_path), TMPDIR=str(tmp_path / "none"))
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.startswith(f"42 42 {tmp_path}/numba/")
        assert len(list(tmp_path.rglob("*.nbi"))) == 2

    def test_then_a_private_folder_of_temporary_files(self, site, tmp_path):
        environment = {"QSPIN_CACHE_DIR": f"{NOWHERE}/cache", "TMPDIR": str(tmp_path)}
        done = python(site, "-m", "kernel", **environment)
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.startswith(f"42 42 {tmp_path}/qspin-numba-")
        (folder,) = tmp_path.glob("qspin-numba-*")
        assert folder.stat().st_mode & 0o777 == 0o700
        shutil.rmtree(folder)
        folder.mkdir()
        folder.chmod(0o777)  # anyone could lay code there, which Numba would run
        done = python(site, "-m", "kernel", **environment)
        assert done.stdout == "42 42 None\n"
        assert not list(folder.iterdir())

    def test_then_no_cache_at_all_and_one_remark(self, site):
        done = python(site, "-m", "kernel", "no-temporary-files")
        assert (done.returncode, done.stdout) == (0, "42 42 None\n")
        assert done.stderr.count("compiled kernels cannot be kept (no folder can be written to)") == 1
        assert "set QSPIN_CACHE_DIR" in done.stderr

    def test_a_run_works(self, site, tmp_path):
        (tmp_path / "small.yaml").write_text(
            "schema: 2\nname: small\n"
            "problems:\n  square: {kind: lattice_ferromagnet, shape: [3, 3]}\n"
            "backends:\n  exact: {name: exact, betas: [0.5, 1.0]}\n"
        )
        code = "from qspin.cli import main; main()"
        done = python(
            site, "-c", code, "run", "small.yaml", "--out", "here", cwd=tmp_path, TMPDIR=str(tmp_path)
        )
        assert done.returncode == 0, done.stderr
        assert (tmp_path / "here" / "report.html").is_file()


@pytest.mark.parametrize("place", ["room", "common"])
def test_a_kernel_is_compiled_anew_when_what_it_calls_has_changed(tmp_path, place):
    """Numba itself looks at the file of the kernel alone, and would go on with what was compiled into it."""
    room = tmp_path / "house" / "room"
    room.mkdir(parents=True)
    (tmp_path / "house" / "__init__.py").touch()
    (room / "__init__.py").touch()
    inner = tmp_path / "house" / place / "inner.py"
    inner.parent.mkdir(exist_ok=True)
    (inner.parent / "__init__.py").touch()
    (room / "outer.py").write_text(
        f"from qspin.compiled import njit\nfrom house.{place}.inner import inner\n"
        "@njit(cache=True)\ndef outer(): return inner()\n"
    )
    path = os.pathsep.join(map(str, (tmp_path, ROOT)))
    printed = []
    for number in (1, 2):
        inner.write_text(f"from numba import njit\n@njit\ndef inner(): return {number}\n")
        code = "from house.room.outer import outer; print(outer(), sum(outer.stats.cache_hits.values()))"
        for _ in range(2):
            done = python(path, "-c", code, QSPIN_CACHE_DIR=str(tmp_path), PYTHONDONTWRITEBYTECODE="1")
            printed.append(done.stdout)
    assert printed == ["1 0\n", "1 1\n", "2 0\n", "2 1\n"]


def test_a_cache_that_fills_up_costs_nothing_else(monkeypatch):
    from numba.core.caching import IndexDataCacheFile

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(IndexDataCacheFile, "save", full)
    compiled._warn_once.cache_clear()

    @compiled.njit(cache=True)
    def double(x):
        return 2 * x

    with pytest.warns(UserWarning, match=r"cannot be kept \(No space left on device\)") as heard:
        assert (double(21), double(1.5)) == (42, 3.0)
    assert len(heard) == 1


def test_inner_kernels_are_for_kernels_alone():
    """Numba would make a call of theirs by Python end the process."""

    @compiled.njit(inner=True)
    def double(x):
        return 2 * x

    @compiled.njit
    def quadruple(x):
        return double(double(x))

    assert quadruple(21) == 84
    with pytest.raises(TypeError, match="double is compiled for other kernels to call, and not for Python"):
        double(21)


def test_other_errors_of_numba_are_not_hidden(monkeypatch):
    import numba

    def broken(**_):
        raise RuntimeError("something else")

    monkeypatch.setattr(numba, "njit", broken)
    with pytest.raises(RuntimeError, match="something else"):
        compiled.njit(cache=True)(len)
