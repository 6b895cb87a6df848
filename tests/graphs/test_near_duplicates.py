"""Near-duplicates: the hash against its definition, and groups in small cases worked out by hand."""

import numpy as np
import PIL.Image
import pytest

from stages.graphs import SIDE, near_duplicates, perceptual_hashes

LINE = [0.0, 1.0, 2.0, 3.0, 10.0, 20.0, 30.0]


def noise(number: int) -> np.ndarray:
    """A smooth picture, uint8 (32, 32), another one for each number."""
    small = np.random.default_rng(number).integers(0, 256, (8, 8), dtype=np.uint8)
    return np.asarray(PIL.Image.fromarray(small).resize((SIDE, SIDE), PIL.Image.Resampling.BICUBIC))


def different(count: int) -> np.ndarray:
    """Hashes that differ in many bits from one another, bool (count, 64)."""
    return np.random.default_rng(0).random((count, 64)) < 0.5


def on_a_line(*places: float) -> list[np.ndarray]:
    return [np.array(places, dtype=np.float32)[:, None]]


def linked(n_images: int) -> np.ndarray:
    """Links from every image to the one before and the one behind."""
    pairs = [(i, j) for i in range(n_images) for j in (i - 1, i + 1) if 0 <= j < n_images]
    return np.array(pairs, dtype=np.int32).reshape(-1, 2)


def test_a_hash_is_of_the_lowest_frequencies() -> None:
    pixels = noise(1).astype(float)
    places = (np.arange(SIDE) + 0.5) * np.pi / SIDE
    low = np.array(
        [[(pixels * np.outer(np.cos(u * places), np.cos(v * places))).sum() for v in range(8)] for u in range(8)]
    )
    expected = (low > np.median(low)).reshape(-1)
    np.testing.assert_array_equal(perceptual_hashes(noise(1)[None])[0], expected)


def test_a_picture_keeps_its_hash_when_it_is_darkened_or_saved_again() -> None:
    pictures = np.array([noise(number) for number in range(20)])
    hashes = perceptual_hashes(pictures)
    darker = perceptual_hashes((pictures * 0.8).astype(np.uint8))
    assert (hashes != darker).sum(axis=1).max() <= 2
    others = (hashes[:, None] != hashes[None]).sum(axis=2)[np.triu_indices(20, 1)]
    assert others.min() > 8


@pytest.mark.parametrize(
    ("threshold", "expected"),
    [
        # Of the twelve distances between linked images the median is (1 + 7) / 2 = 4.
        (0.2, [0, 1, 2, 3, 4, 5, 6]),
        (0.25, [1, 1, 1, 3, 4, 5, 6]),  # the second of four in a row takes its neighbours, and no chain is made
        (1.75, [1, 1, 1, 3, 3, 5, 6]),
    ],
)
def test_linked_images_are_near_by_what_is_usual_between_such(threshold: float, expected: list[int]) -> None:
    found = near_duplicates(on_a_line(*LINE), linked(7), different(7), threshold)
    assert found.tolist() == expected


def test_images_that_look_the_same_may_be_twice_as_far_apart_and_need_no_link() -> None:
    links = linked(7)[:-2]  # the last image has none; the median distance of the others is 1
    hashes = different(7)
    hashes[6] = hashes[0]  # 30 apart
    hashes[6, :2] ^= True
    assert near_duplicates(on_a_line(*LINE), links, hashes, 14.9)[6] == 6
    assert near_duplicates(on_a_line(*LINE), links, hashes, 15)[6] == 0
    hashes[6, 2] ^= True
    assert near_duplicates(on_a_line(*LINE), links, hashes, 15)[6] == 6


def test_of_many_images_that_look_the_same_each_is_compared_with_some() -> None:
    places = np.arange(1000) * 1e-6
    found = near_duplicates(on_a_line(*places), linked(1000), np.zeros((1000, 64), dtype=bool), 1e9)
    assert 1000 // 201 <= len(np.unique(found)) <= 20


def test_copies_belong_together_even_where_nothing_is_linked() -> None:
    views = [np.ones((4, 3), dtype=np.float32), np.array([[1], [1], [2], [1]], dtype=np.float32)]
    found = near_duplicates(views, np.empty((0, 2), dtype=np.int32), different(4), 0.0)
    assert found.tolist() == [0, 0, 2, 0]


def test_a_view_counts_no_more_for_its_larger_distances() -> None:
    one, other = on_a_line(*LINE)[0], on_a_line(0, 9, 9, 9, 9, 9, 9.5)[0]
    found = near_duplicates([one, other], linked(7), different(7), 0.5)
    assert found.tolist() == near_duplicates([one * 8, other / 4], linked(7), different(7), 0.5).tolist()
