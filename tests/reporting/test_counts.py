"""What the curves over the number of clusters say, and where they are drawn."""

import numpy as np
import pytest

from stages.reporting.counts import HEIGHT, MARGIN, WIDTH, Counts, count_chart

NAN = float("nan")


def _counts(lifetime, stability, silhouette):
    return Counts(np.array([2, 4, 8]), *(np.array(curve) for curve in (lifetime, stability, silhouette)))


def test_each_curve_points_at_its_greatest_value_and_stability_at_the_first_as_good():
    chart = count_chart(_counts([0.1, 0.5, 0.2], [0.2, 0.795, 0.8], [0.3, 0.2, 0.4]), used=4)
    assert [(curve.title, curve.count) for curve in chart.curves] == [
        ("Lifetime", 4),
        ("Stability", 4),
        ("Silhouette", 8),
    ]
    assert chart.verdict.startswith(
        "They disagree: lifetime at 4, stability at 4 and silhouette at 8; this page has 4."
    )
    assert (chart.least, chart.most) == (2, 8)
    # 4 is half way from 2 to 8 on a logarithmic axis.
    assert chart.curves[0].used == WIDTH / 2
    assert chart.curves[0].best == (WIDTH / 2, MARGIN)


def test_a_curve_lies_within_its_frame():
    (curve,) = count_chart(_counts([NAN] * 3, [NAN] * 3, [-0.5, 0.0, 0.5]), used=16).curves
    points = [tuple(map(float, pair.split())) for pair in curve.path.removeprefix("M").split("L")]
    assert points == [
        (MARGIN, HEIGHT - MARGIN),
        (WIDTH / 2, HEIGHT / 2),
        (WIDTH - MARGIN, MARGIN),
    ]
    assert curve.used is None


@pytest.mark.parametrize(
    ("used", "verdict"),
    [
        (4, "Everything here points at the 4 clusters of this page."),
        (2, "Everything here points at 4 clusters, not at the 2 of this page."),
    ],
)
def test_agreement(used, verdict):
    assert count_chart(_counts([0, 1, 0], [0, 1, 0], [0, 1, 0]), used).verdict == verdict


def test_nothing_to_compare_by():
    empty = np.array([])
    chart = count_chart(Counts(empty.astype(int), empty, empty, empty), used=1)
    assert chart.curves == ()
    assert chart.verdict == "There is nothing to compare the number of clusters by."
