"""The contract of a source of problems, for sources of qspin and of third parties.

A third-party package tests its source with::

    from qspin.testing import SourceContract

    class TestMySource(SourceContract):
        kind = "mysource"
        settings = {"n_spins": 20}
        wrong = [{"n_spins": 0}]
"""

from __future__ import annotations

import copy
import json
import pickle
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from qspin.problem import IsingProblem
from qspin.registry import get_source
from qspin.settings import deciding_settings, setting_names, settings_of
from qspin.source import Mark, Preparation, Prepared, Source, Tools
from qspin.testing.statistics import assert_frozen, assert_refused

__all__ = ["SourceContract", "prepared_for"]


def prepared_for(source: Source | Preparation) -> dict[str, Prepared]:
    """Everything that a source needs, made now, by name."""
    return {
        name: preparation.make(Tools(prepared=prepared_for(preparation)))
        for name, preparation in source.needs().items()
    }


class SourceContract:
    """What every source promises. Subclass it in a test module and name the kind.

    Attributes
    ----------
    kind : registered name
    settings : settings that make building fast
    wrong : settings, each of which cannot work beside the others
    """

    kind: ClassVar[str]
    settings: ClassVar[Mapping[str, Any]] = {}
    wrong: ClassVar[Sequence[Mapping[str, Any]]] = ()

    def source(self, **changes: Any) -> Source:
        return get_source(self.kind, **{**self.settings, **changes})

    def problem(self, **changes: Any) -> IsingProblem:
        source = self.source(**changes)
        return source.build(prepared_for(source))

    def test_the_outline_is_as_large_as_the_problem(self) -> None:
        outline, problem = self.source().outline(), self.problem()
        assert isinstance(problem, IsingProblem)
        assert outline.n_spins == problem.n_spins
        assert list(outline.labels) == list(problem.labels)

    def test_an_outline_tells_what_will_be_known(self) -> None:
        """Studies plan by it."""
        outline, problem = self.source().outline(), self.problem()
        assert _known_names(outline) == _known_names(problem)

    def test_same_settings_same_problem(self) -> None:
        problem, again = self.problem(), self.problem()
        assert again.digest == problem.digest
        assert self.source() == self.source()
        assert self.source().identity() == self.source().identity()

    def test_instances_differ(self) -> None:
        key = self.source().instance_key
        if key is None:
            return
        assert key in setting_names(type(self.source())), f"{key!r}, over which instances run, is no setting"
        one, other = (self.source(**{key: value}) for value in (1, 2))
        assert one.identity() != other.identity()
        assert self.problem(**{key: 1}).digest != self.problem(**{key: 2}).digest

    def test_what_theory_says_has_its_shape(self) -> None:
        source, betas = self.source(), np.array([0.5, 1.0])
        for mark in source.marks(self.problem):
            assert isinstance(mark, Mark)
            assert mark.symbol
            assert mark.told
            assert 0 < mark.temperature < np.inf
            assert mark.error >= 0
        for found in (source.predicted(betas), source.predicted_overlaps(betas)):
            assert found is None or found["beta"].values.tolist() == betas.tolist()

    def test_settings_are_frozen(self) -> None:
        source = self.source()
        assert_frozen(source)

    def test_it_can_be_copied_and_pickled(self) -> None:
        source = self.source()
        for twin in (copy.deepcopy(source), pickle.loads(pickle.dumps(source))):
            assert twin == source
            assert twin.identity() == source.identity()

    def test_it_comes_back_from_plain_values(self) -> None:
        """Tasks and resolved configs hold settings as JSON."""
        source = self.source()
        again = get_source(self.kind, **json.loads(json.dumps(settings_of(source))))
        assert again == source
        assert again.identity() == source.identity()

    def test_its_identity_is_plain(self) -> None:
        identity = self.source().identity()
        assert json.loads(json.dumps(identity)) == identity
        assert isinstance(self.source().version, int)

    def test_unknown_settings_are_refused_by_name(self) -> None:
        assert_refused(lambda: self.source(no_such_setting=1), "no_such_setting")

    def test_settings_that_cannot_work_are_refused_before_any_work(self) -> None:
        for change in self.wrong:
            assert_refused(lambda c=change: self.source(**c).outline())

    def test_preparations_are_told_apart(self) -> None:
        needs = self.source().needs()
        for name, preparation in needs.items():
            assert isinstance(preparation, Preparation), name
            assert preparation.title, name
            assert isinstance(preparation.version, int), name
            assert json.loads(json.dumps(preparation.identity())) == preparation.identity(), name
            assert pickle.loads(pickle.dumps(preparation)) == preparation, name
            assert deciding_settings(preparation) is not None, name
        identities = [json.dumps(preparation.identity(), sort_keys=True) for preparation in needs.values()]
        assert len(set(identities)) == len(identities), "equal preparations have one name"
        again = self.source().needs()
        assert {name: own.identity() for name, own in again.items()} == {
            name: own.identity() for name, own in needs.items()
        }

    def test_what_was_prepared_is_left_alone(self) -> None:
        source = self.source()
        prepared = prepared_for(source)
        before = {name: {k: v.copy() for k, v in own.arrays.items()} for name, own in prepared.items()}
        assert source.build(prepared).digest == source.build(prepared).digest
        for name, own in prepared.items():
            assert all((own.arrays[k] == v).all() for k, v in before[name].items()), name

    def test_notes_and_controls(self) -> None:
        source = self.source()
        for sentence in source.notes():
            assert isinstance(sentence, str)
            assert sentence.endswith("."), f"not a sentence: {sentence!r}"
        for name, control in source.controls().items():
            assert name in ("before", "null"), name
            assert isinstance(control, Source), name
            assert control.identity() != source.identity(), name


def _known_names(problem: IsingProblem) -> set[str]:
    facts = {} if problem.known is None else problem.known.facts()
    return {name for name in ("ground_energy", "groups", "patterns") if facts.get(name) is not None}
