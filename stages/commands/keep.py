"""Command `keep`: the numbers of the clusters as those of the next runs."""

from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer

from stages.commands.export import only_dataset
from stages.core.atomic import write_text
from stages.core.command import application
from stages.core.errors import TableError
from stages.correcting import image_keys, numbers_csv, numbers_file, read_numbers, renew
from stages.params.options import DATA, DataFolder
from stages.tables import read_images
from stages.tables.results import read_assignments


def keep(
    dataset: Annotated[
        str, typer.Option(help="Name of the dataset: the folder under data/raw. Default: the only one there is.")
    ] = "",
    data: DataFolder = DATA,
) -> None:
    """Let the clusters of the next runs keep the numbers of those there are now.

    Writes the numbers, by image, to DATA/corrections/numbers/DATASET.csv, a file for git. Run it before photos are
    added or parameters change; `manyviews cluster` and `manyviews add` do so. Without that file, a run numbers its
    clusters as it likes.
    """
    dataset = dataset or only_dataset(data / "images")
    keep_numbers(data, dataset)
    print(numbers_file(data, dataset))


def keep_numbers(data: Path, dataset: str) -> bool:
    """Bring the file of a dataset's numbers up to date with the result of the last run; return whether it changed.

    What corrections by hand did is left out, as the next run does it again. Raises `TableError` where there is no
    result of these images, and `DatasetError` for a file that cannot be used.
    """
    file = numbers_file(data, dataset)
    rows = read_numbers(file)
    images = read_images(data / "images" / f"{dataset}.parquet")
    result = read_assignments(data / "results" / dataset, images)
    found, made = result.found, set(result.labels.tolist()) - {-1, *result.found.tolist()}
    known, used = {row.path: row.cluster for row in rows}, {row.cluster for row in rows}
    now = zip(images.paths, found.tolist(), strict=True)
    if made <= used and all(known.get(path) == cluster for path, cluster in now):
        return False  # found without reading the images
    write_text(file, numbers_csv(renew(rows, images.paths, image_keys(images), found, made)))
    return True


def keep_or_begin(root: Path, dataset: str, renumber: bool) -> list[str]:
    """Keep the numbers of an earlier run, if there was one, or `renumber`; return a line if anything changed."""
    file = numbers_file(root / "data", dataset)
    if renumber:
        there = file.exists()
        file.unlink(missing_ok=True)
        return [f"{file.relative_to(root)}: removed, the groups get other numbers"] if there else []
    with suppress(TableError):  # of a run that was the first, or was cut short
        if keep_numbers(root / "data", dataset):
            return [f"{file.relative_to(root)}: the groups keep their numbers"]
    return []


app = application(keep)
