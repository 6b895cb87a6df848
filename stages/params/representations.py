"""Which networks' embeddings are clustered by plain algorithms, too."""

import difflib
from collections.abc import Collection, Iterable, Sequence
from typing import Annotated

import typer

from stages.core.checks import check_once
from stages.core.errors import ParameterError
from stages.tables.methods import IMAGES, ON_ALL_VIEWS, ImageMethod, MethodName, Objective

REPRESENTATIONS = "representations"  # the list in the file of parameters
_NETWORKS = [str(MethodName(IMAGES, method)) for method in ImageMethod]
_NETWORKS += [str(MethodName(objective, method)) for objective in Objective for method in ON_ALL_VIEWS]


def check_representation(name: str) -> str:
    """Return the name of a method; raise `ParameterError` unless it has one embedding, that of one network."""
    if name not in _NETWORKS:
        near = difflib.get_close_matches(name, _NETWORKS) or ["images/jule", "jule/dmvc"]
        raise ParameterError(
            f"no representation is called {name!r}; give images/METHOD, or OBJECTIVE/METHOD with "
            f"{', '.join(ON_ALL_VIEWS[:-1])} or {ON_ALL_VIEWS[-1]}, such as {' or '.join(near)}"
        )
    return name


def check_representations(
    names: Sequence[str], objectives: Collection[str], image_methods: Collection[str]
) -> None:
    """Raise `ParameterError` for names that are none, for two of the same, and for what no run would train."""
    check_once(REPRESENTATIONS, names, "representation")
    for name in names:
        method = MethodName.parse(check_representation(name))
        there, key = (image_methods, "image_methods") if method.on_images else (objectives, "objectives")
        needed = method.method if method.on_images else method.objective
        if needed not in there:
            raise ParameterError(
                f"{REPRESENTATIONS} names {name!r}, which no run trains; add {needed} to the {key}"
            )


def _check_each(names: Iterable[str]) -> list[str]:
    return [check_representation(name) for name in names]


Representation = Annotated[
    str,
    typer.Option(
        help="Method whose embedding is clustered: images/METHOD, or OBJECTIVE/METHOD with cc, dmvc-fix or dmvc.",
        callback=check_representation,
        metavar="NAME",
    ),
]
Representations = Annotated[
    list[str],
    typer.Option(
        help="Method whose embedding was clustered by plain algorithms, such as images/jule; repeatable. "
        "Default: none.",
        callback=_check_each,
        metavar="NAME",
    ),
]
