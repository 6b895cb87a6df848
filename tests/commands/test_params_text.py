"""The text of params.yaml with an item added to a list."""

import re

import pytest
import yaml
from ruamel.yaml import YAML

from stages.commands.params_text import add_item
from stages.core.errors import ParameterError


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("a: [x]  # one\nb: 1\n", "a: [x, y]  # one\nb: 1\n"),
        ("a: []\nb: 1\n", "a: [y]\nb: 1\n"),
        ("a: [x,\n  z, # two\n]\n", "a: [x,\n  z, y, # two\n]\n"),
        ("a:\n  - x # one\n  # two\n  - z  # three\n\n# four\nb: 1\n",) * 2,
        ("a:\n- x", "a:\n- x\n- y"),
        ("a:\r\n  - x # one\r\n\r\nb: 1\r\n", "a:\r\n  - x # one\r\n  - y\r\n\r\nb: 1\r\n"),
        ("a: [x, y]\n", "a: [x, y]\n"),
        ("a: [x, 'y']\n", "a: [x, 'y']\n"),
    ],
)
def test_an_item_is_added_once_and_comments_stay(before: str, after: str) -> None:
    after = after.replace("# three\n", "# three\n  - y\n")
    assert add_item(before, "a", "y", "p.yaml") == after
    assert add_item(after, "a", "y", "p.yaml") == after


@pytest.mark.parametrize("item", ["2024-05-01", "2024-13-01", "007", "1.10", "1e3", "1_000", "no", "Null", "0x1F"])
def test_what_yaml_takes_for_something_else_is_quoted(item: str) -> None:
    text = add_item("a: [x]\n", "a", item, "p.yaml")
    assert text == f'a: [x, "{item}"]\n'
    assert YAML(typ="safe", pure=True).load(text) == yaml.safe_load(text) == {"a": ["x", item]}


@pytest.mark.parametrize("text", ["b: 1\n", "a: x\n", "a:\n", "a: {x: 1}\n"])
def test_where_there_is_no_list(text: str) -> None:
    with pytest.raises(
        ParameterError, match=re.escape("p.yaml has no list a; write a: [] there, or take it from git")
    ):
        add_item(text, "a", "y", "p.yaml")


def test_a_list_that_another_key_shares_is_left_alone() -> None:
    with pytest.raises(ParameterError, match=r"^p\.yaml is laid out in a way that a cannot be added to; set"):
        add_item("a: &all [x]\nb: *all\n", "a", "y", "p.yaml")
