"""Small files that claim much: refused with one line, before memory is taken and within two seconds."""

from __future__ import annotations

import gzip
import io
import json
import os
import resource
import struct
import sys
import time
import zipfile
from pathlib import Path

import dimod
import numpy as np
import pytest
from conftest import qspin

from qspin import IsingProblem, instances, read_problem, write_problem
from qspin.archives import read_arrays
from qspin.errors import CapacityError, InputError
from qspin.formats.bqm import read_bqm
from qspin.formats.source import Source

PLAIN = instances.edwards_anderson((3, 3), seed=1)
SECONDS = 2.0  # of computing, whatever else the machine does
MEMORY = 2**28  # bytes that reading a bomb may take at most beyond what the process has


def npy(shape, dtype="<f8", content=b""):
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(file, {"descr": dtype, "fortran_order": False, "shape": shape})
    return file.getvalue() + content


def npz(**members):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(f"{name}.npy", content)
    return file.getvalue()


def bqm_header(**changes):
    head = {"shape": [3, 0], "dtype": "float64", "itype": "int32", "ntype": "int32", "vartype": "SPIN"}
    text = json.dumps({**head, "type": "BinaryQuadraticModel", "variables": False, **changes}).encode()
    return b"DIMODBQM\x02\x00" + struct.pack("<I", len(text)) + text


ZEROS = bytes(2**27)
BOMBS = {
    "a.rudy": b"1000000000 0",
    "b.rudy": b"9" * 4000 + b" 0",
    "a.coo": b"1000000000000\n",
    "b.coo": b"0 1000000000000 1\n",
    "c.coo": b"0 1 " + b"1" * 10**6,
    "a.mtx": b"%%MatrixMarket matrix coordinate real symmetric\n1000000000 1000000000 0\n",
    "b.mtx": b"%%MatrixMarket matrix array real general\n1000000 1000000\n1\n",
    "a.npy": npy((10**6, 10**6)),
    "b.npy": npy((10**9, 0), "<U0"),
    "a.npz": npz(fields=npy((2**27,), "|i1", ZEROS)),
    "b.npz": npz(fields=npy((10**12,))),
    "c.npz": npz(format=b"\x93NUMPY\x01\x00\xff\xff" + b"(" * 9000),
    "a.bqm": bqm_header(shape=[10**12, 0]),
    "b.bqm": bqm_header(shape=[3, 10**15]),
    "c.bqm": b"DIMODBQM\x02\x00\xff\xff\xff\xff{}",
    "d.bqm": b"DIMODBQM\x02\x00" + struct.pack("<I", 10**5) + b"[" * 10**5,
    "a.rudy.gz": gzip.compress(ZEROS),
}


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="limits of memory need Linux")
@pytest.mark.parametrize("name", BOMBS)
def test_bombs_are_refused_at_once(tmp_path, name):
    (tmp_path / name).write_bytes(BOMBS[name])
    read_with_little(tmp_path / f"warm-{name}")  # imports
    start = time.process_time()
    error = read_with_little(tmp_path / name)
    assert time.process_time() - start < SECONDS
    assert str(tmp_path / name) in str(error)
    assert "\n" not in str(error)
    assert len(str(error)) < 5_000


def read_with_little(path):
    """The refusal of a file, read with little memory."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    now = pages * os.sysconf("SC_PAGE_SIZE")
    before = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (now + MEMORY, before[1]))
    try:
        with pytest.raises(InputError) as caught:
            read_problem(path)
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)
    return caught.value


def test_the_command_line_says_it_in_one_line(tmp_path):
    (tmp_path / "a.rudy").write_text("1000000000 0")
    done = qspin("sample", tmp_path / "a.rudy", "--backend", "exact", "-o", tmp_path / "a.nc", cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "claims 1000000000 spins in 12 bytes" in done.stderr


def test_isolated_spins_are_legal_within_bounds(tmp_path):
    (tmp_path / "a.rudy").write_text("100000 1\n1 2 -1\n")
    assert read_problem(tmp_path / "a.rudy").n_spins == 100_000
    (tmp_path / "b.rudy").write_text("1000020 0\n")
    with pytest.raises(CapacityError, match="may have 1000010 at most"):
        read_problem(tmp_path / "b.rudy")


def test_what_is_no_ordinary_file_is_refused(tmp_path):
    os.mkfifo(tmp_path / "a.rudy")
    with pytest.raises(InputError, match="no ordinary file"):
        read_problem(tmp_path / "a.rudy")
    with pytest.raises(InputError, match="no ordinary file"):
        read_problem("/dev/zero", "rudy")
    with pytest.raises(InputError, match="cannot read"):
        read_problem("a\0b.rudy")


def test_what_compresses_well_is_read(tmp_path):
    problem = IsingProblem.from_edges(300_000, [0], [1], [1.0])
    write_problem(problem, tmp_path / "a.npz")
    assert (tmp_path / "a.npz").stat().st_size < 2**14
    assert read_problem(tmp_path / "a.npz") == problem


@pytest.mark.parametrize("vartype", ["SPIN", "BINARY"])
@pytest.mark.parametrize("version", [1, 2])
def test_damaged_bqm_files_are_refused_or_read(tmp_path, vartype, version):
    """Every byte once, and every length: dimod's reader ends the process on some of these."""
    bqm = dimod.generators.gnp_random_bqm(4, 0.8, vartype, random_state=3)
    bqm.relabel_variables(dict(enumerate("abcd")))
    with bqm.to_file(version=version) as file:
        whole = file.read()
    rng = np.random.default_rng(0)
    damaged = [whole[:length] for length in range(0, len(whole), 5)]
    for place in range(len(whole)):
        other = bytearray(whole)
        other[place] ^= int(rng.integers(1, 256))
        damaged.append(bytes(other))
    refused = 0
    for content in damaged:
        try:
            read_bqm(Source(tmp_path, content))
        except InputError:
            refused += 1
    assert refused > 0.3 * len(damaged)


def test_damaged_archives_are_refused_or_equal(tmp_path):
    write_problem(PLAIN, tmp_path / "a.npz")
    whole = (tmp_path / "a.npz").read_bytes()
    rng = np.random.default_rng(0)
    for place in range(0, len(whole), 3):
        other = bytearray(whole)
        other[place] ^= int(rng.integers(1, 256))
        (tmp_path / "b.npz").write_bytes(other)
        try:
            assert read_problem(tmp_path / "b.npz") == PLAIN
        except InputError as error:
            assert "b.npz is no" in str(error)  # noqa: PT017


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (npz(a=npy((2,), "<f8", bytes(8))), r"shape \(2,\) does not have the 8 bytes"),
        (npz(a=npy((1,), "|O", bytes(8))), "dtype object; expected numbers or text"),
        (npz(a=b"\x93NUMPY\x03\x00"), r"NumPy's format \(3, 0\)"),
        (npz(b=npy((1,), "<f8", bytes(8))), "holds no 'a', but 'b'"),
        (b"", "no whole .npz archive"),
    ],
)
def test_archives_that_are_none(content, message):
    with pytest.raises(InputError, match=message):
        read_arrays(content, ["a"])
