import numpy as np

from stages.reporting import scatter
from stages.reporting.figures import BESIDE, MARGIN, SIZE


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


def test_equal_points_lie_in_the_middle() -> None:
    plot = scatter(np.zeros((3, 2)), np.zeros(3, int), np.full(3, -1))
    assert plot.dots[0].path == f"M{SIZE / 2:.1f} {SIZE / 2:.1f}h0" * 3
