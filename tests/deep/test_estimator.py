"""The contract of scikit-learn, which all networks that are trained to cluster keep."""

import inspect
from typing import get_type_hints

import pytest
from sklearn.base import BaseEstimator, clone

from stages.deep.dac.dac import DAC
from stages.deep.dec.estimators import DEC, IDEC
from stages.deep.deepcluster.deepcluster import DeepCluster
from stages.deep.iic.iic import IIC
from stages.deep.jule.dmvc import DMVC, DMVCFix
from stages.deep.jule.on_features import JULE
from stages.deep.jule.on_images import ImageJULE
from stages.deep.mmdc.mmdc import MMDC
from stages.deep.nat.nat import NAT
from stages.deep.rotnet.rotnet import RotNet
from stages.deep.temi.estimators import TEMI, TEMIFix
from stages.deep.turtle.estimators import TURTLE, TURTLEFix

ALL = [JULE, DMVC, DMVCFix, ImageJULE, DEC, IDEC, MMDC, IIC, DAC, RotNet, DeepCluster, NAT]
ALL += [TURTLE, TURTLEFix, TEMI, TEMIFix]


@pytest.mark.parametrize("estimator", ALL)
def test_the_constructor_only_stores(estimator: type[BaseEstimator]) -> None:
    wrong = {"learning_rate": -1, "network": "nonsense"} if "network" in vars(estimator()) else {"batch_size": 0}
    model = estimator(4, **wrong)
    assert clone(model).get_params() == model.get_params()
    assert model.get_params().keys() == vars(model).keys()
    assert model.set_params(n_clusters=5).n_clusters == 5
    assert repr(model).startswith(f"{estimator.__name__}(") and "n_clusters=5" in repr(model)
    assert estimator() != estimator() and len({estimator(), estimator()}) == 2, "compared by identity"


@pytest.mark.parametrize("estimator", ALL)
def test_the_number_of_clusters_comes_first_and_all_else_by_name(estimator: type[BaseEstimator]) -> None:
    _, first, *others = inspect.signature(estimator.__init__).parameters.values()
    assert (first.name, first.kind) == ("n_clusters", first.POSITIONAL_OR_KEYWORD)
    assert {parameter.kind for parameter in others} == {first.KEYWORD_ONLY}
    assert get_type_hints(estimator.__init__).keys() - {"return"} == estimator().get_params().keys()


@pytest.mark.parametrize("estimator", ALL)
def test_of_two_defaults_that_of_the_nearest_class_counts(estimator: type[BaseEstimator]) -> None:
    """Fields of a dataclass with several bases need not follow the order of these."""
    for name, parameter in list(inspect.signature(estimator.__init__).parameters.items())[1:]:
        assert parameter.default == getattr(estimator, name), name
