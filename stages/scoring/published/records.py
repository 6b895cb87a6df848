"""Scores that others published, read from the tables beside this file, laid out as the sources print them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from stages.core.errors import ParameterError

METRICS = (
    *("nmi_geometric", "nmi_arithmetic", "purity", "accuracy", "fowlkes_mallows"),
    *("fowlkes_mallows_class4", "verification_accuracy"),
)
_FOLDER = Path(__file__).parent
_KEYS = ("dataset", "method", "view", "layer", "algorithm", "metric")


@dataclass(frozen=True)
class PublishedScore:
    """One printed number, from 0 to 1.

    `method` is baseline (an algorithm on one view's layer), views, cc, mvec, dmvc-fix or dmvc (networks trained
    for the objective `algorithm`), kmeans-of-METHOD (K-means on that network's embedding), end-to-end (trained on
    pixels), transfer (of the network trained on the data set `view`), or another of the source. `view` and `layer`
    are empty for methods on all `views`, which are the source's; `algorithm` where it does not say. `images` and
    `classes` are None where it does not, either. `metric` is one of `METRICS`, as defined in
    `stages.scoring.scores` (fowlkes_mallows_class4: the mean of the local scores over class 4). `settings` are
    those that the source had, as in `stages.scoring.published.settings`. `note` says what is doubtful about the
    number, and begins with `dataset_note`, what is doubtful about the whole data set.
    """

    source: str
    citation: str
    table: str
    views: tuple[str, ...]
    dataset: str
    images: int | None
    classes: int | None
    method: str
    view: str
    layer: str
    algorithm: str
    metric: str
    value: float
    note: str
    dataset_note: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)


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
    notes, changes = _Remarks(table, "notes", "note"), _Remarks(table, "settings", "settings")
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
            remarks += notes.on(keys)
            settings = {"image_size": dataset["image_size"]}
            for given in changes.on(keys):
                settings |= given
            for value, origin in _values(printed, f"{name}: {cells}"):
                yield PublishedScore(
                    **keys,
                    source=table["source"],
                    citation=table["citation"],
                    table=table["table"],
                    views=tuple(table["views"]),
                    images=dataset["images"],
                    classes=dataset["classes"],
                    value=value,
                    note="; ".join([*remarks, *origin]),
                    dataset_note=dataset.get("note", ""),
                    settings=settings,
                )
    for remarks_on in (notes, changes):
        if remarks_on.idle:
            raise ParameterError(f"{name} has an entry of {remarks_on.section} on nothing: {remarks_on.idle[0]}")


class _Remarks:
    """Entries of a table that each hold for the scores with certain keys; those that never did are `idle`.

    The value of a key is a text, or a list of which any will do.
    """

    def __init__(self, table: Mapping[str, Any], section: str, content: str) -> None:
        self.section, self.content = section, content
        self.entries: Sequence[Mapping[str, Any]] = table.get(section, [])
        self.idle = list(self.entries)

    def on(self, keys: Mapping[str, str]) -> list[Any]:
        """Return the content of the entries that hold for a score with these `keys`."""
        found = [entry for entry in self.entries if self._holds(entry, keys)]
        self.idle = [entry for entry in self.idle if entry not in found]
        return [entry[self.content] for entry in found]

    def _holds(self, entry: Mapping[str, Any], keys: Mapping[str, str]) -> bool:
        wanted = {key: value for key, value in entry.items() if key != self.content}
        return all(keys[key] in (value if isinstance(value, list) else [value]) for key, value in wanted.items())


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
