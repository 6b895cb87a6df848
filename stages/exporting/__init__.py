"""Clusters laid out as other programs take them: folders of images, CSV, JSON, COCO."""

from stages.exporting.clusters import Clusters, choose_rows, counted, partition_clusters, read_clusters, sum_up
from stages.exporting.documents import coco_text, grouped_text, table_text
from stages.exporting.images import ImageWriter, cluster_names, lay_out, needs_plain_names, passed_over, ranks
from stages.exporting.target import check_outside, new_folder, resolve_target

__all__ = [
    "Clusters",
    "ImageWriter",
    "check_outside",
    "choose_rows",
    "cluster_names",
    "coco_text",
    "counted",
    "grouped_text",
    "lay_out",
    "needs_plain_names",
    "new_folder",
    "partition_clusters",
    "passed_over",
    "ranks",
    "read_clusters",
    "resolve_target",
    "sum_up",
    "table_text",
]
