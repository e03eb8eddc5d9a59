"""Conclusions of a config that is really sampled and measured, and what they show; no page is written."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import yaml

from qspin.engine import StoredWork
from qspin.executor import silent
from qspin.experiment import RunFolder, load_config
from qspin.study import Conclusion, Figure


def ran(folder: Path, data: Mapping[str, Any]) -> tuple[dict[str, Conclusion], dict[str, str]]:
    """By label of the study what it concludes, and by task what failed."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.yaml").write_text(yaml.safe_dump({"schema": 2, "name": "ran", **data}, sort_keys=False))
    config, run = load_config(folder / "config.yaml"), RunFolder(folder / "run")
    run.create(config, resume=False)
    failures = config.execution.executor().run(run.plan.graph, StoredWork(run.path), silent)
    conclusions = {
        label: chosen.study.conclude(run.results(label)) for label, (chosen, _) in config.plans.items()
    }
    return conclusions, dict(failures)


def table(conclusion: Conclusion, name: str) -> list[Mapping[str, Any]]:
    """Rows of a table by its name."""
    (found,) = [t for section in conclusion.sections for t in section.tables if t.name == name]
    return list(found.rows)


def texts(conclusion: Conclusion) -> list[str]:
    """All findings."""
    return [finding.text for section in conclusion.sections for finding in section.findings]


def has_line(figure: Figure) -> bool:
    """Whether a line of theory is drawn in its first panel."""
    _, ax = plt.subplots()
    figure.panels[0](ax)
    labels = ax.get_legend_handles_labels()[1]
    plt.close("all")
    return "theory" in labels
