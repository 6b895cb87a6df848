"""The maps: as shapes for the page, and as a picture."""

import io

import numpy as np
import pytest
from PIL import Image

from stages.reporting.maps import BESIDE, MARGIN, SIZE, maps_picture, scatter


def test_dots_are_grouped_by_cluster_and_label_on_one_scale() -> None:
    points = np.array([[0.0, 0.0], [4.0, 0.0], [4.0, 2.0]])
    plot = scatter(points, np.array([7, 7, 2]), np.array([-1, 0, 0]))
    assert [(dots.cluster, dots.label, dots.count) for dots in plot.dots] == [(2, 0, 1), (7, -1, 1), (7, 0, 1)]
    unit = (SIZE - 2 * MARGIN) / 4
    # The wider axis fills the drawing, the other is centred on the same scale, and up is up.
    assert [dots.path for dots in plot.dots] == [
        f"M{SIZE - MARGIN:.1f} {SIZE / 2 - unit:.1f}h0",
        f"M{MARGIN:.1f} {SIZE / 2 + unit:.1f}h0",
        f"M{SIZE - MARGIN:.1f} {SIZE / 2 + unit:.1f}h0",
    ]
    np.testing.assert_allclose(plot.points[:, 0], [MARGIN, SIZE - MARGIN, SIZE - MARGIN])  # in the images' order
    assert (plot.marks[0].x, plot.marks[0].y) == (SIZE - MARGIN, SIZE / 2 - unit - BESIDE)


def test_images_in_no_cluster_are_dots_without_a_number() -> None:
    points, clusters = np.array([[0.0, 0.0], [4.0, 0.0], [4.0, 2.0]]), np.array([-1, 0, 0])
    plot = scatter(points, clusters, np.full(3, -1))
    assert [(dots.cluster, dots.count) for dots in plot.dots] == [(-1, 1), (0, 2)]
    assert [mark.cluster for mark in plot.marks] == [0]
    with Image.open(io.BytesIO(maps_picture("", [("a", points)], clusters))) as image:
        colours = {colour for _, colour in image.convert("RGB").getcolors(1 << 24)}
    assert {(204, 204, 204), (31, 119, 180)} <= colours, "grey, and the first colour of tab10"


def test_equal_points_lie_in_the_middle() -> None:
    plot = scatter(np.zeros((3, 2)), np.zeros(3, int), np.full(3, -1))
    assert plot.dots[0].path == f"M{SIZE / 2:.1f} {SIZE / 2:.1f}h0" * 3


@pytest.mark.parametrize("count", [1, 3, 25])
def test_a_png_of_the_same_bytes_each_time_with_a_colour_per_cluster(count):
    points = np.random.default_rng(0).normal(size=(300, 2))
    clusters = np.arange(300) % count
    picture = maps_picture("title $x_1$ of $", [("a_b", points), ("b", -points)], clusters)
    assert picture == maps_picture("title $x_1$ of $", [("a_b", points), ("b", -points)], clusters)
    with Image.open(io.BytesIO(picture)) as image:
        assert image.format == "PNG"
        assert image.width > image.height
        assert not image.text, "no version of the program in it"
        saturated = [colour for _, colour in image.convert("HSV").getcolors(1 << 24) if colour[1] > 120]
    assert len({colour[0] // 4 for colour in saturated}) >= min(count, 10) - 3
