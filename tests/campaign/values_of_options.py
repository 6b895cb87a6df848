"""Bad options of stages and commands, by their type, and bad settings of the machine."""

import importlib
import os
import pkgutil
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, get_args, get_origin

import stages
from stages.commands.__main__ import COMMANDS
from tests.campaign.values_of_keys import bad_values, options_of

# Variables of the environment that options read; a stage that is run with a bad one must say which.
_VARIABLES = {
    "MANYVIEWS_DEVICE": ("gpu", "7"),
    "MANYVIEWS_BATCH_SIZE": ("-1", "many", "1.5"),
    "MANYVIEWS_WORKERS": ("-1", "many", "1.5"),
    "MANYVIEWS_COMPILER": ("gcc",),
    "MANYVIEWS_CHECKPOINT_SECONDS": ("-1", "soon"),
}


def cases() -> Iterator[tuple[str, Callable[[], list[object]]]]:
    """Yield a name, and what returns the stage and the options that it must refuse."""
    found = [module.name for module in pkgutil.iter_modules(stages.__path__, "stages.") if not module.ispkg]
    for module in [*found, *(f"stages.commands.{command}" for command in COMMANDS)]:
        short = module.removeprefix("stages.")
        yield f"{short} --nonsense", partial(_call, module, "--nonsense")
        yield f"{short} with a word too many", partial(_call, module, "a", "b", "c", "d")
        for name, option in options_of(module).items():
            if name == "return" or not get_args(option):
                continue
            flag = f"--{name.replace('_', '-')}"
            if get_args(option)[0] is not bool:
                yield f"{short} {flag} without a value", partial(_call, module, flag)
            for value in _typed(option):
                yield f"{short} {flag} {value!r}", partial(_call, module, flag, value)
    for variable, values in _VARIABLES.items():
        stage = "train" if "CHECKPOINT" in variable else "extract"
        for value in values:
            name = f"{variable}={value} in {stage}"
            yield name, partial(_setting, variable, value, f"stages.{stage}")


def _typed(option: Any) -> Iterator[str]:
    """Bad values as one types them: scalars alone, since a list is an option given twice."""
    many = get_origin(get_args(option)[0]) is list
    for value in bad_values(option):
        scalar = value[0] if many and isinstance(value, list) and value else value
        if not isinstance(scalar, list | dict | None):
            yield str(scalar)


def _call(module: str, *arguments: str) -> list[object]:
    importlib.import_module(module)
    return [module, *arguments]


def _setting(variable: str, value: str, module: str) -> list[object]:
    os.environ[variable] = value
    view = ["--backbone", "b"] if module == "stages.extract" else []
    return [module, "--dataset", "d", *view]
