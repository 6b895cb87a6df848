"""A project whose run was killed: `manyviews repair`, then `dvc repro`, which computes nothing again."""

import re
import shutil
from typing import Any

import pytest
import yaml

from stages.commands.repair import app as repair
from tests.pipeline.project import Project
from tests.pipeline.stagenames import LISTING
from tests.shell import Shell

# What DVC says, as docs/reliability.md quotes it.
TORN = {
    "dvc.lock": "'./dvc.lock' is invalid",
    ".dvc/tmp/rwlock": "Unable to read RWLock-file '.dvc/tmp/rwlock'. JSON structure is corrupted",
    "the run cache": "join() argument must be str, bytes, or os.PathLike object, not 'NoneType'",
}


def _tear(project: Project, what: str) -> None:
    if what == "the run cache":
        (entry,) = [
            file
            for file in project.folder.glob(".dvc/cache/runs/*/*/*")
            if "stages.ensemble" in file.read_text(encoding="utf-8")
        ]
        entry.unlink()
        shutil.rmtree(project.folder / "data" / "partitions" / "drawings")
        lock = project.folder / "dvc.lock"  # as if the stage had ended, but not got into the lock
        text = lock.read_text(encoding="utf-8")
        lock.write_text(re.sub(r"(?ms)^  ensemble@.*?(?=^  \w)", "", text), encoding="utf-8")
    else:
        (project.folder / what).write_text('{"wri', encoding="utf-8")


def _lock(project: Project) -> Any:
    return yaml.safe_load((project.folder / "dvc.lock").read_text(encoding="utf-8"))


def test_each_case_of_a_torn_file(project: Project, shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(project.folder)
    before, lock = project.tables(), _lock(project)
    for what, said in TORN.items():
        _tear(project, what)
        assert said in " ".join(project.dvc("repro").stderr.split()), what
        dry = shell(repair, "--dry-run")
        assert (dry.status, len(dry.out.splitlines())) == (0, 1)
        outcome = shell(repair)
        assert outcome.out == f"{dry.out}now run `dvc repro`, which goes on where it was\n"
        ran = project.repro()
        assert ran - LISTING == ({"ensemble@drawings"} if what == "the run cache" else set())
        assert project.tables() == before and _lock(project) == lock
    assert shell(repair).out == f"nothing is torn in {project.folder}\n"


def test_a_copy_that_a_killed_dvc_was_making_changes_no_folder(project: Project) -> None:
    left = project.folder / "data" / "partitions" / "drawings" / ".AAAAAAAAAAAAAAAAAAAA-_.tmp"
    left.write_bytes(b"half")
    assert "Data and pipelines are up to date" in project.dvc_prints("status")
    left.with_name(".AAAAAAAAAAAAAAAAAAAA-.tmp").write_bytes(b"another name")
    assert "data/partitions/drawings" in project.dvc_prints("status")
