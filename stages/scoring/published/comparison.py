"""Our scores beside the published ones, wherever these are scores of the same thing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from stages.core.algorithm_name import algorithm_label, parse_algorithm
from stages.scoring.published.records import METRICS, PublishedScore
from stages.scoring.published.settings import common, differences
from stages.tables.methods import IMAGES, BaselineName, ImageMethod, MethodName, parse_scored

JOINT = ("cc", "mvec", "dmvc-fix", "dmvc", "kmeans-of-dmvc-fix", "kmeans-of-dmvc")
_SINGLE = ("baseline", "views", "kmeans-of-views")
_END_TO_END = "end-to-end"
SPREAD = ("best", "ste")  # over seeds: how columns of scores end, and the published algorithms that these are of
TRANSFER = "transfer"
_PIXELS = "pixels"
_NO_CNN = (_PIXELS, "sift", "jule")  # views that a mean over CNNs leaves out
# Networks trained on the images themselves, as this project and as the sources name their results.
_ON_IMAGES = {
    "autoencoder": "autoencoder-kmeans",
    "dec": "dec",
    "jule-sf": "jule-sf",
    "jule-rc": "jule-rc",
    "mmdc": "mmdc",
    "iic": "iic",
    "dac": "dac",
}
_JULE = MethodName(IMAGES, ImageMethod.JULE)  # the only one of which others clustered the embedding
_SAME = {"usps11000": "usps"}  # data sets that are published under another name than their folder's here
MEAN = "mean of views"


@dataclass(frozen=True)
class Method:
    """A method that was run, in the terms of `PublishedScore`."""

    method: str
    view: str = ""
    layer: str = ""
    algorithm: str = ""

    def is_that_of(self, score: PublishedScore) -> bool:
        """Whether a published score is of this method, but for parameters of the algorithm."""
        views = (self.view, score.view)
        if self.method == TRANSFER:
            views = (dataset_key(self.view), dataset_key(score.view))
        return (
            views[0] == views[1]
            and (self.method, self.layer) == (score.method, score.layer)
            and score.algorithm in ("", parse_algorithm(self.algorithm)[0])
        )


@dataclass(frozen=True)
class Measured:
    """The `scores` of one method by metric, over `images` with labels in `clusters` clusters, a mean over runs.

    `views` are the CNNs of a method on all of them, and `settings` as in `stages.scoring.published.settings`.
    """

    scores: Mapping[str, float]
    images: int
    clusters: float
    views: Sequence[str] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)


def with_spread(method: Method, measured: Measured) -> dict[Method, Measured]:
    """Return the `measured` mean of a method and, by methods of their own, best and standard error over its seeds.

    Only of networks on images has anybody published these: as the algorithms "mmdc-best" and "mmdc-ste", say.
    """
    found = {method: replace(measured, scores=_ending(measured.scores, ""))}
    for kind in SPREAD if method.method == _END_TO_END else ():
        if scores := _ending(measured.scores, f"_{kind}"):
            found[replace(method, algorithm=f"{method.algorithm}-{kind}")] = replace(measured, scores=scores)
    return found


def _ending(scores: Mapping[str, float], end: str) -> dict[str, float]:
    """The scores by metric, of those whose names end so."""
    return {metric: scores[f"{metric}{end}"] for metric in METRICS if f"{metric}{end}" in scores}


def own_settings(method: Method, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return the `settings` of a method's run that its name leaves open, and the parameters that this gives.

    A setting of None is none. Passes by layer are a way of pre-training, as the sources state it.
    """
    named = {"layer"} if method.layer else set()
    own = {name: value for name, value in settings.items() if name not in named and value is not None}
    given = parse_algorithm(method.algorithm)[1]
    given.pop("normalise", None)  # a setting by itself
    parameters = algorithm_label("", given).removeprefix(":")
    if "layer_epochs" in own:
        own["pretraining"] = "layer by layer" if own["layer_epochs"] else "at once"
    return own | ({"parameters": parameters} if parameters else {})


@dataclass(frozen=True)
class Comparison:
    """One score, ours and theirs; `difference` is ours less theirs.

    `images` and `clusters` are those of our score; of a mean of views, the fewest images and the mean of clusters.
    `differs` says what is not alike, and is empty where nothing is known to be; `note` what is doubtful there.
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
    published_clusters: int | None
    views: int
    published_views: int
    differs: str
    note: str


def dataset_key(name: str) -> str:
    """The name under which a data set is published: that of its folder in lower case, without "-", "_" and "."."""
    plain = "".join(character for character in name.lower() if character not in "-_.")
    return _SAME.get(plain, plain)


def parse_method(name: str, settings: Mapping[str, Any]) -> Method | None:
    """Return a method of `stages.evaluate` in the terms of published ones; None for what nobody published.

    Names are such as "baseline/vgg16/L1/ward", "train/jule/views/vgg16", "train/jule/cc" or "train/images/mmdc".
    `settings` are those of the run: for a single view the `layer` that its network saw; for a transfer also the
    `source` and the `algorithm`.
    """
    match parse_scored(name):
        case BaselineName(backbone, layer, algorithm):
            return Method("baseline", backbone, layer, algorithm)
        case MethodName() as trained if trained.of_embedding:
            if trained.embedded_by == _JULE:
                return Method("baseline", _JULE.method, "embedding", trained.embedding_algorithm)
        case MethodName(method=result) as trained if trained.of_pixels:
            return Method("baseline", _PIXELS, _PIXELS, result.removeprefix(f"{_PIXELS}-"))
        case MethodName() as trained if trained.is_transfer:
            return Method(TRANSFER, *(str(settings[name]) for name in ("source", "layer", "algorithm")))
        case MethodName(method=result) as trained if trained.on_images and result in _ON_IMAGES:
            return Method(_END_TO_END, _PIXELS, algorithm=_ON_IMAGES[result])
        case MethodName(objective, method, str(view)) if method in _SINGLE:
            return Method(method, view, str(settings.get("layer", "")), objective)
        case MethodName(objective, method, None) as trained if method in JOINT and not trained.on_images:
            return Method(method, algorithm=objective)
    return None


def compare(
    dataset: str, ours: Mapping[Method, Measured], published: Sequence[PublishedScore]
) -> list[Comparison]:
    """Put `ours` beside the `published` scores of the same data set.

    Only like is compared with like: the method, the algorithm, the layer and the definition of the metric are the
    same, and a single view is the same CNN. The mean of the single views of a method is compared, too, each over
    the views that it has here and there: no view needs to be the same then. Whatever else differs is named: the
    numbers of images and clusters, the CNNs, and the settings.
    """
    theirs = [score for score in published if dataset_key(score.dataset) == dataset_key(dataset)]
    found = [
        _comparison(score, method, known, score.value, _other_cnns(score, known), score.note)
        for score in theirs
        if score.method in (*JOINT, *_SINGLE, _END_TO_END, TRANSFER)
        for method, known in ours.items()
        if method.is_that_of(score) and score.metric in known.scores
    ]
    return [*found, *_means(ours, theirs)]


def _other_cnns(score: PublishedScore, ours: Measured) -> tuple[int, int, str]:
    """How many views there are here and there, and a remark if these are not the same."""
    if score.view:
        return 1, 1, ""
    here, there = len(ours.views), len(score.views)
    return here, there, _cnns(here, there) if set(ours.views) != set(score.views) else ""


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
            settings=common([measured.settings for measured in same.values()]),
        )
        printed = float(np.mean([score.value for score in scores]))
        here, there = len(same), len(scores)
        other = _cnns(here, there) if set(same) != {score.view for score in scores} else ""
        method = Method(name, MEAN, layer, algorithm)
        first = replace(scores[0], settings=common([score.settings for score in scores]))
        found.append(_comparison(first, method, mean, printed, (here, there, other), first.dataset_note))
    return found


def _comparison(
    score: PublishedScore,
    method: Method,
    ours: Measured,
    published: float,
    cnns: tuple[int, int, str],
    note: str,
) -> Comparison:
    """Put `ours` beside a `published` value, of `score` or of a mean that it is one of; `note` may be empty."""
    value, clusters = ours.scores[score.metric], round(ours.clusters, 1)
    here, there, others = cnns
    remarks = []
    if score.images is None:
        remarks.append(f"{ours.images:,} images here, an unknown number there")
    elif score.images != ours.images:
        remarks.append(f"other images: {ours.images:,} here, {score.images:,} there")
    if clusters != score.classes:
        remarks.append(f"{clusters:g} {'cluster' if clusters == 1 else 'clusters'} here, {score.classes} there")
    remarks += [others] if others else []
    mine = dict(ours.settings)
    if not score.algorithm:
        remarks.append(f"algorithm {method.algorithm} here, not stated there")
        mine.pop("parameters", None)
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
        "; ".join([*remarks, *differences(mine, score.settings)]),
        note,
    )


def _cnns(here: int, there: int) -> str:
    return f"other CNNs: {_views(here)} here, {there} there"


def _views(number: int) -> str:
    return f"{number} {'view' if number == 1 else 'views'}"
