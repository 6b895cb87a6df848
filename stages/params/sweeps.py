"""Sweeps: which trainings are repeated over values of their parameters, and over which."""

import itertools
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from stages.core.checks import check_choice, check_known, check_number, check_once
from stages.core.errors import ParameterError
from stages.params.file import read_section
from stages.params.options import check_sweep_name
from stages.tables.methods import ON_ALL_VIEWS, Objective

SWEEPS, SWEEP = (
    "sweeps",
    "sweep",
)  # in the file of parameters: the list, and the section that says over which values
MOST = 1000  # trainings of a sweep: a slip of the keyboard must not make a run without end
SEEDS = 3
_ENTRY = "{dataset: NAME, objective: NAME, method: NAME, name: NAME}"
_DEFINITION = "{values: {PARAMETER: [VALUE, ...]}, seeds: N}"


class SweepName(NamedTuple):
    """An entry of the list: the training of a `method` on a dataset, repeated as the section says under `name`."""

    dataset: str
    objective: str
    method: str
    name: str

    def __str__(self) -> str:
        return f"{self.objective}/{self.method} on {self.dataset} by {self.name}"

    @property
    def stem(self) -> str:
        """The beginning of the names of its files, in a folder of the dataset's."""
        return f"{self.objective}-{self.method}-{self.name}"


class Point(NamedTuple):
    """A point of a sweep: its name, and the `values` of parameters, those of its `variant`, if any, among them."""

    name: str
    variant: str | None
    values: Mapping[str, Any]


@dataclass(frozen=True)
class Sweep:
    """What a sweep varies: `variants`, sets of values by name, and the `values` of further parameters.

    Every variant is combined with every combination of the values, and trained with as many `seeds`.
    """

    variants: Mapping[str, Mapping[str, Any]]
    values: Mapping[str, Sequence[Any]]
    seeds: int

    @property
    def parameters(self) -> list[str]:
        """The names of all parameters that it sets, those of the variants first."""
        inner = (name for values in self.variants.values() for name in values)
        return list(dict.fromkeys([*inner, *self.values]))

    def points(self) -> Iterator[Point]:
        """Yield the points, the last parameter changing first."""
        variants: list[tuple[str | None, Mapping[str, Any]]] = [*self.variants.items()] or [(None, {})]
        for (variant, own), chosen in itertools.product(variants, itertools.product(*self.values.values())):
            values = dict(zip(self.values, chosen, strict=True))
            parts = [] if variant is None else [variant]
            parts += (f"{name}={shown(value)}" for name, value in values.items())
            yield Point(", ".join(parts), variant, {**own, **values})


def shown(value: Any) -> str:
    """Return a value of a parameter as a table and a message show it: a text as it is, all else as in YAML."""
    return value if isinstance(value, str) else json.dumps(value, default=str)


def check_sweeps(given: Any) -> list[SweepName]:
    """Return the entries of the list; raise `ParameterError` for what is none, and for two of the same."""
    if given is None:
        raise ParameterError(f"{SWEEPS} is empty; write [] for none")
    if not isinstance(given, list):
        raise ParameterError(f"{SWEEPS} is {given!r}; write a list, each {_ENTRY}")
    found = []
    for entry in given:
        names = isinstance(entry, dict) and all(isinstance(value, str | int) for value in entry.values())
        if not names or entry.keys() != {*SweepName._fields}:
            raise ParameterError(f"{SWEEPS} holds {entry!r}; write {_ENTRY}")
        name = SweepName(**{key: str(value) for key, value in entry.items()})
        check_known("objective", name.objective, list(Objective))
        check_choice(f"the method of sweep {name.name}", name.method, ON_ALL_VIEWS)
        found.append(name)
    check_once(SWEEPS, [str(name) for name in found], "sweep")
    return found


def check_reachable(sweeps: Sequence[SweepName], datasets: Sequence[str], definitions: Any) -> None:
    """Raise `ParameterError` for a sweep of none of the datasets, and for one that the section does not define."""
    for sweep in sweeps:
        if sweep.dataset not in datasets:
            raise ParameterError(
                f"{SWEEPS} names {sweep.dataset!r}, which is none of the datasets; add it to them"
            )
        _definition(sweep.name, definitions if isinstance(definitions, Mapping) else {})


def check_definitions(given: Any) -> dict[str, Sweep]:
    """Return the sweeps that the section defines, by name; raise `ParameterError` for the first fault."""
    if not isinstance(given, Mapping):
        raise ParameterError(f"{SWEEP} is {'empty' if given is None else repr(given)}; write {{}} for none")
    return {str(name): check_definition(str(name), value) for name, value in given.items()}


def check_definition(name: str, given: Any) -> Sweep:
    """Return a sweep; raise `ParameterError` unless it has lists of different values, and not too many of them."""
    key = f"{SWEEP}.{name}"
    check_sweep_name(name)
    if not isinstance(given, Mapping) or not given.keys() & {"values", "variants"}:
        raise ParameterError(f"{key} is {given!r}; write {_DEFINITION}")
    for inner in given:
        check_known(f"key of {key}", str(inner), ("values", "variants", "seeds"))
    seeds = given.get("seeds", SEEDS)
    check_number(f"{key}.seeds", seeds, 1, whole=True)
    variants, values = given.get("variants", {}), given.get("values", {})
    if not isinstance(variants, Mapping) or not all(isinstance(value, Mapping) for value in variants.values()):
        raise ParameterError(f"{key}.variants is {variants!r}; write {{NAME: {{PARAMETER: VALUE}}, ...}}")
    if not isinstance(values, Mapping):
        raise ParameterError(f"{key}.values is {values!r}; write {{PARAMETER: [VALUE, ...]}}")
    if not variants and not values:
        raise ParameterError(f"{key} has nothing to vary; write {_DEFINITION}")
    for parameter, several in values.items():
        place = f"{key}.values.{parameter}"
        if not isinstance(several, list) or not several:
            raise ParameterError(f"{place} is {several!r}; write a list of values")
        check_once(place, [shown(value) for value in several], "value")
        if both := [variant for variant, own in variants.items() if parameter in own]:
            raise ParameterError(f"{place} is also set by variant {both[0]!r}; set it in one place")
    sweep = Sweep({str(variant): dict(own) for variant, own in variants.items()}, dict(values), seeds)
    if "seeds" in sweep.parameters:
        raise ParameterError(f"{key} varies 'seeds', of which it has its own; set {key}.seeds")
    points = max(len(variants), 1) * math.prod(map(len, values.values()))
    if points * seeds > MOST:
        raise ParameterError(
            f"{key} makes {points * seeds} trainings ({points} combinations, {seeds} seeds); leave at most {MOST}"
        )
    return sweep


def read_sweep(file: Path, name: str) -> Sweep:
    """Read a sweep from the section of a YAML file of parameters."""
    return check_definition(name, _definition(name, read_section(file, SWEEP)))


def _definition(name: str, definitions: Mapping[Any, Any]) -> Any:
    found = {str(key): value for key, value in definitions.items()}
    if not found:
        raise ParameterError(f"{SWEEPS} names {name!r}, which section {SWEEP} lacks; add {name}: {_DEFINITION}")
    check_known("sweep", name, found)
    return found[name]
