"""Whether images have groups, against clouds without any."""

import numpy as np
import pytest

from stages.graphs import Structure, measure_structure, structure, view_links


def cloud(n_images: int, width: int = 10, seed: int = 0) -> list[np.ndarray]:
    random = np.random.default_rng(seed)
    hidden = random.standard_normal((n_images, width))
    return [
        (hidden @ random.standard_normal((width, 60)) + 0.3 * random.standard_normal((n_images, 60))).astype(
            np.float32
        )
        for _ in range(2)
    ]


def groups(n_groups: int, n_images: int, apart: float) -> list[np.ndarray]:
    """Noise about corners that are so far apart."""
    kinds = np.arange(n_images) % n_groups
    return [view + np.float32(apart) * np.eye(n_groups, 60, dtype=np.float32)[kinds] for view in cloud(n_images)]


@pytest.mark.parametrize("n_images", [1, 2])
def test_one_and_two_images_are_compared_with_nothing(n_images: int) -> None:
    assert measure_structure(cloud(n_images), 0) == (1, 1)


@pytest.mark.parametrize("n_images", [3, 4, 12])
def test_few_images_have_finite_figures(n_images: int) -> None:
    assert np.isfinite(measure_structure(cloud(n_images), 0)).all()


def test_copies_of_one_and_of_two_images_are_compared_with_nothing() -> None:
    ones = np.ones((30, 4), dtype=np.float32)
    assert measure_structure([ones], 0) == (1, 1)
    ones[::2] = 2
    assert measure_structure([ones], 0) == (1, 1)


@pytest.mark.parametrize(("n_images", "width"), [(60, 10), (200, 5), (300, 30)])
def test_clouds_have_no_clear_groups(n_images: int, width: int) -> None:
    found = measure_structure(cloud(n_images, width), 0)
    assert not found.clear
    assert found.odds == pytest.approx(1, abs=0.4)
    assert 0.5 < found.cut < 1.1


@pytest.mark.parametrize("n_groups", [2, 3, 8])
@pytest.mark.parametrize("apart", [30, 300])
def test_groups_are_clear_however_far_apart(n_groups: int, apart: float) -> None:
    """Two of them are no more modular than a cloud as long as they are apart: the links that are cut say it."""
    found = measure_structure(groups(n_groups, 120, apart), 0)
    assert found.clear
    assert found.cut < 0.45


def test_either_figure_is_enough() -> None:
    assert Structure(1.6, 1.0).clear
    assert Structure(1.0, 0.3).clear
    assert not Structure(1.4, 0.5).clear


def test_the_seed_decides_all() -> None:
    first, same, other = (measure_structure(groups(8, 100, 30), seed) for seed in (1, 1, 2))
    assert first == same != other


def test_of_many_images_some_are_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []

    def links(given: list[np.ndarray]) -> np.ndarray:
        seen.append({len(view) for view in given})
        return view_links(given)

    monkeypatch.setattr(structure, "view_links", links)
    monkeypatch.setattr(structure, "_MOST_IMAGES", 40)
    measure_structure(cloud(90), 0)
    assert seen == [{40}] * 4
