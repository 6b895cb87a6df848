from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from stages.core.errors import ParameterError
from stages.training.hyperparameters import hyperparameters


class Base:
    PRESETS = {"published": {"rate": 0.5, "network": (1, 2), "scaling": "l2"}}  # noqa: RUF012

    def __init__(
        self,
        n_clusters: int = 3,
        *,
        rate: float = 0.1,
        passes: int = 5,
        interval: int | None = None,
        layers: Sequence[int] = (),
        first: str | np.ndarray | None = None,
        width: int = 4,
        device: str = "cpu",
    ) -> None: ...


class Derived(Base): ...


def chosen(given: dict[str, Any] | None = None) -> dict[str, Any]:
    return hyperparameters("toy", Derived, given or {}, {"runs": int})


def test_what_is_not_given_is_the_constructors_or_comes_from_the_defaults_before_it() -> None:
    constructor = {"rate": 0.1, "passes": 5, "interval": None, "layers": (), "first": None}
    assert chosen() == {**constructor, "preset": "none"}
    assert chosen({"rate": 2.5, "runs": 2}) == {**constructor, "rate": 2.5, "runs": 2, "preset": "none"}
    defaults = {"passes": 7, "runs": 3}
    found = hyperparameters("toy", Derived, {"rate": 1}, {"runs": int}, defaults=defaults)
    assert found == {**constructor, **defaults, "rate": 1, "preset": "none"}


def test_a_number_that_yaml_takes_for_a_text_is_one() -> None:
    assert chosen({"rate": "1e-3"})["rate"] == 0.001
    with pytest.raises(ParameterError, match=r"^toy\.passes is '1e3'; give a whole number$"):
        chosen({"passes": "1e3"})


def test_presets_are_found_in_a_base_class_and_what_is_given_comes_before_them() -> None:
    assert chosen({"preset": "published"}) == {"rate": 0.5, "scaling": "l2", "preset": "published"}
    assert chosen({"preset": "published", "rate": 7}) == {"rate": 7, "scaling": "l2", "preset": "published"}
    with pytest.raises(ParameterError, match=r"^toy\.preset is 'mine'; give one of none, published$"):
        chosen({"preset": "mine"})


@pytest.mark.parametrize("name", ["n_clusters", "width", "device", "self", "rat"])
def test_names_that_are_not_theirs_are_refused_with_the_nearest(name: str) -> None:
    with pytest.raises(ParameterError, match=f"^toy has no parameter '{name}'; did you mean .*rate"):
        chosen({name: 1})


@pytest.mark.parametrize(
    ("name", "value", "noun"),
    [
        ("rate", True, "a number"),
        ("rate", None, "a number"),
        ("passes", 1.5, "a whole number"),
        ("interval", "often", "a whole number or null"),
        ("layers", 3, "a list, each a whole number"),
        ("layers", [1, "x"], "a list, each a whole number"),
        ("runs", "2", "a whole number"),
    ],
)
def test_values_of_a_wrong_type_are_refused(name: str, value: Any, noun: str) -> None:
    with pytest.raises(ParameterError) as caught:
        chosen({name: value})
    assert str(caught.value) == f"toy.{name} is {value!r}; give {noun}"


@pytest.mark.parametrize(
    ("name", "value"), [("interval", None), ("interval", 3), ("layers", [1, 2]), ("first", 3), ("passes", 0)]
)
def test_values_of_a_type_that_fits_pass(name: str, value: Any) -> None:
    assert chosen({name: value})[name] == value
