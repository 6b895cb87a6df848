"""Clusters as the text of one file: CSV, JSON, COCO."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from stages.core.csvtext import csv_text
from stages.tables import ImageTable
from stages.tables.clusters import Clusters

DECIMALS = 6  # of a confidence, as in the tables of the pipeline


def table_text(
    images: ImageTable, clusters: Clusters, rows: Sequence[int], files: Mapping[int, str] | None = None
) -> str:
    """A CSV table of the `rows`: path, cluster, confidence if known, width, height; with `files` also file."""
    confidence = clusters.confidence
    header = ["path", "cluster", *([] if confidence is None else ["confidence"]), "width", "height"]
    header += [] if files is None else ["file"]
    lines = (
        [
            images.paths[row],
            clusters.labels[row],
            *([] if confidence is None else [f"{confidence[row]:.{DECIMALS}f}"]),
            *images.sizes[row],
            *([] if files is None else [files[row]]),
        ]
        for row in rows
    )
    return csv_text(header, lines)


def grouped_text(
    images: ImageTable, clusters: Clusters, rows: Sequence[int], names: Mapping[int, str], about: Mapping[str, str]
) -> str:
    """JSON: what it is `about`, and under "clusters" every cluster with its images, one image a line."""
    groups = []
    members_of: dict[int, list[int]] = {label: [] for label in names}
    for row in rows:
        members_of[int(clusters.labels[row])].append(row)
    for label, name in names.items():
        members = members_of[label]
        listed = ",\n".join(f"      {_json(_image(images, clusters, row))}" for row in members)
        head = f'    {{"cluster": {label}, "name": {_json(name)}, "size": {len(members)}, "images": [\n'
        groups.append(f"{head}{listed}\n    ]}}")
    entries = [f"  {_json(key)}: {_json(value)}" for key, value in about.items()]
    joined = ",\n".join(groups)
    entries.append(f'  "clusters": [\n{joined}\n  ]')
    return "{\n" + ",\n".join(entries) + "\n}\n"


def coco_text(
    images: ImageTable,
    clusters: Clusters,
    rows: Sequence[int],
    names: Mapping[int, str],
    files: Mapping[int, str],
    about: Mapping[str, str],
) -> str:
    """Annotations as COCO has them: clusters are categories, and every image has one annotation, without a box.

    Ids begin at 1, as many programs take the category 0 for the background; an annotation's area is the whole
    image's, "score" the confidence where there is one. An image in no cluster has no annotation.
    Source of the format: https://cocodataset.org/#format-data.
    """
    categories = [
        {"id": label + 1, "name": name, "supercategory": "cluster"} for label, name in names.items() if label >= 0
    ]
    listed, annotations = list[dict[str, Any]](), list[dict[str, Any]]()
    for row in rows:
        width, height = map(int, images.sizes[row])
        listed.append({"id": row + 1, "file_name": files[row], "width": width, "height": height})
        if (label := int(clusters.labels[row])) < 0:
            continue
        annotation: dict[str, Any] = {"id": len(annotations) + 1, "image_id": row + 1, "category_id": label + 1}
        annotation |= {"area": width * height, "iscrowd": 0, "segmentation": []}
        if clusters.confidence is not None:
            annotation["score"] = round(float(clusters.confidence[row]), DECIMALS)
        annotations.append(annotation)
    description = ", ".join(f"{key} {value}" for key, value in about.items())
    sections: dict[str, Any] = {
        "info": {"description": description},
        "licenses": [],
        "images": listed,
        "annotations": annotations,
        "categories": categories,
    }
    return _json(sections) + "\n"


def _image(images: ImageTable, clusters: Clusters, row: int) -> dict[str, Any]:
    width, height = map(int, images.sizes[row])
    entry: dict[str, Any] = {"path": images.paths[row], "width": width, "height": height}
    if clusters.confidence is not None:
        entry["confidence"] = round(float(clusters.confidence[row]), DECIMALS)
    return entry


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
