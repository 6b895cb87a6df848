"""Entries of the registry: backbones' cards with facts for readers, from a YAML file."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

import yaml

from stages.backbones.card import Backbone, HubSource, Preprocessing, Tap, Weights
from stages.core.errors import BackboneError


@dataclass(frozen=True)
class Registered:
    """A card with facts for its readers; none of them decides a feature, so none is in the card.

    `dimensions` gives the size of each layer, flattened; `licence` is that of the weights, as far as whoever
    offers them states one; `origin` says who trained or converted them.
    """

    card: Backbone
    dimensions: dict[str, int]
    licence: str
    origin: str


def read_entries(file: Path) -> dict[str, Registered]:
    """Read entries by name, in the file's order, which backbones.yaml explains.

    Raises `BackboneError`, naming the entry, for keys and values that make no card.
    """
    entries = {}
    for name, fields in yaml.safe_load(file.read_text(encoding="utf-8"))["backbones"].items():
        try:
            entries[name] = _entry(name, **fields)
        except (KeyError, TypeError, ValueError) as error:
            raise BackboneError(f"{file.name}: the entry {name} is no backbone's ({error}); correct it") from None
    return entries


def _entry(
    name: str,
    *,
    library: Any,
    weights: Mapping[str, Any],
    layers: Mapping[str, Sequence[Any]],
    preprocessing: Mapping[str, Any],
    licence: str,
    origin: str,
    architecture: str = "",
) -> Registered:
    card = Backbone(
        name=name,
        library=library,
        architecture=architecture or name,
        weights=HubSource(weights["hub"]).weights() if "hub" in weights else Weights.from_stored(weights),
        layers={layer: Tap(module, side) for layer, (module, side, _) in layers.items()},
        preprocessing=Preprocessing.from_stored(preprocessing),
    )
    for part in (card, card.weights, card.preprocessing, *card.layers.values()):
        for field, hint in get_type_hints(type(part)).items():
            if get_origin(hint) is Literal and getattr(part, field) not in get_args(hint):
                raise ValueError(f"{field} is {getattr(part, field)!r}, not one of {', '.join(get_args(hint))}")
    return Registered(card, {layer: size for layer, (*_, size) in layers.items()}, licence, origin)
