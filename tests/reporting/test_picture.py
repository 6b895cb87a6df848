"""The picture of the maps."""

import io

import numpy as np
import pytest
from PIL import Image

from stages.reporting import maps_picture


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
