"""The choice of what to export, and clusters as the text of one file: CSV, JSON, COCO."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from stages.core.csvtext import csv_text
from stages.tables import ImageTable
from stages.tables.clusters import Clusters

DECIMALS = 6  # of a confidence, as in the tables of the pipeline


@dataclass(frozen=True)
class Wanted:
    """The chosen images: the clusters of all, the rows of these, int (m), and the names of their clusters."""

    images: ImageTable
    clusters: Clusters
    rows: np.ndarray
    names: dict[int, str]
    about: dict[str, str]

    def image(self, row: int) -> dict[str, Any]:
        """An image as JSON has it: path, width, height, confidence if known."""
        width, height = map(int, self.images.sizes[row])
        entry: dict[str, Any] = {"path": self.images.paths[row], "width": width, "height": height}
        if self.clusters.confidence is not None:
            entry["confidence"] = round(float(self.clusters.confidence[row]), DECIMALS)
        return entry


def table_text(wanted: Wanted, files: Mapping[int, str] | None = None) -> str:
    """A CSV table: path, cluster, confidence if known, width, height; with `files`, by row, also file."""
    images, clusters, rows = wanted.images, wanted.clusters, wanted.rows
    columns: dict[str, Any] = {"path": [images.paths[row] for row in rows], "cluster": clusters.labels[rows]}
    if clusters.confidence is not None:
        columns["confidence"] = [f"{value:.{DECIMALS}f}" for value in clusters.confidence[rows]]
    columns["width"], columns["height"] = images.sizes[rows].T
    if files is not None:
        columns["file"] = [files[row] for row in rows.tolist()]
    return csv_text(list(columns), zip(*columns.values(), strict=True))


def grouped_text(wanted: Wanted) -> str:
    """JSON: what it is about, and under "clusters" every cluster with its images, one image a line."""
    labels, groups = wanted.clusters.labels[wanted.rows], []
    for label, name in wanted.names.items():
        members = wanted.rows[labels == label].tolist()
        listed = ",\n".join(f"      {_json(wanted.image(row))}" for row in members)
        head = f'    {{"cluster": {label}, "name": {_json(name)}, "size": {len(members)}, "images": [\n'
        groups.append(f"{head}{listed}\n    ]}}")
    entries = [f"  {_json(key)}: {_json(value)}" for key, value in wanted.about.items()]
    joined = ",\n".join(groups)
    entries.append(f'  "clusters": [\n{joined}\n  ]')
    return "{\n" + ",\n".join(entries) + "\n}\n"


def coco_text(wanted: Wanted, files: Mapping[int, str]) -> str:
    """Annotations as COCO has them: clusters are categories, and every image has one annotation, without a box.

    Ids begin at 1, as many programs take the category 0 for the background; an annotation's area is the whole
    image's, "score" the confidence where there is one. An image in no cluster has no annotation.
    Source of the format: https://cocodataset.org/#format-data.
    """
    listed, annotations = list[dict[str, Any]](), list[dict[str, Any]]()
    for row in wanted.rows.tolist():
        image = wanted.image(row)
        width, height = image["width"], image["height"]
        listed.append({"id": row + 1, "file_name": files[row], "width": width, "height": height})
        if (label := int(wanted.clusters.labels[row])) < 0:
            continue
        annotation: dict[str, Any] = {"id": len(annotations) + 1, "image_id": row + 1, "category_id": label + 1}
        annotation |= {"area": width * height, "iscrowd": 0, "segmentation": []}
        if "confidence" in image:
            annotation["score"] = image["confidence"]
        annotations.append(annotation)
    sections: dict[str, Any] = {
        "info": {"description": ", ".join(f"{key} {value}" for key, value in wanted.about.items())},
        "licenses": [],
        "images": listed,
        "annotations": annotations,
        "categories": [
            {"id": label + 1, "name": name, "supercategory": "cluster"}
            for label, name in wanted.names.items()
            if label >= 0
        ],
    }
    return _json(sections) + "\n"


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
