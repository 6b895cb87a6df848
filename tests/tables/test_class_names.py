"""What labels are called."""

from pathlib import Path

import pytest

from stages.tables import Image, read_images, write_images
from stages.tables.class_names import class_names


@pytest.mark.parametrize(
    ("labels", "names", "expected"),
    [([0, 1, None], ["x", "y"], ("x", "y")), ([0, 2], [], ("0", "1", "2")), ([None, None], [], ())],
)
def test_names_or_numbers_or_nothing(
    labels: list[int | None], names: list[str], expected: tuple[str, ...], tmp_path: Path
) -> None:
    images = (Image(f"{place}.png", b"x", label, 1, 1) for place, label in enumerate(labels))
    write_images(tmp_path / "d.parquet", images, names)
    assert class_names(read_images(tmp_path / "d.parquet")) == expected
