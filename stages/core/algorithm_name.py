"""How an algorithm and its parameters are written in params.yaml: "kmeans", or "gdl:a=0.95,n_neighbors=10"."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from stages.core.errors import ParameterError

DRAWN = "auto"  # the overclustering factor, `multiple`, of runs that draw their number of clusters


def parse_algorithm(text: str) -> tuple[str, dict[str, Any]]:
    """Return the name and the parameters: numbers, true, false and null as JSON has them, all else as text.

    Raises `ParameterError` for what cannot be read.
    """
    name, colon, given = text.partition(":")
    parts = given.split(",") if colon else []
    parameters = {}
    for part in parts:
        key, equals, value = part.partition("=")
        if not equals or not key:
            raise ParameterError(f"algorithm {text!r} cannot be read; write it like gdl:n_neighbors=10,a=0.95")
        try:
            parameters[key] = json.loads(value)
        except ValueError:
            parameters[key] = value
    return name, parameters


def algorithm_label(name: str, parameters: Mapping[str, Any]) -> str:
    """Return the one way in which the algorithm is written in tables: its parameters in alphabetic order."""
    given = (
        f"{key}={value if isinstance(value, str) else json.dumps(value)}" for key, value in parameters.items()
    )
    return f"{name}:{','.join(sorted(given))}" if parameters else name


def check_shares(shares: Sequence[float], algorithms: Sequence[str]) -> None:
    """Raise `ParameterError` unless there is a share for each of the algorithms."""
    if len(shares) != len(algorithms):
        raise ParameterError(
            f"shares are {', '.join(map(str, shares))} for {len(algorithms)} algorithms; give a number for each"
        )
