"""Command `cluster`: from a folder of images to groups and a page about them."""

from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer

from stages.commands.add import Folder, Groups, Labels, Name, Renumber
from stages.core.command import application
from stages.params.file import PARAMS
from stages.tables.textfiles import json_of, understanding


def cluster(
    folder: Folder,
    to: Annotated[
        Path | None,
        typer.Option(
            help="Folder for copies of the images, one folder a group. An earlier export there is replaced.",
            metavar="DIR",
        ),
    ] = None,
    groups: Groups = "",
    name: Name = "",
    labels: Labels = None,
    renumber: Renumber = False,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Say what there is, what is passed over, and the cost; write nothing."),
    ] = False,
) -> None:
    """Group the images of a folder: describe it as a dataset, run the pipeline on it alone, write a page.

    Does what `manyviews add FOLDER`, `dvc repro` and `manyviews export --to DIR` do. The images stay where they
    are, and as they are. What other datasets need is not run; run again, it goes on where it stopped, and does
    only what changed. Ends with a line about the groups and the path of the page.
    """
    from stages.commands.export import check_target, export
    from stages.commands.image_folder import plan_dataset, write_dataset
    from stages.commands.keep import keep_or_begin
    from stages.commands.pipeline import find_project, make_page, run_pipeline
    from stages.commands.repair import mend
    from stages.diagnosis.torn import BusyError, dvc_kept_out
    from stages.exporting.target import check_free

    root = find_project()
    dataset = plan_dataset(folder, root, name, labels)
    data = root / "data"
    if to is not None:  # a refusal must not wait for the end of the run
        check_free(check_target(to, data, dataset.place), force=True)
    if dry_run:
        from stages.commands.forecast import forecast

        for line in forecast(dataset, root):
            print(line)
        return
    for line in [*keep_or_begin(root, dataset.name, renumber), *write_dataset(dataset, root, groups)]:
        print(line)
    if (root / ".dvc").is_dir():
        with suppress(BusyError), dvc_kept_out(root):  # beside another run there is no telling what is torn
            mend(root)
    checked = data / "checked_params.txt"
    if not checked.is_file() or checked.stat().st_mtime < (root / PARAMS).stat().st_mtime:
        run_pipeline(root, ["check_params"])  # before all else, for which DVC has an order of its own
    run_pipeline(root, [f"experiments@{dataset.name}"])
    page = make_page(root, dataset.name)
    if to is not None:
        export(to, dataset.name, force=True, data=data)
    print(f"{dataset.name}: {_summary(data / 'partitions' / dataset.name / 'n_clusters.json')}")
    print(page.relative_to(root) if root == Path.cwd() else page)


def _summary(file: Path) -> str:
    """The number of groups, and how sure it is, as the ensemble wrote it."""
    with understanding(file):
        answer = json_of(file)
        if answer["n_clusters"] == answer["found"]:
            return str(answer["summary"])
        return f"{answer['n_clusters']} groups, as asked for; the images speak for {answer['summary']}"


app = application(cluster)
