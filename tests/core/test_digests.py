"""The code that a script runs, as a digest: which edits change it, and how what other code left is refused."""

import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

import stages
from stages.core.digests import code_digest, import_closure

SCRIPTS = ("stages.extract", "stages.train", "stages.train_images", "stages.study")


@pytest.fixture
def copy(tmp_path):
    """A copy of the code, which a test may edit."""
    folder = tmp_path / "stages"
    shutil.copytree(Path(stages.__file__).parent, folder, ignore=shutil.ignore_patterns("__pycache__"))
    return folder


def _digests(copy):
    code = f"from {_module('digests')} import code_digest\nfor s in {SCRIPTS}: print(code_digest(s, ()))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=copy.parent, capture_output=True, text=True, check=True
    )
    return dict(zip(SCRIPTS, done.stdout.split(), strict=True))


def _module(name):
    return next(
        f"stages.{'.'.join(f.relative_to(Path(stages.__file__).parent).with_suffix('').parts)}"
        for f in Path(stages.__file__).parent.rglob(f"{name}.py")
    )


@pytest.mark.parametrize(
    ("pattern", "changed"),
    [
        ("_degree_merging.py", {"stages.train", "stages.train_images"}),  # a kernel of graph degree linkage
        ("linkage.py", {"stages.train"}),  # of the consensus, from which DEC and IDEC start
        ("decode.py", {"stages.extract", "stages.train_images"}),
        ("agglomeration.py", {"stages.train", "stages.train_images"}),  # in a sub-package
    ],
)
def test_an_edit_changes_the_digest_of_the_scripts_that_run_the_file(copy, pattern, changed):
    before = _digests(copy)
    (file,) = copy.rglob(pattern)
    file.write_text(file.read_text(encoding="utf-8") + "\nEDITED = True\n", encoding="utf-8")
    after = _digests(copy)
    assert {script for script in SCRIPTS if before[script] != after[script]} == changed


def test_imports_in_functions_and_classes_named_as_text_are_followed_but_not_those_for_types(copy):
    """In a package of its own, so that the walk is held against a case that can be read."""
    (copy / "a.py").write_text(
        textwrap.dedent(
            """
            from typing import TYPE_CHECKING
            if TYPE_CHECKING:
                from stages.for_types import T
            PLACE = "stages.inner.named:Class"
            def f():
                from stages import late
            """
        )
    )
    for name in ("for_types", "late", "inner/__init__", "inner/named", "inner/other"):
        (copy / f"{name}.py").parent.mkdir(exist_ok=True)
        (copy / f"{name}.py").write_text("")
    code = f"from {_module('digests')} import import_closure\nfor f in import_closure('stages.a'): print(f)"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=copy.parent, capture_output=True, text=True, check=True
    )
    found = [Path(line).relative_to(copy).as_posix() for line in done.stdout.splitlines()]
    assert found == ["__init__.py", "a.py", "inner/__init__.py", "inner/named.py", "late.py"]


def test_versions_are_in_the_digest(monkeypatch):
    before = code_digest("stages.study", ["numpy"])
    monkeypatch.setattr("importlib.metadata.version", lambda package: "0.0.1")
    assert code_digest("stages.study", ["numpy"]) != before
    assert import_closure("stages.study") == tuple(sorted(import_closure("stages.study")))


def test_a_checkpoint_of_other_code_is_refused_with_a_line(tmp_path):
    import torch

    from stages.deep.checkpoint import FileCheckpoint

    file, lines = tmp_path / "all.safetensors", []

    def checkpoint(code, fingerprint="these"):
        return FileCheckpoint(file, fingerprint, 0, code, lines.append)

    checkpoint("old").save(lambda: {"x": torch.ones(1)})
    assert checkpoint("old").load() is not None
    assert lines == []
    assert checkpoint("new").load() is None
    assert lines.pop() == (
        f"{file} is a state left by other code or other versions of packages; the training starts again"
    )
    assert checkpoint("old", "those").load() is None
    assert lines.pop() == f"{file} is a state of other data or parameters; the training starts again"


def test_shards_of_other_code_are_refused_with_a_line(tmp_path):
    import numpy as np

    from stages.backbones.shards import ShardStore

    def store(code, facts="fp32"):
        return ShardStore(tmp_path, {"precision": facts}, {"L3": 2}, 2, 2, code)

    for old in (store("old"), store("old", "bf16")):
        old.save(0, {"L3": np.ones((2, 2), np.float32)})
    assert store("old").missing() == []
    new, lines = store("new"), []
    assert new.missing() == [0]
    new.discard_others(lines.append)
    assert sorted(line.partition(" unfinished run ")[2] for line in lines) == [
        "with other code or other versions of packages; they are computed again",
        "with other images or parameters; they are computed again",
    ]
    assert store("old").missing() == [0]
