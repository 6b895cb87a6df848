"""Near-duplicates of 100,000 images: the search for them, beside the graph that is made in any case."""

import io
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import PIL.Image

from tests.benchmarks.call import cpu_side
from tests.benchmarks.comparison import Comparison, Side

N_IMAGES, N_VIEWS, WIDTH, N_GROUPS = 100_000, 4, 1280, 500
N_COPIES, N_PHOTOS = (
    5_000,
    1_000,
)  # images that are near-duplicates of others; photos of 500 x 375 that are decoded


def _views() -> list[np.ndarray]:
    """Features of a mixture of groups, rows of length 1; the last images are those of others, slightly changed."""
    views = []
    for number in range(N_VIEWS):
        rng = np.random.default_rng(number)
        groups = np.random.default_rng(99).integers(0, N_GROUPS, N_IMAGES)
        view = rng.standard_normal((N_GROUPS, WIDTH), dtype=np.float32)[groups]
        for start in range(0, N_IMAGES, 10_000):
            view[start : start + 10_000] += rng.standard_normal((10_000, WIDTH), dtype=np.float32)
        view[-N_COPIES:] = view[:N_COPIES] + 0.2 * rng.standard_normal((N_COPIES, WIDTH), dtype=np.float32)
        view /= np.linalg.norm(view, axis=1, keepdims=True)
        views.append(view)
    return views


def _pixels() -> np.ndarray:
    """Smooth grey pictures, uint8 (n, 32, 32), of which the last are those of the first, a little darker."""
    small = np.random.default_rng(0).random((N_IMAGES, 8, 8), dtype=np.float32)
    pixels = (255 * small.repeat(4, axis=1).repeat(4, axis=2)).astype(np.uint8)
    pixels[-N_COPIES:] = (pixels[:N_COPIES] * 0.95).astype(np.uint8)
    return pixels


def _photos() -> list[bytes]:
    """Cuts of two photos that scikit-learn brings, as JPEG."""
    from sklearn.datasets import load_sample_images

    rng, photos = np.random.default_rng(0), []
    for number in range(N_PHOTOS):
        top, left = rng.integers(0, 427 - 375), rng.integers(0, 640 - 500)
        cut = load_sample_images().images[number % 2][top : top + 375, left : left + 500]
        buffer = io.BytesIO()
        PIL.Image.fromarray(cut).save(buffer, "JPEG", quality=90)
        photos.append(buffer.getvalue())
    return photos


def prepare(folder: Path) -> tuple[Side, Side]:
    """Write the photos; features are drawn again by each side, which is faster than to read them."""
    np.save(folder / "photos.npy", np.array(_photos(), dtype=object), allow_pickle=True)
    return cpu_side(__name__, "ours", folder), cpu_side(__name__, "theirs", folder)


def ours(folder: Path) -> Iterator[str]:
    """Hashes and pairs from shrunk pixels, features and links; and how fast photos are decoded and shrunk."""
    from stages.decoding.decode import decode_image
    from stages.decoding.pixels import decode_shaped
    from stages.graphs import SIDE, near_duplicates, perceptual_hashes, view_links

    views, pixels = _views(), _pixels()
    links = view_links(views)
    photos = np.load(folder / "photos.npy", allow_pickle=True).tolist()
    started = time.process_time()
    decode_shaped(decode_image, [photos], len(photos), (1, SIDE, SIDE), "")
    decoding = (time.process_time() - started) * N_IMAGES / len(photos)
    yield ""
    started = time.process_time()
    hashes = perceptual_hashes(pixels)
    hashed = time.process_time() - started
    stands_for = near_duplicates(views, links, hashes, 0.5)
    searched = time.process_time() - started - hashed
    found = (stands_for[-N_COPIES:] == stands_for[:N_COPIES]).mean()
    others = len(np.unique(stands_for)) - (N_IMAGES - N_COPIES)
    yield (
        f"hashes {hashed:.1f} CPU s, search {searched:.1f}; {found:.1%} of the copies "
        f"found, {-others} others joined; before it {decoding:.0f} CPU s to decode as many photos of 500 x 375"
    )


def theirs(folder: Path) -> Iterator[str]:
    """The links of the graph, without near-duplicates."""
    from stages.graphs import view_links

    views = _views()
    yield ""
    yield f"{len(view_links(views)):,} links"


COMPARISONS = (
    Comparison(
        "near-duplicates",
        f"CPU seconds of the search for near-duplicates, {N_IMAGES:,} images in {N_VIEWS} views of {WIDTH:,}, "
        "against the graph that is made in any case",
        N_IMAGES,
        "CPU s",
        prepare,
    ),
)
