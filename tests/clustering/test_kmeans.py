"""K-means against a hand-computed case, plain Lloyd iterations and scikit-learn."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.cluster import KMeans as Reference
from sklearn.datasets import load_digits
from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score
from sklearn.utils.estimator_checks import parametrize_with_checks
from threadpoolctl import threadpool_limits

from stages.clustering import kmeans, lloyd
from stages.clustering.kmeans import KMeans
from stages.clustering.lloyd import Lloyd, Points
from stages.clustering.preparation import principal_axes
from stages.core.errors import ParameterError
from tests.clustering.faces import umist


@parametrize_with_checks([KMeans(n_init=2)])
def test_scikit_learns_contract(estimator, check):
    check(estimator)


def _features(rows=500, width=8, seed=0, dtype=np.float32):
    return np.random.default_rng(seed).normal(size=(rows, width)).astype(dtype)


def test_by_hand():
    clustering = KMeans(2, random_state=0).fit(np.array([[0.0], [2], [10], [13]]))
    assert clustering.labels_[0] == clustering.labels_[1] != clustering.labels_[2] == clustering.labels_[3]
    assert sorted(clustering.cluster_centers_.ravel()) == [1, 11.5]
    assert clustering.inertia_ == 1 + 1 + 1.5**2 * 2
    assert clustering.labels_.dtype == np.int32


def _plain_lloyd(features, centers):
    """The labels and the centres; None where a cluster loses all its images, which the plain rule leaves open."""
    labels = None
    while True:
        new = ((features[:, None] - centers) ** 2).sum(axis=2).argmin(axis=1)
        if labels is not None and (new == labels).all():
            return labels, centers
        labels = new
        if len(np.unique(labels)) < len(centers):
            return None
        centers = np.stack([features[labels == cluster].mean(axis=0) for cluster in range(len(centers))])


@pytest.mark.parametrize("shift", [0, 1000])
def test_skipping_images_changes_no_step(shift):
    features = _features(dtype=np.float64) + shift
    start = features[:6]
    labels, centers = _plain_lloyd(features, start)
    state = Lloyd(Points.of(features), start.copy())
    state.run(1000, 0)
    np.testing.assert_array_equal(state.labels, labels)
    np.testing.assert_allclose(state.centers, centers, rtol=1e-9)


@given(st.integers(0, 2**31), st.integers(1, 9), st.sampled_from([0, 0.2, 1]))
@settings(deadline=None, max_examples=40)
def test_bounds_of_groups_change_no_step_either(seed, groups, apart):
    """Two thirds of the starts are far off at first, so that clusters are empty, and filled."""
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(120, 3)) + apart * 9 * rng.integers(0, 3, size=(120, 1))
    start = np.concatenate([features[:4], features[4:12] + 100 * (seed % 2)])
    states = []
    for bounds in (lloyd._BOUNDS, groups * len(features)):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(lloyd, "_BOUNDS", bounds)
            states.append(Lloyd(Points.of(features), start.copy()))
        states[-1].run(1000, 0)
    whole, grouped = states
    assert (len(whole._groups), len(grouped._groups)) == (12, groups)
    np.testing.assert_array_equal(grouped.labels, whole.labels)
    np.testing.assert_allclose(grouped.centers, whole.centers, rtol=1e-9)
    assert grouped.n_iter == whole.n_iter
    if (plain := _plain_lloyd(features, start)) is not None:
        np.testing.assert_array_equal(whole.labels, plain[0])


@pytest.mark.parametrize("groups", [1, 3])
def test_digits_get_the_same_clusters_with_bounds_of_groups(groups, monkeypatch):
    digits = load_digits().data.astype(np.float32)
    whole = KMeans(40, n_init=1, random_state=0).fit(digits)
    monkeypatch.setattr(lloyd, "_BOUNDS", groups * len(digits))
    grouped = KMeans(40, n_init=1, random_state=0).fit(digits)
    assert adjusted_rand_score(whole.labels_, grouped.labels_) > 0.999, "but for rounding"
    assert grouped.inertia_ == pytest.approx(whole.inertia_, rel=1e-5)


def test_a_million_images_fit_in_less_than_their_features_take():
    """Half of the columns, bounds and the sample are what 4,000 clusters of 1,280 features need beside them."""
    features = np.broadcast_to(np.float32(0), (1_000_000, 1280))
    assert kmeans._needed(features, 4000, 64 * 4000) < 6.5e9


def test_an_empty_cluster_gets_the_farthest_image():
    features = np.array([[0.0], [1], [2], [9]])
    state = Lloyd(Points.of(features), np.array([[1.0], [-50], [-60]]))
    state.run(100, 0)
    assert len(set(state.labels.tolist())) == 3


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_small_sets_are_clustered_as_well_as_by_scikit_learn(dtype):
    ours, theirs = [], []
    for seed in range(5):
        features = _features(rows=400, width=20, seed=seed, dtype=dtype)
        ours.append(KMeans(12, random_state=seed).fit(features).inertia_)
        with threadpool_limits(1):  # many threads are slow where the set is small
            theirs.append(Reference(12, n_init=10, random_state=seed).fit(features).inertia_)
    assert np.mean(ours) == pytest.approx(np.mean(theirs), rel=0.005)


def test_starts_on_a_sample_lose_nothing(monkeypatch):
    features = _features(rows=6000, width=10)
    expected = KMeans(15, n_init=3, random_state=0).fit(features)
    monkeypatch.setattr(kmeans, "_SAMPLE", 1000)
    sampled = KMeans(15, n_init=3, random_state=0).fit(features)
    assert sampled.inertia_ != expected.inertia_, "no sample was taken"
    assert sampled.inertia_ == pytest.approx(expected.inertia_, rel=0.01)


def _moved_digits(rows, width=256):
    """Real digits, moved by a pixel and through a random rectified layer, along their principal axes."""
    rng = np.random.default_rng(0)
    digits = load_digits().images[rng.integers(0, 1797, rows)].astype(np.float32)
    pixels = [
        np.roll(one, move, (0, 1)).ravel()
        for one, move in zip(digits, rng.integers(-1, 2, (rows, 2)), strict=True)
    ]
    weights = rng.normal(size=(64, width)).astype(np.float32)
    return principal_axes(np.maximum(np.stack(pixels) @ weights, 0))


def _drawn_groups(rows, width=96):
    rng = np.random.default_rng(1)
    groups = 2 * rng.normal(size=(30, width))[rng.integers(0, 30, rows)] + rng.normal(size=(rows, width))
    return principal_axes((groups / np.arange(1, width + 1) ** 0.7).astype(np.float32))


@pytest.mark.parametrize("make", [_moved_digits, _drawn_groups])
@pytest.mark.parametrize("n_clusters", [10, 100])
def test_starts_on_the_leading_columns_lose_nothing(make, n_clusters, monkeypatch):
    features = make(2500)
    found = [KMeans(n_clusters, n_init=3, random_state=seed).fit(features) for seed in range(3)]
    monkeypatch.setattr(kmeans, "_PROJECTED", len(features) + 1)
    expected = [KMeans(n_clusters, n_init=3, random_state=seed).fit(features) for seed in range(3)]
    assert all(a.inertia_ != b.inertia_ for a, b in zip(found, expected, strict=True)), "all columns were used"
    assert np.mean([a.inertia_ for a in found]) <= 1.005 * np.mean([b.inertia_ for b in expected])


def test_on_a_sample_too_they_lose_nothing(monkeypatch):
    features = _moved_digits(4500)
    whole = KMeans(30, n_init=3, random_state=0).fit(features).inertia_
    monkeypatch.setattr(kmeans, "_SAMPLE", 2100)
    found = [KMeans(30, n_init=3, random_state=seed).fit(features).inertia_ for seed in range(3)]
    assert found[0] != whole, "no sample was taken"
    monkeypatch.setattr(kmeans, "_PROJECTED", len(features) + 1)
    expected = [KMeans(30, n_init=3, random_state=seed).fit(features).inertia_ for seed in range(3)]
    assert np.mean(found) <= 1.005 * np.mean(expected)


def test_starts_on_the_leading_columns_do_not_depend_on_order_or_threads():
    features = _drawn_groups(2200)
    with threadpool_limits(1):
        first = KMeans(20, n_init=2, random_state=3).fit(features)
    with threadpool_limits(4):
        second = KMeans(20, n_init=2, random_state=3).fit(features)
    assert first.labels_.tobytes() == second.labels_.tobytes()
    order = np.random.default_rng(0).permutation(len(features))
    shuffled = KMeans(20, n_init=2, random_state=3).fit(features[order])
    assert adjusted_rand_score(first.labels_[order], shuffled.labels_) == 1


def test_images_that_the_leading_columns_do_not_tell_apart_are_still_clustered():
    features = np.zeros((2100, 40))
    features[:, 0] = np.where(np.arange(2100) % 2, 10.0, -10.0)
    features[np.arange(2100), 1 + np.arange(2100) % 30] += 1e-3
    clustering = KMeans(25, n_init=2, random_state=0).fit(features)
    assert set(clustering.labels_.tolist()) == set(range(25))
    assert np.isfinite(clustering.cluster_centers_).all()


@pytest.mark.parametrize("sample", [100, 10_000])
def test_the_same_seed_gives_the_same_bytes_and_shuffling_the_same_clusters(sample, monkeypatch):
    monkeypatch.setattr(kmeans, "_SAMPLE", sample)
    monkeypatch.setattr(kmeans, "_SAMPLE_A_CLUSTER", 1)
    features = _features(seed=4)
    first, second = (KMeans(9, n_init=2, random_state=3).fit(features) for _ in range(2))
    assert first.labels_.tobytes() == second.labels_.tobytes()
    assert first.cluster_centers_.tobytes() == second.cluster_centers_.tobytes()
    assert first.inertia_ == second.inertia_
    order = np.random.default_rng(0).permutation(len(features))
    shuffled = KMeans(9, n_init=2, random_state=3).fit(features[order])
    assert adjusted_rand_score(first.labels_[order], shuffled.labels_) == 1


@given(
    arrays(np.float64, st.tuples(st.integers(1, 12), st.integers(1, 3)), elements=st.integers(-3, 3).map(float)),
    st.data(),
)
@settings(deadline=None, max_examples=60)
def test_labels_are_the_nearest_centres_whatever_is_clustered(features, data):
    count = data.draw(st.integers(1, len(np.unique(features, axis=0))))
    clustering = KMeans(count, n_init=2, random_state=0).fit(features)
    squares = ((features[:, None] - clustering.cluster_centers_) ** 2).sum(axis=2)
    np.testing.assert_allclose(
        squares[np.arange(len(features)), clustering.labels_], squares.min(axis=1), atol=1e-9
    )
    assert clustering.inertia_ == pytest.approx(squares.min(axis=1).sum(), abs=1e-9)
    assert set(clustering.labels_.tolist()) == set(range(count))


def test_predict_continues_the_partition():
    features = _features()
    clustering = KMeans(5, random_state=0).fit(features)
    np.testing.assert_array_equal(clustering.predict(features), clustering.labels_)
    np.testing.assert_array_equal(clustering.predict(clustering.cluster_centers_), np.arange(5))


def test_the_faces_score_as_published():
    features, persons = umist()
    scores = [
        normalized_mutual_info_score(
            persons, KMeans(20, n_init=3, random_state=seed).fit_predict(features), average_method="geometric"
        )
        for seed in range(5)
    ]
    assert 0.58 <= np.mean(scores) <= 0.62


def test_as_many_clusters_as_images_one_cluster_and_one_image():
    assert len(set(KMeans(30, random_state=0).fit_predict(_features(30)).tolist())) == 30
    assert set(KMeans(1).fit_predict(np.ones((4, 2))).tolist()) == {0}
    assert KMeans(1).fit_predict(np.ones((1, 2))).tolist() == [0]


@pytest.mark.parametrize(
    ("clustering", "features", "message"),
    [
        (KMeans(4), np.eye(3), "n_clusters is 4; give a whole number from 1 to 3"),
        (KMeans(2), np.ones((3, 2)), "n_clusters is 2, but only 1 of the 3 images differ; give at most 1"),
        (KMeans(2), np.array([[1.0], [-0.0], [0.0], [1.0]])[1:3], "only 1 of the 2 images differ"),
        (KMeans(2), np.array([[0.0], [np.nan]]), "features hold NaN in row 1, column 0"),
        (KMeans(2), np.array([[0.0], [np.inf]]), "features hold inf in row 1, column 0"),
        (KMeans(2), np.array([[0.0], [1e30]], dtype=np.float32), r"as large as .*: squares overflow"),
        (KMeans(2, n_init=0), np.eye(3), "n_init is 0; give a whole number of at least 1"),
        (KMeans(2, max_iter=0), np.eye(3), "max_iter is 0; give a whole number of at least 1"),
        (KMeans(2, tol=-1), np.eye(3), "tol is -1; give a number of at least 0"),
    ],
)
def test_refused(clustering, features, message):
    with pytest.raises(ParameterError, match=message):
        clustering.fit(features)


def test_more_memory_than_there_is_is_refused(monkeypatch):
    monkeypatch.setattr("stages.core.memory.available_memory", lambda: 1 << 20)
    with pytest.raises(ParameterError, match=r"K-means of 400000 images would take .* GiB of memory"):
        KMeans(200_000).fit(np.arange(400_000.0)[:, None])
