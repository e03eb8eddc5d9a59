from __future__ import annotations

import os
import stat
import subprocess
import sys

import pytest

import qspin
from qspin.checkpoint import checkpointing
from qspin.errors import InputError, RunError
from qspin.experiment.run_folder import RunFolder
from qspin.files import atomic_path, atomic_write, require_writable
from qspin.schedules import read_schedule


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


def test_a_link_stays_and_its_target_is_written(tmp_path):
    (tmp_path / "far").mkdir()
    for name, there in (("old", True), ("new", False)):
        target, link = tmp_path / "far" / name, tmp_path / f"link-{name}"
        if there:
            target.write_text("old")
        link.symlink_to(target)
        atomic_write(link, "text")
        assert link.is_symlink()
        assert target.read_text() == "text"
    assert sorted(os.listdir(tmp_path / "far")) == ["new", "old"]


def test_a_link_to_itself_is_refused(tmp_path):
    (tmp_path / "a").symlink_to(tmp_path / "a")
    with pytest.raises(RunError, match="could not write .*symbolic links"):
        atomic_write(tmp_path / "a", "text")
    with pytest.raises(InputError, match="cannot write .*symbolic links"):
        require_writable(tmp_path / "a")


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o444])
def test_permissions_of_what_was_there_are_kept(tmp_path, mode):
    target = tmp_path / "a.txt"
    target.write_text("old")
    target.chmod(mode)
    atomic_write(target, "new")
    assert (stat.S_IMODE(target.stat().st_mode), target.read_text()) == (mode, "new")


def test_permissions_may_be_given_and_hold_while_it_is_written(tmp_path):
    with atomic_path(tmp_path / "a.txt", mode=0o600) as temporary:
        temporary.write_text("secret")
        assert stat.S_IMODE(temporary.stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "a.txt").stat().st_mode) == 0o600
    atomic_write(tmp_path / "a.txt", "open", mode=0o644)
    assert stat.S_IMODE((tmp_path / "a.txt").stat().st_mode) == 0o644


def test_devices_are_left_alone(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(RunError, match="no ordinary file"):
        atomic_write(tmp_path / "pipe", "text")
    with pytest.raises(InputError, match="no ordinary file"):
        require_writable(tmp_path / "pipe")
    assert stat.S_ISFIFO((tmp_path / "pipe").stat().st_mode)


def test_names_as_long_as_allowed_are_written(tmp_path):
    target = tmp_path / ("a" * 250 + ".txt")
    require_writable(target)
    atomic_write(target, "text")
    assert os.listdir(tmp_path) == [target.name]


@pytest.mark.parametrize("name", ["a" * 256, "a\0b", "file/a"])
def test_what_no_file_can_be_called_is_refused_before_work(tmp_path, name):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot write"):
        require_writable(tmp_path / name)
    assert os.listdir(tmp_path) == ["file"]


@pytest.mark.parametrize("given", [None, 3, b"a.txt"])
@pytest.mark.parametrize(
    "use",
    [
        require_writable,
        lambda path: atomic_write(path, "text"),
        qspin.read_problem,
        lambda path: qspin.write_problem(qspin.IsingProblem([[0.0]]), path),
        lambda path: checkpointing(path).__enter__(),
        read_schedule,
        RunFolder.open,
    ],
)
def test_what_is_no_path_is_refused_by_all_that_take_one(use, given):
    with pytest.raises(InputError, match=f"expected a path, as text or a pathlib.Path; got {given!r}"):
        use(given)
