"""The learning curve: what an estimator recorded of its training as a table, whichever fields its records have."""

import math
from collections.abc import Callable, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np

from stages.core.atomic import write_text
from stages.core.csvtext import csv_text

_LABELS = "labels"  # of the images, after this step: too many for a table


def learning_curve(
    history: Sequence[Any], gamma: float = 1.0, score: Callable[[np.ndarray], float] | None = None
) -> list[dict[str, Any]]:
    """Return a row for every record (a dataclass instance): "record" from 1, its fields, and "loss".

    A loss that is not among the fields is what DEC and IDEC descend, reconstruction + `gamma` * clustering. Where
    records have `labels`, `score` makes of them "nmi_geometric". Undefined values (None, NaN) are empty texts.
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


def write_learning_curves(file: Path, rows: Sequence[dict[str, Any]]) -> None:
    """Write the rows of one curve or several as CSV: all columns, in the order of their first appearance."""
    header = list(dict.fromkeys(name for row in rows for name in row))
    write_text(file, csv_text(header, ([row.get(name, "") for name in header] for row in rows)))


def described(record: Any) -> str:
    """Return the fields of a record (a dataclass instance) that are a text or a number, on one line."""
    parts = []
    for name in (field.name for field in fields(record)):
        value = getattr(record, name)
        if isinstance(value, str):
            parts.append(value)
        elif isinstance(value, int) or (isinstance(value, float) and not math.isnan(value)):
            parts.append(f"{name} {value:.4g}" if isinstance(value, float) else f"{name} {value}")
    return ", ".join(parts)


def _loss(row: dict[str, Any], gamma: float) -> float:
    terms = [(1.0, row.get("reconstruction")), (gamma, row.get("clustering"))]
    known = [weight * value for weight, value in terms if value is not None and not math.isnan(value)]
    return sum(known) if known else math.nan


def _cell(value: Any) -> Any:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    return f"{value:.8g}" if isinstance(value, float) else value
