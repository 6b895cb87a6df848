"""Our scores beside the published ones, wherever these are scores of the same thing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from stages.scoring.published.records import PublishedScore

JOINT = ("cc", "mvec", "dmvc-fix", "dmvc", "kmeans-of-dmvc-fix", "kmeans-of-dmvc")
_SINGLE = ("baseline", "views", "kmeans-of-views")
MEAN = "mean of views"


@dataclass(frozen=True)
class Method:
    """What was run, in the terms of `PublishedScore`."""

    method: str
    view: str = ""
    layer: str = ""
    algorithm: str = ""


@dataclass(frozen=True)
class Comparison:
    """One score, ours and theirs; `difference` is ours less theirs. `note` tells in what the two differ."""

    source: str
    table: str
    method: Method
    metric: str
    ours: float
    published: float
    difference: float
    images: int
    published_images: int | None
    views: int
    published_views: int
    note: str


def dataset_key(name: str) -> str:
    """The name under which a data set is published: that of its folder in lower case, without "-", "_" and "."."""
    return "".join(character for character in name.lower() if character not in "-_.")


def parse_method(name: str, layer: str = "L3") -> Method | None:
    """Return what a method of `stages.evaluate` is, such as "baseline/vgg16/L1/ward", "train/jule/views/vgg16" or
    "train/jule/cc"; None for what nobody published. Trained networks saw `layer`.
    """
    kind, *rest = name.split("/")
    if kind == "baseline" and len(rest) == 3:
        return Method("baseline", *rest)
    if kind == "train" and len(rest) == 3 and rest[1] in _SINGLE:
        return Method(rest[1], rest[2], layer, rest[0])
    if kind == "train" and len(rest) == 2 and rest[1] in JOINT:
        return Method(rest[1], algorithm=rest[0])
    return None


def compare(
    dataset: str,
    images: int,
    views: int,
    ours: Mapping[Method, Mapping[str, float]],
    published: Sequence[PublishedScore],
) -> list[Comparison]:
    """Put `ours`, scores by metric of every method, beside the `published` ones of the same data set.

    Only like is compared with like: the method, the algorithm, the layer and the definition of the metric are the
    same, and a single view is the same CNN. The mean of the single views of a method is compared, too, each over
    the views that it has here and there: no view needs to be the same then. Published methods on pixels have no
    match.
    `images` and `views` are those of ours; other numbers there are noted.
    """
    theirs = [score for score in published if dataset_key(score.dataset) == dataset_key(dataset)]
    pairs = []
    for score in theirs:
        method = Method(score.method, score.view, score.layer, score.algorithm)
        if score.method in (*JOINT, *_SINGLE) and score.metric in ours.get(method, {}):
            here, there = (1, 1) if score.view else (views, score.views)
            pairs.append((score, method, ours[method][score.metric], score.value, here, there))
    pairs += _means(ours, theirs)
    return [
        Comparison(
            score.source,
            score.table,
            method,
            score.metric,
            value,
            printed,
            value - printed,
            images,
            score.images,
            here,
            there,
            _note(score, method, images, here, there),
        )
        for score, method, value, printed, here, there in pairs
    ]


_Pair = tuple[PublishedScore, Method, float, float, int, int]


def _means(ours: Mapping[Method, Mapping[str, float]], theirs: Sequence[PublishedScore]) -> list[_Pair]:
    """The means over single views of what was run and published: both averages of printed or measured scores."""
    groups: dict[tuple[str, ...], list[PublishedScore]] = {}
    for score in theirs:
        if score.method in _SINGLE and score.view not in ("pixels", "sift", "jule"):
            kind = (score.source, score.table, score.method, score.layer, score.algorithm, score.metric)
            groups.setdefault(kind, []).append(score)
    pairs: list[_Pair] = []
    for (_, _, name, layer, algorithm, metric), scores in groups.items():
        same = [
            values[metric]
            for method, values in ours.items()
            if (method.method, method.layer, method.algorithm) == (name, layer, algorithm) and metric in values
        ]
        if same and len(scores) > 1:
            printed = float(np.mean([score.value for score in scores]))
            method = Method(name, MEAN, layer, algorithm)
            pairs.append((scores[0], method, float(np.mean(same)), printed, len(same), len(scores)))
    return pairs


def _note(score: PublishedScore, method: Method, images: int, here: int, there: int) -> str:
    remarks = []
    if score.images is None:
        remarks.append(f"{images:,} images here, an unknown number there")
    elif score.images != images:
        remarks.append(f"other images: {images:,} here, {score.images:,} there")
    if not method.view or method.view == MEAN:
        remarks.append(f"other CNNs: {here} {'view' if here == 1 else 'views'} here, {there} there")
    if score.note and method.view != MEAN:
        remarks.append(f"published: {score.note}")
    return "; ".join(remarks)
