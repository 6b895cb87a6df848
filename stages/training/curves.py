"""The course of a training as a table: what an estimator recorded, whichever fields its records have."""

import math
from collections.abc import Callable, Sequence
from dataclasses import fields
from typing import Any

import numpy as np

_LABELS = "labels"  # of the images, after this step: too many for a table


def curve(
    history: Sequence[Any], gamma: float = 1.0, score: Callable[[np.ndarray], float] | None = None
) -> list[dict[str, Any]]:
    """Return a row for every record (a dataclass instance): "record" from 1, its fields, and "loss".

    A loss that is not among the fields is what DEC and IDEC descend, reconstruction + `gamma` * clustering. Where
    records have `labels`, `score` makes of them "nmi_geometric". What is not defined (None, NaN) is an empty text.
    """
    rows = []
    for number, record in enumerate(history, start=1):
        row = {field.name: getattr(record, field.name) for field in fields(record) if field.name != _LABELS}
        if "loss" not in row:
            row["loss"] = _loss(row, gamma)
        labels = getattr(record, _LABELS, None)
        if score is not None and labels is not None:
            row["nmi_geometric"] = score(np.asarray(labels))
        rows.append({"record": number, **{name: _cell(value) for name, value in row.items()}})
    return rows


def columns(rows: Sequence[dict[str, Any]]) -> list[str]:
    """Return the names of all columns, in the order of their first appearance."""
    return list(dict.fromkeys(name for row in rows for name in row))


def _loss(row: dict[str, Any], gamma: float) -> float:
    terms = [(1.0, row.get("reconstruction")), (gamma, row.get("clustering"))]
    known = [weight * value for weight, value in terms if value is not None and not math.isnan(value)]
    return sum(known) if known else math.nan


def _cell(value: Any) -> Any:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    return f"{value:.8g}" if isinstance(value, float) else value
