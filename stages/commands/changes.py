"""Command `changes`: how the clusters of the result differ from those of another commit."""

import os
import tempfile
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import typer

from stages.commands.export import only_dataset
from stages.core.atomic import write_text
from stages.core.command import application
from stages.core.counted import counted
from stages.core.csvtext import csv_text
from stages.core.errors import ParameterError, TableError, printable
from stages.params.options import DATA, DataFolder
from stages.tables import read_images
from stages.tables.textfiles import rows_of, understanding


def changes(
    rev: Annotated[str, typer.Argument(metavar="REV", help="Commit, branch or tag to compare with: main.")],
    dataset: Annotated[
        str, typer.Option(help="Name of the dataset: the folder under data/raw. Default: the only one there is.")
    ] = "",
    as_: Annotated[
        Literal["text", "csv"],
        typer.Option("--as", help="text: a summary. csv: all images that moved: path, before, matched, now."),
    ] = "text",
    page: Annotated[
        Path | None,
        typer.Option(help="File to write besides: a page with the groups, and pictures of what moved."),
    ] = None,
    show: Annotated[int, typer.Option(min=0, help="How many of the images that moved to name in the text.")] = 20,
    data: DataFolder = DATA,
) -> None:
    """Compare the clusters of the result with those of another commit, REV.

    A cluster's number may mean something else in another commit. So the clusters then are matched one to one with
    those now, such that they share the most images; an image moved if it is not in the match of its cluster. ARI
    is the adjusted Rand index on the images of both: 1 for the same clusters, 0 for what chance has in common.

    The clusters of REV come from DVC's cache, or else from the remote.
    """
    if page and page.is_dir():
        raise ParameterError(f"--page is {page}, a folder; name the file to write")
    dataset = dataset or only_dataset(data / "images")
    file = data / "results" / dataset / "assignments.csv"
    now = _clusters_in(file)
    before = _clusters_at(rev, file, dataset)
    if not (common := now.keys() & before.keys()):
        raise ParameterError(f"no image of {dataset} in {rev} is there now; name another commit or dataset")
    matches = match_clusters(before, now)
    moved = [
        (path, before[path], matches.get(before[path], ""), cluster)
        for path, cluster in now.items()
        if path in common and matches.get(before[path]) != cluster
    ]
    from sklearn.metrics import adjusted_rand_score

    ari = adjusted_rand_score(*([part[path] for path in common] for part in (before, now)))
    groups = group_rows(before, now, matches)
    if page:
        from stages.reporting.changes_page import changes_page

        images = read_images(data / "images" / f"{dataset}.parquet")
        write_text(page, changes_page(dataset, rev, ari, groups, moved, images))
    if as_ == "csv":
        print(csv_text(["path", "before", "matched", "now"], moved), end="")
        return

    print(
        f"{dataset}: {counted(len(common), 'image')} then and now, {len(now) - len(common)} added, "
        f"{len(before) - len(common)} removed; ARI {ari:.3f}"
    )
    for row in [("before", "images", "now", "images", "in both"), *groups]:
        print("{:>6} {:>6}   {:>6} {:>6}   {:>7}".format(*row))
    print(f"{counted(len(moved), 'image')} moved" + (":" if moved and show else ""))
    for path, old, matched, new in moved[:show]:
        print(f"  {printable(path)}: from {old} ({'gone' if matched == '' else f'now {matched}'}) to {new}")
    if show and len(moved) > show:
        print(f"  and {len(moved) - show} more; --as csv lists all")


def match_clusters(before: Mapping[str, int], now: Mapping[str, int]) -> dict[int, int]:
    """Match the clusters of two partitions, each a cluster by image, one to one: a cluster now for those before.

    The matching is that of `confusion`, on the images of both: clusters that share none are not matched.
    """
    from stages.scoring.confusion import confusion

    common = [path for path in now if path in before]
    table = confusion(*(np.array([part[path] for path in common], dtype=np.int64) for part in (before, now)))
    found = table.matched >= 0
    return dict(zip(table.classes[found].tolist(), table.clusters[table.matched[found]].tolist(), strict=True))


def group_rows(
    before: Mapping[str, int], now: Mapping[str, int], matches: Mapping[int, int]
) -> list[tuple[int | str, ...]]:
    """Rows of number and size before, number and size now, and images in both; "-" where nothing is matched."""
    sizes, sizes_now = Counter(before.values()), Counter(now.values())
    shared = Counter((before[path], cluster) for path, cluster in now.items() if path in before)
    rows: list[tuple[int | str, ...]] = []
    for old in sorted(sizes):
        new = matches.get(old)
        found = ("-", "-", 0) if new is None else (new, sizes_now[new], shared[old, new])
        rows.append((old, sizes[old], *found))
    return rows + [("-", "-", new, sizes_now[new], 0) for new in sorted(sizes_now.keys() - matches.values())]


def _clusters_in(file: Path) -> dict[str, int]:
    """The cluster of every image, by path, in a result's table."""
    rows = list(rows_of(file, "path", "cluster"))
    with understanding(file):
        return {path: int(cluster) for path, cluster in rows}


def _clusters_at(rev: str, file: Path, dataset: str) -> dict[str, int]:
    """The cluster of every image, as `_clusters_in`, in the `file` of another commit."""
    from dvc.exceptions import DvcException
    from dvc.repo import Repo
    from dvc_data.index import DataIndexDirError

    try:
        root = Path(Repo.find_root())
        # With the remotes of today: those of an old commit may be gone.
        files = Repo(str(root), rev=rev, config=Repo(str(root)).config).dvcfs
    except DvcException as error:
        raise ParameterError(f"no clusters of {rev!r} ({error}); name a commit, branch or tag") from None
    place = Path(os.path.normpath(file.absolute()))  # not resolved: the folder may be a link to another disk
    if not place.is_relative_to(root):
        raise ParameterError(f"{file} is not in the project {root}; run in its folder")
    place = place.relative_to(root)
    if not files.exists(place.parent.as_posix()):
        raise ParameterError(f"{rev} has no result of {dataset}; name another commit, or a dataset that it has")
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / file.name
        try:
            files.get_file(place.as_posix(), str(copy))
        except (OSError, DvcException, DataIndexDirError):
            raise TableError(
                f"{file} of {rev} is neither in DVC's cache nor on its remote; run `dvc fetch --all-commits` with "
                "the remote that has it, or `dvc push --all-commits` where it was made"
            ) from None
        return _clusters_in(copy)


app = application(changes)
