"""Mistakes of a whole config or override are told as such, with what was meant."""

from __future__ import annotations

import pytest
from conftest import ROOT

from qspin.errors import InputError
from qspin.experiment import load_config

RUN = """
schema: 2
name: small
problems:
  square: {kind: lattice_ferromagnet, shape: [3, 3]}
backends:
  slow: {name: tempering, betas: [1.0]}
  other: {name: ocean}
studies:
  time_to_solution:
"""


@pytest.fixture
def write(tmp_path):
    def written(text: str):
        path = tmp_path / "given.yaml"
        path.write_text(text)
        return path

    return written


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "studies:\n  time_to_solution:\n",
            "",
            "line 2: schema 1 is .*write 'schema: 2'; nothing else changes",
        ),
        (
            "studies:\n  time_to_solution:\n",
            "analysis: {temperatures: [1], link_overlap: false}\n",
            r"'analysis: .*' is now 'studies: \{overlaps: \{temperatures, links\}\}'",
        ),
        (
            "studies:\n  time_to_solution:\n",
            "target: {probability: 0.9}\nclock: wall\n",
            r"'target: .*' is now 'studies: \{time_to_solution: .*; 'clock' is now",
        ),
        ("shape: [3, 3]", "shape: [3, 3], family: squares", "'family' is gone: 'instances: n' makes an axis"),
    ],
)
def test_a_config_of_schema_1_says_what_to_rename(write, old, new, message):
    text = RUN.replace("schema: 2", "schema: 1")
    assert old in text
    with pytest.raises(InputError, match=message):
        load_config(write(text.replace(old, new)))


def test_a_backend_given_as_a_config():
    path = ROOT / "configs" / "backends" / "tempering-quick.yaml"
    with pytest.raises(InputError, match=f"spec of a backend.*--backend {path}"):
        load_config(path)


def test_a_list_of_studies(write):
    text = RUN.replace("studies:\n  time_to_solution:", "studies: [time_to_solution]")
    with pytest.raises(InputError, match="line 9: studies must be a mapping from names to settings; got"):
        load_config(write(text))
    text = RUN.replace("time_to_solution:", "time_to_solution: 5")
    with pytest.raises(InputError, match="line 10: study 'time_to_solution' must have a mapping of settings"):
        load_config(write(text))


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("n_sweeps=5", r"no key 'n_sweeps'; expected --set backends\.slow\.n_sweeps=\.\.\.$"),
        ("parameters.num_sweeps=5", r"--set backends\.other\.parameters\.num_sweeps=\.\.\.$"),
        ("slow.n_sweeps=5", r"--set backends\.slow\.n_sweeps=\.\.\.$"),
        ("shape=[4, 4]", r"--set problems\.square\.shape=\.\.\.$"),
        ("square.shape=[4, 4]", r"--set problems\.square\.shape=\.\.\.$"),
        ("gap=0.1", r"--set studies\.time_to_solution\.gap=\.\.\.$"),
        ("time_to_solution.gap=0.1", r"--set studies\.time_to_solution\.gap=\.\.\.$"),
        ("sed=5", "did you mean 'seed'"),
    ],
)
def test_a_setting_without_its_place(write, given, meant):
    with pytest.raises(InputError, match=meant):
        load_config(write(RUN), overrides=[given])


def test_a_setting_of_two_backends_names_both(write):
    with pytest.raises(
        InputError, match=r"backends\.slow\.betas=\.\.\. or --set backends\.fast\.betas=\.\.\."
    ):
        load_config(
            write(RUN.replace("studies:", "  fast: {name: exact}\nstudies:")), overrides=["betas=[2.0]"]
        )
