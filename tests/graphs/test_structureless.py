"""The modularity that images without groups reach."""

import numpy as np
import pytest
from scipy.cluster.hierarchy import cut_tree, ward

from stages.core.dendrogram import most_clusters
from stages.graphs import modularity, structureless, structureless_modularity, view_links
from stages.graphs.cluster_count import MARGIN


def best_of_cuts(views: list[np.ndarray]) -> float:
    """The greatest modularity of Ward's cuts of the views side by side."""
    joined = np.concatenate(views, axis=1)
    cuts = cut_tree(ward(joined), range(1, most_clusters(len(joined)) + 1))
    return max(modularity(view_links(views), cut) for cut in cuts.T)


def cloud(n_images: int, seed: int = 0) -> list[np.ndarray]:
    random = np.random.default_rng(seed)
    return [random.normal(size=(n_images, width)).astype(np.float32) for width in (6, 9)]


def groups(n_images: int) -> list[np.ndarray]:
    """The same noise about eight corners that are far apart."""
    kinds = np.arange(n_images) % 8
    return [view + 30 * np.eye(8, view.shape[1], dtype=np.float32)[kinds] for view in cloud(n_images)]


@pytest.mark.parametrize("n_images", [1, 2])
def test_one_and_two_images_have_none(n_images: int) -> None:
    assert structureless_modularity(cloud(n_images), 0) == 0


@pytest.mark.parametrize("n_images", [3, 4, 12])
def test_of_few_images_it_is_a_modularity(n_images: int) -> None:
    assert 0 <= structureless_modularity(cloud(n_images), 0) < 1


def test_where_all_images_are_alike_there_is_none() -> None:
    assert structureless_modularity([np.ones((30, 4), dtype=np.float32)], 0) == 0


def test_a_cloud_without_groups_reaches_it_and_groups_exceed_it() -> None:
    views = cloud(300)
    assert best_of_cuts(views) == pytest.approx(structureless_modularity(views, 0), abs=MARGIN)
    separate = groups(300)
    assert best_of_cuts(separate) > structureless_modularity(separate, 0) + MARGIN


def test_a_cloud_as_narrow_as_the_images_has_a_greater_one() -> None:
    """Images along a line have neighbours in a row, so that any cut of the row has a high modularity."""
    wide = cloud(200)
    narrow = [view * np.float32(1e-3) for view in wide]
    for view in narrow:
        view[:, 0] = 50 * wide[0][:, 0]
    assert structureless_modularity(narrow, 0) > structureless_modularity(wide, 0) + 0.2


def test_the_seed_decides_all() -> None:
    views = groups(100)
    first, same, other = (structureless_modularity(views, seed) for seed in (1, 1, 2))
    assert first == same != other


def test_of_many_images_some_are_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    views, seen = cloud(90), []

    def links(given: list[np.ndarray]) -> np.ndarray:
        seen.append([view.shape for view in given])
        return view_links(given)

    monkeypatch.setattr(structureless, "view_links", links)
    whole = structureless_modularity(views, 0)
    monkeypatch.setattr(structureless, "_MOST_IMAGES", 40)
    assert structureless_modularity(views, 0) != whole
    assert seen == [[(90, 6), (90, 9)]] * 3 + [[(40, 6), (40, 9)]] * 3
