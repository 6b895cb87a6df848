"""The backbones that are known by name, each with the exact weights, layers and preprocessing of its view."""

from pathlib import Path

from stages.backbones.card import Backbone
from stages.registry.entries import Registered, read_entries

CATALOGUE: dict[str, Registered] = read_entries(Path(__file__).with_name("backbones.yaml"))
REGISTRY: dict[str, Backbone] = {name: entry.card for name, entry in CATALOGUE.items()}
