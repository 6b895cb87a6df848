"""The values that `n_clusters` may have."""

from pathlib import Path

import numpy as np
import pytest

from stages.core.errors import ParameterError
from stages.params.n_clusters import provisional_n_clusters, resolve_n_clusters
from stages.tables import ImageTable


def _images(labels):
    names = tuple("abcdef")
    sizes = np.ones((len(labels), 2))
    return ImageTable(Path("i.parquet"), "f", ("p",) * len(labels), np.array(labels), names, sizes)


def test_a_number_and_classes():
    assert resolve_n_clusters("3", _images([0, 0, 1, 1])) == 3
    assert resolve_n_clusters("classes", _images([0, 0, 5, -1])) == 2
    assert resolve_n_clusters("auto", _images([0, 1])) is None


def test_while_the_number_is_not_known():
    assert [provisional_n_clusters(count) for count in (1, 2, 210, 575, 70_000)] == [1, 1, 14, 24, 265]


def test_more_clusters_than_images():
    with pytest.raises(ParameterError, match=r"n_clusters is 5 but i\.parquet has 4 images; .* 1 to 4"):
        resolve_n_clusters("5", _images([0, 0, 1, 1]))


@pytest.mark.parametrize("count", ["many", "2.5", "", "0", "-1"])
def test_no_number(count):
    with pytest.raises(ParameterError, match="give a whole number from 1 on, 'auto' or 'classes'"):
        resolve_n_clusters(count, _images([0, 1]))


def test_classes_without_labels():
    with pytest.raises(ParameterError, match="have no labels; give a number or 'auto'"):
        resolve_n_clusters("classes", _images([-1, -1]))
