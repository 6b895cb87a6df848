"""Sweeps in the file of parameters: their points, and what is refused."""

from pathlib import Path
from typing import Any

import pytest

from stages.core.errors import ParameterError
from stages.params.sweeps import check_definition, check_definitions, check_reachable, check_sweeps, read_sweep

ENTRY = {"dataset": "umist", "objective": "jule", "method": "cc", "name": "eta"}


def test_all_combinations_are_points_the_last_parameter_changing_first() -> None:
    sweep = check_definition("s", {"values": {"eta": [0.2, 0.9], "negatives": ["all", "nearest"]}})
    assert [point.name for point in sweep.points()] == [
        "eta=0.2, negatives=all",
        "eta=0.2, negatives=nearest",
        "eta=0.9, negatives=all",
        "eta=0.9, negatives=nearest",
    ]
    assert [point.values for point in sweep.points()][1] == {"eta": 0.2, "negatives": "nearest"}
    assert sweep.parameters == ["eta", "negatives"]
    assert sweep.seeds == 3


def test_variants_set_several_parameters_and_are_combined_with_values() -> None:
    variants = {"defaults": {}, "plain": {"gamma": 1, "negatives": "all"}}
    sweep = check_definition("s", {"variants": variants, "values": {"eta": [0.5, None]}, "seeds": 1})
    assert [(point.name, point.variant, point.values) for point in sweep.points()] == [
        ("defaults, eta=0.5", "defaults", {"eta": 0.5}),
        ("defaults, eta=null", "defaults", {"eta": None}),
        ("plain, eta=0.5", "plain", {"gamma": 1, "negatives": "all", "eta": 0.5}),
        ("plain, eta=null", "plain", {"gamma": 1, "negatives": "all", "eta": None}),
    ]
    assert sweep.parameters == ["gamma", "negatives", "eta"]
    alone = check_definition("s", {"variants": variants})
    assert [point.name for point in alone.points()] == ["defaults", "plain"]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (None, "sweep.s is None; write {values: {PARAMETER: [VALUE, ...]}, seeds: N}"),
        ({"seeds": 2}, "sweep.s is {'seeds': 2}; write {values: "),
        ({"values": {}}, "sweep.s has nothing to vary; write {values: "),
        ({"values": {"seeds": [1, 2]}}, "sweep.s varies 'seeds', of which it has its own; set sweep.s.seeds"),
        ({"values": {"eta": [0.2]}, "seed": 2}, "no key of sweep.s is called 'seed'; did you mean seeds"),
        ({"values": {"eta": [0.2]}, "seeds": 0}, "sweep.s.seeds is 0; give a whole number of at least 1"),
        ({"values": {"eta": [0.2]}, "seeds": True}, "sweep.s.seeds is True; give a whole number of at least 1"),
        ({"values": [0.2]}, "sweep.s.values is [0.2]; write {PARAMETER: [VALUE, ...]}"),
        ({"values": {"eta": 0.2}}, "sweep.s.values.eta is 0.2; write a list of values"),
        ({"values": {"eta": []}}, "sweep.s.values.eta is []; write a list of values"),
        ({"values": {"eta": [0.2, 0.2]}}, "sweep.s.values.eta names 0.2 twice; name every value once"),
        ({"variants": ["a"]}, "sweep.s.variants is ['a']; write {NAME: {PARAMETER: VALUE}, ...}"),
        ({"variants": {"a": None}}, "sweep.s.variants is {'a': None}; write {NAME: {PARAMETER: VALUE}, ...}"),
        (
            {"variants": {"a": {"eta": 0.3}}, "values": {"eta": [0.2]}},
            "sweep.s.values.eta is also set by variant 'a'; set it in one place",
        ),
        (
            {"values": {name: list(range(1000)) for name in "abcd"}, "seeds": 2},
            "sweep.s makes 2000000000000 trainings (1000000000000 combinations, 2 seeds); leave at most 1000",
        ),
    ],
)
def test_a_definition_that_is_none(given: Any, message: str) -> None:
    with pytest.raises(ParameterError) as caught:
        check_definition("s", given)
    assert str(caught.value).startswith(message) and "\n" not in str(caught.value)


def test_a_thousand_trainings_are_not_too_many() -> None:
    assert len(list(check_definition("s", {"values": {"steps": list(range(500))}, "seeds": 2}).points())) == 500


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (None, "sweeps is empty; write [] for none"),
        ({"name": "eta"}, "sweeps is {'name': 'eta'}; write a list, each {dataset: NAME, objective: NAME, "),
        (["eta"], "sweeps holds 'eta'; write {dataset: NAME, "),
        ([{"dataset": "umist", "name": "eta"}], "sweeps holds {'dataset': 'umist', 'name': 'eta'}; write "),
        ([{**ENTRY, "name": ["eta"]}], "sweeps holds {'dataset': 'umist', "),
        ([{**ENTRY, "objective": "jul"}], "no objective is called 'jul'; did you mean jule?"),
        ([{**ENTRY, "method": "views"}], "the method of sweep eta is 'views'; give one of cc, dmvc-fix, dmvc"),
        ([ENTRY, ENTRY], "sweeps names jule/cc on umist by eta twice; name every sweep once"),
    ],
)
def test_a_list_that_is_none(given: Any, message: str) -> None:
    with pytest.raises(ParameterError) as caught:
        check_sweeps(given)
    assert str(caught.value).startswith(message) and "\n" not in str(caught.value)


def test_a_sweep_must_be_defined_and_its_dataset_listed() -> None:
    (sweep,) = sweeps = check_sweeps([ENTRY])
    assert (str(sweep), sweep.stem) == ("jule/cc on umist by eta", "jule-cc-eta")
    check_reachable(sweeps, ["umist"], {"eta": {}})
    for datasets, definitions, message in (
        ([], {"eta": {}}, "sweeps names 'umist', which is none of the datasets; add it to them"),
        (["umist"], {}, "sweeps names 'eta', which section sweep lacks; add eta: {values: "),
        (["umist"], {"eta2": {}}, "no sweep is called 'eta'; did you mean eta2?"),
    ):
        with pytest.raises(ParameterError) as caught:
            check_reachable(sweeps, datasets, definitions)
        assert str(caught.value).startswith(message)


def test_sweeps_have_names_that_can_be_part_of_a_path_and_of_a_key() -> None:
    values = {"values": {"eta": [0.2]}}
    assert list(check_definitions({"eta": values, 7: values})) == ["eta", "7"]
    for name in ("../eta", "a.b", "a b", ""):
        with pytest.raises(ParameterError, match=r"^a sweep is called .*; use letters, digits, '_' and '-'$"):
            check_definitions({name: values})
    for given, found in ((None, "empty"), ([], r"\[\]")):
        with pytest.raises(ParameterError, match=f"^sweep is {found}; write {{}} for none$"):
            check_definitions(given)


def test_a_sweep_is_read_from_the_file(workdir: Path) -> None:
    Path("params.yaml").write_text("sweep: {eta: {values: {eta: [1e-1, 0.2]}, seeds: 2}}\n")
    sweep = read_sweep(Path("params.yaml"), "eta")
    assert (sweep.values, sweep.seeds) == ({"eta": [0.1, 0.2]}, 2)
    with pytest.raises(ParameterError, match=r"^no sweep is called 'etta'; did you mean eta\?$"):
        read_sweep(Path("params.yaml"), "etta")
