"""`qspin bench`: cells, resumption, tables, and what is refused."""

from __future__ import annotations

import csv
import dataclasses
import json
import math
import subprocess
import sys
import types

import numpy as np
import pandas
import pytest
import yaml
from conftest import ROOT

import qspin
from qspin.errors import InputError
from qspin.experiment import bench_run
from qspin.experiment.bench_config import load_bench_config
from qspin.experiment.bench_report import write_bench_report
from qspin.experiment.bench_run import BenchFolder, run_benchmark, summarised
from qspin.experiment.store import Task

CONFIG = {
    "schema": 1,
    "name": "small",
    "seed": 2,
    "problems": {"sk": {"kind": "sherrington_kirkpatrick", "sizes": {"n_spins": [4, 6, 8]}, "instances": 3}},
    "backends": {
        "tempering": {
            "name": "tempering",
            "betas": [0.5, 2.0],
            "n_replicas": 30,
            "n_burn_in": 0,
            "n_draws": 1,
            "lengths": {"n_sweeps": [1, 4, 16]},
        },
        "hot": {"name": "exact", "betas": [0.0], "n_replicas": 2},
    },
}


@pytest.fixture
def config(tmp_path):
    def written(**changes):
        (tmp_path / "bench.yaml").write_text(yaml.safe_dump({**CONFIG, **changes}, sort_keys=False))
        return load_bench_config(tmp_path / "bench.yaml")

    return written


class TestRun:
    def test_every_cell_has_a_time_or_a_bound(self, config, tmp_path):
        resolved = config()
        folder = BenchFolder(tmp_path / "out")
        rows = run_benchmark(resolved, folder)
        assert len(rows) == 3 * 3 * (3 + 1)
        for row in rows:
            assert row.is_exact
            assert row.best >= row.reference - 1e-9
            assert row.residual >= -1e-12
            assert row.tts.is_bound == (row.tts.probability.successes == 0)
        write_bench_report(resolved, folder, rows)
        with (folder.path / "results.csv").open() as file:
            table = list(csv.DictReader(file))
        assert len(table) == len(rows)
        assert {row["backend"] for row in table} == {"tempering", "hot"}
        assert (folder.path / "figures" / "tts_sk.pdf").is_file()
        parquet = pandas.read_parquet(folder.path / "results.parquet")
        np.testing.assert_allclose(parquet["tts"], [row.tts.seconds for row in rows])
        assert "time to solution grows as" in folder.report_file.read_text()

    def test_a_stopped_benchmark_resumes_and_repeats_nothing(self, config, tmp_path):
        resolved, folder = config(), BenchFolder(tmp_path / "out")
        run_benchmark(resolved, folder)
        files = sorted((folder.path / "cells").iterdir())
        before = {file: file.stat().st_mtime_ns for file in files}
        files[0].unlink()
        with pytest.raises(InputError, match="unfinished benchmark: add --resume"):
            run_benchmark(resolved, folder)
        run_benchmark(resolved, folder, resume=True)
        after = {file: file.stat().st_mtime_ns for file in files}
        assert [file for file in files if after[file] != before[file]] == [files[0]]

    def test_another_folder_is_left_alone(self, config, tmp_path):
        run_benchmark(config(), BenchFolder(tmp_path / "out"))
        with pytest.raises(InputError, match="holds another benchmark"):
            run_benchmark(config(seed=3), BenchFolder(tmp_path / "out"))
        (tmp_path / "full").mkdir()
        (tmp_path / "full" / "mine.txt").write_text("mine")
        with pytest.raises(InputError, match="is no benchmark"):
            run_benchmark(config(), BenchFolder(tmp_path / "full"))

    def test_lengths_are_chosen_and_edges_are_told(self, config, tmp_path):
        summaries = summarised(run_benchmark(config(), BenchFolder(tmp_path / "out")))
        assert [(s.n_spins, s.backend) for s in summaries] == [
            (n, b) for n in (4, 6, 8) for b in ("tempering", "hot")
        ]
        for summary in summaries:
            if summary.backend == "tempering":
                assert summary.length in (1, 4, 16)
                assert summary.is_inside == (summary.length == 4)
                assert summary.low <= summary.median <= summary.high
            if summary.n_bounds > summary.n_instances / 2:
                assert math.isinf(summary.median)

    def test_a_gap_makes_it_easier(self, config, tmp_path):
        strict, wide = (
            run_benchmark(config(target={"gap": gap}), BenchFolder(tmp_path / f"{gap}")) for gap in (0.0, 0.5)
        )
        counts = [sum(row.tts.probability.successes for row in rows) for rows in (strict, wide)]
        assert counts[1] > counts[0]

    @pytest.mark.parametrize(("said", "calls"), [(True, 1), (False, 2), (None, 1)])
    def test_what_may_cost_money_is_asked_for_the_problem_only(self, config, said, calls):
        """A warm-up would be paid for; a sampler that does not say it may be."""
        asked = []

        class Sampler:
            def sample(self, problem, *, seed):
                asked.append(problem.n_spins)
                return qspin.get_backend("exact", n_replicas=3).sample(problem, seed=seed)

        sampler = Sampler()
        if said is not None:
            sampler.is_paid = said
        task = Task("a", "b", qspin.instances.mattis(5, seed=1), sampler, {}, 1)
        bench_run._measure(types.SimpleNamespace(task=task), config())
        assert len(asked) == calls
        assert asked[-1] == 5

    @pytest.mark.parametrize("gap", [0.0, 0.05])
    def test_no_offset_and_no_unit_changes_a_count(self, config, tmp_path, gap):
        """Levels 2^-20 apart are 0 apart once an offset of 2^40 was added: all runs would succeed."""
        glass = qspin.instances.sherrington_kirkpatrick(8, seed=3)
        strict = config(target={"gap": gap})

        def counted(scale, offset):
            problem = qspin.IsingProblem(glass.couplings * scale, glass.fields * scale, offset)
            sampler = qspin.get_backend("exact", betas=[0.4 / scale], n_replicas=200)
            same = types.SimpleNamespace(  # seeds follow digests
                is_paid=True, sample=lambda problem, *, seed: sampler.sample(problem, seed=1)
            )
            cell = bench_run.Cell("a", 8, 0, "exact", 0, Task("a", "exact", problem, sampler, {}, 1))
            measured = cell._replace(task=dataclasses.replace(cell.task, sampler=same))
            folder = BenchFolder(tmp_path / f"{scale} {offset}")
            folder.cell_file(cell).parent.mkdir(parents=True, exist_ok=True)
            folder.cell_file(cell).write_text(json.dumps(bench_run._measure(measured, strict)))
            (row,) = bench_run.tabulated(strict, folder, [cell])
            assert row.best - row.reference == pytest.approx(0, abs=abs(offset) * 2e-16 + 1e-12 * scale)
            return row.tts.probability.successes, row.residual / scale

        successes, residual = counted(1.0, 0.0)
        assert 0 < successes < 200
        for scale, offset in [(1.0, 2.0**40), (2.0**-20, 2.0**40), (2.0**-40, 0.0), (2.0**40, 0.0)]:
            assert counted(scale, offset) == (successes, pytest.approx(residual))

    def test_cells_keep_the_clocks_apart(self, config, tmp_path):
        folder = BenchFolder(tmp_path / "out")
        run_benchmark(config(), folder)
        cell = json.loads(next((folder.path / "cells").iterdir()).read_text())
        assert "sample" in cell["clocks"]
        assert len(cell["lowest"]) in (2, 30)
        assert np.isfinite(cell["seconds_a_run"])


class TestRefused:
    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"problems": {"a": {"kind": "mlp"}}}, "needs instances of several sizes; kind 'mlp' has none"),
            ({"problems": {"a": {"kind": "mattis"}}}, "sizes"),
            ({"problems": {"a": {"kind": "mattis", "sizes": {"n_spins": []}}}}, "no size is given"),
            ({"problems": {"a": {"kind": "mattis", "sizes": {"spins": [4]}}}}, "did you mean 'n_spins'"),
            ({"problems": {"a": {"kind": "matis", "sizes": {}}}}, "did you mean 'mattis'"),
            ({"backends": {"a": {"name": "exact", "lengths": {"a": [1], "b": [2]}}}}, "one name with a list"),
            ({"backends": {"a": {"name": "exact", "lengths": {"n_sweps": [1]}}}}, "no setting 'n_sweps'"),
            ({"target": {"probability": 1.0}}, "less than 1"),
            ({"clock": "cpu"}, "'sample', 'device' or 'wall'"),
            ({"unknown": 1}, "unknown key 'unknown'"),
        ],
    )
    def test_before_anything_runs(self, config, change, message):
        with pytest.raises(InputError, match=message):
            config(**change)


@pytest.mark.parametrize(
    "path", sorted((ROOT / "configs" / "bench").glob("*.yaml")), ids=lambda path: path.name
)
def test_the_smallest_form_of_every_config_runs(path, tmp_path):
    data = yaml.safe_load(path.read_text())
    for problem in data["problems"].values():
        problem["instances"] = 1
        problem["sizes"] = {name: values[:1] for name, values in problem["sizes"].items()}
    for backend in data["backends"].values():
        if "lengths" in backend:
            backend["lengths"] = {name: values[:2] for name, values in backend["lengths"].items()}
    (tmp_path / "small.yaml").write_text(yaml.safe_dump(data, sort_keys=False))
    config, folder = load_bench_config(tmp_path / "small.yaml"), BenchFolder(tmp_path / "out")
    write_bench_report(config, folder, run_benchmark(config, folder))
    assert folder.report_file.is_file()


def test_the_command(config, tmp_path):
    config()
    command = [
        sys.executable,
        "-m",
        "qspin",
        "bench",
        str(tmp_path / "bench.yaml"),
        "--out",
        str(tmp_path / "o"),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("Report: ")
    wrong = subprocess.run([*command, "--set", "target.gap=2"], capture_output=True, text=True, timeout=60)
    assert wrong.returncode == 2
    assert "--set target.gap" in wrong.stderr
