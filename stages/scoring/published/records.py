"""Scores that others published, read from the tables beside this file, laid out as the sources print them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from stages.core.errors import ParameterError

METRICS = ("nmi_geometric", "nmi_arithmetic", "purity", "accuracy")
_FOLDER = Path(__file__).parent
_KEYS = ("dataset", "method", "view", "layer", "algorithm", "metric")


@dataclass(frozen=True)
class PublishedScore:
    """One printed number, from 0 to 1.

    `method` is baseline (an algorithm on one view's layer), views, cc, mvec, dmvc-fix or dmvc (networks trained
    for the objective `algorithm`), kmeans-of-METHOD (K-means on that network's embedding), end-to-end (trained on
    pixels), or another of the source. `view` and `layer` are empty for methods on all `views`, the number of the
    source's. `images` is None where the source does not say. `metric` is one of `METRICS`, exactly as defined in
    `stages.scoring.scores`. `note` says what is doubtful about the number, and begins with `dataset_note`, what
    is doubtful about the whole data set.
    """

    source: str
    citation: str
    table: str
    views: int
    dataset: str
    images: int | None
    classes: int
    method: str
    view: str
    layer: str
    algorithm: str
    metric: str
    value: float
    note: str
    dataset_note: str = ""


@cache
def published_scores() -> tuple[PublishedScore, ...]:
    """Return all scores that come with this package."""
    return tuple(score for file in sorted(_FOLDER.glob("*.yaml")) for score in read_scores(file))


def read_scores(file: Path) -> list[PublishedScore]:
    """Read a table of published scores; a value "a/b", which was printed so, gives two scores.

    Raises `ParameterError`, naming the row, for numbers that are none from 0 to 1, rows of another length than the
    columns, data sets and metrics that there are not, two values for one thing, and notes on nothing.
    """
    try:
        table = yaml.safe_load(file.read_text(encoding="utf-8"))
        scores = list(_scores(table, file.name))
    except (yaml.YAMLError, KeyError, TypeError, AttributeError) as error:
        reason = " ".join(str(error).split())
        raise ParameterError(
            f"{file.name} is not a table of published scores ({reason}); see its neighbours"
        ) from None
    seen = set()
    for score in scores:
        key = tuple(getattr(score, name) for name in (*_KEYS, "note"))
        if key in seen:
            raise ParameterError(f"{file.name} has two values for {' '.join(filter(None, key))}; keep one")
        seen.add(key)
    return scores


def _scores(table: Mapping[str, Any], name: str) -> Iterator[PublishedScore]:
    notes = table.get("notes", [])
    used: set[int] = set()
    for row in table["rows"]:
        cells = {key: value for key, value in row.items() if key != "values"}
        if len(row["values"]) != len(table["columns"]):
            raise ParameterError(
                f"{name}: {cells} has {len(row['values'])} values for {len(table['columns'])} columns"
            )
        for column, printed in zip(table["columns"], row["values"], strict=True):
            keys = {key: str({**cells, **column}.get(key, "")) for key in _KEYS}
            if keys["dataset"] not in table["datasets"] or keys["metric"] not in METRICS:
                raise ParameterError(f"{name} does not know the data set or the metric of the column {column}")
            dataset = table["datasets"][keys["dataset"]]
            remarks = [dataset["note"]] if "note" in dataset else []
            for number, note in enumerate(notes):
                if all(keys[key] == value for key, value in note.items() if key != "note"):
                    used.add(number)
                    remarks.append(note["note"])
            for value, origin in _values(printed, f"{name}: {cells}"):
                yield PublishedScore(
                    **keys,
                    source=table["source"],
                    citation=table["citation"],
                    table=table["table"],
                    views=table["views"],
                    images=dataset["images"],
                    classes=dataset["classes"],
                    value=value,
                    note="; ".join([*remarks, *origin]),
                    dataset_note=dataset.get("note", ""),
                )
    idle = [note for number, note in enumerate(notes) if number not in used]
    if idle:
        raise ParameterError(f"{name} has a note on nothing: {idle[0]}")


def _values(printed: Any, where: str) -> Iterator[tuple[float, list[str]]]:
    """The numbers in a cell: none, one, or two of two sources."""
    if printed is None:
        return
    texts = printed.split("/") if isinstance(printed, str) else [printed]
    for number, text in enumerate(texts):
        try:
            value = float(text)
        except (TypeError, ValueError):
            raise ParameterError(f"{where} has the value {printed!r}; give a number, null, or 'a/b'") from None
        if not 0 <= value <= 1:
            raise ParameterError(f"{where} has the value {printed!r}; scores are from 0 to 1")
        yield value, [] if len(texts) == 1 else [f"{('first', 'second')[number]} of two printed, from two sources"]
