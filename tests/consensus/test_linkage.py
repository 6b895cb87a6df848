"""Linkage without a matrix against scipy's on the matrix, and against plain agglomeration where distances tie."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.cluster.hierarchy import fcluster
from scipy.cluster.hierarchy import linkage as scipy_linkage
from scipy.spatial.distance import squareform
from sklearn.cluster import KMeans
from sklearn.datasets import load_digits
from sklearn.metrics import adjusted_rand_score
from threadpoolctl import threadpool_limits

from stages.consensus.linkage import LINKAGES, linkage
from stages.core.errors import ParameterError
from tests.consensus.reference import coassociation, greediness
from tests.consensus.strategies import incomplete_partitions, partitions
from tests.pipeline.project import ROOT

UMIST = ROOT.parent / "shared" / "datasets" / "umist"
weights = arrays(np.float64, 5, elements=st.floats(0.1, 3))


def _scipy(values, method, column_weights=None):
    distances = np.clip(1 - coassociation(values, column_weights), 0, 1)
    np.fill_diagonal(distances, 0)
    return scipy_linkage(squareform(distances, checks=False), method)


def test_by_hand():
    # 0 and 1 agree everywhere, 2 and 3 in two of three partitions, 1 and 2 in one.
    values = np.array([[0, 0, 5], [0, 0, 5], [1, 1, 5], [1, 1, 7]])
    merges = linkage(values).merges
    np.testing.assert_allclose(
        merges, [[0, 1, 0, 2], [2, 3, 1 / 3, 2], [4, 5, (2 / 3 + 2 / 3 + 1 + 1) / 4, 4]], atol=1e-12
    )


def test_weights_and_missing_labels_by_hand():
    # Weights 1 and 3. Images 0 and 1 agree in the heavy partition: 3/4. Image 2 has but the light one, and shares
    # it with image 0: 1 / sqrt(1 * 4); with image 1 it shares nothing.
    values = np.array([[0, 0], [1, 0], [0, -1]])
    heights = linkage(values, "single", [1, 3]).merges[:, 2]
    np.testing.assert_allclose(heights, [1 / 4, 1 / 2])
    heights = linkage(values, "average", [1, 3]).merges[:, 2]
    np.testing.assert_allclose(heights, [1 / 4, (1 / 2 + 1) / 2])


@pytest.mark.parametrize("method", LINKAGES)
@given(incomplete_partitions(), weights)
@settings(deadline=None, max_examples=100)
def test_every_merge_joins_the_two_nearest_groups(method, values, column_weights):
    for given_weights in (None, column_weights[: values.shape[1]]):
        distances = 1 - coassociation(values, given_weights)
        assert greediness(distances, linkage(values, method, given_weights).merges, method) < 1e-9


@pytest.mark.parametrize("method", LINKAGES)
@pytest.mark.parametrize("seed", range(20))
def test_equal_to_scipy_where_no_distances_tie(method, seed):
    """Weights that all differ leave ties of complete linkage alone, where few partitions agree on two images."""
    rng = np.random.default_rng(seed)
    values = rng.integers(0, rng.integers(2, 6), (60, 40))
    column_weights = rng.random(40)
    expected = _scipy(values, method, column_weights)
    found = linkage(values, method, column_weights)
    np.testing.assert_allclose(found.merges[:, 2], expected[:, 2], atol=1e-9)
    if method != "complete":
        np.testing.assert_array_equal(found.merges[:, 3], expected[:, 3])
        np.testing.assert_array_equal(np.sort(found.merges[:, :2]), np.sort(expected[:, :2]))


@pytest.mark.parametrize("seed", range(3))
def test_equal_to_scipy_where_groups_have_hundreds_of_labels(seed):
    """Noisy copies of eight classes in 60 clusters each: labels of large groups are looked up in tiers."""
    rng = np.random.default_rng(seed)
    hidden = rng.integers(0, 8, 900)
    values = hidden[:, None] * 7 + rng.integers(0, 7, (900, 25))
    values = np.where(rng.random(values.shape) < 0.2, rng.integers(0, 60, values.shape), values)
    column_weights = rng.random(25) + 0.1
    found = linkage(values, weights=column_weights)
    np.testing.assert_allclose(found.merges[:, 2], _scipy(values, "average", column_weights)[:, 2], atol=1e-9)
    assert adjusted_rand_score(hidden, found.cut(8)) > 0.99


def _faces():
    from PIL import Image

    if not UMIST.is_dir():
        pytest.skip("the UMist faces are not beside the repository")
    files = sorted(UMIST.glob("images/*.png"))
    return np.stack([np.asarray(Image.open(file).resize((23, 28)), float).ravel() for file in files])


@pytest.mark.parametrize("images", [lambda: load_digits().data[:600], _faces], ids=["digits", "faces"])
def test_equal_to_scipy_on_partitions_of_real_images(images):
    pixels = images()
    with threadpool_limits(1):
        values = np.column_stack(
            [KMeans(k, n_init=1, random_state=k).fit_predict(pixels) for k in range(60, 120, 5)]
        )
    # Equal weights make distances tie, and scipy breaks ties by the order of the images.
    column_weights = np.random.default_rng(0).random(values.shape[1]) + 0.5
    expected = _scipy(values, "average", column_weights)
    found = linkage(values, "average", column_weights)
    np.testing.assert_allclose(found.merges[:, 2], expected[:, 2], atol=1e-9)
    assert adjusted_rand_score(found.cut(20), fcluster(expected, 20, "maxclust")) == 1
    distances = 1 - coassociation(values[:150])
    assert greediness(distances, linkage(values[:150]).merges, "average") < 1e-9


@given(partitions, st.randoms(use_true_random=False))
@settings(deadline=None, max_examples=100)
def test_neither_the_order_of_images_nor_the_names_of_labels_matter(values, random):
    order = list(range(len(values)))
    random.shuffle(order)
    renamed = np.stack([np.array(random.sample(range(9), 9))[column] for column in values.T], axis=1)
    heights = linkage(values).merges[:, 2]
    np.testing.assert_array_equal(heights, linkage(renamed[order]).merges[:, 2])


def test_the_order_of_images_changes_no_cluster_of_images_that_their_labels_tell_apart():
    rng = np.random.default_rng(5)
    values = rng.integers(0, 3, (80, 4))
    order = rng.permutation(80)
    labels = linkage(values)
    moved = linkage(values[order])
    for count in (2, 5, 20):
        assert adjusted_rand_score(labels.cut(count)[order], moved.cut(count)) == 1


@given(partitions)
@settings(deadline=None, max_examples=60)
def test_a_partition_twice_is_a_partition_of_weight_two(values):
    """Of the same distances. Equal ones may be joined in another order, which heights of average linkage show."""
    weights = [2, *[1] * (values.shape[1] - 1)]
    doubled = np.column_stack([values[:, 0], values])
    distances = 1 - coassociation(values, weights)
    assert greediness(distances, linkage(values, weights=weights).merges, "average") < 1e-9
    assert greediness(distances, linkage(doubled).merges, "average") < 1e-9
    once, twice = linkage(values, "single", weights), linkage(doubled, "single")
    np.testing.assert_allclose(once.merges[:, 2], twice.merges[:, 2], atol=1e-12)


def test_groups_without_a_common_label_are_joined_last_the_smallest_first():
    values = np.array([[0], [0], [0], [1], [2], [2]])
    merges = linkage(values).merges
    assert merges[:, 2].tolist() == [0, 0, 0, 1, 1]
    assert sorted(np.bincount(linkage(values).cut(2))) == [3, 3]  # the lone image joins the pair


def test_one_image_and_equal_images():
    assert linkage(np.array([[3, 1]])).merges.shape == (0, 4)
    assert linkage(np.ones((5, 2), dtype=int)).merges[:, 2].tolist() == [0, 0, 0, 0]


@pytest.mark.parametrize("method", ["average", "single"])
def test_many_images_take_no_matrix(method):
    """30,000 images, whose matrix would take 7 GB: found in a process that already holds far less memory."""
    rng = np.random.default_rng(0)
    hidden = rng.integers(0, 300, 30_000)
    noisy = [np.where(rng.random(30_000) < 0.1, rng.integers(0, 300, 30_000), hidden) for _ in range(8)]
    dendrogram = linkage(np.column_stack(noisy), method)
    if method == "average":
        assert adjusted_rand_score(hidden, dendrogram.cut(300)) > 0.99
    assert dendrogram.merges[-1, 3] == 30_000


def test_what_would_not_fit_is_refused_with_the_figure(monkeypatch):
    monkeypatch.setattr("stages.core.memory.available_memory", lambda: 1 << 20)
    values = np.arange(40_000).reshape(-1, 2)
    with pytest.raises(
        ParameterError,
        match=r"the consensus of 20000 images in 2 partitions would take 0.0 GiB of memory, of which 0.0 GiB are",
    ):
        linkage(values)
    monkeypatch.setattr("stages.core.memory.available_memory", lambda: 1 << 30)
    with pytest.raises(
        ParameterError, match=r"complete linkage of 20000 images with different labels would take 6.0"
    ):
        linkage(values, "complete")
    assert len(linkage(values).merges) == 19_999


def test_an_unknown_linkage_is_refused():
    with pytest.raises(ParameterError, match="linkage is 'ward'; give one of average, single, complete"):
        linkage(np.zeros((3, 1), dtype=int), "ward")
