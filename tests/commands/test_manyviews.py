"""The console script `manyviews`: its table of commands, and that it loads none before it is called."""

import importlib
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from stages.commands.__main__ import COMMANDS, app, main
from tests.shell import exit_status

ROOT = Path(__file__).parents[2]


def test_every_module_of_the_package_with_an_application_is_a_command() -> None:
    files = [file for file in (ROOT / "stages/commands").glob("[!_]*.py") if "application(" in file.read_text()]
    assert {file.stem for file in files} == COMMANDS.keys()


def test_help_lists_the_commands_and_loads_none() -> None:
    program = (
        "import sys\nfrom stages.commands.__main__ import app\napp(['--help'], standalone_mode=False)\n"
        "assert not [name for name in sys.modules if name.startswith('stages.commands.') and '__' not in name]\n"
        "assert not {'numpy', 'torch', 'pyarrow', 'yaml'} & set(sys.modules)"
    )
    out = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout
    for name, line in COMMANDS.items():
        assert f"  {name:{max(map(len, COMMANDS))}}  {line}\n" in out, "on one line"


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_is_reached_by_its_name(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_status(app, name, "--help") == 0
    own = getattr(importlib.import_module(f"stages.commands.{name}"), name).__doc__
    assert " ".join(own.split())[:50] in " ".join(capsys.readouterr().out.split())


def test_an_unknown_command_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_status(app, "exprot", "--to", "x") == 1
    assert capsys.readouterr() == ("", "error: manyviews has no command 'exprot'; did you mean export?\n")
    assert exit_status(app, "quux") == 1
    assert capsys.readouterr().err == (
        f"error: manyviews has no command 'quux'; take one of {', '.join(COMMANDS)}\n"
    )


def test_without_a_command_it_explains_itself(capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_status(app) == 2
    assert "\nCommands:\n  cluster " in capsys.readouterr().out


def test_errors_of_a_command_are_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert exit_status(app, "preset", "x") == 1
    elsewhere = "there is no params.yaml here, so run this in the project's folder"
    assert capsys.readouterr() == ("", f"error: no preset is called 'x'; presets has none; {elsewhere}\n")


def test_the_script_and_the_module_are_the_same() -> None:
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["scripts"]
    module, _, function = scripts["manyviews"].partition(":")
    assert getattr(importlib.import_module(module), function) is main
    done = subprocess.run(
        [sys.executable, "-m", "stages.commands", "x"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
