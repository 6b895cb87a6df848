"""A project folder with the image set `d` and the backbone `tiny`, ready for the stage `extract`."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import pyarrow.parquet as pq

from stages.core.atomic import write_text
from stages.tables import Image, write_images
from tests.backbones.tiny import tiny_backbone, tiny_images


def prepare(folder: Path, n_images: int, layers: tuple[str, ...] = ("L3",)) -> list[bytes]:
    """Write the image table, the card and the weight file; return the images."""
    images = tiny_images(n_images)
    prepare_images(folder, images)
    (folder / "data/weights").mkdir(parents=True)
    card, file = tiny_backbone(folder / "data/weights", layers)
    card = card.with_digest(hashlib.sha256(file.read_bytes()).hexdigest())
    write_text(folder / "data/backbones/tiny.json", card.to_json())
    return images


def prepare_images(folder: Path, images: Sequence[bytes], name: str = "{}.png") -> None:
    """Write the image table alone, of these images, each under the `name` with its number."""
    rows = (Image(name.format(index), data, None, 32, 32) for index, data in enumerate(images))
    write_images(folder / "data/images/d.parquet", rows, [])


def table(folder: Path, layer: str = "L3") -> Path:
    """The features that the stage writes."""
    return folder / f"data/features/d/tiny/{layer}.parquet"


def row_groups(file: Path) -> list[int]:
    """Rows in each row group."""
    metadata = pq.ParquetFile(file).metadata
    return [metadata.row_group(group).num_rows for group in range(metadata.num_row_groups)]
