"""Factorising clusterers against plain transcriptions of their updates, and on real faces."""

import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score

from stages.clustering.nmf_deep import DeepSemiNMF, _spanned, factorise, nonnegative_start, semi_nmf
from stages.clustering.nmf_lp import NMFLP, _weighted
from stages.core.errors import ParameterError
from tests.clustering.faces import umist


def _geometric_nmi(classes, labels):
    """The score that the published comparisons give."""
    return normalized_mutual_info_score(classes, labels, average_method="geometric")


def test_weights_by_hand():
    # All inner products with the sum (3, 1, 4): 3, 5, 18 before the division by the largest entry.
    features = np.array([[1.0, 0, 0], [0, 1, 1], [2, 0, 3]])
    weighted, weights = _weighted(features)
    assert weights[0] / weights[1] == pytest.approx(5 / 3)
    assert weights[0] / weights[2] == pytest.approx(18 / 3)
    assert weighted.mean() == pytest.approx(1)
    # A row divided by its weight is the row again, but for one factor.
    again = weighted / weights[:, None]
    np.testing.assert_allclose(again / again[0, 0], features)


def test_the_weight_of_an_empty_image_is_finite():
    weighted, weights = _weighted(np.array([[0.0, 0], [1, 2], [3, 0]]))
    assert np.isfinite(weights).all()
    assert weighted[0].tolist() == [0, 0]


def _plain_kl_step(X, V, U, weights):
    """One round of multiplicative updates of sum_i weights_i KL(x_i | v_i U)."""
    V = V * ((X / (V @ U)) @ U.T) / U.sum(axis=1)
    U = U * (V.T @ (weights[:, None] * X / (V @ U))) / (weights @ V)[:, None]
    return V, U


def test_factorising_weighted_rows_is_a_weighted_factorisation():
    from sklearn.decomposition import NMF

    rng = np.random.default_rng(0)
    X, V, U = rng.uniform(size=(8, 6)), rng.uniform(0.1, 1, (8, 3)), rng.uniform(0.1, 1, (3, 6))
    weighted, weights = _weighted(X)
    model = NMF(3, init="custom", solver="mu", beta_loss="kullback-leibler", max_iter=4, tol=0)
    scaled = model.fit_transform(weighted, W=V * weights[:, None], H=U.copy())
    for _ in range(4):
        V, U = _plain_kl_step(X / X.max(), V, U, weights)
    np.testing.assert_allclose(scaled / weights[:, None], V, rtol=1e-6)
    np.testing.assert_allclose(model.components_, U, rtol=1e-6)


def test_more_starts_fit_no_worse():
    X = np.random.default_rng(3).uniform(size=(30, 20))
    chance = np.random.RandomState(0)
    model = NMFLP(rank=4, n_iterations=10)
    divergences = [model._factorise(X, chance)[0] for _ in range(6)]
    assert len(set(divergences)) == 6
    kept = []

    class Spy(NMFLP):
        def _factorise(self, features, chance):
            kept.append(super()._factorise(features, chance))
            return kept[-1]

    labels = Spy(3, rank=4, n_iterations=10, n_starts=6, random_state=0).fit_predict(X)
    assert len(kept) == 6
    assert sorted(set(labels.tolist())) == [0, 1, 2]


def test_negative_features_are_refused_with_their_place():
    features = np.ones((4, 3))
    features[2, 1] = -0.25
    message = r"Negative values in data passed to NMF: -0\.25 in row 2, column 1; take features .* or DeepSemiNMF"
    with pytest.raises(ParameterError, match=message):
        NMFLP(2).fit(features)


def _plain_start(X, width):
    """NNDSVD, vector by vector, on |X|; the left factor."""
    left, singular, right = np.linalg.svd(np.abs(X))
    columns = []
    for u, s, v in zip(left.T[:width], singular, right, strict=False):
        pairs = [(np.maximum(sign * u, 0), np.maximum(sign * v, 0)) for sign in (1, -1)]
        a, b = max(pairs, key=lambda pair: np.linalg.norm(pair[0]) * np.linalg.norm(pair[1]))
        columns.append(np.sqrt(s * np.linalg.norm(a) * np.linalg.norm(b)) * a / np.linalg.norm(a))
    return np.column_stack(columns)


def _plain_update(H, A, B):
    parts = {sign: (np.abs(A) + sign * A, np.abs(B) + sign * B) for sign in (1, -1)}
    return H * np.sqrt((parts[1][0] + H @ parts[-1][1]) / np.maximum(parts[-1][0] + H @ parts[1][1], 2e-10))


def _plain_deep(X, width, iterations):
    """Algorithm 1 for two layers with as many updates everywhere as told; rows are images."""
    pinv = np.linalg.pinv
    H, Z = X, []
    for _ in range(2):
        V, H = H, _plain_start(H, width)
        for _ in range(iterations):
            basis = pinv(H) @ V
            H = _plain_update(H, V @ basis.T, basis @ basis.T)
        Z.append(basis)
    for _ in range(iterations):
        first = pinv(H @ Z[1]) @ X
        Z = [first, pinv(H) @ X @ pinv(first)]
        product = Z[1] @ Z[0]
        H = _plain_update(H, X @ product.T, product @ product.T)
    return H


@pytest.mark.parametrize("shape", [(20, 6), (20, 50)], ids=["narrow", "wide"])
def test_layers_equal_a_plain_transcription(shape):
    X = np.random.default_rng(2).normal(size=shape)
    # Five updates: below ten nothing looks whether they suffice, so that both sides do as many.
    found = factorise(X, (4, 4), 5, tol=-np.inf)
    np.testing.assert_allclose(found, _plain_deep(X, 4, 5), rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("shape", [(9, 14), (14, 9)])
def test_the_start_equals_a_plain_transcription(shape):
    X = np.random.default_rng(6).normal(size=shape)
    np.testing.assert_allclose(nonnegative_start(X, 5), _plain_start(X, 5), rtol=1e-8, atol=1e-10)


def test_a_start_of_low_rank_ends_with_zeros():
    start = nonnegative_start(np.outer([1.0, 2, 3], [1.0, 1]), 2)
    np.testing.assert_allclose(start[:, 0] / start[0, 0], [1, 2, 3])
    assert start[:, 1].tolist() == [0, 0, 0]


def test_the_span_of_wide_features_keeps_inner_products():
    X = np.random.default_rng(1).normal(size=(6, 30))
    assert _spanned(X).shape == (6, 6)
    np.testing.assert_allclose(_spanned(X) @ _spanned(X).T, X @ X.T, atol=1e-10)


def test_updates_never_fit_worse():
    X = np.random.default_rng(0).normal(size=(40, 12))
    start = nonnegative_start(X, 5)
    errors = []
    for iterations in range(1, 9):
        coefficients, _ = semi_nmf(X, start, iterations, 0)
        assert (coefficients >= 0).all()
        basis = np.linalg.lstsq(coefficients, X, rcond=None)[0]
        errors.append(np.linalg.norm(X - coefficients @ basis))
    assert (np.diff(errors) <= 1e-9).all()
    assert errors[-1] < errors[0]


def test_groups_of_any_sign():
    rng = np.random.default_rng(0)
    classes = np.arange(90) % 3
    features = np.array([[3.0, -3, 0, 1], [-3, 0, 3, 1], [0, 3, -3, 1]])[classes] + rng.normal(size=(90, 4)) * 0.3
    labels = DeepSemiNMF(3, layers=(8, 4), random_state=0).fit_predict(features)
    assert adjusted_rand_score(classes, labels) == 1


def test_faces_in_few_pixels():
    """Every eighth pixel: .54 to .57 and .50 are the scores of all of them, which take a minute (below)."""
    features, people = umist()
    labels = NMFLP(20, random_state=0).fit_predict(np.ascontiguousarray(features[:, ::8]))
    assert 0.52 <= _geometric_nmi(people, labels) <= 0.62


@pytest.mark.slow
def test_faces():
    features, people = umist()
    scores = [_geometric_nmi(people, NMFLP(20, random_state=seed).fit_predict(features)) for seed in range(3)]
    assert 0.5 <= min(scores) <= max(scores) <= 0.6, scores
    deep = _geometric_nmi(people, DeepSemiNMF(20, random_state=0).fit_predict(features))
    assert 0.46 <= deep <= 0.56
