"""How options are spelt and how errors reach the user."""

from pathlib import Path

import pytest
import typer

from stages.core.command import application, run
from stages.core.errors import ParameterError, TableError
from tests.shell import Shell


def test_options_with_hyphens_and_underscores(shell: Shell) -> None:
    seen = []

    def stage(n_init: int = 1, tags: list[str] = typer.Option(...)) -> None:
        seen.append((n_init, tags))

    for option in ("--n-init", "--n_init"):
        assert shell(application(stage), option, "3", "--tags", "a_b", "--tags", "c").status == 0
    assert seen == [(3, ["a_b", "c"])] * 2


def test_a_user_error_is_one_line_whatever_it_holds(shell: Shell) -> None:
    def stage() -> None:
        raise ParameterError("bad value 'a\nb\x1b[31m\U0001f33b\udcff'")

    outcome = shell(application(stage))
    assert outcome == (1, "", "error: bad value 'a\\nb\\x1b[31m\U0001f33b\\udcff'\n")


def test_a_full_disk_is_one_line(shell: Shell) -> None:
    def stage() -> None:
        raise OSError(28, "No space left on device", "data/x.parquet")

    outcome = shell(application(stage))
    line = "error: data/x.parquet cannot be written: the disk is full; make room there, and run this again\n"
    assert outcome == (1, "", line)


def test_an_error_that_another_folder_may_explain_says_so(
    shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stage() -> None:
        raise TableError("data/x.parquet does not exist; run `dvc repro`")

    monkeypatch.chdir(tmp_path)
    line = "error: data/x.parquet does not exist; run `dvc repro`"
    elsewhere = "; there is no params.yaml here, so run this in the project's folder"
    assert shell(application(stage)).err == f"{line}{elsewhere}\n"
    (tmp_path / "params.yaml").touch()
    assert shell(application(stage)).err == f"{line}\n"


def test_an_interrupt_is_no_error_of_the_program(shell: Shell) -> None:
    def stage() -> None:
        raise KeyboardInterrupt

    outcome = shell(application(stage))
    assert outcome.status == 130
    assert "Traceback" not in outcome.err


def test_a_bug_keeps_its_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    def stage() -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("sys.argv", ["stage"])
    with pytest.raises(ZeroDivisionError):
        run(application(stage))
