"""What `n_clusters` may be."""

from pathlib import Path

import numpy as np
import pytest

from stages.cluster_count import resolve_n_clusters
from stages.errors import ParameterError
from stages.tables import ImageTable


def _images(labels):
    names = tuple("abcdef")
    sizes = np.ones((len(labels), 2))
    return ImageTable(Path("i.parquet"), "f", ("p",) * len(labels), np.array(labels), names, sizes)


def test_a_number_and_classes():
    assert resolve_n_clusters("3", _images([0, 0, 1, 1])) == 3
    assert resolve_n_clusters("classes", _images([0, 0, 5, -1])) == 2


@pytest.mark.parametrize("count", ["0", "-1", "5"])
def test_out_of_range(count):
    with pytest.raises(ParameterError, match=rf"n_clusters is {count} but i\.parquet has 4 images; .* 1 to 4"):
        resolve_n_clusters(count, _images([0, 0, 1, 1]))


@pytest.mark.parametrize("count", ["many", "2.5", ""])
def test_no_number(count):
    with pytest.raises(ParameterError, match="give a whole number or 'classes'"):
        resolve_n_clusters(count, _images([0, 1]))


def test_classes_without_labels():
    with pytest.raises(ParameterError, match="have no labels; give a number"):
        resolve_n_clusters("classes", _images([-1, -1]))
