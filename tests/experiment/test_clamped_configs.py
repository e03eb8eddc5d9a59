"""``clamp:`` beside the kind of a problem: part of what the problem is, whatever builds it."""

from __future__ import annotations

import json

import jsonschema
import numpy as np
import pytest
import yaml

import qspin
from qspin.errors import InputError
from qspin.experiment import RunFolder, run_experiment
from qspin.experiment.config.run_config import config_from_plain, load_config
from qspin.experiment.config.schema import config_schema
from qspin.experiment.plan import planned
from qspin.registry import get_source
from qspin.settings import settings_of

pytestmark = pytest.mark.usefixtures("sketched")

GLASS = {"kind": "sherrington_kirkpatrick", "n_spins": 6}
PLAIN = {
    "schema": 2,
    "name": "held",
    "problems": {"glass": {**GLASS, "clamp": {0: 1, 3: -1}}},
    "backends": {"exact": {"name": "exact", "betas": [0.5, 1.0], "n_replicas": 12}},
    "studies": {"overlaps": {}},
}


def held(**changes):
    return config_from_plain({**PLAIN, **changes})


def test_a_file_names_spins_by_numbers(tmp_path):
    (tmp_path / "c.yaml").write_text(yaml.safe_dump(PLAIN))
    config = load_config(tmp_path / "c.yaml")
    line = config.problem_lines["glass"]
    whole = get_source("sherrington_kirkpatrick", n_spins=6).build({})
    assert line.made().build({}) == whole.clamped({0: 1, 3: -1})
    assert line.made().outline().n_spins == 4
    again = config_from_plain(json.loads(json.dumps(config.resolved())))
    assert again.digest == config.digest
    for plain in (PLAIN, config.resolved()):
        jsonschema.validate(json.loads(json.dumps(plain)), config_schema())


def test_it_decides_on_the_problem():
    keys = set()
    for clamp in ({0: 1}, {0: -1}, {1: 1}, None):
        own = {**GLASS, **({} if clamp is None else {"clamp": clamp})}
        config = held(problems={"glass": own})
        (point,) = planned(config).cells["glass", "exact"].points
        keys.add((point.problem["key"], point.sample, config.digest))
    assert len({key for key, _, _ in keys}) == len({s for _, s, _ in keys}) == len({d for *_, d in keys}) == 4


def test_clamping_nothing_is_the_problem_itself():
    points = [
        planned(held(problems={"glass": own})).cells["glass", "exact"].points[0]
        for own in (GLASS, {**GLASS, "clamp": {}})
    ]
    assert points[0].problem["key"] == points[1].problem["key"]


def test_a_run_samples_what_is_left(tmp_path):
    outcome = run_experiment(held(), RunFolder(tmp_path / "run"))
    assert outcome is not None
    (file,) = (tmp_path / "run").rglob("samples/*.nc")
    samples = qspin.SampleSet.load(file)
    assert samples.labels == (1, 2, 4, 5)
    page = (tmp_path / "run" / "report.html").read_text()
    assert "Spins are clamped (0: +1, 3: -1)" in page


def test_instances_and_axes_beside_it():
    config = held(
        problems={"glass": {**GLASS, "clamp": {0: 1}, "instances": 2}},
        sweep={"problems.glass.clamp.3": [1, -1]},
    )
    points = planned(config).cells["glass", "exact"].points
    assert len({point.problem["key"] for point in points}) == 4
    assert all(point.problem["settings"]["clamp"]["0"] == 1 for point in points)


def test_it_is_a_source_like_any_other():
    source = get_source("mattis", n_spins=5, clamp={2: 1})
    assert source == get_source("mattis", **json.loads(json.dumps(settings_of(source))))
    assert type(source) is type(get_source("mattis", n_spins=7, clamp={}))
    known = source.build({}).known
    assert known.ground_energy == source.unclamped.build({}).known.ground_energy
    assert np.array_equal(known.ground_states[:, :0], np.empty((len(known.ground_states), 0)))


@pytest.mark.parametrize(
    ("clamp", "message"),
    [
        ({9: 1}, "problems.glass: clamp: clamped names '9', which is none of the 6 spins"),
        ({k: 1 for k in range(6)}, "clamp: all 6 spins would be clamped"),
        ({0: 0}, "clamp: holds spins at -1 or [+]1, but '0' at 0; a binary value x is the spin 2 x - 1"),
        ({0: True}, "but '0' at True"),
        ({0: 1, "0": 1}, "names a spin twice, as a number and as text"),
        ([0, 1], "clamp: should be a valid dictionary"),
    ],
)
def test_what_cannot_be_clamped_is_refused_before_any_work(clamp, message):
    with pytest.raises(InputError, match=message):
        held(problems={"glass": {**GLASS, "clamp": clamp}})


def test_the_line_of_a_wrong_label_is_told(tmp_path):
    text = yaml.safe_dump({**PLAIN, "problems": {"glass": {**GLASS, "clamp": {9: 1}}}})
    (tmp_path / "c.yaml").write_text(text)
    with pytest.raises(InputError, match=r"c\.yaml, line 11: .*clamped names '9'"):
        load_config(tmp_path / "c.yaml")


def test_spins_that_read_the_same_cannot_be_told_apart(tmp_path):
    problem = qspin.IsingProblem(np.zeros((3, 3)), labels=[0, "0", "a"])
    qspin.write_problem(problem, tmp_path / "p.npz")
    source = get_source("file", path=str(tmp_path / "p.npz"), clamp={"0": 1})
    with pytest.raises(InputError, match="clamp: 2 spins read '0'"):
        source.outline()
