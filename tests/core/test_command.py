"""How options are spelt and how errors reach the user."""

import pytest
import typer

from stages.core.command import application, run
from stages.core.errors import ParameterError


def _outcome(stage, arguments, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["stage", *arguments])
    with pytest.raises(SystemExit) as end:
        run(application(stage))
    return end.value.code, capsys.readouterr()


def test_options_with_hyphens_and_underscores(monkeypatch, capsys):
    seen = []

    def stage(n_init: int = 1, tags: list[str] = typer.Option(...)) -> None:
        seen.append((n_init, tags))

    for option in ("--n-init", "--n_init"):
        code, _ = _outcome(stage, [option, "3", "--tags", "a_b", "--tags", "c"], monkeypatch, capsys)
        assert code == 0
    assert seen == [(3, ["a_b", "c"])] * 2


def test_a_user_error_is_one_line_whatever_it_holds(monkeypatch, capsys):
    def stage() -> None:
        raise ParameterError("bad value 'a\nb\x1b[31m\U0001f33b\udcff'")

    code, output = _outcome(stage, [], monkeypatch, capsys)
    assert code == 1
    assert output.err == "error: bad value 'a\\nb\\x1b[31m\U0001f33b\\udcff'\n"
    assert output.out == ""


def test_a_full_disk_is_one_line(monkeypatch, capsys):
    def stage() -> None:
        raise OSError(28, "No space left on device", "data/x.parquet")

    code, output = _outcome(stage, [], monkeypatch, capsys)
    assert (code, output.err) == (1, "error: No space left on device: data/x.parquet\n")


def test_an_interrupt_is_no_error_of_the_program(monkeypatch, capsys):
    def stage() -> None:
        raise KeyboardInterrupt

    code, output = _outcome(stage, [], monkeypatch, capsys)
    assert code == 130
    assert "Traceback" not in output.err


def test_a_bug_keeps_its_traceback(monkeypatch):
    def stage() -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("sys.argv", ["stage"])
    with pytest.raises(ZeroDivisionError):
        run(application(stage))
