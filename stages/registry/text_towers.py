"""From a CLIP backbone to the text tower of its checkpoint."""

from pathlib import Path

import yaml

from stages.backbones.card import Backbone, HubSource, TextTower

FILE = "open_clip_model.safetensors"  # the first that OpenCLIP itself looks for in a repository


def find_text_tower(card: Backbone) -> TextTower | None:
    """The text tower of the checkpoint whose image tower the card has; None where none is known."""
    repositories = [source.repository for source in card.weights.sources if isinstance(source, HubSource)]
    towers = read_text_towers() if repositories else {}
    return next((towers[repository] for repository in repositories if repository in towers), None)


def read_text_towers() -> dict[str, TextTower]:
    """The known text towers, by the hub's repository of the image tower; text_towers.yaml explains them."""
    content = yaml.safe_load(Path(__file__).with_name("text_towers.yaml").read_text(encoding="utf-8"))
    templates = tuple(content["templates"])
    return {
        repository: TextTower(
            fields["architecture"], HubSource(fields.get("hub", repository), FILE).weights(), templates
        )
        for repository, fields in content["towers"].items()
    }
