"""Corrections by hand: their file, and what they do to the clusters of a run's result."""

from stages.correcting.applying import Corrected, correct
from stages.correcting.file import Row, read_rows

__all__ = ["Corrected", "Row", "correct", "read_rows"]
