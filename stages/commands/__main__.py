"""The console script `manyviews`: what people type, each command loaded only when it is called."""

import difflib
import importlib
from typing import Any

import typer
import typer.core
import typer.main

from stages.core.command import run
from stages.core.errors import ParameterError

# One module of this package each, with its line in `manyviews --help`, which thus loads none of them.
COMMANDS = {
    "cluster": "Group the images of a folder: all in one command.",
    "add": "Make a folder of images a dataset of the project.",
    "export": "Lay images out in a folder per cluster; or CSV, JSON, COCO.",
    "assign": "Put new images into the clusters of a trained method.",
    "keep": "Let the clusters of the next runs keep their numbers.",
    "changes": "Compare the clusters with those of another commit.",
    "cut": "Cut the ensemble's dendrogram into another number of clusters.",
    "preset": "Set the values of a preset in params.yaml.",
    "doctor": "Check whether this machine and this project are fit to run.",
    "repair": "Mend what a kill left torn of DVC's files.",
    "catalogue": "Bring the tables of backbones and image sets up to date.",
}


class Commands(typer.core.TyperGroup):
    """The commands of the table, as Typer asks for them. Raises `ParameterError` for a name not in it."""

    def list_commands(self, ctx: Any) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name not in COMMANDS:
            near = difflib.get_close_matches(cmd_name, COMMANDS, 1)
            hint = f"did you mean {near[0]}?" if near else f"take one of {', '.join(COMMANDS)}"
            raise ParameterError(f"manyviews has no command {cmd_name!r}; {hint}")
        return typer.main.get_command(importlib.import_module(f"stages.commands.{cmd_name}").app)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


app = typer.Typer(cls=Commands, add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)


@app.callback(invoke_without_command=True)
def manyviews(context: typer.Context) -> None:
    """Commands beside the pipeline, which `dvc repro` runs. `manyviews COMMAND --help` explains each of them."""
    if context.invoked_subcommand is None:
        print(context.get_help())
        raise typer.Exit(2)


def main() -> None:
    """Run the command that the user typed."""
    run(app)


if __name__ == "__main__":
    main()
