"""The backbones that are known by name, each with the exact weights, layers and preprocessing of its view.

Layer names follow Guerin et al. (Neurocomputing 2021, Table 2): L3 is the last layer before the classifier.
"""

from stages.backbones.card import Backbone
from stages.registry.entries import Registered
from stages.registry.light import LIGHT, PIXELS
from stages.registry.modern import MODERN
from stages.registry.published import PUBLISHED

CATALOGUE: dict[str, Registered] = {entry.card.name: entry for entry in (*LIGHT, *PUBLISHED, *MODERN, *PIXELS)}
REGISTRY: dict[str, Backbone] = {name: entry.card for name, entry in CATALOGUE.items()}
