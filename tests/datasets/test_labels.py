import pytest

from stages.datasets.labels import class_order


@pytest.mark.parametrize(
    ("names", "order"),
    [
        (["dog", "cat", "dog", "Ape"], ["Ape", "cat", "dog"]),
        (["10", "9", "-1", "9"], ["-1", "9", "10"]),
        (["10", "9", "a"], ["10", "9", "a"]),
        (["1", "01", "0"], ["0", "01", "1"]),
        (["²", "10", "9"], ["10", "9", "²"]),
        ([], []),
    ],
)
def test_classes_are_sorted_by_value_when_all_are_numbers(names, order):
    assert class_order(names) == order
    assert class_order(reversed(names)) == order
