"""The methods of stages.deep do not know each other, and what they share knows none of them."""

from pathlib import Path

import pytest

from stages.core.digests import imported_names

DEEP = Path(__file__).parents[2] / "stages" / "deep"
METHODS = ("jule", "dec", "mmdc", "iic", "dac", "rotnet", "deepcluster", "nat")
ALL_METHODS = {"__init__.py", "image_models.py"}  # public names, and networks in files, whatever the method


def methods_of(file: Path) -> set[str]:
    """The methods whose modules a file imports, or names to be imported later."""
    names = (name.split(".") for name in imported_names(file))
    return {name[2] for name in names if name[:2] == ["stages", "deep"] and len(name) > 2} & set(METHODS)


@pytest.mark.parametrize("method", METHODS)
def test_a_method_imports_no_other_method(method: str) -> None:
    files = sorted((DEEP / method).glob("*.py"))
    assert len(files) > 3
    for file in files:
        assert methods_of(file) <= {method}, file


def test_what_the_methods_share_imports_none_of_them() -> None:
    for file in sorted(DEEP.glob("*.py")):
        assert not methods_of(file) or file.name in ALL_METHODS, file
