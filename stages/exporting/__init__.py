"""Clusters laid out as other programs take them: folders of images, CSV, JSON, COCO."""

from stages.exporting.clusters import Clusters, choose_rows, partition_clusters, read_clusters
from stages.exporting.documents import coco_text, grouped_text, table_text
from stages.exporting.images import ImageWriter
from stages.exporting.layout import cluster_names, lay_out, passed_over, ranks
from stages.exporting.names import needs_plain_names
from stages.exporting.place import check_outside, resolve_target
from stages.exporting.summary import counted, sum_up
from stages.exporting.target import new_folder

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
