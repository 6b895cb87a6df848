"""Python, packages, disks, memory, devices; and that a check which fails is a finding."""

import sys
from collections import namedtuple
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from stages.core.errors import TableError
from stages.diagnosis.finding import Finding, examine
from stages.diagnosis.machine import check_devices, check_disk, check_memory, check_packages, check_python

GIB = 1 << 30
ROOT = Path(__file__).parents[2]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    file = tmp_path / "pyproject.toml"
    file.write_text(
        '[project]\nrequires-python = ">=3.11"\ndependencies = ["pytest>=1", "numpy>999", '
        '"no-such-package-of-ours", "never; python_version < \'3\'"]\n'
    )
    return file


def test_python(project: Path) -> None:
    (found,) = check_python(project, "3.12.1")
    assert found.level == "ok" and found.message.startswith("3.12.1 (")
    (found,) = check_python(project, "3.10.9")
    assert found == (
        "fault",
        "this is Python 3.10.9, but >=3.11 is needed; make an environment with such a Python",
    )


def test_packages(project: Path) -> None:
    import numpy

    assert list(check_packages(project)) == [
        ("fault", f"numpy {numpy.__version__} is not >999; run `pip install -e .`"),
        ("fault", "no-such-package-of-ours is not installed; run `pip install -e .`"),
    ]
    (found,) = check_packages(ROOT / "pyproject.toml")
    assert found.level == "ok"


def test_no_project_file_and_a_broken_one(tmp_path: Path) -> None:
    file = tmp_path / "pyproject.toml"
    assert list(examine(lambda: check_packages(file))) == [
        ("fault", f"there is no {file}; run this in the project's folder")
    ]
    file.write_text("[project")
    (found,) = examine(lambda: check_python(file))
    assert found.level == "fault" and found.message.endswith("take it from git")


def test_disks_share_their_free_space(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = namedtuple("usage", "free")
    a, b = tmp_path / "a", tmp_path / "not/yet/there"
    for free, level, ending in (
        (2 * GIB, "fault", "2.0 GiB free for {}; some 3.0 GiB are needed: make room, or move one elsewhere"),
        (5 * GIB, "warning", "5.0 GiB free for {}; some 3.0 GiB are needed, which may become tight: make room"),
        (6 * GIB, "ok", "6.0 GiB free for {} (needed: some 3.0 GiB)"),
    ):
        monkeypatch.setattr("shutil.disk_usage", lambda _, free=free: usage(free))
        assert list(check_disk({a: GIB, b: 2 * GIB})) == [(level, ending.format(f"{a}, {b}"))]


def test_a_place_that_cannot_be_written_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.access", lambda *_: False)
    found = list(check_disk({tmp_path: 0}))
    assert found[1:] == [("fault", f"{tmp_path} cannot be written to; change its rights or its owner")]


def test_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stages.core.memory.available_memory", lambda: 3 * GIB)
    assert list(check_memory(2 * GIB)) == [("ok", "3.0 GiB free (needed: some 2.0 GiB)")]
    monkeypatch.setattr("stages.core.memory.available_memory", lambda: GIB)
    assert list(check_memory(2 * GIB)) == [
        ("warning", "1.0 GiB free, some 2.0 GiB are needed: end other programs, or runs may fail")
    ]


def test_a_device_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("MANYVIEWS_DEVICE", "abacus")
    (found,) = check_devices(300)
    assert found == (
        "fault",
        f"torch {torch.__version__}: device is 'abacus' but there is no such device; give auto, cpu or cuda",
    )


@pytest.mark.parametrize(
    ("program", "level", "message"),
    [
        (
            "raise ImportError('libcuda.so: no such file')",
            "fault",
            "torch cannot be used (ImportError: libcuda.so: no such file); install it again: https://pytorch.org",
        ),
        (
            "import os; os.abort()",
            "fault",
            "torch cannot be used (it ended with status -6); install it again: https://pytorch.org",
        ),
        (
            "import threading; threading.Event().wait()",
            "warning",
            "torch took more than 0.5 s to start; try again when the machine is idle",
        ),
    ],
)
def test_a_broken_torch(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, program: str, level: str, message: str
) -> None:
    (tmp_path / "torch.py").write_text(program)
    monkeypatch.chdir(tmp_path)  # where a program given by -c looks first
    assert sys.flags.safe_path is False
    assert list(check_devices(0.5 if level == "warning" else 300)) == [(level, message)]


def test_whatever_a_check_raises_is_a_finding_after_what_it_found() -> None:
    def failing(error: Exception) -> Iterator[Finding]:
        yield Finding("ok", "first")
        raise error

    for error, message in (
        (TableError("x is damaged"), "x is damaged"),
        (ModuleNotFoundError("no", name="rich"), "the package rich is missing; run `pip install -e .`"),
        (
            PermissionError(13, "Permission denied", "data"),
            "data: Permission denied; see that it is there and that you may use it",
        ),
        (
            ZeroDivisionError("by\nzero"),
            "could not be checked (ZeroDivisionError: by zero); see to the other findings first",
        ),
    ):
        assert list(examine(partial(failing, error))) == [("ok", "first"), ("fault", message)]
