"""What a notebook shows: by the widgets of a real kernel, and by text where there are none."""

from __future__ import annotations

import html
import re
import sys
import types

import nbformat
import pytest
from nbclient import NotebookClient

from qspin.events import Event, Kind
from qspin.showing import Terminal, progress
from qspin.showing.notebook import Notebook

WITHOUT_WIDGETS = "import sys; sys.modules['ipywidgets'] = None"
RUN = """
from pathlib import Path
from qspin.experiment import RunFolder, load_config, progress, run_experiment
Path("small.yaml").write_text('''
schema: 2
name: small
problems:
  glass: {kind: sherrington_kirkpatrick, n_spins: 6}
backends:
  exact: {name: exact, betas: [0.5, 1.0], n_replicas: 10}
studies: {overlaps: {}}
execution: {engine: in_process}
''')
config = load_config("small.yaml")
_ = run_experiment(config, RunFolder.default(config), reporter=progress("small"))
"""
MANY = """
from qspin.events import Event, Kind
from qspin.experiment import progress
show = progress("many")
show(Event(Kind.BEGIN, n=1000))
for k in range(1000):
    task = Event(Kind.START, str(k), f"task {k} <b>", "sample")
    show(task)
    show(task.now(Kind.PROGRESS, fraction=0.5, figures={"best_energy": -1.5, "sweeps_per_second": 2e6}))
    show(task.now(Kind.FAILED, remark="bad luck <i>") if k == 3 else task.now(Kind.DONE, seconds=0.5))
show(Event(Kind.START, "end", "concluding <b>"))
show(Event(Kind.PROGRESS, "end", "concluding <b>", fraction=0.25, figures={"best_energy": -1.5}))
show(Event(Kind.NOTE, remark="a note"))
"""


@pytest.fixture(scope="module", params=[True, False], ids=["widgets", "text"])
def shown(request, tmp_path_factory):
    """Whether there are widgets, outputs of the two cells, and the widgets of both."""
    if request.param:
        pytest.importorskip("ipywidgets")
    texts = ["" if request.param else WITHOUT_WIDGETS, RUN, MANY]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(text) for text in texts])
    path = str(tmp_path_factory.mktemp("notebook"))
    NotebookClient(notebook, timeout=120, resources={"metadata": {"path": path}}).execute()
    state = notebook.metadata.get("widgets", {}).get("application/vnd.jupyter.widget-state+json", {})
    widgets = [own["state"] for own in state.get("state", {}).values()]
    return request.param, [cell.outputs for cell in notebook.cells[1:]], widgets


def values(widgets, name):
    return [own["value"] for own in widgets if own["_model_name"] == name]


def test_a_run_is_one_output_of_its_cell(shown):
    has_widgets, (outputs, _), widgets = shown
    (output,) = outputs
    assert output.output_type == "display_data"
    if has_widgets:
        assert "application/vnd.jupyter.widget-view+json" in output.data
        assert values(widgets, "FloatProgressModel")[0] == 1.0
        text = values(widgets, "HTMLModel")[0]
        assert text.startswith("<b>small</b>")
    else:
        text = output.data["text/plain"]
        assert text.startswith("small · ")
        assert "100 %" in text
    assert re.search(r"(\d+) of \1 tasks", text)
    assert "left" not in text


def test_a_thousand_tasks_are_one_output(shown):
    has_widgets, (_, outputs), widgets = shown
    (output,) = outputs
    escape = html.escape if has_widgets else str
    text = " ".join(values(widgets, "HTMLModel")) if has_widgets else output.data["text/plain"]
    assert len(text.splitlines()) < 10
    parts = ["999 of 1000 tasks · 1 failed", "concluding <b>", "25 %", "E -1.5", "bad luck <i>", "a note"]
    assert not [part for part in parts if escape(part) not in text]


class TestTheReporterThatSuits:
    def test_a_terminal_here(self):
        assert isinstance(progress(), Terminal)

    def test_a_notebook_in_a_kernel(self, monkeypatch):
        shell = types.SimpleNamespace(kernel=object())
        fake = types.SimpleNamespace(get_ipython=lambda: shell)
        monkeypatch.setitem(sys.modules, "IPython", fake)
        assert isinstance(progress(), Notebook)
        shell.kernel = None
        assert isinstance(progress(), Terminal), "a shell of IPython is a terminal"


def test_a_notebook_shows_itself_anew_for_every_run(monkeypatch):
    drawn = []

    class Shown:
        def draw(self, picture):
            drawn.append((id(self), picture.done))

    keep = []
    monkeypatch.setattr("qspin.showing.notebook._shown", lambda: keep.append(Shown()) or keep[-1])
    show = Notebook()
    for _ in range(2):
        show(Event(Kind.BEGIN, n=1))
        show(Event(Kind.START, "k", "task", "sample"))
        show(Event(Kind.DONE, "k", "task", "sample"))
        show(Event(Kind.END, remark="finished", fraction=1.0))
    assert len({own for own, _ in drawn}) == 2
    assert [done for _, done in drawn] == [0, 1, 0, 1]
