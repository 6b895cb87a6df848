"""Clusters laid out as other programs take them: folders of images, CSV, JSON, COCO."""

from stages.exporting.clusters import choose_rows, counted, find_clusters, sum_up
from stages.exporting.documents import Wanted
from stages.exporting.images import ImageWriter, cluster_names, passed_over
from stages.exporting.target import check_outside, new_folder, resolve_target
from stages.exporting.writing import Layout, write_document, write_images

__all__ = [
    "ImageWriter",
    "Layout",
    "Wanted",
    "check_outside",
    "choose_rows",
    "cluster_names",
    "counted",
    "find_clusters",
    "new_folder",
    "passed_over",
    "resolve_target",
    "sum_up",
    "write_document",
    "write_images",
]
