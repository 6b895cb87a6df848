"""Points with error bars: means, standard errors, and an axis that fits them."""

import math

import pytest

from stages.studies.points import BOTTOM, HEIGHT, TOP, point_chart, summarised
from stages.studies.sections import render_points


def test_mean_and_standard_error() -> None:
    scores = summarised("a", "", [0.5, 0.75, 0.7])
    assert (scores.mean, scores.count) == (pytest.approx(0.65), 3)
    # Deviations -.15, .1, .05: their squares sum to .035, the variance is .0175.
    assert scores.error == pytest.approx(math.sqrt(0.0175 / 3))
    assert summarised("a", "", [0.5, 0.5]).error == 0
    assert summarised("a", "", [0.5]).error is None


def test_the_axis_reaches_from_the_lowest_error_bar_to_the_highest() -> None:
    points = [summarised("0.2", "", [0.7, 0.9]), summarised("0.9", "", [0.6])]
    chart = point_chart("t", "eta", "NMI", "e", points, joined=True)
    assert [text for text, _ in chart.ticks] == ["0.60", "0.65", "0.70", "0.75", "0.80", "0.85", "0.90"]
    assert chart.ticks[0][1] == HEIGHT - BOTTOM and chart.ticks[-1][1] == TOP
    ((first, second),) = chart.series
    assert (first.low, first.high) == (chart.ticks[2][1], chart.ticks[6][1])  # .8, error .1
    assert first.y == chart.ticks[4][1] and second.y == second.low == second.high == chart.ticks[0][1]


@pytest.mark.parametrize(
    ("scores", "ends"),
    [
        ([1.0], ("0.975", "1.000")),
        ([0.5], ("0.47", "0.53")),
        ([-0.3, 0.4], ("-0.4", "0.4")),
        ([0.0, 1.0], ("0.0", "1.0")),
    ],
)
def test_scores_that_are_all_alike_or_far_apart_have_an_axis(scores: list[float], ends: tuple[str, str]) -> None:
    points = [summarised(str(place), "", [score]) for place, score in enumerate(scores)]
    chart = point_chart("t", "x", "y", "e", points, joined=False)
    texts = [text for text, _ in chart.ticks]
    assert (texts[0], texts[-1]) == ends and 2 <= len(texts) <= 8
    assert len(set(texts)) == len(texts)
    assert all(TOP <= point.high <= point.low <= HEIGHT - BOTTOM for series in chart.series for point in series)


def test_the_figure_has_every_point_and_escapes_names() -> None:
    points = [
        summarised("<b>", "gamma 1", [0.5, 0.7]),
        summarised("<b>", "gamma 2", [0.25]),
        summarised("c", "gamma 1", [0.75]),
    ]
    svg = render_points(point_chart("jule & co", "variant", "NMI", "bars: se", points, joined=False))
    assert "<title>jule &amp; co</title>" in svg and "<b>" not in svg
    # Deviations of .1: the standard error is sqrt(.02 / 1 / 2) = .1.
    assert "<title>&lt;b&gt;, gamma 1: 0.600 ± 0.100 (2)</title>" in svg
    assert "<title>&lt;b&gt;, gamma 2: 0.250 (1)</title>" in svg
    assert svg.count("<circle") == 3 + 2 and svg.count('class="error"') == 1 and 'class="join"' not in svg
    joined = render_points(point_chart("t", "eta", "NMI", "", points, joined=True))
    assert joined.count('class="join"') == 2
