import numpy as np
import pytest

from stages.consensus import membership_confidence
from stages.reporting import rivals
from stages.reporting.rivals import find_rivals


def test_by_hand() -> None:
    # Cluster 7 is images 0, 1, 2; cluster 4 is 3, 4. The second partition, of half the weight, moves image 2.
    partitions = np.array([[0, 0], [0, 0], [0, 1], [1, 1], [1, 1]])
    found = find_rivals(partitions, np.array([2.0, 1.0]), np.array([7, 7, 7, 4, 4]))
    assert found.clusters.tolist() == [-1, -1, 4, 7, 7]
    np.testing.assert_allclose(found.own, [5 / 6, 5 / 6, 2 / 3, 1, 1])
    np.testing.assert_allclose(found.other, [0, 0, 1 / 3, 1 / 9, 1 / 9])
    np.testing.assert_allclose(found.lead, [np.inf, np.inf, 1 / 3, 8 / 9, 8 / 9])


@pytest.mark.parametrize("block", [1 << 22, 12])
def test_against_the_whole_matrix_with_missing_labels(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rivals, "_BLOCK", block)  # some images at a time, or all
    rng = np.random.default_rng(0)
    partitions = rng.integers(-1, 4, size=(40, 6)).astype(np.int32)
    partitions[:, 0] = np.abs(partitions[:, 0])  # every image has a label somewhere
    weights, clusters = rng.random(6) + 0.1, rng.integers(0, 4, 40)
    found = find_rivals(partitions, weights, clusters)
    np.testing.assert_allclose(found.own, membership_confidence(partitions, clusters, weights), atol=1e-12)

    present = partitions >= 0
    together = (partitions[:, None] == partitions[None]) & present[:, None] & present[None]
    norm = np.sqrt(present @ weights)
    matrix = together @ weights / norm[:, None] / norm[None]
    for image in range(40):
        means = np.array([matrix[image, clusters == cluster].mean() for cluster in range(4)])
        means[clusters[image]] = -1
        assert found.clusters[image] == means.argmax()
        assert found.other[image] == pytest.approx(means.max())


def test_one_cluster_and_one_image_have_no_rival() -> None:
    found = find_rivals(np.zeros((3, 1), int), np.ones(1), np.zeros(3, int))
    assert found.clusters.tolist() == [-1, -1, -1]
    assert found.own.tolist() == [1, 1, 1]
    found = find_rivals(np.zeros((1, 1), int), np.ones(1), np.zeros(1, int))
    assert (found.clusters.tolist(), found.own.tolist()) == ([-1], [0])


def test_of_equal_clusters_the_lowest_number() -> None:
    found = find_rivals(np.array([[0], [0], [0], [0]]), np.ones(1), np.array([9, 9, 8, 2]))
    assert found.clusters.tolist() == [2, 2, 2, 8]


def test_images_in_no_cluster_are_nobody_s_rival_and_have_one() -> None:
    found = find_rivals(np.array([[0], [0], [0], [1]]), np.ones(1), np.array([-1, -1, 5, 5]))
    assert found.clusters.tolist() == [5, 5, -1, -1]
    assert found.own.tolist() == [0, 0, 0, 0]
    assert found.other.tolist() == [0.5, 0.5, 0, 0]
