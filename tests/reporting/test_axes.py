"""Ticks and scales."""

import numpy as np
import pytest

from stages.reporting.axes import Scale, scale_around


def test_ticks_are_round_and_placed():
    ticks = Scale(0.0, 0.9, 262.0, 12.0).ticks(6)
    assert [tick.text for tick in ticks] == ["0", "0.2", "0.4", "0.6", "0.8"]
    assert [tick.place for tick in ticks] == [262, 206.4, 150.9, 95.3, 39.8]
    assert [tick.text for tick in Scale(1.0, 2.0, 0.0, 1.0).ticks(6, whole=True)] == ["1", "2"]
    assert [tick.text for tick in Scale(-0.5, 0.5, 0.0, 1.0).ticks(5)] == ["\N{MINUS SIGN}0.5", "0", "0.5"]


def test_a_span_of_decades_is_logarithmic():
    scale = scale_around(np.array([2e-6, 0.04]), 100, 0)
    assert (scale.log, scale.low, scale.high) == (True, pytest.approx(1e-6), pytest.approx(0.1))
    np.testing.assert_allclose(scale.place(np.array([1e-6, 1e-1, 10**-3.5])), [100, 0, 50])
    assert [tick.text for tick in scale.ticks(6)] == [
        "1e\N{MINUS SIGN}6",
        "1e\N{MINUS SIGN}5",
        "0.0001",
        "0.001",
        "0.01",
        "0.1",
    ]


@pytest.mark.parametrize(
    ("values", "whole", "expected"),
    [
        ([1.0, 500.0], True, (0, 500)),
        ([0.0, 5.0], False, (0, 5)),
        ([-1.0, 100.0], False, (-1, 100)),
        ([0.0, 0.0], False, (0, 1)),
        ([-2.0], False, (-2, 0)),
    ],
)
def test_other_scales_hold_the_zero(values, whole, expected):
    scale = scale_around(np.array(values), 1, 0, whole)
    assert not scale.log
    assert (scale.low, scale.high) == expected
