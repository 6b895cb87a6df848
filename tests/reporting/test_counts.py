"""The page on the number of clusters, and where the curves are drawn."""

from dataclasses import replace

import numpy as np
import pytest

from stages.reporting.counts import HEIGHT, MARGIN, WIDTH, Answer, Counts, count_chart
from tests.reporting.partials import fill

NAN = float("nan")
ANSWER = Answer(used=4, found=4, clear=True, plausible=(4, 4), coarser=None, finer=None)


def counts(modularity, lifetime, silhouette):
    return Counts(np.array([2, 4, 8]), *(np.array(curve) for curve in (modularity, lifetime, silhouette)))


def verdict(**changed):
    return count_chart(counts([0, 1, 0], [0, 1, 0], [0, 1, 0]), replace(ANSWER, **changed)).verdict


def test_each_curve_points_at_its_greatest_value_and_the_first_decides():
    chart = count_chart(counts([0.1, 0.5, 0.2], [0.2, 0.795, 0.8], [0.3, 0.2, 0.4]), ANSWER)
    assert [(curve.title, curve.count, curve.value) for curve in chart.curves] == [
        ("Modularity", 4, 0.5),
        ("Silhouette", 8, 0.4),
        ("Lifetime", 8, 0.8),
    ]
    assert (chart.least, chart.most) == (2, 8)
    # 4 is half way from 2 to 8 on a logarithmic axis.
    assert chart.curves[0].used == WIDTH / 2
    assert chart.curves[0].best == (WIDTH / 2, MARGIN)


def test_a_curve_lies_within_its_frame():
    undefined = counts([NAN] * 3, [NAN] * 3, [-0.5, 0.0, 0.5])
    (curve,) = count_chart(undefined, replace(ANSWER, used=16)).curves
    points = [tuple(map(float, pair.split())) for pair in curve.path.removeprefix("M").split("L")]
    assert points == [
        (MARGIN, HEIGHT - MARGIN),
        (WIDTH / 2, HEIGHT / 2),
        (WIDTH - MARGIN, MARGIN),
    ]
    assert curve.used is None


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({}, "The views speak for 4 groups."),
        ({"used": 1, "found": 1, "plausible": (1, 1)}, "The views speak for 1 group."),
        ({"plausible": (3, 6)}, "The views speak for 4 groups; 3 to 6 are about as good."),
        (
            {"used": 6, "plausible": (3, 6)},
            "The views speak for 4; 3 to 6 are about as good. This page has 6, which is about as good.",
        ),
        (
            {"used": 7, "plausible": (3, 6)},
            "The views speak for 4; 3 to 6 are about as good. This page has 7, which was asked for.",
        ),
        ({"used": 2}, "The views speak for 4. This page has 2, which was asked for."),
        (
            {"clear": False, "plausible": (3, 6)},
            "The images form no clear groups: a cloud without any would be cut as well. "
            "This page has 4 groups all the same.",
        ),
        (
            {"clear": False, "used": 1, "found": 1, "plausible": (1, 1)},
            "The images form no clear groups: a cloud without any would be cut as well. "
            "This page has 1 group all the same.",
        ),
    ],
)
def test_the_verdict_says_what_was_found_and_what_the_page_has(changed, sentence):
    assert verdict(**changed) == sentence


@pytest.mark.parametrize(
    ("changed", "others"),
    [
        ({}, ()),
        ({"coarser": 2, "finer": 9}, (("coarser", 2), ("finer", 9))),
        ({"used": 7}, (("found", 4),)),
        ({"used": 9, "coarser": 2, "finer": 9}, (("coarser", 2), ("found", 4))),
    ],
)
def test_other_numbers_in_reach_are_those_that_the_page_does_not_have(changed, others):
    assert count_chart(counts([0, 1, 0], [0, 1, 0], [0, 1, 0]), replace(ANSWER, **changed)).others == others


def test_the_section_lists_them_with_the_command_for_the_first():
    chart = count_chart(counts([0, 1, 0], [0, 1, 0], [0, 1, 0]), replace(ANSWER, used=7, coarser=2, finer=9))
    html = fill("count", counts=chart)
    assert "<p>Coarser: 2, found: 4, finer: 9." in html
    assert "set <code>n_clusters: 2</code> in <code>params.yaml</code> and run <code>dvc repro</code>" in html
    assert "<code>manyviews cut 2 --dataset d</code>" in html
    assert html.count("<svg") == 3
    assert 'aria-label="Modularity for 2 to 8 clusters: greatest, 1.00, with 4."' in html


def test_the_section_offers_no_command_where_there_is_no_other_number():
    html = fill("count", counts=count_chart(counts([0, 1, 0], [NAN] * 3, [NAN] * 3), ANSWER))
    assert "manyviews cut" not in html
    assert "<details open>" in html, "a single curve is shown at once"


def test_without_curves_there_is_the_answer_alone():
    empty = np.array([])
    answer = Answer(1, 1, clear=False, plausible=(1, 1), coarser=None, finer=None)
    chart = count_chart(Counts(empty.astype(int), empty, empty, empty), answer)
    assert (chart.curves, chart.least, chart.most) == ((), 1, 1)
    assert "<details" not in fill("count", counts=chart)
