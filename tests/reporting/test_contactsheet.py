import base64
import io

import numpy as np
import pytest
from PIL import Image

from stages.reporting import choose_images, cluster_sizes, contact_sheet, thumbnail
from stages.reporting.contactsheet import Tile


def test_most_and_least_confident_by_hand() -> None:
    clusters = np.array([5, 1, 5, 5, 5, 1, 5])
    confidence = np.array([0.2, 0.9, 0.8, 0.5, 0.8, 0.3, 0.1])
    large, small = choose_images(clusters, confidence, per_cluster=3)
    assert (large.cluster, large.size, small.cluster, small.size) == (5, 5, 1, 2)
    assert large.confidence == pytest.approx(0.48)
    assert large.most.tolist() == [2, 4]  # equal confidence: the table's order
    assert large.least.tolist() == [6]
    assert (small.most.tolist(), small.least.tolist()) == ([1, 5], [])  # shown whole


@pytest.mark.parametrize("per_cluster", [1, 2, 3, 4, 5, 12])
@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 11, 12, 13])
def test_no_image_comes_twice(per_cluster: int, size: int) -> None:
    (sheet,) = choose_images(np.zeros(size, int), np.ones(size), per_cluster)
    assert len(sheet.rows) == len(set(sheet.rows)) == min(size, per_cluster)


def test_unknown_confidence_comes_last_and_out_of_the_mean() -> None:
    (sheet,) = choose_images(np.zeros(3, int), np.array([np.nan, 0.25, 0.75]), 3)
    assert sheet.most.tolist() == [2, 1, 0]
    assert sheet.confidence == 0.5
    (sheet,) = choose_images(np.zeros(1, int), np.array([np.nan]), 3)
    assert np.isnan(sheet.confidence)


def test_the_smallest_clusters_go_without_where_a_page_would_get_too_heavy() -> None:
    clusters = np.repeat([0, 1, 2], [2, 4, 3])
    assert [sheet.cluster for sheet in choose_images(clusters, np.ones(9), 3, limit=6)] == [1, 2]
    assert cluster_sizes(clusters) == ((1, 4), (2, 3), (0, 2))


def test_a_sheet_names_the_commonest_label_of_the_labelled() -> None:
    (sheet,) = choose_images(np.zeros(2, int), np.ones(2), 12)
    tiles = {row: Tile(f"{row}.png", 1.0, "", "data:,") for row in range(2)}
    laid_out = contact_sheet(sheet, tiles, np.array([1, 1, 0, -1]), ["oak", "elm"])
    assert laid_out.commonest == "2 of 3 labelled elm"
    assert [tile.name for tile in laid_out.strips[0].tiles] == ["0.png", "1.png"]
    assert contact_sheet(sheet, tiles, np.array([-1, -1]), []).commonest == ""


def test_a_thumbnail_is_a_small_jpeg_of_the_whole_image() -> None:
    uri = thumbnail(Image.new("RGB", (400, 100), "red"), 64)
    head, _, data = uri.partition(",")
    assert head == "data:image/jpeg;base64"
    with Image.open(io.BytesIO(base64.b64decode(data))) as image:
        assert (image.format, image.size) == ("JPEG", (64, 16))
        assert not image.getexif()
    small = thumbnail(Image.new("RGB", (1, 900)), 64)  # the shorter side keeps a pixel
    with Image.open(io.BytesIO(base64.b64decode(small.partition(",")[2]))) as image:
        assert image.size == (1, 64)
