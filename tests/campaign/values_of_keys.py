"""Bad values of params.yaml: of every key, by the type of the option that takes it, and of the text as a whole."""

import importlib
import pkgutil
from collections.abc import Callable, Iterator
from enum import Enum
from functools import partial
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

import typer.main
import yaml

import stages
from stages.clustering.algorithms import ALGORITHMS
from stages.params.stage import taken_keys
from stages.tables.methods import FeatureMethod
from stages.training.on_features import FEATURE_JOBS
from stages.training.on_images import IMAGE_JOBS
from tests.pipeline.project import ROOT

NAN, INF = float("nan"), float("inf")


def cases() -> Iterator[tuple[str, Callable[[], list[object]]]]:
    """Yield a name, and what writes the file and returns the stage that must refuse it."""
    sound = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    for key, option in _options_of_keys().items():
        for value in bad_values(option):
            yield _case(sound, key, value)
    for section, content in sound.items():
        if isinstance(content, dict | list):
            for value in (None, 3, "text", {"zz": 1}, [{"zz": 1}], [[]]):
                yield _case(sound, section, value)
        yield _case(sound, f"{section[:-1]}x", 3)
        if isinstance(content, dict):
            yield _case(sound, f"{section}.{section}", 3)
            for name in content:
                yield _case(sound, f"{section}.{name}_", content[name])
        elif isinstance(content, list) and content:
            yield _case(sound, section, content + content[:1])
            yield _case(sound, section, str(content[0]))
    yield from _trained(sound)
    yield from _algorithms(sound)
    yield from _texts((ROOT / "params.yaml").read_text(encoding="utf-8"))


def bad_values(option: Any) -> Iterator[Any]:
    """Yield values that an option must refuse; `option` is its annotation, `Annotated[type, typer.Option()]`."""
    yield from (None, {"a": 1}, [[1]], [None], [{}])
    kind, info = get_args(option)[:2]
    many = get_origin(kind) is list
    kind = get_args(kind)[0] if many else kind
    scalars: list[Any] = []
    if get_origin(kind) is Literal or (isinstance(kind, type) and issubclass(kind, Enum)):
        first = get_args(kind)[0] if get_origin(kind) is Literal else next(iter(kind)).value
        scalars += ["odd", 3, True, "", f"{first}x"]
    elif kind in (int, float):
        scalars += ["abc", "", NAN, True, "1 2", "0x10", "$(touch x)", INF, -INF, 10**30]
        scalars += [info.min - 1, -(10**12)] if info.min is not None else []
        scalars += [info.max + 1] if info.max is not None else [10**12]
        scalars += [1.5] if kind is int else []
    yield from ([value] if many else value for value in scalars)
    if scalars and not many:
        yield [scalars[0]]


def _trained(sound: dict[str, Any]) -> Iterator[tuple[str, Callable[[], list[object]]]]:
    """Parameters of trainings, which go into the constructors of estimators."""
    jobs = {**FEATURE_JOBS, **{f"image_{method}": job for method, job in IMAGE_JOBS.items()}}
    for section, job in jobs.items():
        hints = get_type_hints(job.estimator(FeatureMethod.DMVC).__init__) | {"seeds": int}
        for name, hint in hints.items():
            if name in job.NOT_THEIRS:
                continue
            bad: list[Any] = [{"a": 1}, [[1]], [None], "odd", NAN, -1, 10**30, ""]
            if hint in (int, float, bool):
                bad += [None, "$(touch x)", [1], *([1.5] if hint is int else [])]
            if hint is bool:
                bad += [1, 0, "maybe"]
            else:
                bad += [True]
            for value in bad:
                if float not in (hint, *get_args(hint)) or value != 10**30:
                    yield _case(sound, f"{section}.{name}", value)


def _algorithms(sound: dict[str, Any]) -> Iterator[tuple[str, Callable[[], list[object]]]]:
    for algorithm in ALGORITHMS.values():
        for end in (
            "x",
            ":",
            ":=",
            ":n_clusters=3",
            ":seeds=0",
            ":seeds=1000000000",
            ":multiple=-1",
            ":subspace=2",
        ):
            yield _case(sound, "baseline.algorithms", [algorithm.name + end])
        for name, default in algorithm._class()().get_params().items():
            if isinstance(default, int | float) and name not in algorithm.fixed:
                for value in ("abc", "-1", "1e999", "null", "[1]", "NaN", ""):
                    yield _case(sound, "baseline.algorithms", [f"{algorithm.name}:{name}={value}"])


def options_of(module: str) -> dict[str, Any]:
    """The annotations of a stage's or command's options, by name."""
    (command,) = importlib.import_module(module).app.registered_commands
    return get_type_hints(command.callback, include_extras=True)


def _options_of_keys() -> dict[str, Any]:
    """The options that take keys of params.yaml, by key."""
    found: dict[str, Any] = {}
    for module in pkgutil.iter_modules(stages.__path__, "stages."):
        if not module.ispkg:
            options = options_of(module.name)
            command = typer.main.get_command(importlib.import_module(module.name).app)
            found |= {key: options[option] for key, option in taken_keys(command).items()}
    return found


def _case(sound: dict[str, Any], key: str, value: Any) -> tuple[str, Callable[[], list[object]]]:
    section, _, name = key.rpartition(".")
    changed = {**sound, section: {**sound[section], name: value}} if section else {**sound, name: value}
    return f"{key}: {value!r}", partial(_written, yaml.safe_dump(changed, allow_unicode=True).encode())


def _texts(text: str) -> Iterator[tuple[str, Callable[[], list[object]]]]:
    """Files that are no parameters at all, or hardly."""
    raw = text.encode()
    for name, content in {
        "an empty file": b"",
        "blank lines": b"\n\n",
        "a list": b"- a\n",
        "one number": b"7\n",
        "NUL in the middle": raw[:500] + b"\0" + raw[500:],
        "Latin-1": text.replace("# What", "# \xe4").encode("latin-1"),
        "UTF-16": text.encode("utf-16"),
        "random bytes": bytes(range(256)) * 4,
        "half of a line": raw[: raw.index(b"backbones: [") + 14],
        "a tab": raw.replace(b"  n_init: 10", b"\tn_init: 10"),
        "a key twice": raw + b"seed: 1\n",
        "a conflict": b"<<<<<<< HEAD\nseed: 1\n=======\nseed: 2\n>>>>>>> other\n",
        "an unknown alias": raw.replace(b"seed: 0", b"seed: *x"),
        "a Python object": raw.replace(b"seed: 0", b"seed: !!python/object:os.system {}"),
        "the 31st of February": raw.replace(b"seed: 0", b"seed: 2024-02-31"),
        "deep nesting": b"seed: " + b"[" * 3000 + b"]" * 3000 + b"\n",
    }.items():
        yield f"params.yaml is {name}", partial(_written, content)


def _written(content: bytes) -> list[object]:
    Path("params.yaml").write_bytes(content)
    return ["stages.check_params"]
