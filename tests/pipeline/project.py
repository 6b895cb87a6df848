"""A copy of the project in a temporary folder, with a small image set, and `dvc` run in it as a user does."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, Self

import numpy as np
import yaml
from PIL import Image

from tests.pipeline.stagenames import LISTING

ROOT = Path(__file__).parents[2]
# Names with characters besides letters; all of these must come through unharmed.
NAMES = ["plain", "with space", 'it\'s "quoted"', "new\nline", "🌻", "<b>&amp;", "-rf", "a,b;c"]

# Kernels that a process beside the stages is writing: they may be gone before they are copied.
_COMPILING = shutil.ignore_patterns("*.tmp.*")


class Project:
    """A project folder of its own: `params` over those of the repository, and as many clusters as classes."""

    ran: set[str]  # the stages of the first run, where a fixture made one

    def __init__(self, folder: Path, **params: object) -> None:
        self.folder = folder
        for name in (
            "stages",
            ".dvc/config",
            ".dvc/plots",
            ".dvcignore",
            ".gitignore",
            "dvc.yaml",
            "params.yaml",
            "pyproject.toml",
            "data/corrections/README.md",
        ):
            source, target = ROOT / name, folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            if source.is_dir():
                # With the compiled kernels of numba: no test need wait for its compiler again.
                shutil.copytree(source, target, ignore=shutil.ignore_patterns("*.pyc", "*.tmp.*"))
            else:
                shutil.copyfile(source, target)
        self.change(**{"n_clusters": "classes", **params})
        self.git("init", "-q", "-b", "main")

    @classmethod
    def at(cls, folder: Path) -> Self:
        """A project that is there already, such as a copy or a clone of another."""
        project = cls.__new__(cls)
        project.folder = folder
        return project

    def copy(self, folder: Path) -> Self:
        """The whole folder elsewhere, with DVC's cache and git's history."""
        shutil.copytree(self.folder, folder, symlinks=True, ignore=_COMPILING)
        return self.at(folder)

    def clone(self, folder: Path) -> Self:
        """The project as a colleague clones it: no data, no cache."""
        self.git("clone", "-q", str(self.folder), str(folder))
        # The same code, with the compiled kernels beside it: a test need not wait for the compiler again.
        shutil.copytree(self.folder / "stages", folder / "stages", dirs_exist_ok=True, ignore=_COMPILING)
        return self.at(folder)

    def change(self, **params: object) -> None:
        """Set top-level keys of params.yaml; keys of a section are merged into it."""
        file = self.folder / "params.yaml"
        content = yaml.safe_load(file.read_text(encoding="utf-8"))
        for key, value in params.items():
            content[key] = {**(content.get(key) or {}), **value} if isinstance(value, dict) else value
        file.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")

    def git(self, *arguments: str, fails: bool = False) -> str:
        """Run git as a user whom the machine does not know, and return what it prints."""
        who = ["-c", "user.name=A. User", "-c", "user.email=user@example.org"]
        done = subprocess.run(
            ["git", *who, *arguments],
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=False,
            encoding="utf-8",
        )
        assert (done.returncode != 0) == fails, done.stdout + done.stderr
        return done.stdout

    def commit(self, message: str) -> None:
        """Commit all that git does not ignore."""
        self.git("add", "-A")
        self.git("commit", "-q", "-m", message)

    def dvc(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run dvc; its output is text."""
        environment = os.environ | {
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "DVC_NO_ANALYTICS": "1",
            "no_proxy": f"{os.environ.get('no_proxy', '')},127.0.0.1",  # the tests' own servers
        }
        command = [sys.executable, "-m", "dvc", *arguments]
        return subprocess.run(
            command,
            cwd=self.folder,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            encoding="utf-8",
        )

    def dvc_prints(self, *arguments: str) -> str:
        """Run dvc, which must succeed; return what it prints."""
        done = self.dvc(*arguments)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def repro(self, *arguments: str) -> set[str]:
        """Run the pipeline, which must succeed; return the names of the stages that ran."""
        done = self.dvc("repro", *arguments)
        assert done.returncode == 0, done.stdout + done.stderr
        self.output = done.stdout
        return set(re.findall(r"^Running stage '(.+)':$", done.stdout, re.MULTILINE))

    def scores(self, dataset: str = "drawings") -> dict[str, Any]:
        """The scores of every method."""
        file = self.folder / "metrics" / dataset / "scores.json"
        content: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        return content

    def answer(self, dataset: str = "drawings") -> dict[str, Any]:
        """The ensemble's findings about the number of clusters."""
        file = self.folder / "data" / "partitions" / dataset / "n_clusters.json"
        content: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        return content

    def tables(self) -> dict[str, bytes]:
        """The bytes of all outputs, by their path."""
        files = [file for top in ("data", "metrics") for file in (self.folder / top).rglob("*") if file.is_file()]
        others = {"corrections", "raw", "scratch"}
        outputs = [file for file in files if not others & set(file.parts) and file.name != ".gitignore"]
        return {str(file.relative_to(self.folder)): file.read_bytes() for file in outputs}


def assert_restored(project: Project, tables: dict[str, bytes]) -> None:
    """Put params.yaml back as it was committed: all comes from the run cache, as it was, and then nothing runs."""
    project.git("checkout", "-q", "params.yaml")
    assert project.repro() <= LISTING, "nothing is computed again"
    now = project.tables()
    assert {name: now[name] for name in tables} == tables
    assert project.repro() == set()


def draw_images(folder: Path, labelled: bool = True) -> None:
    """Draw 24 pictures of three kinds (stripes, a disc, noise) with awkward names."""
    rng = np.random.default_rng(0)
    rows, columns = np.mgrid[:48, :48]
    kinds = {
        "stripes": lambda: (rows // rng.integers(4, 7)) % 2 * 200,
        "disc": lambda: ((rows - 24) ** 2 + (columns - 24) ** 2 < rng.integers(100, 300)) * 220,
        "noise": lambda: rng.integers(0, 255, (48, 48)),
    }
    for kind, draw in kinds.items():
        target = folder / kind if labelled else folder
        target.mkdir(parents=True, exist_ok=True)
        for name in NAMES:
            pixels = draw()[:, :, None] + rng.integers(0, 30, (48, 48, 3))
            file = target / f"{name}{'' if labelled else kind}.png"
            Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)).save(file)
