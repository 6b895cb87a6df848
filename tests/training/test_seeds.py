"""The choice among the runs of one training with several seeds, and how many there may be."""

from typing import Any

import numpy as np
import pytest

from stages.core.errors import ParameterError
from stages.tables.methods import IMAGES, FeatureMethod, ImageMethod, MethodName, Objective
from stages.training.on_features import FEATURE_JOBS
from stages.training.on_images import IMAGE_JOBS
from stages.training.seeds import mean_agreement, medoid

PAIRS = np.array([0, 0, 1, 1])
CROSSED = np.array([0, 1, 0, 1])  # says nothing of PAIRS: their mutual information is 0
FINE = np.array([0, 1, 2, 3])  # each image by itself: ln 2 with either; its entropy is ln 4, theirs ln 2


def test_the_medoid_of_three_by_hand() -> None:
    """PAIRS and CROSSED agree 0 with each other and ln 2 / sqrt(ln 2 ln 4) = 1 / sqrt 2 with FINE."""
    root = 0.5**0.5
    agreement = mean_agreement([PAIRS, CROSSED, FINE])
    np.testing.assert_allclose(agreement, [root / 2, root / 2, root], atol=1e-12)
    assert medoid(agreement) == 2
    assert medoid(mean_agreement([FINE, PAIRS, CROSSED])) == 0


def test_names_of_clusters_do_not_matter_and_most_decide() -> None:
    agreement = mean_agreement([CROSSED, PAIRS, 1 - PAIRS, CROSSED * 3, PAIRS])
    np.testing.assert_allclose(agreement, [0.25, 0.5, 0.5, 0.25, 0.5], atol=1e-12)
    assert medoid(agreement) == 1, "the first of equal ones"


def test_of_two_the_first_is_taken_and_of_ones_that_differ_by_rounding_too() -> None:
    random = np.random.default_rng(0)
    for _ in range(20):
        two = [random.integers(0, 5, 50) for _ in range(2)]
        assert medoid(mean_agreement(two)) == 0
    assert medoid(np.array([0.7, 0.7 + 1e-12, 0.6])) == 0


def choose(section: str, given: dict[str, Any]) -> dict[str, Any]:
    if section.startswith("image_"):
        name = MethodName(IMAGES, section.removeprefix("image_"))
        return IMAGE_JOBS[name.method].chosen_parameters(name, given)
    name = MethodName(section, FeatureMethod.DMVC)
    return FEATURE_JOBS[section].chosen_parameters(name, given)


SECTIONS = [*map(str, Objective), *(f"image_{name}" for name in ImageMethod)]


@pytest.mark.parametrize("section", SECTIONS)
def test_every_training_takes_seeds_and_one_is_what_there_is_without(section: str) -> None:
    plain = choose(section, {})
    assert "seeds" not in plain
    assert choose(section, {"seeds": 1}) == plain
    assert choose(section, {"seeds": 3}) == plain | {"seeds": 3}


@pytest.mark.parametrize("value", [0, -1, 1001, 10**9, "two", 2.5, True, None, [2]])
@pytest.mark.parametrize("section", ["jule", "image_mmdc"])
def test_other_numbers_of_seeds_are_refused(section: str, value: Any) -> None:
    with pytest.raises(ParameterError) as caught:
        choose(section, {"seeds": value})
    range_of = " from 1 to 1000" if type(value) is int else ""
    assert str(caught.value) == f"{section}.seeds is {value!r}; give a whole number{range_of}"
