"""The scores of what was run, each with the settings that its tables say it was made with."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from stages.scoring.published.comparison import (
    SPREAD,
    Measured,
    Method,
    own_settings,
    parse_method,
    with_spread,
)
from stages.scoring.published.records import METRICS
from stages.scoring.scores import external_scores
from stages.studies.panels import Panels
from stages.tables import ImageTable, read_partitions
from stages.tables.methods import (
    ENSEMBLE,
    VOTE,
    BaselineName,
    FeatureMethod,
    MethodName,
    scored_name,
)
from stages.tables.parquet import read_metadata
from stages.tables.trained_files import TrainedFiles

_MODES = {"squash": "squashed", "center": "cropped"}


@dataclass(frozen=True)
class Runs:
    """The tables of one dataset's `images` from which settings are read.

    `ensemble` are the settings of the ensemble, `trained` the methods that were trained.
    """

    files: TrainedFiles
    images: ImageTable
    ensemble: Mapping[str, Any]
    trained: Sequence[MethodName]

    def scores(self, methods: Path, drawn: Panels) -> dict[Method, Measured]:
        """Return what the table `methods` and the panels `drawn` hold of what somebody published."""
        known = dict(self._settings())
        found: dict[Method, Measured] = {} if ENSEMBLE in known else self._mvec()
        for row in pd.read_csv(methods).to_dict("records"):
            settings = known.get(str(row["method"]), {})
            method = parse_method(str(row["method"]), settings)
            if row["method"] == ENSEMBLE and settings:
                method = Method(VOTE, algorithm="ward")
            names = [f"{metric}{end}" for end in ("", *(f"_{kind}" for kind in SPREAD)) for metric in METRICS]
            values = {name: float(row[name]) for name in names if pd.notna(row.get(name))}
            if method and values:
                counts = int(row["labelled_images"]), float(row["n_clusters"])
                found |= with_spread(method, _measured(method, values, counts, settings))
        for panel in drawn.panels:
            if panel.nmi is not None and panel.method != "baseline":
                of = MethodName(drawn.objective or "", panel.method.removeprefix("kmeans-of-"), panel.view or None)
                settings, counts = known.get(scored_name(of), {}), (panel.labelled, float(panel.clusters))
                layer = settings.get("layer", "") if panel.view else ""
                method = Method(panel.method, panel.view, layer, of.objective)
                found[method] = _measured(method, {"nmi_geometric": panel.nmi}, counts, settings)
        return found

    def _mvec(self) -> dict[Method, Measured]:
        """The article's MVEC where the ensemble is another one, and the views have Ward's partitions for it."""
        found = (self._ward(backbone) for backbone in self.ensemble["backbones"])
        wards = [labels for labels in found if labels is not None]
        labelled = self.images.labels >= 0
        if not labelled.any() or len(wards) < len(self.ensemble["backbones"]):
            return {}
        from stages.consensus import CoassociationClustering

        clusters = self.ensemble["n_clusters"]
        labels = CoassociationClustering(clusters, min_cluster_fraction=0).fit_predict(np.column_stack(wards))
        scores = external_scores(self.images.labels[labelled], labels[labelled])
        settings = self._views_as_published(self.ensemble["backbones"]) | {"min_cluster_fraction": 0.0}
        method = Method(VOTE, algorithm="ward")
        values = {metric: scores[metric] for metric in METRICS if metric in scores}
        return {method: _measured(method, values, (int(labelled.sum()), len(np.unique(labels))), settings)}

    def _ward(self, backbone: str) -> np.ndarray | None:
        """Ward's clusters, int32 (n), of a view's last layer as it is; None where they were not made."""
        file = self.files.data / "partitions" / self.files.dataset / "baseline" / f"{backbone}.parquet"
        table = read_partitions(file)
        made = (name for name, run in table.settings.items() if run["overclustering"] == 1 and _is_ward(run))
        name = next(made, None)
        return None if name is None else table.labels[name]

    def _settings(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """The settings of every method, by the name under which it is scored."""
        size = self._size()
        baselines = {backbone: self._baseline(backbone) for backbone in self.ensemble["backbones"]}
        for backbone, runs in baselines.items():
            for name, run in {BaselineName(backbone, run["layer"], run["algorithm"]): run for run in runs}.items():
                own = {"layer": name.layer, "normalise": run["normalise"]}
                yield scored_name(name), size | self._extraction([backbone], name.layer) | own
        if is_mvec(self.ensemble, baselines.values()):
            yield ENSEMBLE, {**self.ensemble, **self._views_as_published(self.ensemble["backbones"])}
        for method in self.trained:
            yield from self._trained(method, size)

    def _size(self) -> dict[str, Any]:
        """The size of the images, as in published tables."""
        width, height = (sizes := self.images.sizes)[0]
        return {"image_size": f"{width} x {height}" if (sizes == sizes[0]).all() else "several"}

    def _views_as_published(self, backbones: Sequence[str]) -> dict[str, Any]:
        """The settings of a vote of Ward's clusters of the views' last layers as they are."""
        views = {"backbones": list(backbones), "layer": "L3", "normalise": "none"}
        return self._size() | self._extraction(backbones, "L3") | views

    def _trained(self, method: MethodName, size: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
        """The settings of each result of a trained method; a vote, whose cut is plain, has those of its voters."""
        voters = MethodName(method.objective, FeatureMethod.VIEWS)
        table = read_partitions(self.files.partitions(method))
        for column, run in table.settings.items():
            result = MethodName(method.objective, column)
            if method.of_embedding:  # with the training's settings, of which the cut is of the network's clusters
                run = {**run["network"], "min_cluster_fraction": None, **run}
            if method.on_images:
                height, width = run["image_shape"][-2:]
                yield scored_name(result), run | {"image_size": f"{width} x {height}"}
                continue
            if method.method == VOTE:
                (first, *_) = read_partitions(self.files.partitions(voters)).settings.values()
                run = first | {"backbones": run["backbones"]}
            elif method == voters:
                result = MethodName(method.objective, method.method, column)
            views = self._extraction(run["backbones"], run["layer"])
            yield scored_name(result), size | views | run

    def _baseline(self, backbone: str) -> list[dict[str, Any]]:
        """The settings of the runs on one view that have one cluster for each class."""
        file = self.files.data / "partitions" / self.files.dataset / "baseline" / f"{backbone}.parquet"
        return [run for run in read_partitions(file).settings.values() if run["overclustering"] == 1]

    def _extraction(self, backbones: Iterable[str], layer: str) -> dict[str, Any]:
        """How images became the features of some views: their preparation, and the files of weights."""
        folder = self.files.data / "features" / self.files.dataset
        made = [read_metadata(folder / backbone / f"{layer}.parquet", "features") for backbone in backbones]
        ways = {
            f"{_MODES[way['mode']]} ({way['interpolation']})"
            for way in (of.get("preprocessing") for of in made)
            if way
        }
        weights = {f"file {of['weights'][:8]}" for of in made if of.get("weights")}
        found = {"preprocessing": ", ".join(sorted(ways)), "weights": ", ".join(sorted(weights))}
        return {name: value for name, value in found.items() if value}


def _measured(
    method: Method, scores: Mapping[str, float], counts: tuple[int, float], settings: Mapping[str, Any]
) -> Measured:
    backbones = tuple(settings.get("backbones", ()))
    return Measured(scores, *counts, backbones, own_settings(method, settings))


def is_mvec(settings: Mapping[str, Any], baselines: Iterable[Sequence[Mapping[str, Any]]]) -> bool:
    """Whether the ensemble is that of the article: one Ward partition of each view's L3 as it is, average linkage,
    a plain cut. `baselines` are the settings of each view's runs.
    """
    wanted = {"algorithms": ["ward"], "overclustering": [1], "linkage": "average", "min_cluster_fraction": 0}
    one_each = settings["n_partitions"] == len(settings["backbones"])
    if not one_each or any(settings[name] != value for name, value in wanted.items()):
        return False
    return all(_is_ward(run) for runs in baselines for run in runs if run["algorithm"] == "ward")


def _is_ward(run: Mapping[str, Any]) -> bool:
    return (run["algorithm"], run["layer"], run["normalise"]) == ("ward", "L3", "none")
