"""Command `repair`: what a kill left torn of DVC's files is mended, so that `dvc repro` goes on."""

from pathlib import Path
from typing import Annotated

import typer

from stages.core.command import application
from stages.core.errors import printable


def repair(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what is torn; mend nothing.")] = False,
    patience: Annotated[float, typer.Option(min=0.1, max=3600, help="Seconds to wait for DVC to start.")] = 60,
) -> None:
    """Mend what a kill, or a machine that lost power, left torn of DVC's own files; then `dvc repro` goes on.

    A torn dvc.lock is rebuilt from what is whole in it and from git; what neither has, `dvc repro` takes from the
    run cache. A torn rwlock, empty folders of the run cache and leftovers are removed. No result is
    lost or computed again. Refuses while DVC or a stage is at work in the project.
    """
    from stages.commands.pipeline import find_project
    from stages.diagnosis.torn import dvc_kept_out

    root = find_project()
    root = Path() if root == Path.cwd() else root  # in messages, names are shorter so
    with dvc_kept_out(root):
        mended = mend(root, patience, dry_run)
    if not mended:
        print(f"nothing is torn in {root.resolve()}")
    elif not dry_run:
        print("now run `dvc repro`, which goes on where it was")


def mend(root: Path, patience: float = 60, dry_run: bool = False) -> int:
    """Mend all that is torn in the project, with a line about each; return how many there were.

    Call it while `dvc_kept_out` holds.
    """
    from stages.diagnosis.repository import dvc
    from stages.diagnosis.torn import find_damage, find_left
    from stages.fetching.downloads import cache_folder

    cache = root / dvc(root, patience, "cache", "dir").strip()
    damages = [*find_damage(root, cache), *find_left(root, cache, cache_folder())]
    for damage in damages:
        print(printable(f"{damage.message}: {damage.mending}"))
        if not dry_run:
            damage.mend()
    return len(damages)


app = application(repair)
