"""The study of trainings: every preparation with curves, once, with the problems behind which it stands."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr
from made_results import DEVICE, MadeResults, asked

from qspin.plot.canvas import draw
from qspin.problem import IsingProblem
from qspin.registry import get_study
from qspin.remarks import Level, Remark, stored
from qspin.source import Preparation, Prepared, Source, settings
from qspin.study import PreparedFor


@settings
class Trained(Source):
    """Needs a training, which no test makes."""

    def needs(self) -> dict[str, Any]:
        return {"training": Preparation()}

    def build(self, prepared: Any) -> IsingProblem:
        return IsingProblem(np.zeros((2, 2)))


def curves(last=0.02, **others):
    epochs = np.arange(4)
    values = {"loss_train": [2.3, 1.0, 0.2, last], "loss_test": [2.3, 1.1, 0.4, 0.3]}
    values |= {"accuracy_train": [0.1, 0.6, 0.9, 0.995], "accuracy_test": [0.1, 0.6, 0.9, 0.97], **others}
    return Prepared({}, xr.Dataset({k: ("epoch", v) for k, v in values.items()}, coords={"epoch": epochs}))


def concluded(*prepared):
    return get_study("training").conclude(MadeResults(asked(["a"], ["x"]), {}, prepared=prepared))


def test_problems_that_are_prepared_are_sampled():
    lines = asked({"a": Trained(), "b": None}, {"x": DEVICE, "y": DEVICE})
    assert [(w.problem, w.backend) for w in get_study("training").plan(lines).wanted] == [("a", "x")]


def test_nothing_prepared_nothing_said():
    assert not concluded().sections
    assert not concluded(PreparedFor("reading a file", Prepared({}), ("a",))).sections


def test_each_training_is_told_once():
    found = concluded(PreparedFor("training 64-32-10 on digits", curves(), ("untrained", "trained")))
    (section,) = found.sections
    (finding,) = section.findings
    assert finding.text == (
        "Training 64-32-10 on digits, behind untrained, trained: at the end loss 0.02 (train) and 0.3 "
        "(test), accuracy 0.995 (train) and 0.97 (test)."
    )
    (row,) = section.tables[0].rows
    assert (row["problems"], row["epochs"], row["accuracy_test"]) == ("untrained, trained", 3, 0.97)
    (figure,) = section.figures
    assert len(figure.panels) == 2
    assert draw(figure).svg
    np.testing.assert_array_equal(found.datasets["curves-1"]["loss_test"], [2.3, 1.1, 0.4, 0.3])


def test_instances_that_are_trained_anew_are_one_figure():
    runs = [PreparedFor("training", curves(last), ("trained",)) for last in (0.02, 0.05)]
    (section,) = concluded(*runs).sections
    assert "loss 0.02 to 0.05 (train)" in section.findings[0].text
    assert "range of 2 runs" in section.findings[0].text
    assert len(section.figures) == 1
    assert [row["run"] for row in section.tables[0].rows] == [1, 2]


def test_curves_of_any_name_are_shown():
    (section,) = concluded(
        PreparedFor("fitting", curves(log_likelihood=[-9.0, -8.0, -7.0, -6.5]), ("a",))
    ).sections
    assert len(section.figures[0].panels) == 3
    assert draw(section.figures[0]).svg
    assert "log_likelihood -6.5" in section.findings[0].text


def test_accuracy_on_what_was_spoilt_stands_beside_the_others():
    spoilt = curves(accuracy_flipped=[0.1, 0.0, 0.4, 0.9], accuracy_backdoor=[0.1, 0.5, 0.9, 1.0])
    (section,) = concluded(PreparedFor("training", spoilt, ("a",))).sections
    assert len(section.figures[0].panels) == 2
    assert "0.97 (test) and 0.9 (flipped) and 1 (backdoor)" in section.findings[0].text


def test_many_trainings_are_counted_and_fold():
    (section,) = concluded(*(PreparedFor(f"training {k}", curves(), (f"p{k}",)) for k in range(9))).sections
    assert section.findings[0].text == "9 trainings are behind p0, p1, p2, p3, p4, p5 and 3 more."
    assert all(finding.weight < 0.2 for finding in section.findings[1:])
    assert [figure.is_folded for figure in section.figures] == [False] * 2 + [True] * 7


def test_what_a_training_remarks_is_told_of_the_problems_behind_which_it_stands():
    remark = Remark("off-temperature", "samples were at another temperature", Level.SERIOUS)
    kept = curves()
    told = Prepared(kept.arrays, kept.curves.assign_attrs(remarks=stored([remark])))
    results = MadeResults(
        asked(["a", "b"], ["x"]),
        {("record", problem, "x"): xr.Dataset() for problem in ("a", "b")},
        prepared=[PreparedFor("fitting", told, ("a",)), PreparedFor("other", curves(), ("b",))],
    )
    assert get_study("training").conclude(results).remarks == [("a", "x", remark)]
