"""The parameters of an objective as a user writes them in YAML: known names, types that fit, presets."""

import difflib
import inspect
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

import yaml

from stages.core.errors import ParameterError

# Set by the stage or by the machine.
MACHINE = ("n_clusters", "device", "random_state", "progress", "checkpoint", "return")
# These of networks on features follow from the method, or are options of the stage.
NOT_THEIRS = (*MACHINE, "network", "scaling", "width")
# By section of the parameters: what a training takes where it is not the default of its estimator.
DEFAULTS: Mapping[str, Mapping[str, Any]] = yaml.safe_load(
    Path(__file__).with_name("defaults.yaml").read_text(encoding="utf-8")
)
_NOUNS = {int: "a whole number", float: "a number", str: "a text", bool: "true or false", NoneType: "null"}


def hyperparameters(
    objective: str,
    estimator: type,
    given: Mapping[str, Any],
    extra: Mapping[str, Any] | None = None,
    not_theirs: Sequence[str] = NOT_THEIRS,
    defaults: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Return the parameters of a run, by name.

    What is not `given` for the objective comes from the estimator's preset that `preset` names; with "none" from
    `defaults`, where these have it, else from the estimator's constructor. `extra` maps names of further
    parameters to their types; `not_theirs` are parameters of the constructor that are not the objective's.

    Raises `ParameterError` for unknown names, with the nearest ones, and for values of a type that does not fit.
    """
    hints = get_type_hints(estimator.__init__)  # type: ignore[misc]
    types = {name: hint for name, hint in hints.items() if name not in not_theirs}
    signature = inspect.signature(estimator).parameters
    ours = {name: signature[name].default for name in types} | dict(defaults or {})
    types |= {**(extra or {}), "preset": str}
    chosen = {name: _checked(objective, name, value, types) for name, value in given.items()}
    preset = chosen.get("preset", "none")
    base = ours if preset == "none" else _preset(objective, estimator, preset, not_theirs)
    return {**base, **chosen, "preset": preset}


def _preset(objective: str, estimator: type, name: str, not_theirs: Sequence[str]) -> dict[str, Any]:
    known = getattr(estimator, "PRESETS", {})
    if name not in known:
        raise ParameterError(f"{objective}.preset is {name!r}; give one of {', '.join(['none', *known])}")
    # These follow from the method; a preset's scaling and width overrule the stage's.
    follows = {"network", "init"} & set(not_theirs)
    return {key: value for key, value in known[name].items() if key not in follows}


def _checked(objective: str, name: str, value: Any, types: Mapping[str, Any]) -> Any:
    if name not in types:
        near = difflib.get_close_matches(name, types, n=3) or sorted(types)
        raise ParameterError(f"{objective} has no parameter {name!r}; did you mean {' or '.join(near)}?")
    hint = types[name]
    if isinstance(value, str) and str not in _arms(hint) and float in _arms(hint):
        value = _number(value)
    if not _fits(value, hint):
        raise ParameterError(f"{objective}.{name} is {value!r}; give {_noun(hint)}")
    return value


def _number(text: str) -> Any:
    """The number that YAML 1.1 takes for a text, such as 1e-3, which lacks a point."""
    try:
        return float(text)
    except ValueError:
        return text


def _arms(hint: Any) -> tuple[Any, ...]:
    """The types that a hint allows."""
    return get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)


def _fits(value: Any, hint: Any) -> bool:
    """Whether a value from YAML is of a type that the hint allows; what YAML has no type for may be anything."""
    if len(arms := _arms(hint)) > 1:
        return any(_fits(value, arm) for arm in arms)
    if get_origin(hint) in (list, tuple, Sequence):
        return isinstance(value, list | tuple) and all(_fits(item, get_args(hint)[0]) for item in value)
    if hint not in _NOUNS:
        return True
    if isinstance(value, bool):  # which to Python is a number
        return hint is bool
    return isinstance(value, int | float if hint is float else hint)


def _noun(hint: Any) -> str:
    nouns = [_NOUNS[arm] if arm in _NOUNS else f"a list, each {_noun(get_args(arm)[0])}" for arm in _arms(hint)]
    return " or ".join(nouns)
