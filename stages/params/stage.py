"""How a stage takes its parameters: params.yaml gives what the command line does not, under the same checks.

A stage names the keys that it takes. Their values become defaults of its options (click's `default_map`), so that
no value is ever pasted into a shell command, and each is held to the type and range of its option.
"""

import difflib
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from stages.core.command import application
from stages.core.errors import ManyviewsError, ParameterError
from stages.params.file import PARAMS, not_a_section, read_params, renamed_key

_KEYS = "keys of params.yaml"  # beside what Typer itself keeps in a context
_BY_LINES = "write each on a line of its own, behind a dash"


def stage_application(stage: Callable[..., None], *keys: str) -> typer.Typer:
    """Make the Typer application of a stage that takes these keys of params.yaml.

    A key is a value at the top level, "n_clusters", or in a section, "baseline.n_init". The option is called as
    the last part, unless another name follows: "weights.folder=weights_folder".
    """
    options = {}
    for key in keys:
        name, _, option = key.partition("=")
        options[name] = option or name.rpartition(".")[2]
    return application(stage, obj={_KEYS: options})


def _take(context: typer.Context, file: Path) -> Path:
    """Make the values of the file the defaults of options; called before any other option is read."""
    if file != PARAMS or file.exists():  # by hand a stage may run anywhere, by its options alone
        context.default_map = taken_values(context.command, taken_keys(context.command), read_params(file))
    return file


ParamsFile = Annotated[
    Path,
    typer.Option(
        "--params",
        callback=_take,
        is_eager=True,
        help="File of parameters: it gives the options that are not given here and that it has a key for.",
    ),
]


def taken_keys(command: Any) -> dict[str, str]:
    """Return the keys of params.yaml that a command takes, and the names of its options; none if it takes none."""
    kept = command.context_settings.get("obj") or {}
    return dict(kept.get(_KEYS, {}))


def taken_values(command: Any, options: Mapping[str, str], params: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values that `params` has for the `options` of a command, by option.

    `options` maps keys, as `stage_application` takes them, to names of options. Raises `ParameterError` for the
    first fault; see `faults`.
    """
    for fault in faults(command, options, params):
        raise ParameterError(fault)
    lists = {parser.name for parser in command.params if parser.multiple}
    given = ((options[key], value) for key, value in _given(params, options))
    return {option: _texts(value, option in lists) for option, value in given if value != []}


def faults(command: Any, options: Mapping[str, str], params: Mapping[str, Any]) -> Iterator[str]:
    """Yield a line for every value that an option would refuse, and for every unknown key of a section."""
    parsers = {parser.name: parser for parser in command.params}
    for section in dict.fromkeys(key.partition(".")[0] for key in options if "." in key):
        if section in params:
            known = [key.partition(".")[2] for key in options if key.startswith(f"{section}.")]
            yield from _section_faults(section, params[section], known)
    for key, value in _given(params, options):
        yield from _value_faults(key, value, parsers[options[key]])


def unknown_key(key: str, known: list[str]) -> str:
    """Return the message about a key that params.yaml should not have, with the nearest of the known ones."""
    if new := renamed_key(key):
        return f"{key} is now called {new}; rename it in params.yaml"
    section, _, name = key.rpartition(".")
    near = difflib.get_close_matches(name, known, n=1)
    where = f"section {section}" if section else "params.yaml"
    way_out = f"did you mean {near[0]}?" if near else f"it has {', '.join(known)}"
    return f"{where} has no key {name!r}; {way_out}"


def _section_faults(section: str, values: Any, known: list[str]) -> Iterator[str]:
    if not isinstance(values, dict):
        yield not_a_section(section, values)
        return
    for name in values:
        if name not in known:
            yield unknown_key(f"{section}.{name}", known)


def _value_faults(key: str, value: Any, parser: Any) -> Iterator[str]:
    """Why the option would not take the value, if it would not."""
    if fault := _shape_fault(value, bool(parser.multiple), parser.default == []):
        yield f"{key} is {fault}"
    elif value != []:
        try:
            parser.process_value(typer.Context(typer.core.TyperCommand(key)), _texts(value, parser.multiple))
        except ManyviewsError as error:  # a check of ours, called by the option
            yield str(error)
        except typer.BadParameter as error:
            reason = error.message.removeprefix("Value error, ").rstrip(".")
            yield f"{key} is {value!r}: {reason}"


def _shape_fault(value: Any, is_list: bool, may_be_empty: bool) -> str:
    """The value and why it is neither what one option takes nor, where it may be repeated, a list; "" if it is."""
    if value is None or (value == [] and not may_be_empty):
        if may_be_empty:
            return "empty; write [] for none"
        return "empty; " + (_BY_LINES if is_list else "give it a value")
    if isinstance(value, dict) or (isinstance(value, list) and not is_list):
        return f"{value!r}; " + (_BY_LINES if is_list else "give one value")
    if isinstance(value, list) and any(item is None or isinstance(item, list | dict) for item in value):
        return f"{value!r}; {_BY_LINES}"
    return ""


def _given(params: Mapping[str, Any], keys: Iterable[str]) -> Iterator[tuple[str, Any]]:
    """The keys that `params` has, and their values."""
    for key in keys:
        section, _, name = key.rpartition(".")
        values = params.get(section) if section else params
        if isinstance(values, Mapping) and name in values:
            yield key, values[name]


def _texts(value: Any, is_list: bool) -> Any:
    """A value as somebody would type it: options then take and refuse the same, wherever it comes from.

    One value will do for a list: `dvc exp run -S baseline.algorithms=kmeans`.
    """
    if is_list:
        return [_texts(item, False) for item in (value if isinstance(value, list) else [value])]
    return str(value).lower() if isinstance(value, bool) else str(value)
