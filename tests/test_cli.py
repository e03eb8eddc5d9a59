"""The command line as a process: what it prints and how it exits."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from conftest import ROOT, qspin
from typer.testing import CliRunner

from qspin import SampleSet
from qspin.cli import app
from qspin.events import Kind
from qspin.showing import Terminal
from qspin.showing.watching import Watch

CONFIG = """\
schema: 2
name: small
problems:
  glass: {kind: sherrington_kirkpatrick, n_spins: 6}
backends:
  exact: {name: exact, betas: [0.5, 1.0], n_replicas: 10}
"""
LONG = CONFIG.replace(
    "exact: {name: exact, betas: [0.5, 1.0], n_replicas: 10}",
    "exact: {name: exact, betas: [0.5, 1.0], n_replicas: 10}\n"
    "  slow: {name: tempering, betas: [0.5, 1.0], n_replicas: 2, n_sweeps: 2000000000}",
)


@pytest.fixture
def config(tmp_path):
    (tmp_path / "small.yaml").write_text(CONFIG)
    return tmp_path / "small.yaml"


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    """A folder with a finished run `here`, and what its process printed."""
    place = tmp_path_factory.mktemp("ran")
    (place / "small.yaml").write_text(CONFIG)
    return place, qspin("run", "small.yaml", cwd=place, is_drawn=True)


@pytest.fixture
def finished(ran, tmp_path):
    """A copy of that, to go on with."""
    place, done = ran
    run = (place / done.stdout.strip().removeprefix("Report: ")).parent
    shutil.copytree(run, tmp_path / "here")
    (tmp_path / "small.yaml").write_text(CONFIG)
    return tmp_path / "here"


def signalled(pid, which):
    """As from a job system that signals the process and its group; the last ones may come after its end."""
    with contextlib.suppress(ProcessLookupError):
        for _ in range(20):
            os.kill(pid, which)
            time.sleep(0.001)


def first_samples(folder):
    """Wait until a run has finished some."""
    deadline = time.monotonic() + 60
    while not list(folder.glob("samples/*.nc")) and time.monotonic() < deadline:
        time.sleep(0.05)


def slow_progress(folder):
    """Wait until the slow task sweeps."""
    deadline = time.monotonic() + 100
    while time.monotonic() < deadline:
        log = folder / "log.jsonl"
        told = map(json.loads, log.read_text().split("\n")[:-1]) if log.is_file() else ()
        if any((e["kind"], e.get("label")) == ("progress", "glass with slow") for e in told):
            return
        time.sleep(0.05)


def one_line(text: str) -> bool:
    return len(text.strip().splitlines()) == 1 and "Traceback" not in text


class TestRun:
    def test_a_run_ends_with_a_report(self, ran):
        place, done = ran
        assert done.returncode == 0, done.stderr
        report = Path(place, done.stdout.strip().removeprefix("Report: "))
        assert report.is_file()
        assert report.parent.parent == place / "runs"
        assert report.parent.name.startswith("small-")
        assert {file.suffix for file in (report.parent / "figures").iterdir()} == {".svg", ".pdf"}
        first, *rest = done.stderr.splitlines()
        assert first == f"Run folder: {report.parent.relative_to(place)}"
        assert "[0 of 9 done] glass with exact" in rest

    def test_it_has_one_name_and_can_be_watched_once_that_is_told(self, config, tmp_path, monkeypatch):
        names = []

        class Shown(Terminal):
            def __init__(self, name):
                names.append(name)
                super().__init__(name)

            def __call__(self, event):
                if event.kind == Kind.BEGIN:
                    names.append(Watch(Path("runs/two")).picture.name)
                super().__call__(event)

        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr("qspin.showing.Terminal", Shown)
        done = CliRunner().invoke(app, ["run", "small.yaml", "--out", "runs/two"])
        assert done.exit_code == 0, done.output
        assert names == ["two", "two"]
        assert done.stderr.startswith("Run folder: runs/two\n")

    def test_again_does_nothing(self, finished, tmp_path):
        done = qspin("run", "small.yaml", "--out", "here", cwd=tmp_path)
        assert (done.returncode, "Nothing to do" in done.stderr) == (0, True)

    def test_backends_are_swapped_by_one_option(self, config, tmp_path):
        sampler = "backends.ocean.sampler=dwave.samplers:SteepestDescentSampler"
        done = qspin("run", config, "--backend", "ocean", "--set", sampler, "--out", "here", cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        assert "SteepestDescentSampler" in (tmp_path / "here" / "config.yaml").read_text()

    def test_a_report_can_be_written_again(self, finished, tmp_path):
        (finished / "report.html").unlink()
        done = qspin("report", "here", cwd=tmp_path)
        assert (done.returncode, (finished / "report.html").is_file()) == (0, True)

    @pytest.mark.usefixtures("compiled")
    @pytest.mark.parametrize("which", [signal.SIGINT, signal.SIGTERM])
    def test_an_interrupt_keeps_what_is_finished(self, tmp_path, which):
        (tmp_path / "long.yaml").write_text(LONG)

        def interrupt(pid):
            slow_progress(tmp_path / "here")
            signalled(pid, which)

        done = qspin("run", "long.yaml", "--out", "here", cwd=tmp_path, meanwhile=interrupt)
        errors = done.stderr
        assert done.returncode == 1, errors
        assert "interrupted. Finished work is kept in here, and that of 1 task as far as it came; " in errors
        assert "Traceback" not in errors
        assert sorted(file.suffix for file in (tmp_path / "here/samples").iterdir()) == [".checkpoint", ".nc"]
        if which == signal.SIGTERM:  # it leaves the same folder
            return
        done = qspin("report", "here", cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        assert "This run is not finished" in (tmp_path / "here" / "report.html").read_text()
        assert "warning: this run is not finished, and the report is of a part: " in done.stderr

    def test_a_killed_run_is_resumed(self, tmp_path, config):
        (tmp_path / "long.yaml").write_text(LONG)

        def kill(pid):
            first_samples(tmp_path / "here")
            os.kill(pid, signal.SIGKILL)

        done = qspin("run", "long.yaml", "--out", "here", cwd=tmp_path, meanwhile=kill)
        assert done.returncode == -signal.SIGKILL
        done = qspin("run", "long.yaml", "--out", "here", cwd=tmp_path)
        assert done.returncode == 2
        assert "unfinished run of this config: add --resume" in done.stderr

    def test_a_full_disk_exits_1_and_the_folder_stays_readable(self, tmp_path, config):
        """Files may not grow beyond 20 kB: problems fit, sample files do not."""
        text = CONFIG.replace("n_replicas: 10", "n_replicas: 8000").replace("n_spins: 6", "n_spins: 20")
        config.write_text(text + "studies: {}\n")
        limited = f"ulimit -f 40; exec {sys.executable} -m qspin run small.yaml --out here"
        done = subprocess.run(
            ["bash", "-c", limited], cwd=tmp_path, capture_output=True, text=True, timeout=120
        )
        assert done.returncode == 1, done.stderr
        assert "could not write" in done.stderr
        assert "go on with --resume" in done.stderr
        assert not list((tmp_path / "here").rglob("*partial*"))
        done = qspin("run", "small.yaml", "--out", "here", "--resume", cwd=tmp_path)
        assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run", "none.yaml"], "error: no config file at none.yaml"),
        (["run", "small.yaml", "--backend", "exat"], "did you mean 'exact'"),
        (
            ["run", "small.yaml", "--executor", "in_proces"],
            "--executor: execution: no executor 'in_proces': did you mean",
        ),
        (["bench", "small.yaml", "--set", "studies.time_to_solution.gab=1"], "did you mean 'gap'"),
        (["run", "small.yaml", "--set", "backends.exact.beta=1"], "did you mean 'betas'"),
        (["run", "small.yaml", "--set", "problems.glass.n_spins=40"], "40 spins would need"),
        (["run", "small.yaml", "--out", "."], "is no run folder; choose another with --out"),
        (["run", "list.yaml"], "expected a mapping of keys at the top level; got a list"),
        (["report", "."], "is no run folder"),
        (
            ["sample", "cut.rudy", "--backend", "exact", "-o", "a.nc"],
            "cut.rudy, line 2: the file is cut short",
        ),
        (
            ["sample", "ok.coo", "--backend", "exact", "-o", "a.nc", "--set", "n_replica=3"],
            "did you mean 'n_replicas'",
        ),
        (
            ["sample", "ok.coo", "--backend", "exact", "-o", "a.nc", "--seed", "-1"],
            "seed must be a non-negative",
        ),
    ],
)
def test_unusable_input_exits_2_with_one_line(config, tmp_path, arguments, message):
    (tmp_path / "list.yaml").write_text("- a\n")
    (tmp_path / "cut.rudy").write_text("3 2\n1 2 1\n")
    (tmp_path / "ok.coo").write_text("0 1 -1\n")
    before = sorted(os.listdir(tmp_path))
    done = qspin(*arguments, cwd=tmp_path)
    assert done.returncode == 2, done.stderr
    assert message in done.stderr
    assert one_line(done.stderr), done.stderr
    assert sorted(os.listdir(tmp_path)) == before


def test_debug_shows_the_traceback(tmp_path):
    done = qspin("run", "none.yaml", "--debug", cwd=tmp_path)
    assert "Traceback" in done.stderr
    assert done.returncode != 0


def test_sample_writes_a_sample_set(tmp_path):
    (tmp_path / "pair.coo").write_text("0 1 -1\n")
    done = qspin(
        "sample",
        "pair.coo",
        "--backend",
        "exact",
        "--set",
        "betas=[3]",
        "--seed",
        5,
        "-o",
        "a.nc",
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    assert "best energy -1, seed 5" in done.stdout
    samples = SampleSet.load(tmp_path / "a.nc")
    assert (samples.info["seed"], samples.betas.tolist()) == (5, [3.0])


def test_sample_starts_from_a_file_and_stops_at_an_energy(tmp_path):
    (tmp_path / "pair.coo").write_text("0 1 -1\n")
    np.save(tmp_path / "start.npy", np.array([1, 1], dtype=np.int8))
    command = ["sample", "pair.coo", "--backend", "tempering", "--set", "target_energy=-1", "--seed", 5]
    done = qspin(*command, "--initial", "start.npy", "-o", "a.nc", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "replicas were stopped where they reached the energy -1" in done.stderr
    samples = SampleSet.load(tmp_path / "a.nc")
    assert (samples.dataset["sweeps_to_target"].values == 0).all()
    assert (samples.spins.values == 1).all()
    betas = f"betas={samples.betas.tolist()}"
    done = qspin(*command, "--set", betas, "--initial", "a.nc", "-o", "b.nc", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert SampleSet.load(tmp_path / "b.nc").info["initial"] == samples.info["initial"]
    for arguments, message in (
        (["--initial", "none.npy"], "cannot read 'none.npy'"),
        (["--initial", "pair.coo"], "pair.coo is not a readable NetCDF sample set"),
        (
            ["--initial", "start.npy", "--backend", "exact"],
            "'exact' takes no initial: it draws configurations",
        ),
    ):
        done = qspin("sample", "pair.coo", "--backend", "tempering", "-o", "c.nc", *arguments, cwd=tmp_path)
        assert done.returncode == 2
        assert message in done.stderr.splitlines()[-1]


def busy(pid, seconds):
    """Wait until a process has computed for so long, on a machine that may be busy with others too."""
    clock, began = Path(f"/proc/{pid}/stat"), time.monotonic()
    if not clock.exists():
        time.sleep(3 * seconds)
        return
    used, ticks = 0.0, os.sysconf("SC_CLK_TCK")
    while used < seconds and time.monotonic() - began < 60:
        time.sleep(0.1)
        used = sum(map(int, clock.read_text().rpartition(")")[2].split()[11:13])) / ticks


def test_an_interrupted_sample_keeps_what_there_is(tmp_path):
    (tmp_path / "pair.coo").write_text("0 1 -1\n")
    quick = ["--set", "betas=[1]", "--set", "n_sweeps=20", "-o", "b.nc"]  # compiles
    assert qspin("sample", "pair.coo", "--backend", "tempering", *quick, cwd=tmp_path).returncode == 0
    command = [
        "sample", "pair.coo", "--backend", "tempering", "--seed", "5",
        "--set", "betas=[1]", "--set", "n_sweeps=2000000000", "--set", "n_draws=1000", "-o", "a.nc",
    ]  # fmt: skip

    def interrupt(pid):
        busy(pid, 2.0)
        os.kill(pid, signal.SIGINT)

    done = qspin(*command, cwd=tmp_path, meanwhile=interrupt)
    assert done.returncode == 1, done.stderr
    assert "interrupted. What there was is in a.nc" in done.stderr
    assert "interrupted), best energy -1, seed 5" in done.stdout
    assert SampleSet.load(tmp_path / "a.nc").info["status"] == "interrupted"


def test_a_checkpoint_of_another_sample_exits_2(tmp_path):
    (tmp_path / "pair.coo").write_text("0 1 -1\n")
    (tmp_path / "c").write_text("not a checkpoint")
    done = qspin(
        "sample", "pair.coo", "--backend", "tempering", "--checkpoint", "c", "-o", "a.nc", cwd=tmp_path
    )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith("error: c is not a readable checkpoint (")


def test_backends_are_listed(tmp_path):
    lines = qspin("backends", cwd=tmp_path).stdout.splitlines()
    assert [line.split() for line in lines] == [
        ["annealer", "ready"],
        ["exact", "ready"],
        ["ocean", "ready"],
        ["qaoa", "ready"],
        ["samples", "ready"],
        ["tempering", "ready"],
    ]


def test_the_schema_is_json_schema(tmp_path):
    import jsonschema

    schema = json.loads(qspin("schema", cwd=tmp_path).stdout)
    jsonschema.Draft202012Validator.check_schema(schema)
    assert {"schema", "problems", "backends"} <= set(schema["properties"])


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        *(
            [name, "--help"]
            for name in ("run", "bench", "sample", "embed", "export", "report", "backends", "schema")
        ),
    ],
)
def test_help(tmp_path, arguments):
    done = qspin(*arguments, cwd=tmp_path)
    assert done.returncode == 0
    assert "Usage" in done.stdout


def test_version(tmp_path):
    """Of a new interpreter, which the others are forks of."""
    import qspin as package

    done = subprocess.run([sys.executable, "-m", "qspin", "--version"], cwd=tmp_path, capture_output=True)
    assert done.stdout.decode() == f"qspin {package.__version__}\n"


CONFIGS = [*(ROOT / "configs").glob("*.yaml"), *(ROOT / "configs" / "bench").glob("*.yaml")]


@pytest.mark.usefixtures("sketched")
@pytest.mark.parametrize("path", sorted(CONFIGS), ids=lambda path: path.name)
def test_the_smallest_form_of_every_config_runs(path, tmp_path):
    """Few epochs, steps, hidden units, sweeps, replicas, lengths and sizes; everything else as it is written.

    In this process, where torch and Qiskit are imported once. Processes and whole figures are those of
    `TestRun`, and the contract of studies draws every figure.
    """
    import yaml

    from qspin.experiment.config.yaml_source import YamlSource

    data = YamlSource(path).data
    for problem in data["problems"].values():
        if "epochs" in problem:
            problem["epochs"] = 2
            problem["batch_size"] = 500
        if "hidden" in problem:
            problem["hidden"] = 2
        if problem["kind"] == "mlp":
            problem["epoch"] = min(problem.get("epoch", 2), 2)
            first, *hidden, last = problem["layers"]
            problem["layers"] = [first, *(min(n, 2) for n in hidden), last]
        if "instances" in problem:
            problem["instances"] = 2
        shorten(problem, "sizes")
        if problem["kind"] == "biclique":
            problem["sizes"]["n"] = problem["sizes"]["n"][:2]  # 20 spins by gates take a minute
    for backend in data["backends"].values():
        small = {
            "n_replicas": 3,
            "n_burn_in": 5,
            "n_sweeps": 20,
            "n_draws": 10,
            "n_reads": 4,
            "n_shots": 20,
            "depth": 8,
        }
        backend.update({key: min(value, backend[key]) for key, value in small.items() if key in backend})
        shorten(backend, "lengths")
    for axis in data.get("sweep", {}).values():
        for key in axis:
            axis[key] = axis[key][:1]  # of points; two of each axis would be many cells
    (tmp_path / "small.yaml").write_text(yaml.safe_dump(data))
    done = CliRunner().invoke(app, ["run", str(tmp_path / "small.yaml"), "--out", str(tmp_path / "here")])
    assert done.exit_code == 0, done.stderr


def shorten(given, *names, n=4):
    """So many values of each list, first and last among them."""
    for lists in (given[name] for name in names if name in given):
        for kind, values in lists.items():
            if len(values) > n:
                lists[kind] = [values[k * (len(values) - 1) // (n - 1)] for k in range(n)]
