"""Whether the stages will take params.yaml: known keys, values of their type and range, names that are known."""

import importlib
import pkgutil
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

from stages.core.errors import ManyviewsError, ParameterError
from stages.diagnosis.finding import Finding, fault, ok
from stages.params.file import not_a_section
from stages.params.options import AUTO, check_dataset_name
from stages.params.stage import faults, taken_keys, unknown_key
from stages.tables.methods import (
    IMAGES,
    FeatureMethod,
    ImageMethod,
    MethodName,
    Objective,
    all_methods,
    check_made,
)

_LISTS = (
    *("datasets", "watch", "backbones", "objectives", "image_baselines", "image_methods"),
    *("representations", "probes"),
)
# Sections of networks, whose keys are parameters of estimators.
_TRAINED = [("objectives", str(name), str(name)) for name in Objective]
_TRAINED += [("image_methods", str(name), f"image_{name}") for name in ImageMethod]


def check_parameters(parameters: Mapping[str, Any]) -> Iterator[Finding]:
    """Yield a fault for everything that a stage would refuse, or one line that all is well."""
    found = list(value_faults(parameters))
    yield from map(fault, found)
    if not found:
        yield ok(f"{len(parameters)} keys, each known and each value of its type")


def value_faults(parameters: Mapping[str, Any]) -> Iterator[str]:
    """Yield a line for each key and value of the file that a stage would refuse, each line once."""
    yield from dict.fromkeys(
        [*_option_faults(parameters), *_name_faults(parameters), *_trained_faults(parameters)]
    )


def _option_faults(parameters: Mapping[str, Any]) -> Iterator[str]:
    """Values that the options of the stages refuse, and keys that no stage takes or that are missing."""
    import typer.main

    import stages

    others = ("transfers", "sweeps", "sweep")  # which are no options
    known = {**dict.fromkeys([*_LISTS, *others]), **dict.fromkeys(section for *_, section in _TRAINED)}
    for module in pkgutil.iter_modules(stages.__path__):
        if not module.ispkg:
            command = typer.main.get_command(importlib.import_module(f"stages.{module.name}").app)
            keys = taken_keys(command)
            known |= dict.fromkeys(key.partition(".")[0] for key in keys)
            yield from faults(command, keys, parameters)
    for key in parameters:
        if key not in known:
            yield unknown_key(str(key), list(known))
    for key in known:
        if key not in parameters:
            yield f"params.yaml lacks {key}; take it from git"


def _name_faults(parameters: Mapping[str, Any]) -> Iterator[str]:
    """Faults in names and algorithms, and values that do not fit together."""
    from stages.core.checks import check_once

    checks: list[Callable[[], object]] = [
        partial(_check_transfers, parameters),
        partial(_check_representations, parameters),
        partial(_check_sweeps, parameters),
        partial(_check_result, parameters),
        *_algorithm_checks(parameters),
    ]
    for key in _LISTS:
        names = parameters.get(key, [])
        if names is None:
            if key == "watch":  # the only one that is no option
                yield f"{key} is empty; write [] for none"
        elif not isinstance(names, list):  # an option would take one name, but not what makes stages of the names
            yield f"{key} is {names!r}; write each name on a line of its own, behind a dash"
        else:
            checks.append(
                partial(check_once, key, [str(name) for name in names], key.removesuffix("s").replace("_", " "))
            )
            if key in ("datasets", "watch"):
                checks += [partial(check_dataset_name, str(name)) for name in names]
    for run in checks:
        try:
            run()
        except ManyviewsError as error:
            yield str(error)


def _check_transfers(parameters: Mapping[str, Any]) -> None:
    from stages.params.transfers import check_reachable, check_transfers

    names = (_names(parameters, key) for key in ("datasets", "image_methods"))
    check_reachable(check_transfers(parameters.get("transfers", [])), *names)


def _check_representations(parameters: Mapping[str, Any]) -> None:
    from stages.params.representations import REPRESENTATIONS, check_representations

    check_representations(*(_names(parameters, key) for key in (REPRESENTATIONS, "objectives", "image_methods")))


def _check_sweeps(parameters: Mapping[str, Any]) -> None:
    """That every sweep is defined, and that its training takes each of its values; loads torch if there is one."""
    from stages.params.sweeps import check_definitions, check_reachable, check_sweeps

    definitions, sweeps = (
        check_definitions(parameters.get("sweep", {})),
        check_sweeps(parameters.get("sweeps", [])),
    )
    check_reachable(sweeps, _names(parameters, "datasets"), definitions)
    for sweep in sweeps:
        from stages.training.on_features import FEATURE_JOBS

        name, section = MethodName(sweep.objective, sweep.method), _section(parameters, sweep.objective)
        for point in definitions[sweep.name].points():
            try:
                FEATURE_JOBS[sweep.objective].chosen_parameters(name, {**section, **point.values})
            except ParameterError as error:
                raise ParameterError(f"sweep.{sweep.name}, {point.name}: {error}") from None


def _check_result(parameters: Mapping[str, Any]) -> None:
    """That every dataset will have the result's clusters; the stage that needs them runs after all training."""
    from stages.params.transfers import check_transfers, sources_of

    result = parameters.get("result", AUTO)
    if result is None or isinstance(result, list | dict) or result == AUTO:
        return
    objectives, baselines, methods, representations = (
        _names(parameters, key) for key in ("objectives", "image_baselines", "image_methods", "representations")
    )
    transfers = check_transfers(parameters.get("transfers", []))
    for dataset in _names(parameters, "datasets"):
        sources = sources_of(dataset, transfers)
        check_made(str(result), all_methods(objectives, [*baselines, *methods], sources, representations))


def _algorithm_checks(parameters: Mapping[str, Any]) -> Iterator[Callable[[], object]]:
    """Checks of algorithms, of their shares, of sizes of images and of layers, where their types are right."""
    from stages.clustering.algorithms import find_algorithm
    from stages.clustering.single_runs import single_runs
    from stages.core.algorithm_name import check_shares
    from stages.core.checks import check_once, check_share
    from stages.decoding.pixels import chosen_size

    for section in ("baseline", "ensemble", "image_pixels", "image_transfer", "representation"):
        names = [str(name) for name in _list(parameters, section, "algorithms")]
        if section not in ("baseline", "ensemble"):
            yield partial(single_runs, names)
        else:
            yield from (partial(find_algorithm, name) for name in names)
        if shares := _list(parameters, section, "shares"):
            yield partial(check_shares, shares, names)
    yield partial(
        check_once, "image_transfer.layers", list(map(str, _list(parameters, "image_transfer", "layers"))), "layer"
    )
    for section, key, check in (
        ("images", "image_size", lambda value: chosen_size(str(value))),
        ("ensemble", "min_cluster_fraction", partial(check_share, "ensemble.min_cluster_fraction")),
    ):
        value = _section(parameters, section).get(key)
        if isinstance(value, int | float) or (key == "image_size" and isinstance(value, str)):
            yield partial(check, value)


def _trained_faults(parameters: Mapping[str, Any]) -> Iterator[str]:
    """Parameters in a section that the estimators refuse; they are asked only if it has any."""
    for key, method, name in _TRAINED:
        section = parameters.get(name, {})
        if not isinstance(section, dict):
            yield not_a_section(name, section)
        elif section.keys() - {"preset"} or section.get("preset", "none") != "none":
            try:
                _choose(key, method, section)
            except ManyviewsError as error:
                message = str(error)
                yield message if message.startswith(name) else f"{name}: {message}"


def _choose(key: str, method: str, section: Mapping[str, Any]) -> None:
    """Choose the parameters as a training does; loads torch."""
    if key == "objectives":
        from stages.training.on_features import FEATURE_JOBS

        FEATURE_JOBS[method].chosen_parameters(MethodName(method, FeatureMethod.DMVC), section)
    else:
        from stages.training.on_images import IMAGE_JOBS

        IMAGE_JOBS[method].chosen_parameters(MethodName(IMAGES, method), section)


def _names(parameters: Mapping[str, Any], key: str) -> list[str]:
    """The names in a list at the top level, none where it is no list; what is no name, another check reports."""
    value = parameters.get(key)
    return [str(name) for name in value if isinstance(name, str | int)] if isinstance(value, list) else []


def _list(parameters: Mapping[str, Any], section: str, key: str) -> list[Any]:
    """The values of a list in a section, of which one alone need not be in a list."""
    value = _section(parameters, section).get(key)
    return value if isinstance(value, list) else [] if value is None or isinstance(value, dict) else [value]


def _section(parameters: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    section = parameters.get(name)
    return section if isinstance(section, dict) else {}
