"""Runs below a path: listed, asked in SQL, and tidied up without a loss."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from conftest import qspin as qspin_command
from conftest import sketching

import qspin
from qspin.engine.storage.presence import Presence
from qspin.errors import InputError, MissingExtraError
from qspin.experiment import RunFolder, run_experiment
from qspin.experiment.config.run_config import config_from_plain
from qspin.experiment.folder import PROCESSES
from qspin.experiment.runs.listing import runs_below, told_size
from qspin.experiment.runs.rows import rows_of, write_parquet
from qspin.experiment.runs.tidying import delete, prunable, removable

pytest.importorskip("duckdb", reason="rows of runs need DuckDB")

PLAIN = {
    "schema": 2,
    "name": "small",
    "problems": {"chain": {"kind": "lattice_ferromagnet", "shape": [4]}},
    "backends": {
        "exact": {"name": "exact", "betas": [0.5, 1.0], "n_replicas": 12},
        "walkers": {"name": "exact", "betas": [0.25, 2.0], "n_replicas": 12},
    },
    "studies": {"overlaps": {}},
}


def made(path, **changes):
    with sketching():
        return run_experiment(
            config_from_plain(json.loads(json.dumps({**PLAIN, **changes}))), RunFolder(path)
        )


def unfinished(path, monkeypatch):
    """A run that was stopped before its first task was done."""

    def stop(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("qspin.engine.actions.sampled", stop)
    with pytest.raises(KeyboardInterrupt):
        made(path, seed=9)


@pytest.fixture(scope="module")
def originals(tmp_path_factory):
    root = tmp_path_factory.mktemp("runs")
    made(root / "first")
    glass = {"kind": "sherrington_kirkpatrick", "n_spins": 5, "seed": 1}
    made(
        root / "of [a]* sweep's",
        name="swept",
        problems={"glass": glass},
        sweep={"world": {"problems.glass.seed": [1, 2]}},
    )
    with pytest.MonkeyPatch.context() as patch:
        unfinished(root / "deep" / "stopped", patch)
    (root / "other").mkdir()
    (root / "other" / "config.yaml").write_text("name: not ours\n")
    return root


@pytest.fixture
def root(originals, tmp_path):
    return shutil.copytree(originals, tmp_path / "runs")


class TestListing:
    def test_every_run_is_there_with_what_it_is_and_how_far(self, originals):
        table = qspin.runs(originals).set_index("run")
        assert list(table.index) == ["deep/stopped", "first", "of [a]* sweep's"]
        assert table["name"].to_dict() == {
            "deep/stopped": "small",
            "first": "small",
            "of [a]* sweep's": "swept",
        }
        assert list(table["state"]) == ["unfinished", "finished", "finished"]
        for name, row in table.iterrows():
            folder = RunFolder.open(originals / str(name))
            assert row["done"] == len(folder.plan.tasks) - folder.n_missing
            assert row["digest"] == folder.config.digest[:10]
            assert row["bytes"] == sum(f.stat().st_size for f in folder.path.rglob("*") if f.is_file())
            assert row["tasks"] == len(folder.plan.tasks)
        assert table["done"]["first"] > table["done"]["deep/stopped"] == 0
        assert (table["problems"] == 1).all()
        assert (table["backends"] == 2).all()
        assert set(table["studies"]) == {"overlaps"}

    def test_one_run_is_a_list_of_one(self, originals):
        assert list(qspin.runs(originals / "first")["run"]) == ["first"]

    def test_failures_and_damages_are_seen(self, root):
        failures = root / "first" / "failures"
        failures.mkdir()
        (failures / "a.txt").write_text("it broke\n")
        config = root / "deep" / "stopped" / "config.yaml"
        config.write_text(config.read_text() + "more: 1\n")
        table = qspin.runs(root).set_index("run")
        assert (table["state"]["first"], table["failed"]["first"]) == ("failed", 1)
        assert table["state"]["deep/stopped"] == "damaged"

    @pytest.mark.parametrize("n", ["Infinity", "1" * 400])
    def test_a_log_that_tells_nonsense_costs_no_other_run_its_row(self, root, n):
        run = root / "deep" / "stopped"
        (run / "log.jsonl").write_text(f'{{"time":1,"run":"1@h-1","kind":"begin","n":{n}}}\n')
        table = qspin.runs(root).set_index("run")
        assert len(table) == 3
        assert pd.isna(table["tasks"]["deep/stopped"])

    def test_a_run_at_which_a_process_works(self, root):
        presence = Presence(root / "first" / PROCESSES)
        presence.enter()
        try:
            assert qspin.runs(root).set_index("run")["state"]["first"] == "running"
        finally:
            presence.leave()

    @pytest.mark.parametrize(
        ("place", "message"), [("nowhere", "there is no folder"), ("other", "there is no run folder at or")]
    )
    def test_where_there_is_none(self, root, place, message):
        with pytest.raises(InputError, match=message):
            qspin.runs(root / place)


class TestRows:
    def test_they_are_those_of_the_files(self, originals):
        found = qspin.runs(originals, table="metrics")
        for run, name, problem in (("first", "small", "chain"), ("of [a]* sweep's", "swept", "glass")):
            written = pd.read_csv(originals / run / "metrics.csv")
            own = found[found["run"] == run].reset_index(drop=True)
            assert len(own) == len(written) > 0
            assert set(own["name"]) == {name}
            assert set(own["problem"]) == {problem}
            for column in written:
                if written[column].dtype.kind in "if":
                    np.testing.assert_array_equal(own[column].astype(float), written[column].astype(float))
                else:
                    assert list(own[column]) == list(written[column])

    def test_tables_with_other_columns_are_united(self, originals):
        found = qspin.runs(originals, table="metrics").set_index("run")
        assert found.loc["first", "world"].isna().all()
        assert set(found.loc["of [a]* sweep's", "world"]) == {1, 2}

    def test_a_condition_and_columns(self, originals):
        columns = ["run", "solver", "backend", "beta", "q_abs"]
        found = qspin.runs(originals, where="backend = 'walkers' and q_abs > 0.5", columns=columns)
        everything = qspin.runs(originals, table="metrics")
        wanted = everything[(everything["backend"] == "walkers") & (everything["q_abs"] > 0.5)][columns]
        pd.testing.assert_frame_equal(found, wanted.reset_index(drop=True))
        assert len(found) > 0
        assert set(found["solver"]) == {"exact"}

    def test_a_column_that_is_empty_in_one_run_stays_one_of_numbers(self, root):
        for run, value in (("first", ""), ("of [a]* sweep's", "0.25")):
            (root / run / "results" / "own.csv").write_text(f"label,share,seed,n\na,{value},{2**63 + 1},1\n")
        found = qspin.runs(root, table="own", where="share < 1")
        assert list(found["share"]) == [0.25]
        assert int(qspin.runs(root, table="own", where="n = 1", columns=["n"])["n"].sum()) == 2
        assert len(qspin.runs(root, table="own", where=f"seed = {2**63 + 1}")) == 2

    def test_kinds_of_values(self, root):
        text = "flag,whole,real,word,empty\nTrue,1,1e-3,a,\nFalse,-2,inf,1.5x,\n"
        (root / "first" / "results" / "own.csv").write_text(text)
        found = qspin.runs(root, table="own")
        assert list(found["flag"]) == [True, False]
        assert list(found["whole"]) == [1, -2]
        assert list(found["real"]) == [1e-3, np.inf]
        assert list(found["word"]) == ["a", "1.5x"]
        assert found["empty"].isna().all()

    def test_columns_of_ours_make_room_for_those_of_a_table(self, root):
        (root / "first" / "results" / "own.csv").write_text("Run,value\n7,1\n")
        found = qspin.runs(root, table="own", where="run = 7")
        assert list(found.columns) == ["qspin_run", "name", "digest", "Run", "value"]
        assert list(found["qspin_run"]) == ["first"]

    def test_runs_without_the_table_are_counted_and_files_that_are_none_are_named(self, root):
        for file in root.rglob("overlaps-curves.csv"):
            broken = file
        broken.write_bytes(b"a,b\n\xff\xfe,1\n")
        found = rows_of(runs_below(root), table="overlaps-curves")
        assert (found.n_without, found.n_yet) == (1, 1)
        assert list(found.unreadable) == [broken]
        assert len(found.frame) > 0
        (root / "first" / "metrics.csv").unlink()
        found = rows_of(runs_below(root))
        assert (found.n_without, found.n_yet) == (2, 1), "one is finished and will not write it any more"

    def test_sorted(self, originals):
        frame = rows_of(runs_below(originals), sort=["-beta", "backend"]).frame
        assert frame["beta"].is_monotonic_decreasing

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            (
                {"where": "q_ab > 0.5"},
                r'column "q_ab" not found .*"q_abs"(?!.*columns of metrics)',
            ),
            ({"where": "q_abs >"}, r"syntax error at or near .*; columns of metrics: run, name, .*q_abs"),
            ({"where": "q_abs > 1; drop table rows"}, "is 2 statements; expected one condition"),
            ({"where": "true) or (true"}, "syntax error"),
            ({"where": "q_abs > 0.5 limit 1"}, "syntax error"),
            ({"where": ""}, "where ''"),
            ({"where": "q_abs > ?"}, "parameters"),
            ({"where": "(select count(*) from read_text('{secret}')) > 0"}, "Cannot access file"),
            ({"where": "(select count(*) from '{secret}') > 0"}, "Cannot access file"),
            ({"where": "(select count(*) from read_csv('{secret}')) > 0"}, "Cannot access file"),
            ({"where": "(select count(*) from glob('/*')) > 0"}, "Cannot access file"),
            ({"where": "(select count(*) from frame) > 0"}, "does not exist"),
            ({"columns": ["q_bas"]}, "no column 'q_bas'; did you mean 'q_abs'"),
            ({"table": "metric"}, "no run has a table 'metric'; did you mean 'metrics'"),
            ({"table": "../config"}, "no run has a table"),
        ],
    )
    def test_what_cannot_be_asked(self, originals, tmp_path, arguments, message):
        secret = tmp_path / "secret.csv"
        secret.write_text("word\nhidden\n")
        frame = pd.DataFrame({"a": [1]})  # DuckDB would find variables of this name
        arguments = {
            name: value.format(secret=secret) if name == "where" else value
            for name, value in arguments.items()
        }
        with pytest.raises(InputError, match=message) as told:
            qspin.runs(originals, **arguments)
        assert "\n" not in str(told.value)
        assert len(frame) == 1

    def test_without_duckdb_the_extra_is_named(self, originals, monkeypatch):
        monkeypatch.setitem(sys.modules, "duckdb", None)
        with pytest.raises(MissingExtraError, match=r"needs the package 'duckdb'.*\[duckdb\]"):
            qspin.runs(originals, where="true")
        assert len(qspin.runs(originals)) == 3

    def test_parquet(self, originals, tmp_path):
        import duckdb

        frame = qspin.runs(originals, table="metrics")
        write_parquet(frame, tmp_path / "it's.parquet")
        again = duckdb.read_parquet(str(tmp_path / "it's.parquet")).df()
        np.testing.assert_array_equal(again["q_abs"], frame["q_abs"])


def contents(root):
    return {file.relative_to(root).as_posix() for file in root.rglob("*") if file.is_file()}


class TestTidying:
    def test_a_run_is_removed_and_no_other(self, root):
        (root / "first" / "notes.txt").write_text("mine\n")
        before = contents(root)
        (plan,) = [removable(runs_below(root), "first")]
        own = {name for name in before if name.startswith("first/")}
        assert plan.size[0] == len(own)
        assert "the whole run" in str(plan)
        assert "qspin did not write: notes.txt" in str(plan)
        assert contents(root) == before, "nothing goes before it is asked for"
        delete(plan)
        assert contents(root) == before - own

    def test_what_is_no_run_is_not_removed(self, root):
        (root / "link").symlink_to(root / "first")
        for name, message in (("other", "is none of the run folders"), ("furst", "did you mean 'first'")):
            with pytest.raises(InputError, match=message):
                removable(runs_below(root), name)
        with pytest.raises(InputError, match="is a link to a run folder"):
            removable(runs_below(root / "link"), "link")

    def test_a_name_that_two_runs_have_is_refused(self, root, monkeypatch):
        shutil.copytree(root / "deep" / "stopped", root / "more" / "stopped")
        both = f"{root}/deep/stopped, {root}/more/stopped; expected one of these paths"
        with pytest.raises(InputError, match=f"'stopped' is 2 runs: {both}"):
            removable(runs_below(root), "stopped")
        assert removable(runs_below(root), "more/stopped").place == root / "more" / "stopped"
        shutil.copytree(root / "more" / "stopped", root / "stopped")
        assert removable(runs_below(root), "stopped").place == root / "stopped"
        monkeypatch.chdir(root / "deep")
        with pytest.raises(InputError, match=f"2 runs: {root}/deep/stopped, {root}/stopped;"):
            removable(runs_below(root), "stopped")

    @pytest.mark.parametrize("place", [PROCESSES, "claims"])
    def test_nothing_goes_where_a_process_works(self, root, place):
        plan = removable(runs_below(root), "first")
        presence = Presence(root / "first" / place)
        presence.enter()
        try:
            for act in (lambda: removable(runs_below(root), "first"), lambda: delete(plan)):
                with pytest.raises(InputError, match=rf"process {os.getpid()} on .* works in .*first"):
                    act()
            with pytest.raises(InputError, match="works in"):
                prunable(runs_below(root))
        finally:
            presence.leave()
        delete(plan)
        assert not (root / "first").exists()

    def test_only_what_no_config_needs_is_pruned(self, root):
        run = root / "first"
        key = next((run / "samples").glob("*.nc")).stem
        needed = contents(root)
        useless = {
            f"samples/{key}.checkpoint", "samples/0123.nc", "measures/0123.npz", "measures/.a-1.partial.npz",
            "damaged/a.nc", "failures/0123.txt", "samples/0123.checkpoint", "results/.b-2.partial.csv",
        }  # fmt: skip
        for name in useless:
            (run / name).parent.mkdir(exist_ok=True)
            (run / name).write_bytes(b"12345")
        checkpoint = next(iter(RunFolder.open(root / "deep/stopped").tasks())).key + ".checkpoint"
        (root / "deep/stopped/samples").mkdir(exist_ok=True)
        (root / "deep/stopped/samples" / checkpoint).write_bytes(b"unfinished work")
        plans = prunable(runs_below(root))
        assert sum(plan.size[0] for plan in plans) == len(useless)
        assert sum(plan.size[1] for plan in plans) == 5 * len(useless)
        for plan in plans:
            delete(plan)
        left = {name for name in contents(root) if "/.processes/" not in name and "/claims/" not in name}
        assert left >= needed - {name for name in needed if "/.processes/" in name or "/claims/" in name}
        assert not {f"first/{name}" for name in useless} & left
        assert f"deep/stopped/samples/{checkpoint}" in left
        assert RunFolder.open(run).is_finished

    def test_objects_of_another_version_are_left_alone(self, root):
        run = root / "first"
        file = next((run / "samples").glob("*.nc"))
        file.rename(file.with_name("0123.nc"))
        (plan,) = [plan for plan in prunable(runs_below(root)) if plan.place.name == "first"]
        assert plan.size == (0, 0)
        assert "another version may have made them" in str(plan)

    def test_a_shared_store_keeps_what_runs_elsewhere_need(self, tmp_path):
        store = tmp_path / "store"
        for folder, seed in (("runs", 1), ("runs", 2), ("elsewhere", 3)):
            made(tmp_path / folder / f"run{seed}", seed=seed, execution={"store": str(store)})
        key = next(iter(RunFolder.open(tmp_path / "runs" / "run1").plan.tasks))
        for name in (
            "damaged/0123.nc",
            "failures/0123.txt",
            "samples/0123.checkpoint",
            f"damaged/{key}-1.nc",
        ):
            (store / name).parent.mkdir(exist_ok=True)
            (store / name).write_text("of somebody")
        before = contents(store)
        last = removable(runs_below(tmp_path / "runs"), "run2")
        assert f"delete it by hand: rm -r {store}" in str(last)
        delete(last)
        assert contents(store) == before
        plans = prunable(runs_below(tmp_path / "runs"))
        assert [plan.size[0] for plan in plans] == [1, 0]
        assert "looked at: run1)" in str(plans[0])
        assert f"the store {store} is shared and left alone" in str(plans[0])
        for plan in plans:
            delete(plan)
        assert contents(store) == before - {f"damaged/{key}-1.nc"}
        assert RunFolder.open(tmp_path / "elsewhere" / "run3").is_finished

    def test_nothing_goes_from_a_folder_that_is_no_store(self, root, tmp_path):
        precious = tmp_path / "other"
        made(root / "guest", seed=5, execution={"store": str(precious)})
        key = next(iter(RunFolder.open(root / "guest").plan.tasks))
        shutil.rmtree(precious)
        names = {"damaged/precious.txt", f"damaged/{key}.nc", f"failures/{key}.txt", ".a.partial.npz"}
        for name in names:
            (precious / name).parent.mkdir(parents=True, exist_ok=True)
            (precious / name).write_text("mine")
        for name in ("damaged", "failures"):
            (root / "first" / name).symlink_to(precious / name)
        plans = prunable(runs_below(root))
        assert sum(plan.size[0] for plan in plans) == 0
        for plan in [*plans, removable(runs_below(root), "guest")]:
            assert "rm -r" not in str(plan)
            delete(plan)
        assert contents(precious) == names

    def test_a_shared_store_in_a_run_folder_stays(self, tmp_path):
        (tmp_path / "a" / "store").mkdir(parents=True)
        config = {"store": str(tmp_path / "a" / "store")}
        made(tmp_path / "b", execution=config)
        head = (tmp_path / "b" / "config.yaml").read_bytes()
        (tmp_path / "a" / "config.yaml").write_bytes(head)
        with pytest.raises(InputError, match="the objects of b lie in .*a: remove these runs first"):
            removable(runs_below(tmp_path), "a")
        delete(removable(runs_below(tmp_path), "b"))
        with pytest.raises(InputError, match="the shared store .*store lies in .*a; .* move it first"):
            removable(runs_below(tmp_path), "a")

    def test_a_run_whose_objects_others_use_stays(self, root):
        made(root / "guest", seed=5, execution={"store": str(root / "first")})
        with pytest.raises(InputError, match="the objects of guest lie in .*first"):
            removable(runs_below(root), "first")
        (root / "first/samples/0123.nc").write_bytes(b"of a guest elsewhere")
        assert sum(plan.size[0] for plan in prunable(runs_below(root))) == 0


def test_sizes_are_told_in_units():
    assert [told_size(n) for n in (0, 999, 1000, 123_456_789, 10**16)] == [
        "0 B", "999 B", "1.0 kB", "123.5 MB", "10000.0 TB"
    ]  # fmt: skip


class TestCommand:
    @pytest.fixture(autouse=True)
    def _here(self, tmp_path):
        self.here = tmp_path

    def run(self, *arguments, said=""):
        return qspin_command("runs", *arguments, cwd=self.here, said=said)

    def test_a_query_as_a_table_and_as_csv(self, originals):
        query = ["--where", "backend = 'exact' and q_abs > 0", "--sort", "-q_abs"]
        query += ["--columns", "run,problem,q_abs"]
        done = self.run(originals, *query)
        assert done.returncode == 0, done.stderr
        assert done.stdout.split()[:3] == ["run", "problem", "q_abs"]
        assert "1 of 3 runs have no table metrics; 1 of them is not finished" in done.stderr
        done = self.run(originals, *query, "--csv")
        lines = done.stdout.splitlines()
        assert lines[0] == "run,problem,q_abs"
        values = [float(line.rsplit(",", 1)[1]) for line in lines[1:]]
        assert values == sorted(values, reverse=True)
        assert len(values) == 6

    @pytest.mark.parametrize("options", [["--csv"], []])
    def test_a_reader_that_has_enough_ends_it_without_a_word(self, originals, options):
        command = [sys.executable, "-m", "qspin", "runs", str(originals), *options]
        reading, writing = os.pipe()
        os.close(reading)
        done = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE, text=True, timeout=120)
        os.close(writing)
        assert (done.returncode, done.stderr) == (1, "")

    def test_only_folders_with_something_to_prune_are_named(self, root):
        (root / "first" / "damaged").mkdir()
        (root / "first" / "damaged" / "a.nc").write_bytes(b"12345")
        done = self.run(root, "--prune", "--yes")
        assert done.stdout.splitlines() == [
            f"{root / 'first'}: 1 file (5 B) of damaged files that were set aside", "Deleted 1 file, 5 B.",
        ]  # fmt: skip

    def test_what_is_deleted_is_asked_for(self, root):
        done = self.run(root, "--remove", "first")
        assert (done.returncode, (root / "first").is_dir()) == (2, True)
        assert "add --yes to delete them" in done.stderr
        done = self.run(root, "--remove", "first", said="n\n")
        assert (done.returncode, (root / "first").is_dir()) == (0, True)
        assert done.stdout.splitlines()[-1].endswith("Nothing was deleted.")
        (root / "first" / "samples" / "0123.nc").write_bytes(b"in no plan")
        n_files = len(contents(root / "first"))
        done = self.run(root, "--remove", root / "first", "--remove", "first", "--prune", "--yes")
        assert (done.returncode, (root / "first").exists()) == (0, False)
        assert done.stdout.count("first: ") == done.stdout.count("first: the whole run") == 1
        assert f"Deleted {n_files} files" in done.stdout
        assert done.stdout.splitlines()[-1].startswith("Deleted ")
