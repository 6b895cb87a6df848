"""The graph of nearest neighbours, against a plain search; copies, few images, samples and the order of images."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.graphs import view_links


def drawn_views(n_images: int, seed: int = 0) -> list[np.ndarray]:
    """Two views of other widths and scales, in which no distances are equal."""
    random = np.random.default_rng(seed)
    return [(scale * random.random((n_images, width))).astype(np.float32) for width, scale in ((3, 1), (5, 100))]


def counted(links: np.ndarray) -> Counter[tuple[int, ...]]:
    """How often each link is there, whatever their order."""
    return Counter(map(tuple, links.tolist()))


def reference(views: list[np.ndarray], k: int) -> Counter[tuple[int, ...]]:
    """The links from each image to its `k` nearest others in every view, by all distances."""
    links: Counter[tuple[int, ...]] = Counter()
    for view in views:
        apart = ((view[:, None].astype(np.float64) - view[None]) ** 2).sum(axis=2)
        for image, distances in enumerate(apart):
            nearest = [int(other) for other in np.argsort(distances, kind="stable") if other != image]
            links.update((image, other) for other in nearest[:k])
    return links


def test_every_image_is_linked_to_its_nearest_others_in_every_view() -> None:
    views = drawn_views(40)
    links = view_links(views)
    assert links.dtype == np.int32 and links.shape == (40 * 10 * 2, 2)
    assert counted(links) == reference(views, 10)
    assert (links[:, 0] != links[:, 1]).all()


def test_a_view_counts_no_more_for_its_larger_distances() -> None:
    one, other = drawn_views(30)
    assert counted(view_links([one, other])) == counted(view_links([one * 4, other / 64]))


@pytest.mark.parametrize(
    ("n_images", "expected"),
    [
        (1, []),
        (2, [(0, 1), (1, 0)] * 2),
        (3, [(start, end) for start in range(3) for end in range(3) if start != end] * 2),
    ],
)
def test_of_few_images_all_are_linked(n_images: int, expected: list[tuple[int, int]]) -> None:
    links = view_links(drawn_views(n_images))
    assert links.dtype == np.int32 and links.shape == (len(expected), 2)
    assert counted(links) == Counter(expected)


def test_copies_are_one_image_the_first_of_them() -> None:
    views = drawn_views(20)
    copied = [np.concatenate([view, view[[3, 3, 7]]]) for view in views]
    assert counted(view_links(copied, 5)) == counted(view_links(views, 5)) == reference(views, 5)


def test_images_alike_in_one_view_alone_are_no_copies() -> None:
    one, other = drawn_views(12)
    one[5] = one[4]
    links = counted(view_links([one, other], 1))
    assert links == reference([one, other], 1)
    assert links[4, 5] and links[5, 4]


def test_where_all_are_copies_there_is_no_link() -> None:
    assert view_links([np.ones((9, 4), dtype=np.float32)]).shape == (0, 2)


@given(st.permutations(range(18)), st.sampled_from([6, 17, 18, 100]))
@settings(deadline=None, max_examples=30)
def test_the_order_of_the_images_changes_nothing(order: list[int], most_starts: int) -> None:
    """Neither the links nor, where only some images are starts, which these are."""
    views = [np.concatenate([view, view[:2]]) for view in drawn_views(16)]  # with two copies
    links = view_links(views, 3, most_starts)
    rows = np.array(order)
    moved = rows[view_links([view[rows] for view in views], 3, most_starts)]
    same = np.where(np.arange(18) < 16, np.arange(18), np.arange(18) - 16)  # the copy that comes first is linked
    assert counted(same[moved]) == counted(same[links])


def test_a_sample_of_starts_looks_for_neighbours_among_all() -> None:
    views = drawn_views(200)
    every, some = counted(view_links(views, 4)), view_links(views, 4, most_starts=30)
    starts = np.unique(some[:, 0])
    assert len(starts) == 30
    assert counted(some) == Counter({link: times for link, times in every.items() if link[0] in starts})
    assert len(np.setdiff1d(some[:, 1], starts)) > 30, "neighbours that are no starts themselves"


def test_the_starts_of_a_sample_are_drawn_by_the_features_of_all_views() -> None:
    one, other = drawn_views(200)
    starts = set(view_links([one, other], 4, most_starts=30)[:, 0].tolist())
    changed = set(view_links([one, other + 1], 4, most_starts=30)[:, 0].tolist())
    assert starts != changed
