"""Pictures of where problems lie on devices, from what the record of each series tells."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from qspin import plot
from qspin.studies.series import Series
from qspin.study import Figure

__all__ = ["embedding_figures"]

_MOST = 4  # pictures, of the first series


def embedding_figures(series: Sequence[Series], record: str) -> Iterator[Figure]:
    """A figure of the embeddings of these series, folded; none where no device has a layout.

    Parameters
    ----------
    record : label of the measure `record` among their results
    """
    told: dict[str, Mapping[str, Any]] = {}
    for s in series:
        if (result := s.results.get(record)) is not None and len(told) < _MOST:
            found = plot.embedding_told(json.loads(result.attrs.get("info", "{}")))
            if found is not None:
                told[s.name("problem", "backend")] = found
    if told:
        columns = min(2, len(told))
        yield Figure(
            "embeddings",
            "Where problems lie on devices: a colour for each spin, in every copy the same; thick lines are "
            "chains, thin ones couplers between them. Grey qubits are not used by this problem.",
            [_drawn(title, found) for title, found in told.items()],
            height=7.4 / columns,
            n_columns=columns,
            is_folded=True,
        )


def _drawn(title: str, found: Mapping[str, Any]) -> Callable[[Any], Any]:
    def draw(ax: Any) -> Any:
        plot.embedding(found, ax)
        ax.set_title(f"{title}\n{ax.get_title()}", fontsize="small")
        return ax

    return draw
