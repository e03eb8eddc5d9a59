"""What configs and backends of others say stays data: no path leaves its folder, no page gets an element."""

from __future__ import annotations

import csv
import html.parser
import json

import pytest
from qspin_backends.exact import Exact

from qspin import IsingProblem, SampleSet, write_problem
from qspin.errors import InputError
from qspin.experiment import RunFolder, run_experiment
from qspin.experiment.config.run_config import config_from_plain
from qspin.remarks import Remark

PROBLEM = {"kind": "mattis", "n_spins": 3}
BACKEND = {"name": "exact", "betas": [1.0], "n_replicas": 3}
WRONG = [
    "..", ".", "a/b", "a\\b", "/etc", "a/../b", "C:x", "a:b", "a\0b", "a\nb", "a\n", "a ", "a.", "a..", "",
    "-rf", ".hidden", "=1+1", "+a", "@a", "<img>", 'a"b', "a'b", "a&b", "con", "NUL", "aux.txt", "Com1",
    "a" * 81, "ü" * 50, "a*", "a?b", "a|b", "a\x1b[31m", "a\u202eb", "$x$",
]  # fmt: skip


def plain(**changes):
    studies = {"time_to_solution": {}}
    return {
        "schema": 2,
        "name": "n",
        "problems": {"p": PROBLEM},
        "backends": {"b": BACKEND},
        "studies": studies,
        **changes,
    }


@pytest.mark.parametrize("label", WRONG)
@pytest.mark.parametrize("where", ["name", "problems", "backends", "studies"])
def test_labels_that_no_file_can_bear_are_refused(label, where):
    changes = {
        "name": {"name": label},
        "problems": {"problems": {label: PROBLEM}},
        "backends": {"backends": {label: BACKEND}},
        "studies": {"studies": {label: {"name": "time_to_solution"}}},
    }
    with pytest.raises(InputError):
        config_from_plain(plain(**changes[where]))


@pytest.mark.parametrize("label", ["a", "A-1_b.c", "3D", "aü1", "conx", "a" * 80])
def test_other_labels_are_fine(label):
    config_from_plain(plain(problems={label: PROBLEM}, backends={label: BACKEND}, name=label))
    config_from_plain(plain(studies={label: {"name": "time_to_solution"}}))


@pytest.mark.parametrize("name", ["../a", "a/b", "con", "=1"])
def test_axes_are_named_like_files_too(name):
    """They become names of dimensions and columns."""
    with pytest.raises(InputError, match="label starts with|of a device|no key of a problem"):
        config_from_plain(plain(sweep={name: {"problems.p.n_spins": [3, 4]}}))


@pytest.mark.parametrize(
    "changes",
    [
        {"problems": {"glass": PROBLEM, "Glass": PROBLEM}},
        {"problems": {"caf\u00e9": PROBLEM, "cafe\u0301": PROBLEM}},
        {"studies": {"fast": {"name": "time_to_solution"}, "Fast": {"name": "time_to_solution"}}},
        {"backends": {"b": BACKEND, "B": BACKEND}},
    ],
)
def test_labels_that_some_file_systems_take_for_one_are_refused(changes):
    with pytest.raises(InputError, match="one name to some file systems|letters, digits"):
        config_from_plain(plain(**changes))


@pytest.mark.parametrize("name", ["a\0b", "a" * 300])
def test_what_no_folder_can_be_called_is_refused(tmp_path, name):
    with pytest.raises(InputError, match="can be no folder of results"):
        RunFolder(tmp_path / name)


class Elements(html.parser.HTMLParser):
    """The elements of a page, with the names of their attributes."""

    def __init__(self, page):
        super().__init__(convert_charrefs=True)
        self.found = []
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        self.found.append((tag, sorted(name for name, _ in attributes)))


EVIL = "</pre></script><script>alert(1)</script><img src=x onerror=alert(2)>\" onload='alert(3)' {{ 7 * 7 }}"


def report(folder, monkeypatch, tmp_path, text):
    """The page of a run whose problem, backend, failures and environment all say `text`."""
    tmp_path.mkdir()
    problem = IsingProblem([[0.0, -1.0], [-1.0, 0.0]], labels=[text, "other"])
    write_problem(problem, tmp_path / "a.npz")
    original = Exact.sample

    def sample(self, problem, *, seed=None):
        if self.n_replicas == 4:
            raise ValueError(text)
        samples = original(self, problem, seed=seed)
        info = {**samples.info, "remarks": [Remark("any", text).plain()], "headline": text, "backend": text}
        return SampleSet(samples.dataset.assign_attrs(info=json.dumps(info)))

    with monkeypatch.context() as patch:
        patch.setattr(Exact, "sample", sample)
        patch.setattr("platform.platform", lambda: text)
        config = config_from_plain(
            plain(
                problems={"p": {"kind": "file", "path": str(tmp_path / "a.npz")}},
                backends={
                    "b": BACKEND,
                    "c": {**BACKEND, "n_replicas": 5},
                    "bad": {**BACKEND, "n_replicas": 4},
                },
                studies=None,
            )
        )
        with pytest.raises(Exception, match=r"1 of \d+ tasks failed"):
            run_experiment(config, folder)
    return folder.report_file.read_text()


def test_no_element_of_a_report_comes_from_data(monkeypatch, tmp_path):
    folder = RunFolder(tmp_path / "evil-run")
    evil = report(folder, monkeypatch, tmp_path / "evil", EVIL)
    fine = report(RunFolder(tmp_path / "fine-run"), monkeypatch, tmp_path / "fine", "fine words")
    assert Elements(evil).found == Elements(fine).found
    assert "49" not in evil.partition("onload")[2][:40], "templates are not evaluated twice"
    assert evil.count("alert(1)") == fine.count("fine words") >= 4
    for table in [*folder.path.glob("*.csv"), *folder.path.glob("results/*.csv")]:
        for row in csv.reader(table.open()):
            assert not [cell for cell in row if cell[:1] in ("=", "+", "@", "\t", "\r")], table
    for figure in folder.path.glob("figures/*.svg"):
        assert "alert" not in figure.read_text()
