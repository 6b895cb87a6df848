"""A killed `dvc exp run`, which leaves git without a branch: later commits would belong to none.

While an experiment runs in the project's folder, DVC detaches HEAD, puts what was not committed into a stash, and
applies and stages it again.
"""

import re
import subprocess
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from stages.diagnosis.finding import Damage

_LEFT = re.compile("checkout: moving from (.+) to ([0-9a-f]{40})")


def killed_experiment(root: Path) -> Iterator[Damage]:
    """Yield what git lacks after an experiment that was killed in the project `root`: its branch, its index."""
    if not (root / ".dvc" / "tmp" / "exps").is_dir():
        return
    lock = root / _git(root, "rev-parse", "--git-path", "index.lock")
    if lock.is_file() and not _git_at_work(root):
        yield Damage(f"{lock} was left by a killed experiment, or by git", "removed", lock.unlink)
    if branch := _branch_left(root):
        yield Damage(
            f"a killed experiment left git on no branch, where {branch} is",
            f"back on {branch}; see `git diff` for the experiment's values, and where it lacks changes of yours, "
            "`git stash list` and `git show refs/exps/exec/EXEC_MERGE`",
            partial(_return_to, root, branch),
        )


def _branch_left(root: Path) -> str:
    """The branch from whose tip HEAD was detached last and at which both still are; "" if there is none."""
    if _git(root, "symbolic-ref", "-q", "HEAD"):
        return ""
    left = _LEFT.fullmatch(_git(root, "reflog", "-1", "--format=%gs", "HEAD"))
    if left is None:
        return ""
    tips = {_git(root, "rev-parse", "-q", "--verify", name) for name in ("HEAD", f"refs/heads/{left[1]}")}
    return left[1] if tips == {left[2]} else ""


def _return_to(root: Path, branch: str) -> None:
    """Set HEAD to the branch and the index to HEAD; files stay as they are."""
    _git(root, "symbolic-ref", "-m", "manyviews repair", "HEAD", f"refs/heads/{branch}")
    # `git reset` would keep the times of files: DVC may have written params.yaml twice within a second, and git
    # would take the one for the other if both are of one size.
    _git(root, "read-tree", "HEAD")


def _git_at_work(root: Path) -> bool:
    """Whether git runs in the project or in a folder of it."""
    import psutil

    processes = psutil.process_iter(["name", "cwd"])
    folders = [process.info["cwd"] for process in processes if process.info["name"] == "git"]
    return any(folder is None or Path(folder).is_relative_to(root.resolve()) for folder in folders)


def _git(root: Path, *arguments: str) -> str:
    """The line that git prints in the project; "" where it fails."""
    done = subprocess.run(["git", *arguments], cwd=root, capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else ""
