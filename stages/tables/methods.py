"""The trained methods and their names: "jule/dmvc", "jule/views/vgg16", "images/jule-rc".

Guerin, Thiery, Nyiri, Gibaru and Boots, "Combining pretrained CNN feature extractors to enhance clustering of
complex natural images", Neurocomputing 2021 (arXiv 2101.02767), section 5.2 and appendix B, compare, for every
objective: the networks trained on single views ("views"), one network over all views side by side ("cc"), a vote
of the single views ("mvec"), and the multi-view network, whose parts are trained one after the other ("dmvc-fix")
and then together ("dmvc").

Methods on images see no pretrained network. A baseline clusters the pixels as they are; the others train a network
from nothing: deep embedded clustering ("dec", Xie et al., 2016), joint unsupervised learning ("jule", Yang et al.,
2016), multi-modal deep clustering ("mmdc", Shiran and Weinshall, 2020), invariant information clustering ("iic",
Ji et al., 2019), deep adaptive clustering ("dac", Chang et al., 2017), and K-means on the features of a network
that recognises rotations ("rotnet", Gidaris et al., 2018) or the clusters of its own features ("deepcluster",
Caron et al., 2018), or maps images onto noise ("nat", Bojanowski and Joulin, 2017). One trained on another dataset
may cluster the images, too ("transfer-SOURCE").

Plain algorithms may cluster the embedding of a network ("images/jule-embedding", "jule/dmvc-embedding"), as Yang
et al. compare them.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Self

from stages.core.errors import ParameterError


class _Name(StrEnum):
    """A name that messages quote as they quote a text."""

    def __repr__(self) -> str:
        return str.__repr__(self)


class Objective(_Name):
    """The objectives that networks on features are trained for."""

    JULE = "jule"
    IDEC = "idec"
    DEC = "dec"
    TURTLE = "turtle"
    TEMI = "temi"


class FeatureMethod(_Name):
    """The rows of the comparison that train networks, on features."""

    VIEWS = "views"
    CC = "cc"
    DMVC_FIX = "dmvc-fix"
    DMVC = "dmvc"


class ImageMethod(_Name):
    """The methods that train a network on the images themselves."""

    DEC = "dec"
    JULE = "jule"
    MMDC = "mmdc"
    IIC = "iic"
    DAC = "dac"
    ROTNET = "rotnet"
    DEEPCLUSTER = "deepcluster"
    NAT = "nat"


class ImageBaseline(_Name):
    """The representations that are clustered as they are."""

    PIXELS = "pixels"


ENSEMBLE, VOTE, IMAGES = "ensemble", "mvec", "images"
# The rows of the comparison, in the order of the published tables: each is computed from those before it.
METHODS = (FeatureMethod.VIEWS, FeatureMethod.CC, VOTE, FeatureMethod.DMVC_FIX, FeatureMethod.DMVC)
# Those that train one network over all views.
ON_ALL_VIEWS = (FeatureMethod.CC, FeatureMethod.DMVC_FIX, FeatureMethod.DMVC)
TRANSFERRED = ImageMethod.JULE  # whose networks may cluster other datasets, too
_TRANSFER, _EMBEDDING = "transfer-", "-embedding"
_TRAINED, _BASELINE = "train/", "baseline/"  # how names begin where both kinds are scored


@dataclass(frozen=True)
class MethodName:
    """A trained method, or one of its results: an `objective`, or "images", and a `method` for it.

    Of "views", which trains a network a backbone, `view` may name one of them. A method on images may have several
    results with names of their own, such as "jule-sf" and "jule-rc".
    """

    objective: str
    method: str
    view: str | None = None

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a name as `str` writes it; a text without "/" is an objective without a method."""
        objective, _, rest = text.partition("/")
        method, _, view = rest.partition("/")
        return cls(objective, method, view or None)

    def __str__(self) -> str:
        return "/".join(part for part in (self.objective, self.method, self.view) if part)

    @property
    def on_images(self) -> bool:
        """Whether the method sees the images themselves, not features."""
        return self.objective == IMAGES

    @property
    def section(self) -> str:
        """The section of the file of parameters that holds those of its training."""
        return f"image_{self.method}" if self.on_images else self.objective

    @property
    def on_one_view(self) -> bool:
        """Whether it is the network of a single view."""
        return self.method == FeatureMethod.VIEWS and self.view is not None

    @property
    def of_pixels(self) -> bool:
        """Whether it is a plain clustering of the images' pixels."""
        return self.on_images and self.method.partition("-")[0] == ImageBaseline.PIXELS

    @property
    def is_transfer(self) -> bool:
        """Whether it is a clustering by the network of another dataset."""
        return self.on_images and self.method.startswith(_TRANSFER)

    @property
    def of_embedding(self) -> bool:
        """Whether it is a plain clustering of a trained network's embedding."""
        return not self.is_transfer and f"{_EMBEDDING}-" in f"{self.method}-"

    @property
    def embedded_by(self) -> Self:
        """The method whose embedding it clusters; itself where it clusters none."""
        return replace(self, method=self.method.partition(_EMBEDDING)[0]) if self.of_embedding else self

    @property
    def embedding_algorithm(self) -> str:
        """The algorithm of one such clustering, "" of what is none."""
        return self.method.partition(_EMBEDDING)[2].removeprefix("-") if self.of_embedding else ""

    @property
    def trains_network(self) -> bool:
        """Whether the method has an embedding, a model and a learning curve.

        A vote does not, nor do plain clusterings of pixels and of embeddings, and by a network of another dataset.
        """
        return self.method != VOTE and not (self.of_pixels or self.of_embedding or self.is_transfer)


def transfer(source: str) -> MethodName:
    """Return the name of the clusterings by the network that was trained on the dataset `source`."""
    return MethodName(IMAGES, f"{_TRANSFER}{source}")


def clustered_embedding(network: MethodName) -> MethodName:
    """Return the name of the plain clusterings of a network's embedding."""
    return replace(network, method=f"{network.method}{_EMBEDDING}")


def all_methods(
    objectives: Iterable[str], on_images: Iterable[str], sources: Iterable[str], representations: Iterable[str]
) -> list[MethodName]:
    """Return every method of a run: the comparison for each objective, those on images, those by the networks of
    the `sources`, and those of the embeddings of the methods that `representations` names.
    """
    on_features = [MethodName(objective, method) for objective in objectives for method in METHODS]
    on_pixels = [MethodName(IMAGES, name) for name in on_images]
    embedded = map(clustered_embedding, map(MethodName.parse, representations))
    return [*on_features, *on_pixels, *map(transfer, sources), *embedded]


def check_made(result: str, trained: Iterable[MethodName]) -> None:
    """Raise `ParameterError` unless a run with these `trained` methods makes the clusters that `result` names."""
    names = [ENSEMBLE, *map(str, trained)]
    if not any(result == name or result.startswith(f"{name}/") for name in names):
        raise ParameterError(f"result is {result!r}; give auto or one of {', '.join(names)}")


def all_networks(methods: Iterable[MethodName], backbones: Sequence[str]) -> list[MethodName]:
    """Return a name for every network that the methods train: of "views" one a backbone."""
    networks = []
    for name in methods:
        if name.method == FeatureMethod.VIEWS:
            networks += [replace(name, view=backbone) for backbone in backbones]
        elif name.trains_network:
            networks.append(name)
    return networks


@dataclass(frozen=True)
class BaselineName:
    """An `algorithm` that clusters a `layer` of one backbone's features, such as "vgg16/L3/ward"."""

    backbone: str
    layer: str
    algorithm: str

    def __str__(self) -> str:
        return f"{self.backbone}/{self.layer}/{self.algorithm}"


def scored_name(name: MethodName | BaselineName) -> str:
    """Return the name under which it is scored: "train/jule/dmvc", "baseline/vgg16/L3/ward"."""
    return f"{_TRAINED if isinstance(name, MethodName) else _BASELINE}{name}"


def parse_scored(text: str) -> MethodName | BaselineName | None:
    """Read a name as `scored_name` writes it; None for others, such as "ensemble"."""
    if text.startswith(_TRAINED):
        return MethodName.parse(text.removeprefix(_TRAINED))
    parts = text.removeprefix(_BASELINE).split("/", 2)
    return BaselineName(*parts) if text.startswith(_BASELINE) and len(parts) == 3 else None
