from __future__ import annotations

import json
import time
from itertools import pairwise

import jsonschema
import pytest
import yaml
from conftest import ROOT

from qspin.errors import InputError
from qspin.experiment.config.overrides import parse_settings
from qspin.experiment.config.run_config import config_from_plain, load_config
from qspin.experiment.config.schema import config_schema
from qspin.experiment.config.yaml_source import YamlSource, parse_value

TTS = "  time_to_solution:"
GLASS = "{kind: sherrington_kirkpatrick, n_spins: 6}"
MINIMAL = f"""\
schema: 2
name: small
seed: 3
problems:
  glass: {GLASS}
backends:
  exact:
    name: exact
    betas: [0.5, 1.0]
studies:
  time_to_solution:
"""


@pytest.fixture
def write(tmp_path):
    def written(text, name="config.yaml"):
        (tmp_path / name).write_text(text)
        return tmp_path / name

    return written


CONFIGS = sorted([*(ROOT / "configs").glob("*.yaml"), *(ROOT / "configs" / "bench").glob("*.yaml")])
BACKEND_FILES = sorted((ROOT / "configs" / "backends").glob("*.yaml"))


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.name)
def test_shipped_configs_load_and_fit_the_schema(path):
    config = load_config(path)
    jsonschema.validate(json.loads(json.dumps(config.resolved())), config_schema())
    jsonschema.validate(yaml.safe_load(path.read_text()), config_schema())


@pytest.mark.parametrize("path", BACKEND_FILES, ids=lambda path: path.name)
def test_shipped_backend_files_load(path, write):
    config = load_config(write(MINIMAL), backends=[str(path)])
    assert list(config.backends) == [path.stem]


def test_resolving_spells_out_defaults_and_keeps_the_digest(write):
    config = load_config(write(MINIMAL))
    plain = config.resolved()
    assert plain["backends"]["exact"] == {
        "name": "exact",
        "betas": [0.5, 1.0],
        "n_replicas": 100,
        "max_spins": 26,
    }
    assert plain["problems"]["glass"]["couplings"] == "gaussian"
    again = config_from_plain(json.loads(json.dumps(plain)))
    assert again.digest == config.digest


def test_the_digest_sees_every_change(write):
    path = write(MINIMAL)
    digests = {
        load_config(path, overrides=change).digest
        for change in (
            [],
            ["seed=4"],
            ["backends.exact.n_replicas=5"],
            ["problems.glass.seed=1"],
            ["name=other"],
        )
    }
    assert len(digests) == 5
    spelled_out = load_config(path, overrides=["backends.exact.n_replicas=100"])
    assert spelled_out.digest == load_config(path).digest


class TestBackendOption:
    def test_a_name_replaces_the_backends(self, write):
        config = load_config(
            write(MINIMAL), backends=["tempering"], overrides=["backends.tempering.n_sweeps=1e3"]
        )
        assert list(config.backends) == ["tempering"]
        assert config.backend_lines["tempering"].made().n_sweeps == 1_000

    def test_a_label_of_the_file_keeps_its_settings(self, write):
        config = load_config(write(MINIMAL), backends=["exact", "ocean"])
        assert config.backend_lines["exact"].made().betas == (0.5, 1.0)
        assert list(config.backends) == ["exact", "ocean"]

    def test_a_file(self, write):
        fast = write("name: tempering\nn_sweeps: 7\n", "fast.yaml")
        config = load_config(write(MINIMAL), backends=[str(fast)])
        assert config.backend_lines["fast"].made().n_sweeps == 7

    def test_two_of_one_label(self, write, tmp_path):
        (tmp_path / "other").mkdir()
        fast, other = write("name: exact\n", "fast.yaml"), write("name: tempering\n", "other/fast.yaml")
        with pytest.raises(InputError, match=r"--backend .*/fast\.yaml and .* both called 'fast'"):
            load_config(write(MINIMAL), backends=[str(fast), str(other)])
        with pytest.raises(InputError, match="--backend exact and --backend exact are both called 'exact'"):
            load_config(write(MINIMAL), backends=["exact", "exact"])

    def test_wrong_ones(self, write):
        with pytest.raises(InputError, match="--backend exat: neither .*did you mean 'exact'"):
            load_config(write(MINIMAL), backends=["exat"])
        with pytest.raises(InputError, match=r"--backend tempering: backends.tempering: tempering: n_sweeps"):
            load_config(
                write(MINIMAL), backends=[str(write("name: tempering\nn_sweeps: 0\n", "tempering.yaml"))]
            )


class TestSetOption:
    def test_values_are_read_as_yaml(self, write):
        config = load_config(
            write(MINIMAL),
            overrides=[
                "backends.exact.betas=[1e-1, 2]",
                "studies.time_to_solution.gap=1e-1",
                "problems.glass.n_spins=4",
            ],
        )
        assert config.backend_lines["exact"].made().betas == (0.1, 2.0)
        assert config.resolved()["studies"]["time_to_solution"]["gap"] == 0.1
        assert config.problem_lines["glass"].made().n_spins == 4

    @pytest.mark.parametrize(
        ("override", "message"),
        [
            (
                "backends.exact.beta=[1]",
                "--set backends.exact.beta: .*no setting 'beta': did you mean 'betas'",
            ),
            ("backends.exakt.betas=[1]", "--set .*no 'exakt' in backends: did you mean 'exact'"),
            ("sed=3", "--set sed: unknown key 'sed': did you mean 'seed'"),
            ("seed", "--set takes key=value"),
            ("seed.x=3", "--set seed.x=3: seed is no mapping"),
            ("seed=abc", "--set seed: seed: should be a valid integer"),
            ("seed=[", "cannot read the value"),
        ],
    )
    def test_wrong_ones(self, write, override, message):
        with pytest.raises(InputError, match=message):
            load_config(write(MINIMAL), overrides=[override])

    def test_mappings_inside_a_spec_may_be_new(self, write):
        config = load_config(
            write(MINIMAL), backends=["ocean"], overrides=["backends.ocean.parameters.num_sweeps=3"]
        )
        assert config.backend_lines["ocean"].made().parameters == {"num_sweeps": 3}

    def test_settings_of_one_backend(self):
        assert parse_settings(["a=1", "parameters.num_sweeps=20"]) == {
            "a": 1,
            "parameters": {"num_sweeps": 20},
        }


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("seed: 3", "sed: 3", r"line 3: unknown key 'sed': did you mean 'seed'\? Valid names: backends"),
        ("seed: 3", "seed: -3", "line 3: seed: should be greater than or equal to 0; got -3"),
        ("schema: 2", "schema: 3", "line 1: schema: should be 2; got 3"),
        ("schema: 2\n", "", "schema: is missing; it is needed"),
        ("name: small", "name: a/b", "line 2: name: a label starts with a letter or digit"),
        ("n_spins: 6", "n_spin: 6", "line 5: problems.glass: .*no setting 'n_spin': did you mean 'n_spins'"),
        ("n_spins: 6", "n_spins: six", "line 5: problems.glass: .*: n_spins: should be a valid integer"),
        ("kind: sherrington_kirkpatrick", "kind: sherrington", "line 5: .*mean 'sherrington_kirkpatrick'"),
        ("kind: sherrington_kirkpatrick, ", "", "line 5: problem 'glass' lacks 'kind', one of"),
        (GLASS, "6", "line 5: problem 'glass' must be a mapping with 'kind', one of"),
        ("    name: exact", "    name: exakt", "line 8: .*no backend 'exakt': did you mean 'exact'"),
        ("    name: exact\n", "", "line 7: backend 'exact' lacks 'name', one of annealer"),
        ("[0.5, 1.0]", "[1.0, 0.5]", "line 9: .*must ascend strictly"),
        ("[0.5, 1.0]", "[0.5, 0.5]", "line 9: .*must ascend strictly"),
        ("    betas:", "    beta:", "line 9: .*no setting 'beta': did you mean 'betas'"),
        ("seed: 3", "seed: 3\nseed: 4", "line 4: key 'seed' stands twice, first in line 3"),
        (TTS, f"{TTS} {{gab: 0}}", "line 11: studies.time_to_solution: .*did you mean 'gap'"),
        (TTS, f"{TTS} {{gap: 2}}", "line 11: studies.time_to_solution: .*gap: should be"),
        (TTS, "  time_to_solutoin:", "line 11: no study or measure .*mean 'time_to_solution'"),
        (TTS, "  fast: {name: time_to_solutoin}", "line 11: no study .*mean 'time_to_solution'"),
        ("seed: 3", "seed: [3", "not valid YAML"),
        (f"problems:\n  glass: {GLASS}\n", "problems: {}\n", "line 4: problems: .*at least 1"),
        (f"problems:\n  glass: {GLASS}\n", "problems: [1]\n", "line 4: problems must be a mapping"),
    ],
)  # fmt: skip
def test_faults_name_the_line_and_the_remedy(write, old, new, message):
    assert old in MINIMAL
    with pytest.raises(InputError, match=message):
        load_config(write(MINIMAL.replace(old, new)))


BILLION = "a: &a [1,1,1,1,1,1,1,1,1,1]\n" + "".join(
    f"{name}: &{name} [{', '.join(['*' + before] * 10)}]\n" for before, name in pairwise("abcdefghij")
)
MERGES = "a: &a {x: 1}\n" + "".join(
    f"{name}: &{name}\n  <<: [{', '.join(['*' + before] * 10)}]\n" for before, name in pairwise("abcdefghij")
)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (BILLION, "its aliases stand for more than 100000 values"),
        (MERGES, "its aliases stand for more than 100000 values"),
        ("a: &a [*a]", "line 1: an anchor stands for something that contains itself"),
        ("a: &a {b: *a}", "line 1: an anchor stands for something that contains itself"),
        ("a: " + "[" * 60 + "]" * 60, "nested too deeply; expected at most 50 levels"),
        ("a: " + "[" * 5000 + "]" * 5000, "nested too deeply; expected at most 50 levels"),
        ("a: " + "{b: " * 3000 + "}" * 3000, "nested too deeply"),
        ("a: !!int x", "a value cannot be read"),
        ("a: !!timestamp x", "a value cannot be read"),
        ("a: 2001-13-45", "a value cannot be read"),
        ("a: " + "1" * 5000, "a value cannot be read"),
        ("a: !!python/name:os.system", "line 1: not valid YAML: could not determine a constructor"),
        ("a: \0", "not valid YAML: unacceptable character #x0000"),
        ("# " + "x" * 2**22, "has 4194306 bytes; expected a config of at most 4194304"),
    ],
)
def test_yaml_is_bounded(write, text, message):
    start = time.process_time()
    with pytest.raises(InputError, match=message) as caught:
        load_config(write(text))
    assert time.process_time() - start < 2
    assert "\n" not in str(caught.value)


def test_few_aliases_are_fine(write):
    text = MINIMAL.replace("  glass: ", "  glass: &g ").replace("backends:", "  again: *g\nbackends:")
    assert load_config(write(text)).problem_lines["again"].made().n_spins == 6


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("n_spins: 6", "n_spins: 6, instances: 100000000000", "line 5: .*integer from 1 to 100000; got 1000"),
        ("n_spins: 6", "n_spins: 6, instances: 1e11", "line 5: .*instances must be an integer from 1"),
        ("n_spins: 6", "n_spins: 6, instances: 2, seed: abc", "line 5: .*seed: should be a valid integer"),
        ("n_spins: 6", "n_spins: 6, instances: 2, seed: null", "line 5: .*seed: should be .*; got None"),
        ("[0.5, 1.0]", "{linear: [0, 1, 500000000]}", "line 9: .*linear takes at most 100000 betas"),
        ("[0.5, 1.0]", "{geometric: 4}", "line 9: .*geometric takes .first beta, last beta, how many."),
        ("[0.5, 1.0]", "{geometric: [1, 2, .inf]}", "line 9: .*geometric takes finite numbers"),
        ("[0.5, 1.0]", "{geometric: [0, 2, 5]}", "line 9: .*a geometric ladder starts above 0"),
        ("[0.5, 1.0]", "{linear: [a, 2, 5]}", "line 9: .*linear takes .first beta"),
        ("[0.5, 1.0]", "{temperatures: 3}", "line 9: .*temperatures takes a list of numbers"),
        ("[0.5, 1.0]", "0x" + "f" * 5000, "line 9: .*betas.0: should be a valid number; got a int"),
    ],
)  # fmt: skip
def test_sizes_and_types_are_checked_at_the_door(write, old, new, message):
    assert old in MINIMAL
    with pytest.raises(InputError, match=message):
        load_config(write(MINIMAL.replace(old, new)))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{name: exact, betas: [1], betas: [2]}", "line 1: key 'betas' stands twice, first in line 1"),
        ("{name: exact,\n 'betas': [1], betas: [2]}", "line 2: key 'betas' stands twice, first in line 2"),
        ("a: [{b: {c: 1, c: 2}}]", "line 1: key 'c' stands twice"),
        ("a: {1: 1, '1': 2}", "line 1: key '1' stands twice"),
        ("a: {1: 1, 1.0: 2}", "line 1: key '1.0' stands twice"),
        ("a: {1: 1, true: 2}", "line 1: key 'true' stands twice"),
        ("a: {yes: 1, true: 2}", "line 1: key 'true' stands twice"),
        ("a: {x: 1, <<: {x: 2, y: 3, y: 4}}", "line 1: key 'y' stands twice"),
    ],
)
def test_keys_that_stand_twice(write, text, message):
    with pytest.raises(InputError, match=message):
        YamlSource(write(text))
    with pytest.raises(InputError, match=message.rpartition(": ")[2]):
        parse_value(text)


def test_merged_keys_may_be_overridden(write):
    source = YamlSource(write("base: &b {x: 1, y: 2}\nover: {x: 5, <<: *b}\nmore: {<<: [*b, {z: 3}]}\n"))
    assert source.data["over"] == {"x": 5, "y": 2}
    assert source.data["more"] == {"x": 1, "y": 2, "z": 3}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "expected a mapping of keys at the top level; got nothing"),
        ("- a\n- b\n", "got a list"),
        ("just text", "got a str"),
        ("a: b: c", "line 1: not valid YAML"),
    ],
)
def test_files_that_are_no_mapping(write, text, message):
    with pytest.raises(InputError, match=message):
        load_config(write(text))


def test_a_missing_config(tmp_path):
    with pytest.raises(InputError, match="no config file at"):
        load_config(tmp_path / "none.yaml")


def test_merged_keys_keep_their_lines(write):
    text = MINIMAL.replace(
        "  glass: {kind: sherrington_kirkpatrick, n_spins: 6}",
        "  glass: &base\n    kind: mattis\n    n_spins: 6\n  other:\n    <<: *base\n    n_spins: x",
    )
    with pytest.raises(InputError, match=r"line 10: problems.other: mattis: n_spins"):
        load_config(write(text))


def test_epochs_beyond_the_training(write):
    text = MINIMAL.replace(
        "{kind: sherrington_kirkpatrick, n_spins: 6}", "{kind: mlp, layers: [64, 10], epochs: 2, epoch: 3}"
    )
    with pytest.raises(InputError, match="epoch 3 lies after the last of 2 epochs"):
        load_config(write(text))


def test_files_start_at_the_folder_of_the_config(write, tmp_path):
    (tmp_path / "a.coo").write_text("0 1 -1\n")
    text = MINIMAL.replace(GLASS, "{kind: file, path: a.coo}")
    assert load_config(write(text)).problem_lines["glass"].made().needs()


def test_the_schema_takes_either_word_for_what_a_label_is(tmp_path):
    schema = config_schema()
    plain = {"schema": 2, "name": "n", "problems": {"a": {"name": "mattis", "n_spins": 5}}}
    good = {**plain, "backends": {"b": {"kind": "exact", "betas": [1.0]}}}
    config_from_plain(good)
    jsonschema.validate(good, schema)
    for bad in ({"kind": "exact", "name": "exact"}, {"kind": "exact", "n_sweps": 3}, {"kind": "exct"}, {}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate({**plain, "backends": {"b": bad}}, schema)


def test_schema_refuses_what_the_config_refuses():
    schema = config_schema()
    good = yaml.safe_load(MINIMAL)
    jsonschema.validate(good, schema)
    for change in (
        {"sed": 3},
        {"backends": {"exact": {"name": "exact", "beta": [1]}}},
        {"backends": {"exact": {"name": "exakt"}}},
        {"problems": {"glass": {"kind": "sherrington_kirkpatrick", "n_spin": 6}}},
    ):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate({**good, **change}, schema)


class TestExecutorByOption:
    """`--executor` names another one; what was said of the execution holds where that one has it too."""

    TEXT = """
schema: 2
name: small
problems: {ring: {kind: sherrington_kirkpatrick, n_spins: 4}}
backends: {exact: {name: exact, betas: [1.0]}}
execution: {engine: processes, n_workers: 2, timeout: 60, store: shared}
"""

    def load(self, tmp_path, *overrides, engine, text=TEXT):
        (tmp_path / "small.yaml").write_text(text)
        return load_config(tmp_path / "small.yaml", overrides=overrides, engine=engine).execution

    def test_settings_are_taken_over_where_it_has_them(self, tmp_path):
        taken = self.load(tmp_path, engine="in_process")
        assert (taken.engine, taken.store, taken.model_extra) == ("in_process", "shared", {"timeout": 60})
        assert self.load(tmp_path, engine="auto").executor().n_workers == 2

    def test_those_that_were_given_for_it_count(self, tmp_path):
        taken = self.load(tmp_path, "execution.timeout=5", engine="in_process")
        assert taken.executor().timeout == 5

    @pytest.mark.parametrize(
        ("override", "message"),
        [
            ("execution.n_workers=2", "--set execution.n_workers: .*in_process has no setting 'n_workers'"),
            ("execution.nonsense=3", "--set execution.nonsense: .*in_process has no setting 'nonsense'"),
            ("execution.timeout=-1", "--set execution.timeout: .*timeout: should be greater than 0"),
        ],
    )
    def test_those_that_it_lacks_are_refused(self, tmp_path, override, message):
        with pytest.raises(InputError, match=message):
            self.load(tmp_path, override, engine="in_process")

    def test_one_that_is_not_there(self, tmp_path):
        with pytest.raises(InputError, match="--executor: execution: no executor 'dusk'"):
            self.load(tmp_path, engine="dusk")

    def test_the_environment_is_named_where_it_decides(self, tmp_path, monkeypatch):
        text = self.TEXT.replace("engine: processes, n_workers: 2,", "n_workers: 2,")
        monkeypatch.setenv("QSPIN_EXECUTOR", "in_process")
        with pytest.raises(InputError, match="execution, by QSPIN_EXECUTOR: in_process has no setting"):
            self.load(tmp_path, engine=None, text=text)
        monkeypatch.delenv("QSPIN_EXECUTOR")
        with pytest.raises(InputError, match="auto has no setting .scheduler.*that execution.engine names"):
            self.load(tmp_path, engine=None, text=text.replace("n_workers: 2", "scheduler: local"))
