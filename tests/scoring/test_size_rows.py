"""The table of the result's clusters and their sizes."""

import numpy as np

from stages.scoring.evaluation import size_rows


def test_each_cluster_has_a_row_and_a_number_that_no_image_has_none() -> None:
    rows = size_rows(np.array([0, 3, 3, 0, 3]), np.array([0.5, 1.0, 0.25, 0.25, 0.25]))
    assert rows == [
        {"cluster": 0, "images": 2, "confidence": 0.375},
        {"cluster": 3, "images": 3, "confidence": 0.5},
    ]
