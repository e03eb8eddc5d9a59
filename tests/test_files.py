from __future__ import annotations

import os
import subprocess
import sys

import pytest

from qspin.errors import RunError
from qspin.files import atomic_path, atomic_write


def test_the_old_file_stays_until_the_new_one_is_whole(tmp_path):
    target = tmp_path / "a.txt"
    atomic_write(target, "old")
    with pytest.raises(ZeroDivisionError), atomic_path(target) as temporary:
        temporary.write_text(f"half {1 / 0}")
    assert target.read_text() == "old"
    assert os.listdir(tmp_path) == ["a.txt"]


def test_folders_are_made_and_modes_are_ordinary(tmp_path):
    atomic_write(tmp_path / "x" / "y" / "a.txt", "text")
    plain = tmp_path / "plain"
    plain.write_text("")
    assert (tmp_path / "x" / "y" / "a.txt").stat().st_mode == plain.stat().st_mode


def test_a_full_disk_is_said_and_leaves_nothing(tmp_path):
    """The kernel refuses to grow a file beyond a limit, as a full disk would."""
    code = f"""
import resource
from qspin.errors import RunError
from qspin.files import atomic_write
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
try:
    atomic_write({str(tmp_path / "a.txt")!r}, "x" * 10_000)
except RunError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "could not write" in done.stdout
    assert "File too large" in done.stdout
    assert os.listdir(tmp_path) == []


def test_no_permission_is_said(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match="could not write .*(File exists|Not a directory)"):
        atomic_write(tmp_path / "file" / "a.txt", "text")
