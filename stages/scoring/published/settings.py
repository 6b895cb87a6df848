"""How a score came about, ours and a published one, and in which of these settings the two differ.

Settings are values by name. Those of `SHARED` decide so much that each is compared wherever either side has it. A
preset stands for all parameters of its method: these are compared where both sides have the same preset, as far as
the source states them. A setting that one side lacks differs, and so does one whose value a source does not give.
"""

from collections.abc import Mapping
from typing import Any

# By name, what a reader calls it.
SHARED = {
    "image_size": "image size",  # width x height in pixels, of the images themselves
    "preprocessing": "preprocessing",  # from an image to the input of a pretrained network
    "normalise": "normalisation",  # of rows that are clustered
    "shift": "shift",  # of rows with negative numbers, for algorithms that take none
    "scaling": "scaling",  # of features that a network is trained on
    "layer": "layer",  # of the features, where the method's name does not say it
    "min_cluster_fraction": "minimum cluster fraction",  # of the cut
    "parameters": "parameters of the algorithm",  # which are not its defaults
    "preset": "preset",
}
# What no preset holds, and is compared wherever a source states it: the weights of pretrained networks, and how a
# network learnt before it was trained to cluster.
STATED = ("weights", "pretraining")
_ABSENT = object()


def differences(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> list[str]:
    """Return a remark for every setting that differs; None is the value of what a source does not say."""
    names = [name for name in SHARED if name in ours or name in theirs]
    same = ours.get("preset") == theirs.get("preset")
    names += [name for name in theirs if name not in SHARED and (same or name in STATED)]
    return [
        f"{SHARED.get(name, name)} {_remark(ours.get(name, _ABSENT), theirs.get(name, _ABSENT))}"
        for name in names
        if ours.get(name, _ABSENT) != theirs.get(name, _ABSENT) or theirs[name] is None
    ]


def common(several: list[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the settings of a mean over scores, all values of each that differs between them."""
    names = dict.fromkeys(name for settings in several for name in settings)
    values = {name: {_text(settings.get(name)): settings.get(name) for settings in several} for name in names}
    return {
        name: next(iter(found.values())) if len(found) == 1 else ", ".join(sorted(found))
        for name, found in values.items()
    }


def _remark(here: Any, there: Any) -> str:
    if there is None:
        return f"{_text(here)} here, not stated there" if here is not _ABSENT else "not stated there"
    if here is _ABSENT or there is _ABSENT:
        return f"{_text(there)} there alone" if here is _ABSENT else f"{_text(here)} here alone"
    return f"{_text(here)} here, {_text(there)} there"


def _text(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return "not stated" if value is None else str(value)
    return f"{value:g}"
