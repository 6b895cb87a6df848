"""Methods that see the images themselves, and no pretrained network.

A baseline clusters the pixels as they are; the others train a network from nothing: deep embedded clustering
("dec", Xie et al., 2016), joint unsupervised learning ("jule", Yang et al., 2016) and multi-modal deep clustering
("mmdc", Shiran and Weinshall, 2020).
"""

import difflib

from stages.core.errors import ParameterError

FOLDER = "images"  # where their results lie, and how their names begin, as an objective's do
BASELINES = ("pixels",)
NETWORKS = ("dec", "jule", "mmdc")
TRANSFERRED = "jule"  # whose networks may cluster other datasets, too


def check_image_method(name: str) -> None:
    """Raise `ParameterError`, with the nearest names, unless a network on images is trained by method `name`."""
    _check("image method", name, NETWORKS)


def check_image_baseline(name: str) -> None:
    """Raise `ParameterError`, with the nearest names, unless there is a baseline on images called `name`."""
    _check("image baseline", name, BASELINES)


def _check(kind: str, name: str, known: tuple[str, ...]) -> None:
    if name not in known:
        near = difflib.get_close_matches(name, known) or known
        raise ParameterError(f"no {kind} is called {name!r}; did you mean {' or '.join(near)}?")
