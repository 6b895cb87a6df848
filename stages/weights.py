"""Stage `weights`: find a backbone's weights and write down all that decides its features.

A CLIP model has no head of classes. Where its text tower can be had, the card gets one made of texts.

The card is small and tracked: `extract` depends on it instead of on the registry, so that changing one
backbone's entry extracts that one again and no other.
"""

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from stages.backbones.card import Backbone, TextTower
from stages.backbones.weights import obtain_weights
from stages.core.atomic import write_text
from stages.core.command import run
from stages.core.digests import file_digest
from stages.core.errors import BackboneError
from stages.fetching.downloads import cache_folder
from stages.params.file import PARAMS
from stages.params.options import DATA, WEIGHTS, DataFolder, WeightsFolder
from stages.params.stage import ParamsFile, stage_application
from stages.registry.lookup import find_backbone
from stages.registry.text_towers import find_text_tower


def weights(
    backbone: Annotated[
        str,
        typer.Option(help="Name of the network: registered, or any of torchvision's or timm's.", metavar="NAME"),
    ],
    folder: WeightsFolder = WEIGHTS,
    data: DataFolder = DATA,
    params: ParamsFile = PARAMS,
) -> None:
    """Fetch and check the weights of one backbone, and write its card to data/backbones."""
    card = find_backbone(backbone)

    def examine(file: Path) -> None:  # imports torch, which a file of known digest does not need
        from stages.backbones.network import load_network

        load_network(card, file)

    file = obtain_weights(card.weights, folder, cache_folder(), print, examine)
    card = card.with_digest(file_digest(file))
    if tower := find_text_tower(card):
        try:
            card = _with_words(card, file, tower, folder)
        except BackboneError as error:
            print(f"{backbone}: no words for clusters: {error}; then `dvc repro --force weights@{backbone}`")
    write_text(data / "backbones" / f"{backbone}.json", card.to_json())
    print(f"{backbone}: {card.weights.file}, sha256 {card.weights.sha256[:12]}...")


def _with_words(card: Backbone, file: Path, tower: TextTower, folder: Path) -> Backbone:
    """The card with the class scores that its checkpoint's text tower gives; `file` has the image tower."""
    from stages.backbones.network import class_words
    from stages.backbones.text_tower import check_installed, check_text_tower, with_classifier

    check_installed()  # before hundreds of megabytes are fetched
    texts = obtain_weights(tower.weights, folder, cache_folder(), print, partial(check_text_tower, tower))
    pinned = replace(tower, weights=replace(tower.weights, sha256=file_digest(texts)))
    return with_classifier(card, file, pinned, texts, class_words(), print)


app = stage_application(weights, "weights.folder")

if __name__ == "__main__":
    run(app)
