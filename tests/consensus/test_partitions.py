"""What is refused as partitions and as weights, and that the rest comes through unchanged."""

import numpy as np
import pytest

from stages.consensus.validation import check_ensemble, check_partitions, check_weights
from stages.core.errors import ParameterError


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int32, np.int64, np.uint64, np.float32, np.float64])
def test_whole_numbers_of_any_type(dtype):
    partitions = check_partitions(np.array([[0, 3], [7, 3]], dtype=dtype))
    assert partitions.dtype == np.int32
    assert partitions.flags.c_contiguous
    assert partitions.tolist() == [[0, 3], [7, 3]]


def test_lists_and_missing_labels():
    assert check_partitions([[0, -1], [-1.0, 2]]).tolist() == [[0, -1], [-1, 2]]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([1, 2, 3], r"the shape \(3,\); give \(images, partitions\)"),
        (np.empty((4, 0)), r"the shape \(4, 0\)"),
        (np.empty((0, 4)), r"the shape \(0, 4\)"),
        ([[0, 1], [0]], "rows of different lengths"),
        ([[True, False]], "the type bool; give whole numbers"),
        ([["a", "b"]], "the type <U1"),
        ([[0, None]], "the type object"),
        ([[0, 1], [0, 0.5]], "hold 0.5 in row 1, column 1; give whole numbers, and -1"),
        ([[0, np.nan]], "hold nan in row 0, column 1; give whole numbers, and -1"),
        ([[0, np.inf]], "hold inf in row 0, column 1; number clusters from 0 to 2147483647"),
        ([[0, 1], [-2, 0]], "hold -2 in row 1, column 0; number clusters from 0, and give -1 only"),
        ([[0, 2**31]], "hold 2147483648 in row 0, column 1; number clusters from 0 to 2147483647"),
        (np.array([[2**63]], dtype=np.uint64), "hold 9223372036854775808 in row 0, column 0"),
        ([[0, 0], [-1, -1]], "image 1 has no label in any partition; leave that image out"),
        ([[0, -1], [1, -1]], "partition 1 has no label for any image; leave that partition out"),
    ],
)
def test_refused_partitions(values, message):
    with pytest.raises(ParameterError, match=message) as refused:
        check_partitions(values)
    assert "\n" not in str(refused.value)


def test_weights():
    assert check_weights(None, 3).tolist() == [1, 1, 1]
    assert check_weights([0, 2, 1], 3).tolist() == [0, 2, 1]


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ([1, 2], r"the shape \(2,\); give \(3,\)"),
        (1, r"the shape \(\); give \(3,\)"),
        ([1, -1, 1], "hold -1.0 for partition 1; give numbers of at least 0"),
        ([1, 1, np.nan], "hold nan for partition 2"),
        ([1, 1, np.inf], "hold inf for partition 2"),
        ([0, 0, 0], "weights are all 0"),
        ("abc", "weights are 'abc'; give 3 numbers"),
    ],
)
def test_refused_weights(weights, message):
    with pytest.raises(ParameterError, match=message):
        check_weights(weights, 3)


def test_partitions_without_weight_are_left_out():
    partitions, weights = check_ensemble([[0, 5, 1], [1, 6, -1]], [1, 0, 2.5])
    assert partitions.tolist() == [[0, 1], [1, -1]]
    assert weights.tolist() == [1, 2.5]


def test_an_image_that_only_partitions_without_weight_could_read():
    with pytest.raises(ParameterError, match="image 1 has no label in any partition with a weight above 0"):
        check_ensemble([[0, 5], [-1, 6]], [1, 0])


def test_the_caller_keeps_the_values():
    partitions, weights = np.array([[0, 1]], dtype=np.int32), np.array([1.0, 0.0])
    found, _ = check_ensemble(partitions, weights)
    found[0, 0] = 9
    assert partitions.tolist() == [[0, 1]]
    assert weights.tolist() == [1, 0]
