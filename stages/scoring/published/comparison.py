"""Our scores beside the published ones, wherever these are scores of the same thing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from stages.scoring.published.records import PublishedScore
from stages.tables.methods import BaselineName, MethodName, parse_scored

JOINT = ("cc", "mvec", "dmvc-fix", "dmvc", "kmeans-of-dmvc-fix", "kmeans-of-dmvc")
_SINGLE = ("baseline", "views", "kmeans-of-views")
_END_TO_END = "end-to-end"
_PIXELS = "pixels"
_NO_CNN = (_PIXELS, "sift", "jule")  # views that a mean over CNNs leaves out
# Networks trained on the images themselves, as this project and as the sources name their results.
_ON_IMAGES = {
    "autoencoder": "autoencoder-kmeans",
    "dec": "dec",
    "jule-sf": "jule-sf",
    "jule-rc": "jule-rc",
    "mmdc": "mmdc",
}
MEAN = "mean of views"


@dataclass(frozen=True)
class Method:
    """A method that was run, in the terms of `PublishedScore`."""

    method: str
    view: str = ""
    layer: str = ""
    algorithm: str = ""


@dataclass(frozen=True)
class Measured:
    """The `scores` of one method by metric, over `images` with labels in `clusters` clusters, a mean over runs."""

    scores: Mapping[str, float]
    images: int
    clusters: float


@dataclass(frozen=True)
class Comparison:
    """One score, ours and theirs; `difference` is ours less theirs. `note` says how the two differ.

    `images` and `clusters` are those of our score; of a mean of views, the fewest images and the mean of clusters.
    """

    source: str
    table: str
    method: Method
    metric: str
    ours: float
    published: float
    difference: float
    images: int
    published_images: int | None
    clusters: float
    published_clusters: int
    views: int
    published_views: int
    note: str


def dataset_key(name: str) -> str:
    """The name under which a data set is published: that of its folder in lower case, without "-", "_" and "."."""
    return "".join(character for character in name.lower() if character not in "-_.")


def parse_method(name: str, layers: Mapping[str, str]) -> Method | None:
    """Return a method of `stages.evaluate` in the terms of published ones; None for what nobody published.

    Names are such as "baseline/vgg16/L1/ward", "train/jule/views/vgg16", "train/jule/cc" or "train/images/mmdc".
    `layers` are those that the networks of an objective saw of single views.
    """
    match parse_scored(name):
        case BaselineName(backbone, layer, algorithm):
            return Method("baseline", backbone, layer, algorithm)
        case MethodName(method=result) as trained if trained.of_pixels:
            return Method("baseline", _PIXELS, _PIXELS, result.removeprefix(f"{_PIXELS}-"))
        case MethodName(method=result) as trained if trained.on_images and result in _ON_IMAGES:
            return Method(_END_TO_END, _PIXELS, algorithm=_ON_IMAGES[result])
        case MethodName(objective, method, str(view)) if method in _SINGLE:
            return Method(method, view, layers.get(objective, ""), objective)
        case MethodName(objective, method, None) as trained if method in JOINT and not trained.on_images:
            return Method(method, algorithm=objective)
    return None


def compare(
    dataset: str, views: int, ours: Mapping[Method, Measured], published: Sequence[PublishedScore]
) -> list[Comparison]:
    """Put `ours`, on `views` views, beside the `published` scores of the same data set.

    Only like is compared with like: the method, the algorithm, the layer and the definition of the metric are the
    same, and a single view is the same CNN. The mean of the single views of a method is compared, too, each over
    the views that it has here and there: no view needs to be the same then. Other numbers of images, clusters and
    views there are noted.
    """
    theirs = [score for score in published if dataset_key(score.dataset) == dataset_key(dataset)]
    found = []
    for score in theirs:
        method = Method(score.method, score.view, score.layer, score.algorithm)
        known = ours.get(method)
        if score.method in (*JOINT, *_SINGLE, _END_TO_END) and known and score.metric in known.scores:
            here, there = (1, 1) if score.view else (views, score.views)
            cnns = "" if score.view else f"CNNs: {_views(here)} here, {there} there, not checked to be the same"
            found.append(_comparison(score, method, known, score.value, here, there, cnns, score.note))
    return [*found, *_means(ours, theirs)]


def _means(ours: Mapping[Method, Measured], theirs: Sequence[PublishedScore]) -> list[Comparison]:
    """The means over single views of what was run and published: both averages of printed or measured scores."""
    groups: dict[tuple[str, ...], list[PublishedScore]] = {}
    for score in theirs:
        if score.method in _SINGLE and score.view not in _NO_CNN:
            kind = (score.source, score.table, score.method, score.layer, score.algorithm, score.metric)
            groups.setdefault(kind, []).append(score)
    found: list[Comparison] = []
    for (_, _, name, layer, algorithm, metric), scores in groups.items():
        same = {
            method.view: measured
            for method, measured in ours.items()
            if (method.method, method.layer, method.algorithm) == (name, layer, algorithm)
            and method.view not in _NO_CNN
            and metric in measured.scores
        }
        if not same or len(scores) < 2:
            continue
        mean = Measured(
            {metric: float(np.mean([measured.scores[metric] for measured in same.values()]))},
            min(measured.images for measured in same.values()),
            float(np.mean([measured.clusters for measured in same.values()])),
        )
        printed = float(np.mean([score.value for score in scores]))
        here, there = len(same), len(scores)
        other = set(same) != {score.view for score in scores}
        cnns = f"other CNNs: {_views(here)} here, {there} there" if other else ""
        method = Method(name, MEAN, layer, algorithm)
        found.append(_comparison(scores[0], method, mean, printed, here, there, cnns, scores[0].dataset_note))
    return found


def _comparison(
    score: PublishedScore,
    method: Method,
    ours: Measured,
    published: float,
    here: int,
    there: int,
    cnns: str,
    note: str,
) -> Comparison:
    """Put `ours` beside a `published` value, of `score` or of a mean that it is one of; remarks may be empty."""
    value, clusters = ours.scores[score.metric], round(ours.clusters, 1)
    remarks = []
    if score.images is None:
        remarks.append(f"{ours.images:,} images here, an unknown number there")
    elif score.images != ours.images:
        remarks.append(f"other images: {ours.images:,} here, {score.images:,} there")
    if clusters != score.classes:
        remarks.append(f"{clusters:g} {'cluster' if clusters == 1 else 'clusters'} here, {score.classes} there")
    remarks += [remark for remark in (cnns, note and f"published: {note}") if remark]
    return Comparison(
        score.source,
        score.table,
        method,
        score.metric,
        value,
        published,
        value - published,
        ours.images,
        score.images,
        ours.clusters,
        score.classes,
        here,
        there,
        "; ".join(remarks),
    )


def _views(number: int) -> str:
    return f"{number} {'view' if number == 1 else 'views'}"
