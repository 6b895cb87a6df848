"""The methods of the comparison: networks on features of the views, alone, side by side, and over each other."""

import pkgutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from stages.core.errors import TableError
from stages.core.memory import require_memory
from stages.tables import check_same_images, read_vectors
from stages.tables.methods import FeatureMethod, MethodName, Objective, all_networks
from stages.training.hyperparameters import NOT_THEIRS
from stages.training.job import Estimator, Inputs, Job
from stages.training.joining import join, weights_of
from stages.training.start import START_TYPES, first_clusters

if TYPE_CHECKING:
    import torch

    from stages.deep.models import Model

_EXTRACTION = ("precision", "preprocessing", "weights")  # what decides features besides backbone and layer


@dataclass(frozen=True, kw_only=True)
class FeatureJob(Job):
    """A method on the `layer` of the `backbones`' features, by networks whose layers have `width` units."""

    SCRIPT = "stages.train"
    NOT_THEIRS: ClassVar[Sequence[str]] = NOT_THEIRS

    backbones: list[str]
    layer: str
    scaling: str
    width: int

    @property
    def seed_names(self) -> tuple[str, ...]:
        return (*super().seed_names, self.name.view or "all")

    def networks(self) -> Sequence[Self]:
        names = all_networks([replace(self.name, view=None)], self.backbones)
        return [replace(self, name=name, backbones=[name.view] if name.view else self.backbones) for name in names]

    @property
    def builds_on(self) -> FeatureMethod | None:
        """Return the method whose networks become parts of this one's, if any do."""
        return FeatureMethod.VIEWS if self.name.method == FeatureMethod.DMVC_FIX else None

    def source(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in ("backbones", "layer", "scaling", "width")}

    def arguments(self) -> dict[str, Any]:
        """Return the arguments of the constructor; a preset's own scaling and width overrule the job's."""
        return {"scaling": self.scaling, "width": self.width, **super().arguments()}

    def inputs(self, device: "torch.device") -> Inputs:
        """Read the features of the backbones, float32 (n, d) each."""
        from stages.deep.view_encoding import check_views

        views, extraction = [], {}
        for backbone in self.backbones:
            folder = self.files.data / "features" / self.files.dataset / backbone
            table = read_vectors(folder / f"{self.layer}.parquet", "features")
            check_same_images(self.images, table)
            views += check_views([table.values], [f"backbone {backbone!r}"])
            extraction[backbone] = {fact: table.metadata[fact] for fact in _EXTRACTION if fact in table.metadata}
        self.check_memory([view.shape[1] for view in views])
        return Inputs(views, views, facts={"extraction": extraction})

    def check_memory(self, widths: Sequence[int]) -> None:
        """Raise `ParameterError` where the networks on views of these widths need more than there is."""
        width = self.arguments()["width"]
        weights = sum(view_width * width + 2 * width**2 for view_width in widths) + width**2
        # Beside the weights there are their gradients and, of Adam, two moments.
        what = f"networks with a width of {width} on {len(widths)} views"
        require_memory(4 * 4 * weights, what, "give a smaller width")

    def earlier(self, method: str, device: "torch.device") -> list["Model"]:
        """Read the networks that another method of the objective trained.

        Raises `TableError` unless they are of these images, features and clusters.
        """
        from stages.deep.models import read_model

        models = []
        for job in replace(self, name=MethodName(self.name.objective, method)).networks():
            file = self.files.model(job.name)
            model = read_model(file, device)
            expected = job.settings() | {"images": self.images.fingerprint}
            for name in ("images", "backbones", "layer", "scaling", "width", "n_clusters"):
                if model.settings.get(name) != expected[name]:
                    raise TableError(
                        f"{file} was trained on other {name} than now; run `dvc repro` to make it again"
                    )
            models.append(model)
        return models


class JuleJob(FeatureJob):
    """JULE: dmvc-fix keeps the views' perceptrons, and dmvc goes on from the network of dmvc-fix."""

    ESTIMATOR = "stages.deep.jule.on_features:JULE"

    @classmethod
    def estimator(cls, method: str) -> type[Any]:
        from stages.deep.jule.dmvc import DMVC, DMVCFix

        own: dict[str, type[Any]] = {FeatureMethod.DMVC_FIX: DMVCFix, FeatureMethod.DMVC: DMVC}
        return own.get(method) or super().estimator(method)

    @property
    def builds_on(self) -> FeatureMethod | None:
        return FeatureMethod.DMVC_FIX if self.name.method == FeatureMethod.DMVC else super().builds_on

    def inputs(self, device: "torch.device") -> Inputs:
        inputs = super().inputs(device)
        if self.name.method == FeatureMethod.DMVC_FIX:
            models = self.earlier(FeatureMethod.VIEWS, device)
            given: dict[str, Any] = {"perceptrons": [weights_of(model) for model in models]}
        elif self.name.method == FeatureMethod.DMVC:
            models = self.earlier(FeatureMethod.DMVC_FIX, device)
            given = {"network": weights_of(models[0])}
        else:
            return inputs
        return replace(inputs, read=[*inputs.read, *_arrays(models)], given=given)


class DecJob(FeatureJob):
    """DEC and IDEC: dmvc-fix trains a perceptron on the codes of the views' networks, and joins them to one."""

    ESTIMATOR = "stages.deep.dec.estimators:DEC"
    EXTRA = START_TYPES

    @classmethod
    def chosen_parameters(cls, name: MethodName, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return the parameters of a method; those of the first clusters are checked, too."""
        chosen = super().chosen_parameters(name, given)
        first_clusters(chosen)
        return chosen

    @property
    def encoder_layers(self) -> int:
        """Return two for each perceptron."""
        return 2 * (len(self.backbones) + 1) if self.name.method == FeatureMethod.DMVC else 2

    def inputs(self, device: "torch.device") -> Inputs:
        """Read the features; of dmvc-fix their codes, float32 (n, width), by the views' networks."""
        inputs = super().inputs(device)
        if self.name.method != FeatureMethod.DMVC_FIX:
            return inputs
        models = self.earlier(FeatureMethod.VIEWS, device)
        codes = [model.transform([view]) for model, view in zip(models, inputs.data, strict=True)]
        return replace(inputs, data=codes, read=[*codes, *_arrays(models)], models=models)

    def arguments(self) -> dict[str, Any]:
        """Return the arguments of the constructor; codes are not scaled."""
        given = super().arguments()
        start = {name: given.pop(name) for name in START_TYPES if name in given}
        given["init"] = first_clusters(start, joined=self.name.method == FeatureMethod.CC)
        given["network"] = "mvnet" if self.name.method == FeatureMethod.DMVC else "mlp"
        if self.name.method == FeatureMethod.DMVC_FIX:
            given["scaling"] = "none"
        return given

    def model(self, estimator: Estimator, inputs: Inputs) -> Any:
        """Return the network; that of dmvc-fix with the views' networks in front."""
        return join(inputs.models, estimator) if inputs.models else estimator


class IdecJob(DecJob):
    """IDEC: as DEC, with an estimator of its own."""

    ESTIMATOR = "stages.deep.dec.estimators:IDEC"


class SoftAssignmentJob(FeatureJob):
    """The embedding is the share of each cluster.

    views has one space, cc the views side by side as one, dmvc all of them; dmvc-fix averages views.
    """

    FIX: ClassVar[str]  # where the estimator of dmvc-fix is
    PARTS: ClassVar[str]  # the argument of its `fit` that takes the weights of the views' networks
    NOT_THEIRS = (*NOT_THEIRS, "joined")

    @classmethod
    def estimator(cls, method: str) -> type[Any]:
        found: type[Any] = pkgutil.resolve_name(cls.FIX if method == FeatureMethod.DMVC_FIX else cls.ESTIMATOR)
        return found

    @property
    def records(self) -> int | None:
        from stages.deep.soft_assignment import RECORD

        if self.name.method == FeatureMethod.DMVC_FIX:
            return 1
        return len(self.networks()) * -(-int(self.parameters["iterations"]) // RECORD)

    def inputs(self, device: "torch.device") -> Inputs:
        """Read the features; for dmvc-fix the views' networks, too."""
        inputs = super().inputs(device)
        if self.name.method != FeatureMethod.DMVC_FIX:
            return inputs
        models = self.earlier(FeatureMethod.VIEWS, device)
        given = {self.PARTS: [weights_of(model) for model in models]}
        return replace(inputs, read=[*inputs.read, *_arrays(models)], given=given)

    def arguments(self) -> dict[str, Any]:
        return super().arguments() | {"joined": self.name.method == FeatureMethod.CC}


class TurtleJob(SoftAssignmentJob):
    """TURTLE: there are no layers and so no width."""

    ESTIMATOR = "stages.deep.turtle.estimators:TURTLE"
    FIX = "stages.deep.turtle.estimators:TURTLEFix"
    PARTS = "labellers"

    def arguments(self) -> dict[str, Any]:
        return {name: value for name, value in super().arguments().items() if name != "width"}

    def check_memory(self, widths: Sequence[int]) -> None:
        """Refuse what does not fit: labellers and classifiers with gradients and moments, (k, d_j) each."""
        what = f"classifiers of {self.n_clusters} clusters on {len(widths)} views"
        require_memory(4 * 8 * self.n_clusters * sum(widths), what, "ask for fewer clusters or views")


class TemiJob(SoftAssignmentJob):
    """TEMI: several heads, each a perceptron a space, of which the best is kept."""

    ESTIMATOR = "stages.deep.temi.estimators:TEMI"
    FIX = "stages.deep.temi.estimators:TEMIFix"
    PARTS = "heads"

    def check_memory(self, widths: Sequence[int]) -> None:
        """Refuse what does not fit: heads with gradients, two moments and a teacher, and what a step computes."""
        given = self.arguments()
        width, bottleneck, heads = given["width"], given["bottleneck"] or given["width"], given["n_heads"]
        weights = sum(view_width * width + width * bottleneck for view_width in widths)
        weights += len(widths) * bottleneck * self.n_clusters
        rows = min(2 * given["batch_size"], 2 * len(self.images))
        outputs = rows * (len(widths) * (2 * width + 2 * bottleneck) + 6 * self.n_clusters)
        what = f"{heads} heads with a width of {width} on {len(widths)} views"
        require_memory(4 * heads * (5 * weights + outputs), what, "give fewer heads, or smaller widths or batches")


FEATURE_JOBS: Mapping[str, type[FeatureJob]] = {
    Objective.JULE: JuleJob,
    Objective.IDEC: IdecJob,
    Objective.DEC: DecJob,
    Objective.TURTLE: TurtleJob,
    Objective.TEMI: TemiJob,
}


def _arrays(models: Sequence["Model"]) -> list[np.ndarray]:
    return [value.numpy() for model in models for value in weights_of(model).values()]
