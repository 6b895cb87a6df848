"""The DVC stage `download`: from the description of a dataset to its image table."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import typer

from stages.core.atomic import write_text
from stages.core.command import application, run
from stages.core.csvtext import csv_text
from stages.core.digests import file_digest
from stages.core.errors import DatasetError
from stages.core.progress import tracked
from stages.params.options import DATA, DataFolder, Dataset

if TYPE_CHECKING:
    from stages.datasets import Readable
    from stages.tables import Image


def download(dataset: Dataset, data: DataFolder = DATA) -> None:
    """Check the images of a dataset and gather them into one table.

    DATA/raw/NAME holds images, in any sub-folders, or one source.yaml that says where they are. Names of
    sub-folders, or a labels.csv with the columns path and label, give labels for the scores; neither is needed.

    Writes DATA/images/NAME.parquet, DATA/images/NAME.rejected.csv with the images that cannot be read,
    DATA/images/NAME.passed_over.csv with the files that do not count as images, and the digest of the first list.

    Fetched files are kept in the user's cache folder; the environment variable MANYVIEWS_CACHE names another.
    """
    # Imported here, so that --help need not wait for them.
    from stages.datasets import (
        SOURCE,
        Readable,
        Rejected,
        check_images,
        class_order,
        counted,
        files_passed_over,
        open_dataset,
        read_about,
    )
    from stages.fetching.downloads import cache_folder
    from stages.tables import write_images
    from stages.tables.manifest import TASK, write_manifest

    table, rejects = data / "images" / f"{dataset}.parquet", data / "images" / f"{dataset}.rejected.csv"
    others = data / "images" / f"{dataset}.passed_over.csv"
    with open_dataset(data / "raw" / dataset, cache_folder(), _report) as images:
        readable: list[Readable] = []
        rejected: list[Rejected] = []
        for checked in tracked(check_images(images), "checking images", len(images)):
            if isinstance(checked, Readable):
                readable.append(checked)
            else:
                rejected.append(checked)
        write_text(rejects, csv_text(["path", "reason"], rejected))
        passed_over = files_passed_over(data / "raw" / dataset)
        write_text(others, csv_text(["path", "kind"], passed_over))
        if not readable:
            raise DatasetError(
                f"no image of {dataset} can be read; the first, {rejected[0].path!r}: {rejected[0].reason}"
            )
        class_names = class_order(found.raw.label for found in readable if found.raw.label is not None)
        rows = _rows(readable, class_names)
        write_images(table, tracked(rows, "writing the table", len(readable)), class_names)
        about = read_about(data / "raw" / dataset / SOURCE)
        task = {TASK: about.task} if about.task else {}
        # Beside the table and not in it: another file in the folder is no reason to extract features again.
        write_manifest(table.with_suffix(".lists.json"), {dataset: {rejects.name: file_digest(rejects)} | task})
    classes = f"{len(class_names)} classes" if class_names else "no labels"
    print(f"{dataset}: {len(readable)} images, {classes}, {len(rejected)} rejected", end="")
    print(f" (see {rejects})" if rejected else "")
    if passed_over:
        print(f"{dataset}: passed over: {counted(passed_over)} (see {others})")
    if surprise := about.surprise(len(readable) + len(rejected), len(class_names)):
        _report(f"{dataset}: {surprise}")


def _rows(readable: Sequence["Readable"], class_names: Sequence[str]) -> Iterator["Image"]:
    from stages.datasets import UnreadableImageError
    from stages.tables import Image

    ids = {name: label for label, name in enumerate(class_names)}
    for raw, width, height in readable:
        try:
            content = raw.read()
        except UnreadableImageError as error:  # it could be read a moment ago
            raise DatasetError(f"{raw.path}: {error}; leave the images alone and run this again") from None
        yield Image(raw.path, content, None if raw.label is None else ids[raw.label], width, height)


def _report(line: str) -> None:
    typer.echo(line, err=True)


app = application(download)

if __name__ == "__main__":
    run(app)
