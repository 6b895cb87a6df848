"""The Parquet tables between the stages, a file for each kind, and the names of methods and of their files.

Every table has a row per image, in the order of the image table, and carries in its metadata the fingerprint
of that image table, so that tables of different image sets are never mixed. A fingerprint covers the paths and
bytes of the images, in order, and not their labels: correcting a label invalidates no features.

Bytes are a function of the content alone: fixed row groups, one compression, no times and no machine names.
"""

from stages.tables.dendrogram import Merges, read_dendrogram, write_dendrogram
from stages.tables.images import IMAGE_ROWS, Image, ImageTable, class_names, read_images, write_images
from stages.tables.parquet import Table, check_same_images, read_fingerprint
from stages.tables.partitions import (
    BasePartitions,
    Partitions,
    read_base_partitions,
    read_partitions,
    write_partitions,
)
from stages.tables.vectors import (
    VECTOR_ROWS,
    Vectors,
    check_layer,
    merge_vectors,
    read_vectors,
    vector_blocks,
    write_vectors,
)

__all__ = [
    "IMAGE_ROWS",
    "VECTOR_ROWS",
    "BasePartitions",
    "Image",
    "ImageTable",
    "Merges",
    "Partitions",
    "Table",
    "Vectors",
    "check_layer",
    "check_same_images",
    "class_names",
    "merge_vectors",
    "read_base_partitions",
    "read_dendrogram",
    "read_fingerprint",
    "read_images",
    "read_partitions",
    "read_vectors",
    "vector_blocks",
    "write_dendrogram",
    "write_images",
    "write_partitions",
    "write_vectors",
]
