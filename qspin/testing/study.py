"""The contract of a study, for studies of qspin and of third parties.

A third-party package tests its study with::

    from qspin.testing import StudyContract

    class TestMyStudy(StudyContract):
        study = "my_study"
        settings = {"gap": 0.1}
"""

from __future__ import annotations

import copy
import dataclasses
import pickle
import re
from collections.abc import Mapping
from typing import Any, ClassVar

import pytest

from qspin.experiment import RunConfig, RunFolder, run_experiment
from qspin.experiment.config.run_config import config_from_plain
from qspin.experiment.plan import planned
from qspin.plot.canvas import draw_all
from qspin.registry import get_measure, get_study
from qspin.report import figures_of, tables_of
from qspin.settings import setting_names, settings_of
from qspin.study import BOTTOM_LINE, Asked, Cell, Conclusion, Plan, PreparedFor
from qspin.testing.statistics import assert_refused

__all__ = ["StudyContract"]

_ANCHOR = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_LADDER = {"geometric": [0.3, 3.0, 5]}


class StudyContract:
    """What every study promises. Subclass it in a test module and name the study.

    Attributes
    ----------
    study : registered name
    settings : of it
    problems, backends, sweep : of a config that the study has something to say on, in seconds
    """

    study: ClassVar[str]
    settings: ClassVar[dict[str, Any]] = {}
    problems: ClassVar[dict[str, Any]] = {
        "glass": {"kind": "sherrington_kirkpatrick", "n_spins": 8, "instances": 2},
        "pattern": {"kind": "mattis", "n_spins": 8},
    }
    backends: ClassVar[dict[str, Any]] = {
        "exact": {"name": "exact", "betas": _LADDER, "n_replicas": 30},
        "tempering": {"name": "tempering", "betas": _LADDER, "n_replicas": 6, "n_sweeps": 300, "n_draws": 50},
    }
    sweep: ClassVar[dict[str, Any]] = {}

    @pytest.fixture(scope="class")
    def folder(self, tmp_path_factory: Any) -> RunFolder:
        """A finished run with this study alone."""
        return run_experiment(self.config(), RunFolder(tmp_path_factory.mktemp("study") / "run"))

    def config(self) -> RunConfig:
        return config_from_plain(
            {
                "schema": 2,
                "name": "contract",
                "problems": copy.deepcopy(self.problems),
                "backends": copy.deepcopy(self.backends),
                "sweep": copy.deepcopy(self.sweep),
                "studies": {"asked": {"name": self.study, **self.settings}},
            }
        )

    def concluded(self, folder: RunFolder) -> Conclusion:
        return get_study(self.study, **self.settings).conclude(folder.results("asked"))

    def test_settings_are_frozen_and_travel(self) -> None:
        study = get_study(self.study, **self.settings)
        for name in setting_names(type(study)):
            with pytest.raises(AttributeError):
                setattr(study, name, None)
        for twin in (copy.deepcopy(study), pickle.loads(pickle.dumps(study))):
            assert twin == study
        again = get_study(self.study, **settings_of(study))
        assert again == study, "settings do not survive as plain values"

    def test_an_unknown_setting_is_refused_by_name(self) -> None:
        assert_refused(lambda: get_study(self.study, no_such_setting=1), "no_such_setting")

    def test_it_plans_what_is_registered_on_what_is_there(self) -> None:
        config = self.config()
        study = get_study(self.study, **self.settings)
        plan = study.plan(config.asked)
        assert isinstance(plan, Plan)
        for wanted in plan.wanted:
            measure = get_measure(wanted.measure, **wanted.settings)
            assert wanted.problem in config.problems
            assert wanted.backend in config.backends
            assert measure.against == (wanted.reference is not None), wanted
        again = study.plan(config.asked)
        assert repr(again) == repr(plan), "a study plans the same twice"

    def test_equal_configs_have_equal_tasks(self) -> None:
        first, again = (list(planned(self.config()).tasks) for _ in range(2))
        assert first == again

    def test_it_has_something_to_say(self, folder: RunFolder) -> None:
        conclusion = self.concluded(folder)
        assert not conclusion.faults
        assert conclusion.sections
        for section in conclusion.sections:
            assert _ANCHOR.fullmatch(section.anchor), section.anchor
            assert section.title
            assert section.findings or section.tables or section.figures, section.anchor

    def test_it_says_the_same_twice(self, folder: RunFolder) -> None:
        first, again = (self.concluded(folder) for _ in range(2))
        for one, other in zip(first.sections, again.sections, strict=True):
            assert one.findings == other.findings
            assert repr([t.rows for t in one.tables]) == repr([t.rows for t in other.tables])
        assert first.bottom_line == again.bottom_line
        assert first.verdicts == again.verdicts

    def test_tables_and_figures_have_names_and_can_be_shown(self, folder: RunFolder) -> None:
        conclusion = self.concluded(folder)
        for table in tables_of([conclusion]).values():
            keys = {column.key for column in table.columns}
            assert len(keys) == len(table.columns), "columns of one key"
            for row, shown in zip(table.rows, table.shown(), strict=True):
                told = {name for name, value in row.items() if value is not None}
                assert told <= keys, f"{told - keys} are in no column, and so in no file"
                assert all(isinstance(text, str) for text in shown)
        drawn, undrawn = draw_all(figures_of([conclusion]))
        assert not undrawn
        assert all(drawing.svg for drawing in drawn.values())

    def test_what_opens_the_report_is_of_this_run(self, folder: RunFolder) -> None:
        conclusion = self.concluded(folder)
        assert set(conclusion.bottom_line) <= set(BOTTOM_LINE)
        for verdict in conclusion.verdicts:
            assert verdict.problem in self.problems
            assert verdict.backend in self.backends

    def test_the_page_and_the_files_are_written(self, folder: RunFolder) -> None:
        page = folder.report_file.read_text(encoding="utf-8")
        conclusion = self.concluded(folder)
        for section in conclusion.sections:
            assert f'id="{section.anchor}"' in page
        for name in tables_of([conclusion]):
            assert (folder.results_folder / f"{name}.csv").is_file()
        for name in conclusion.datasets:
            assert (folder.results_folder / f"asked-{name}.nc").is_file()

    def test_where_nothing_was_measured_it_does_not_fail(self) -> None:
        conclusion = get_study(self.study, **self.settings).conclude(_Nothing(self.config().asked))
        assert isinstance(conclusion, Conclusion)
        assert not conclusion.faults


@dataclasses.dataclass(frozen=True)
class _Nothing:
    """Results of a run in which everything failed."""

    asked: Asked

    def cells(self, label: str) -> list[Cell]:
        return []

    def samples(self, problem: str, backend: str, at: Mapping[str, Any] | None = None) -> None:
        return None

    def problem(self, label: str, at: Mapping[str, Any] | None = None) -> Any:
        return self.asked.problems[label].outline

    def prepared(self) -> list[PreparedFor]:
        return []

    def failures(self) -> list[str]:
        return ["everything failed"]
