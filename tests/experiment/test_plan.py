"""What a run does, counted: preparations, builds, samples, measures; failures, interrupts and going on."""

from __future__ import annotations

import csv
import itertools
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from qspin import registry
from qspin.errors import InputError, RunError
from qspin.experiment import RunFolder, load_config, run_experiment
from qspin.experiment.config.looked_at import left_out_of
from qspin.experiment.config.run_config import config_from_plain
from qspin.experiment.plan import planned
from qspin.experiment.run import refuse_unfit, report_on
from qspin.study import Wanted

CONFIGS = Path(__file__).parents[2] / "configs"


@pytest.fixture(autouse=True)
def counts(kinds):
    return kinds.COUNTS


def config(problems, backends=None, **changes):
    return config_from_plain(
        {
            "schema": 2,
            "name": "small",
            "problems": problems,
            "backends": backends or {"dice": {"name": "dice"}},
            "studies": {"probe": {}},
            **changes,
        }
    )


def actions(config):
    return [task.action for task in planned(config).graph]


class TestPreparations:
    def test_equal_ones_are_made_once(self, tmp_path, counts):
        problems = {
            "one": {"kind": "needy", "value": 2.0},
            "same": {"kind": "needy", "value": 2.0, "sign": -1},
            "other": {"kind": "needy", "value": 3.0},
        }
        folder = run_experiment(config(problems), RunFolder(tmp_path / "run"))
        assert counts["make"] == 2
        assert len(list((folder.path / "prepared").iterdir())) == 2
        couplings = [folder.problem(label).edges.couplings[0] for label in problems]
        assert couplings == [3.0, -3.0, 4.0]
        found = {one.title: one.problems for one in folder.results("probe").prepared()}
        assert found == {"rolling 2, depth 0": ("one", "same"), "rolling 3, depth 0": ("other",)}

    def test_they_may_need_others(self, tmp_path, counts):
        problems = {"deep": {"kind": "needy", "depth": 3}, "less": {"kind": "needy", "depth": 1}}
        folder = run_experiment(config(problems), RunFolder(tmp_path / "run"))
        assert counts["make"] == 4
        assert [folder.problem(label).edges.couplings[0] for label in problems] == [5.0, 3.0]

    def test_they_may_use_backends_of_the_config(self, tmp_path):
        problems = {"pair": {"kind": "needy", "depth": 1, "backend": "dice"}}
        folder = run_experiment(config(problems), RunFolder(tmp_path / "run"))
        assert folder.problem("pair").edges.couplings[0] == 1 + 2 + 2
        with pytest.raises(InputError, match="uses backend 'dise', which is not there: did you mean 'dice'"):
            planned(config({"pair": {"kind": "needy", "backend": "dise"}}))

    def test_settings_of_a_backend_that_is_used_decide(self):
        problems = {"pair": {"kind": "needy", "backend": "dice"}}
        keys = [
            set(planned(config(problems, {"dice": {"name": "dice", **settings}})).tasks)
            for settings in ({}, {"n_threads": 2}, {"n_replicas": 3})
        ]
        assert keys[0] == keys[1]
        assert keys[0].isdisjoint(keys[2])

    def test_a_circle_is_refused_by_name(self, tmp_path):
        with pytest.raises(
            InputError, match="problems.snake: its preparations need one another in a circle: head -> tail"
        ):
            run_experiment(config({"snake": {"kind": "biting"}}), RunFolder(tmp_path / "run"))
        assert not (tmp_path / "run").exists()

    def test_one_that_fails_costs_what_needs_it(self, tmp_path, kinds):
        kinds.FAILING.add("make")
        problems = {"pair": {"kind": "needy"}, "ring": {"kind": "ring"}}
        folder = RunFolder(tmp_path / "run")
        message = (
            "1 of 5 tasks failed, 2 that need them wait, the others are done: rolling 1, depth 0: make fails"
        )
        with pytest.raises(RunError, match=message):
            run_experiment(config(problems), folder)
        assert [len(cell.points) for cell in folder.results("probe").cells("mean_energy")] == [0, 1]
        kinds.FAILING.clear()
        kinds.COUNTS.clear()
        assert run_experiment(config(problems), RunFolder(folder.path), resume=True).is_finished
        assert (kinds.COUNTS["make"], kinds.COUNTS["sample"], kinds.COUNTS["measure"]) == (1, 1, 1)


class TestTrainers:
    """A backend that preparations use samples what studies want of it alone."""

    PROBLEMS = {"pair": {"kind": "needy", "backend": "hand"}, "ring": {"kind": "ring"}}
    BACKENDS = {"look": {"name": "dice", "n_draws": 5}, "hand": {"name": "dice"}}

    def made(self, studies):
        return planned(config(self.PROBLEMS, self.BACKENDS, studies=studies))

    def test_nobody_is_sampled_for_whom_nobody_looks(self):
        plan = self.made({"training": {}})  # it wants trained ones with the first backend
        assert list(plan.cells) == [("pair", "look"), ("ring", "look"), ("ring", "hand")]
        assert plan.left_out == {("pair", "hand")}
        assert [task.label for task in plan.samples()] == [
            "pair with look",
            "ring with look",
            "ring with hand",
        ]
        everything = self.made({"training": {}, "probe": {}})
        assert not everything.left_out
        assert set(plan.tasks) < set(everything.tasks), "who looks changes no seed"

    @pytest.mark.parametrize("studies", [{}, None, {"probe": {}}])
    def test_where_nothing_or_everything_is_wanted_all_is_sampled(self, studies):
        assert len(list(self.made(studies).samples())) == 4

    def test_a_config_that_is_read_back_leaves_out_the_same(self):
        for studies in ({"training": {}}, None):
            own = config(self.PROBLEMS, self.BACKENDS, studies=studies)
            assert set(planned(config_from_plain(own.resolved())).tasks) == set(planned(own).tasks)

    def test_a_reference_is_looked_at(self):
        lines = config(self.PROBLEMS, self.BACKENDS).problem_lines
        wanted = Wanted("distance", "pair", "look")
        assert left_out_of(lines, self.BACKENDS, [wanted]) == {("pair", "hand")}
        assert not left_out_of(lines, self.BACKENDS, [wanted._replace(reference="hand")])

    def test_a_run_goes_without_them(self, tmp_path):
        folder = run_experiment(
            config(self.PROBLEMS, self.BACKENDS, studies={"training": {}}), RunFolder(tmp_path / "run")
        )
        assert folder.is_finished
        assert len(list((folder.path / "samples").iterdir())) == 3
        assert folder.results("training").samples("pair", "hand") is None
        assert folder.problem("pair").n_spins == 2
        with pytest.raises(InputError, match="pair with hand is not sampled: hand trains, and no"):
            folder.samples("pair", "hand")

    def test_what_is_not_sampled_is_not_refused(self, kinds, monkeypatch):
        """The preparation itself says what its backend cannot do."""

        def check(dice, problem):
            if dice.n_draws == 4:
                raise InputError("too many spins")

        monkeypatch.setattr(kinds.Dice, "check", check, raising=False)
        problems = {"pair": self.PROBLEMS["pair"]}
        refuse_unfit(config(problems, self.BACKENDS, studies={"training": {}}))
        with pytest.raises(InputError, match="too many spins"):
            refuse_unfit(config(problems, self.BACKENDS))

    def test_a_source_is_made_once_for_all_that_look_at_its_settings(self, monkeypatch):
        """Who is trained and what is refused are asked of the same sources."""
        swept = {"problems.pair.value": [1.0, 2.0, 3.0]}
        made, make = [], registry.made
        monkeypatch.setattr(
            registry, "made", lambda kind, name, given: made.append(name) or make(kind, name, given)
        )
        own = config(self.PROBLEMS, self.BACKENDS, studies={"training": {}}, sweep=swept)
        n_made = made.count("needy")
        assert own.left_out == {("pair", "hand")}
        refuse_unfit(own)
        assert made.count("needy") == n_made

    def test_configs_keep_what_they_sample(self):
        for path in sorted(CONFIGS.glob("*.yaml")):
            own = load_config(path)
            trained = path.stem == "boltzmann-digits"
            cells = set(itertools.product(own.problems, ["annealer", "tempering"])) if trained else set()
            assert own.left_out == cells, path.name


class TestTitles:
    def test_instances_are_told_apart(self):
        machine = {"kind": "boltzmann", "dataset": "digits", "hidden": 2, "sampler": "pcd", "instances": 2}
        plan = planned(config({"rbm": machine, "slow": {**machine, "learning_rate": 0.01}}))
        labels = [task.label for task in plan.tasks.values() if task.action == "prepare"]
        title = "training a Boltzmann machine 64-2 on digits by pcd"
        assert labels == 2 * [f"{title} (instance 0)", f"{title} (instance 1)"]

    def test_what_all_instances_share_is_not(self):
        machine = {"kind": "boltzmann", "dataset": "digits", "hidden": 2, "sampler": "pcd", "epochs": 2}
        problems = {"rbm": {**machine, "epochs_kept": [1, 2]}}
        sweep = {"problems.rbm.epoch": [1, 2], "problems.rbm.hidden": [2, 3]}
        plan = planned(config(problems, sweep=sweep))
        labels = [task.label for task in plan.tasks.values() if task.action == "prepare"]
        assert labels == [f"training a Boltzmann machine 64-{n} on digits by pcd" for n in (2, 3)]


class TestCounts:
    def test_a_problem_is_built_once_a_point(self, tmp_path, counts):
        backends = {"one": {"name": "dice"}, "two": {"name": "dice", "lengths": {"n_draws": [4, 5, 6]}}}
        problems = {"ring": {"kind": "ring", "instances": 7}}
        studies = {"probe": {"reference": "one"}, "again": {"name": "probe", "times": 2.0}}
        run_experiment(config(problems, backends, studies=studies), RunFolder(tmp_path / "run"))
        assert counts["build"] == 7
        assert counts["sample"] == 7 * 4
        assert counts["measure"] == 7 * 4 * 2 + 7 * 3
        assert counts["conclude"] == 2

    def test_what_several_studies_want_is_measured_once(self):
        studies = {"probe": {}, "again": {"name": "probe", "text": "said otherwise"}}
        assert actions(config({"ring": {"kind": "ring"}}, studies=studies)) == ["sample", "measure"]

    def test_nothing_is_done_again_when_a_run_goes_on(self, tmp_path, counts):
        own = config({"ring": {"kind": "ring", "instances": 3}, "pair": {"kind": "needy"}})
        folder = run_experiment(own, RunFolder(tmp_path / "run"))
        folder.report_file.unlink()
        counts.clear()
        assert run_experiment(own, RunFolder(folder.path), resume=True).is_finished
        assert counts == {"conclude": 1}
        counts.clear()
        report_on(RunFolder.open(folder.path))
        assert counts == {"conclude": 1}

    @pytest.mark.parametrize("what", ["sample", "measure", "make", "build"])
    def test_an_interrupt_anywhere_costs_nothing_that_was_done(self, tmp_path, kinds, monkeypatch, what):
        own = config({"pair": {"kind": "needy"}, "ring": {"kind": "ring", "instances": 3}})
        whole = run_experiment(own, RunFolder(tmp_path / "whole"))
        expected = dict(kinds.COUNTS)
        kinds.COUNTS.clear()
        counted = kinds.counted
        at = 1 if what == "make" else 3

        def interrupted(name):
            if name == what and kinds.COUNTS[name] == at - 1:
                monkeypatch.setattr(kinds, "counted", counted)
                raise KeyboardInterrupt
            counted(name)

        monkeypatch.setattr(kinds, "counted", interrupted)
        folder = RunFolder(tmp_path / "run")
        with pytest.raises(KeyboardInterrupt):
            run_experiment(own, folder)
        assert run_experiment(own, RunFolder(folder.path), resume=True).is_finished
        assert kinds.COUNTS["sample"] == expected["sample"] == 4
        assert kinds.COUNTS["measure"] == expected["measure"] == 4
        assert kinds.COUNTS["make"] == expected["make"] == 1
        metrics = [(one.path / "metrics.csv").read_text() for one in (whole, folder)]
        assert metrics[0] == metrics[1]

    def test_a_measure_that_fails_costs_itself(self, tmp_path, kinds):
        kinds.FAILING.add("measure")
        own = config({"ring": {"kind": "ring", "instances": 2}})
        folder = RunFolder(tmp_path / "run")
        with pytest.raises(RunError, match="2 of 4 tasks failed, the others are done: mean_energy of ring"):
            run_experiment(own, folder)
        assert "measure fails" in folder.report_file.read_text()
        kinds.FAILING.clear()
        kinds.COUNTS.clear()
        assert run_experiment(own, RunFolder(folder.path), resume=True).is_finished
        assert (kinds.COUNTS["sample"], kinds.COUNTS["measure"]) == (0, 2)

    def test_a_study_that_fails_costs_its_section(self, tmp_path, kinds):
        kinds.FAILING.add("conclude")
        own = config({"ring": {"kind": "ring"}}, studies={"probe": {}, "mean_energy": None})
        folder = RunFolder(tmp_path / "run")
        with pytest.raises(RunError, match="lacks 1 of its parts: study probe: ZeroDivisionError: conclude"):
            run_experiment(own, folder)
        assert "study probe: ZeroDivisionError: conclude fails" in folder.report_file.read_text()
        assert (folder.path / "metrics.csv").is_file()
        assert (folder.path / "results" / "mean-energy-values.csv").is_file() or list(
            (folder.path / "results").iterdir()
        )


class TestResults:
    @pytest.fixture
    def folder(self, tmp_path):
        sweep = {"load": {"problems.ring.coupling": [1.0, 2.0], "backends.dice.tilt": [0.0, 1.0]}}
        problems = {"ring": {"kind": "ring", "sizes": {"n_spins": [3, 4]}, "instances": 3}}
        return run_experiment(config(problems, sweep=sweep), RunFolder(tmp_path / "run"))

    def test_axes_are_dimensions_of_the_analysis(self, folder):
        with xr.open_datatree(folder.path / "analysis.nc", engine="h5netcdf") as tree:
            found = tree["ring/dice/mean_energy"].to_dataset().load()
        assert found["energy"].dims == ("instance", "n_spins", "load", "beta")
        assert found["n_spins"].values.tolist() == [3, 4]
        assert found["load"].values.tolist() == [1, 2]
        at = {"instance": 2, "n_spins": 4, "load": 2.0}
        samples = folder.samples("ring", "dice", at)
        expected = samples.energies.values.mean(axis=(1, 2)) / 4
        np.testing.assert_allclose(found["energy"].sel(at), expected)
        assert samples.n_spins == 4
        assert set(np.abs(folder.problem("ring", at).edges.couplings)) == {2.0}

    def test_metrics_have_a_column_for_each_axis(self, folder):
        with (folder.path / "metrics.csv").open() as file:
            rows = list(csv.DictReader(file))
        assert len(rows) == 3 * 2 * 2 * 2
        assert {(row["instance"], row["n_spins"], row["load"]) for row in rows} == {
            (f"{k}", f"{n}", f"{c:g}") for k in range(3) for n in (3, 4) for c in (1, 2)
        }

    def test_tables_and_datasets_of_a_study_are_files(self, folder):
        results = folder.path / "results"
        assert (results / "probe-cells.csv").read_text() == "problem,backend,n\nring,dice,12\n"
        with xr.open_dataset(results / "probe-means.nc", engine="h5netcdf") as means:
            assert "ring-dice" in means

    def test_averages_are_over_instances(self, folder):
        (cell,) = folder.results("probe").cells("mean_energy")
        assert len(cell.points) == 12
        averaged = cell.averaged()
        assert [point.at for point in averaged] == [
            {"n_spins": n, "load": c} for n in (3, 4) for c in (1.0, 2.0)
        ]
        first = [
            p.result["energy"].values for p in cell.points if (p.at["n_spins"], p.at["load"]) == (3, 1.0)
        ]
        np.testing.assert_allclose(averaged[0].result["energy"], np.mean(first, axis=0))

    def test_a_point_that_is_not_there(self, folder):
        with pytest.raises(InputError, match="no point at"):
            folder.samples("ring", "dice", {"n_spins": 5})

    def test_a_reference_is_at_the_same_point(self, tmp_path):
        backends = {"one": {"name": "dice", "lengths": {"n_draws": [4, 6]}}, "two": {"name": "dice"}}
        own = config(
            {"ring": {"kind": "ring", "instances": 2}}, backends, studies={"probe": {"reference": "one"}}
        )
        plan = planned(own)
        against = [task for task in plan.tasks.values() if task.settings.get("reference")]
        assert len(against) == 2
        for task, point in zip(against, plan.cells["ring", "two"].points, strict=True):
            reference = plan.tasks[task.settings["reference"]].settings
            assert reference["problem"]["key"] == point.problem["key"]
            assert (
                reference["backend"]["settings"]["n_draws"] == 6
            )  # of axes of the reference alone: the last


class TestStudies:
    def test_one_whose_needs_no_backend_meets(self, tmp_path):
        (tmp_path / "a.yaml").write_text(
            "schema: 2\nname: n\nproblems: {ring: {kind: ring}}\nbackends:\n  dice: {name: dice}\n"
            "studies:\n  probe: {needs_patterns: true}\n"
        )
        message = "line 7: studies.probe: backend 'dice' on 'ring' lacks a problem whose patterns are known"
        with pytest.raises(InputError, match=message):
            load_config(tmp_path / "a.yaml")

    def test_a_real_one_says_which_need_and_which_backend(self):
        """Ratios of spreads need temperatures that are set, which no annealer has."""
        annealer = {"name": "ocean", "n_reads": 5}
        with pytest.raises(
            InputError, match=r"studies\.finite_size: .*cold has no samples at temperatures that it sets"
        ):
            config(
                {"sk": {"kind": "sherrington_kirkpatrick", "sizes": {"n_spins": [4, 6]}, "instances": 3}},
                {"cold": annealer},
                studies={"finite_size": None},
            )

    def test_a_name_of_a_measure_is_a_study(self, tmp_path):
        own = config({"ring": {"kind": "ring"}}, studies={"mean_energy": {"times": 3.0}})
        folder = run_experiment(own, RunFolder(tmp_path / "run"))
        (task,) = [task for task in folder.plan.tasks.values() if task.action == "measure"]
        assert task.settings["settings"] == {"times": 3.0}
        assert own.resolved()["studies"] == {"mean_energy": {"times": 3.0}}
        names = sorted(path.name for path in (folder.path / "results").iterdir())
        report_on(RunFolder.open(folder.path))  # from the config with all defaults
        assert sorted(path.name for path in (folder.path / "results").iterdir()) == names
        plain = config({"ring": {"kind": "ring"}}, studies={"more": {"name": "mean_energy"}})
        spelt = config_from_plain(plain.resolved())
        assert plain.resolved()["studies"] == {"more": {"name": "mean_energy", "times": 1.0}}
        assert spelt.digest == plain.digest
        assert spelt.plans["more"][0].study == plain.plans["more"][0].study
        assert list((folder.path / "results").iterdir())
        with pytest.raises(InputError, match="no setting 'tims': did you mean 'times'"):
            config({"ring": {"kind": "ring"}}, studies={"mean_energy": {"tims": 3.0}})

    def test_two_studies_of_one_name_have_labels(self, tmp_path):
        studies = {"one": {"name": "probe"}, "two": {"name": "probe", "times": 2.0}}
        folder = run_experiment(
            config({"ring": {"kind": "ring"}}, studies=studies), RunFolder(tmp_path / "r")
        )
        one, two = (folder.results(label).cells("mean_energy")[0].points[0].result for label in studies)
        np.testing.assert_allclose(two["energy"], 2 * one["energy"])
        names = {path.name for path in (folder.path / "results").iterdir()}
        assert {"one-means.nc", "two-means.nc", "probe-cells.csv", "probe-of-two-cells.csv"} <= names
        page = folder.report_file.read_text()
        assert 'id="probe"' in page
        assert 'id="probe-of-two"' in page
        assert "Probe (two)" in page
        with xr.open_datatree(folder.path / "analysis.nc", engine="h5netcdf") as tree:
            found = [
                tree[f"ring/dice/{name}"]["energy"].values for name in ("mean_energy", "mean_energy_of_two")
            ]
        np.testing.assert_allclose(found[1], 2 * found[0])

    def test_a_study_whose_names_clash_costs_itself(self, tmp_path, kinds, monkeypatch):
        conclude = kinds.Probe.conclude

        def twice(self, results):
            found = conclude(self, results)
            return replace(found, sections=[*found.sections, *found.sections])

        monkeypatch.setattr(kinds.Probe, "conclude", twice)
        folder = RunFolder(tmp_path / "run")
        with pytest.raises(RunError, match="study probe: InputError: two sections are called 'probe'"):
            run_experiment(config({"ring": {"kind": "ring"}}), folder)
        assert folder.report_file.is_file()

    def test_no_studies_at_all_sample_alone(self, tmp_path, counts):
        folder = run_experiment(config({"ring": {"kind": "ring"}}, studies={}), RunFolder(tmp_path / "run"))
        assert folder.is_finished
        assert (counts["sample"], counts["measure"]) == (1, 0)


class TestExecution:
    PROBLEMS = {"ring": {"kind": "ring", "instances": 2}, "pair": {"kind": "needy", "depth": 1}}

    def test_another_executor_finds_the_same(self, tmp_path, counts):
        """Tasks are plain values, and what does them can be sent elsewhere."""
        (tmp_path / "a.coo").write_text("0 1 -1\n")
        problems = {**self.PROBLEMS, "file": {"kind": "file", "path": str(tmp_path / "a.coo")}}
        backends = {"dice": {"name": "dice"}, "exact": {"name": "exact", "betas": [1.0]}}
        here = config(problems, backends)
        there = config(problems, backends, execution={"engine": "elsewhere"})
        assert here.digest == there.digest
        folders = [run_experiment(own, RunFolder(tmp_path / own.execution.engine)) for own in (here, there)]
        assert counts["executed"] == len(planned(here).tasks)
        metrics = [(folder.path / "metrics.csv").read_text() for folder in folders]
        assert metrics[0] == metrics[1]

    def test_a_run_goes_on_with_another_executor(self, tmp_path, counts):
        folder = run_experiment(config(self.PROBLEMS), RunFolder(tmp_path / "run"))
        folder.report_file.unlink()
        other = config(self.PROBLEMS, execution={"engine": "elsewhere", "n_tasks": 5})
        counts.clear()
        assert run_experiment(other, RunFolder(folder.path), resume=True).is_finished
        assert counts["sample"] == 0

    @pytest.mark.parametrize(
        ("execution", "message"),
        [
            ({"engine": "elswhere"}, "execution: no executor 'elswhere': did you mean 'elsewhere'"),
            (
                {"engine": "elsewhere", "n_task": 5},
                "execution: .*no setting 'n_task': did you mean 'n_tasks'",
            ),
            ({"engine": "elsewhere", "n_tasks": 0}, "execution: .*n_tasks: should be greater than 0"),
            ({"engine": 5}, "execution.engine: should be a valid string"),
            (5, "execution: should be"),
        ],
    )
    def test_what_is_none(self, execution, message):
        with pytest.raises(InputError, match=message):
            config(self.PROBLEMS, execution=execution)
