"""Corrections by hand, and the numbers of earlier clusters: their files, and what they do to a run's result."""

from stages.correcting.applying import Corrected, correct
from stages.correcting.file import Row, read_rows
from stages.correcting.numbers import (
    image_keys,
    number_clusters,
    numbers_csv,
    numbers_file,
    read_numbers,
    renew,
)

__all__ = [
    "Corrected",
    "Row",
    "correct",
    "image_keys",
    "number_clusters",
    "numbers_csv",
    "numbers_file",
    "read_numbers",
    "read_rows",
    "renew",
]
