"""What `doctor` asks of the values in params.yaml: known keys, types that fit, names that there are."""

import importlib
import re
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import yaml

from stages.core.errors import ManyviewsError
from stages.diagnosis import Finding
from stages.tables.methods import ImageBaseline, ImageMethod, Objective

_BY_LINES = "write each on a line of its own, behind a dash"


def check_parameters(parameters: Mapping[str, Any], pipeline: Path) -> Iterator[Finding]:
    """Every key an option of its stage, every value of its type, every name known; `pipeline` is dvc.yaml."""
    faults = [*_option_faults(parameters, pipeline), *_value_faults(parameters)]
    yield from (Finding("fault", fault) for fault in dict.fromkeys(faults))
    if not faults:
        trained = ", ".join([*Objective, *(f"image_{name}" for name in ImageMethod)])
        yield Finding(
            "ok",
            f"{len(parameters)} keys: options known, values of their type; those of {trained} are checked when "
            "they are trained",
        )


def _option_faults(parameters: Mapping[str, Any], pipeline: Path) -> Iterator[str]:
    """Sections and keys that are no options of their stage, and values that are not of the option's type."""
    if not pipeline.is_file():
        yield f"there is no {pipeline}; take it from git"
        return
    stages = (yaml.safe_load(pipeline.read_text(encoding="utf-8")) or {}).get("stages", {})
    for name, stage in stages.items():
        command = str(stage.get("do", stage).get("cmd", ""))
        script = re.search(r"python -m (stages\.\w+)", command)
        named = set(re.findall(r"\$\{(\w+)[.}]", command)) - {"item"}
        if absent := sorted(named - parameters.keys()):
            yield f"{' and '.join(absent)} is missing, which stage {name} needs; take it from git"
        # What no option stands before is a whole section, of which DVC makes the options.
        sections = set(re.findall(r"(?<!\S)\$\{(\w+)\}", re.sub(r"--\S+ \$\{\w+\}", "", command)))
        for section in sorted((sections - {"item"}) & parameters.keys()):
            if not isinstance(parameters[section], dict):
                yield _no_section(section, parameters[section])
            elif script:
                yield from _section_faults(name, script[1], section, parameters[section])


def _section_faults(stage: str, module: str, section: str, values: Mapping[str, Any]) -> Iterator[str]:
    """The keys of a section, one by one, as the stage's own options take them."""
    import typer.main

    parser = typer.main.get_command(importlib.import_module(module).app)
    required = [option for option in parser.params if option.required]
    given = {"image_method": str(ImageMethod.JULE)}  # the one option that does not take "1"
    needed = [text for option in required for text in (option.opts[0], given.get(str(option.name), "1"))]
    repeatable = {option.name: bool(getattr(option, "multiple", False)) for option in parser.params}
    for key, value in values.items():
        if key in repeatable and (fault := _shape_fault(f"{section}.{key}", value, repeatable[key])):
            yield fault
            continue
        try:
            parser.make_context(stage, [*needed, *_arguments(str(key), value)])
        except Exception as error:
            if not hasattr(error, "format_message"):  # Typer's base of these has no public name
                raise
            reason = " ".join(error.format_message().split()).rstrip(".")
            yield f"{section}.{key} is {value!r} ({reason}); `python -m {module} --help` explains it"


def _shape_fault(key: str, value: Any, repeatable: bool) -> str:
    """Why a value is neither what one option takes nor, where it may be repeated, a list of such; or ""."""
    if value is None or value == []:
        return f"{key} is empty; " + (_BY_LINES if repeatable else "give it a value")
    if isinstance(value, dict):
        return f"{key} is {value!r}; " + (_BY_LINES if repeatable else "give one value, not a section")
    if isinstance(value, list) and not repeatable:
        return f"{key} is {value!r}; give one value, not a list"
    if isinstance(value, list) and any(item is None or isinstance(item, list | dict) for item in value):
        return f"{key} is {value!r}; {_BY_LINES}"
    return ""


def _no_section(name: str, value: Any) -> str:
    return f"{name} is {'empty' if value is None else repr(value)}; it is a section: indent its keys below it"


def _arguments(key: str, value: Any) -> list[str]:
    """The arguments that DVC makes of a key and its value."""
    if isinstance(value, bool):
        return [f"--{key}" if value else f"--no-{key}"]
    return [f"--{key}={item}" for item in (value if isinstance(value, list) else [value])]


def _value_faults(parameters: Mapping[str, Any]) -> Iterator[str]:
    """What the stages' own checks say of names, numbers and choices."""
    from stages.core.checks import check_known, check_number, check_once

    checks: list[Callable[[], object]] = [
        partial(check_number, "seed", parameters.get("seed", 0), whole=True),
        *_choices(parameters),
    ]
    known: dict[str, tuple[str, tuple[str, ...]]] = {
        "objectives": ("training objective", tuple(Objective)),
        "image_baselines": ("image baseline", tuple(ImageBaseline)),
        "image_methods": ("image method", tuple(ImageMethod)),
    }
    for key in ("datasets", "backbones", *known):
        names = parameters.get(key)
        if names is None:
            yield f"{key} is empty; " + ("write [] for none" if key in known else "name at least one")
        elif not isinstance(names, list):
            yield f"{key} is {names!r}; write each name on a line of its own, behind a dash"
        elif key not in known and not names:
            yield f"{key} is empty; name at least one"
        else:
            one = key.removesuffix("s").replace("_", " ")
            checks.append(partial(check_once, key, [str(name) for name in names], one))
            if key in known:
                kind, names_known = known[key]
                checks += [partial(check_known, kind, str(name), names_known) for name in names]
    checks.append(partial(_check_transfers, parameters))
    for name in _trained_sections(parameters):
        if not _section(parameters, name):
            yield _no_section(name, parameters.get(name))
    yield from _algorithm_faults(parameters, checks)
    for check in checks:
        try:
            check()
        except ManyviewsError as error:
            yield str(error)


def _check_transfers(parameters: Mapping[str, Any]) -> None:
    from stages.params.transfers import check_reachable, check_transfers

    lists = (parameters.get(key) for key in ("datasets", "image_methods"))
    names = [list(map(str, value)) if isinstance(value, list) else [] for value in lists]
    check_reachable(check_transfers(parameters.get("transfers")), *names)


def _choices(parameters: Mapping[str, Any]) -> Iterator[Callable[[], object]]:
    """Checks of choices and shares whose values are there and of the right type."""
    from stages.clustering import NORMALISATIONS
    from stages.consensus import LINKAGES
    from stages.core.checks import check_choice, check_share
    from stages.decoding.pixels import chosen_size

    choices: tuple[tuple[str, str, tuple[str, ...]], ...] = (
        ("ensemble", "linkage", tuple(LINKAGES)),
        ("baseline", "normalise", NORMALISATIONS),
        ("extract", "preprocessing", ("preset", "published")),
        ("extract", "precision", ("auto", "fp32", "bf16")),
    )
    for section, key, known in choices:
        if isinstance(value := _section(parameters, section).get(key), str):
            yield partial(check_choice, f"{section}.{key}", value, known)
    size = _section(parameters, "images").get("image_size")
    if isinstance(size, str | int | float) and not isinstance(size, bool):
        yield partial(chosen_size, str(size))
    if isinstance(share := _section(parameters, "ensemble").get("min_cluster_fraction"), int | float):
        yield partial(check_share, "ensemble.min_cluster_fraction", share)


def _algorithm_faults(parameters: Mapping[str, Any], checks: list[Callable[[], object]]) -> Iterator[str]:
    """Algorithms that are no names; of the others, and of their shares, the stages' own checks are added."""
    from stages.clustering.algorithms import find_algorithm
    from stages.clustering.single_runs import single_runs
    from stages.core.algorithm_name import check_shares
    from stages.core.checks import check_once

    for section in ("baseline", "ensemble", "image_pixels", "image_transfer"):
        given = _section(parameters, section).get("algorithms")
        names = given if isinstance(given, list) else [given] if isinstance(given, str) else []
        texts = [name for name in names if isinstance(name, str)]
        if section.startswith("image_"):
            checks.append(partial(single_runs, texts))
        else:
            checks += [partial(find_algorithm, name) for name in texts]
        for name in names:
            if isinstance(name, int | float):
                yield f"{section}.algorithms holds {name!r}; write names of algorithms, such as kmeans"
        shares = _section(parameters, section).get("shares")
        if names and isinstance(shares, list) and shares:
            checks.append(partial(check_shares, shares, names))
    layers = _section(parameters, "image_transfer").get("layers")
    if isinstance(layers, list):
        checks.append(partial(check_once, "image_transfer.layers", [str(layer) for layer in layers], "layer"))


def _trained_sections(parameters: Mapping[str, Any]) -> list[str]:
    """The sections of what is trained, whose values only a training checks."""
    objectives, methods = (parameters.get(key) for key in ("objectives", "image_methods"))
    wanted = [name for name in Objective if isinstance(objectives, list) and name in objectives]
    return wanted + [f"image_{name}" for name in ImageMethod if isinstance(methods, list) and name in methods]


def _section(parameters: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    section = parameters.get(name)
    return section if isinstance(section, dict) else {}
