"""The command `preset`: values of params.yaml replaced, all else as it was."""

import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from stages.commands.params_text import lay_over
from stages.commands.preset import app
from stages.core.errors import ParameterError
from tests.exporting.project import refused
from tests.shell import Outcome, Shell

ROOT = Path(__file__).parents[2]
TEXT = """# Sets.
datasets:
  - flowers

# A number.
seed: 0

mine:
  # Layers.
  layers:
    - L3
  # Own.
  own: a
"""


def read(text: str) -> Any:
    return YAML(typ="safe", pure=True).load(text)


def test_values_change_and_comments_stay() -> None:
    changed = lay_over(TEXT, {"datasets": ["a", "b"], "mine": {"layers": [], "own": None}}, "p.yaml")
    assert read(changed) == {"datasets": ["a", "b"], "seed": 0, "mine": {"layers": [], "own": None}}
    assert re.findall(r"#.*", changed) == re.findall(r"#.*", TEXT)
    assert lay_over(changed, read(TEXT), "p.yaml") == TEXT, "there and back"


def test_comments_behind_values_line_ends_and_other_separators_stay() -> None:
    text = 'a: 1  # one\r\nb: "x # y" # two\r\nc:   # three\r\n  - 1  # gone\r\n# a\u2028# b\r\n'
    text += "d: [1,\r\n  2]   # four\r\ne:  # five\r\n\r\n# f\r\nf: 0x10\r\n"
    changed = lay_over(text, {"a": [1], "b": "z", "c": 2, "d": None, "e": [{"x": 1, "b": 2}]}, "p.yaml")
    assert changed == (
        "a:\r\n  - 1  # one\r\nb: z # two\r\nc: 2   # three\r\n# a\u2028# b\r\nd: null   # four\r\n"
        "e:\r\n  - x: 1\r\n    b: 2  # five\r\n\r\n# f\r\nf: 0x10\r\n"
    )
    assert lay_over("a: |\n  x\n# b\nb: 1", {"a": 2}, "p.yaml") == "a: 2\n# b\nb: 1", "no comment of a"
    several = lay_over("s:\n  a: 1 # one\n", {"s": {"a": "x\ny"}}, "p.yaml")
    assert several.endswith(" # one\n") and read(several) == {"s": {"a": "x\ny"}}
    assert lay_over("a: [\n  1,\n]\nb: 1\n", {"a": 2}, "p.yaml") == "a: 2\nb: 1\n"


def test_keys_that_a_section_does_not_have_are_added_to_it() -> None:
    changed = lay_over(TEXT, {"mine": {"own": "b", "more": 1, "list": ["x"]}}, "p.yaml")
    assert changed == TEXT.replace("own: a\n", "own: b\n  more: 1\n  list:\n    - x\n")
    assert lay_over("a: 1\n", {"a": {"b": 2}}, "p.yaml") == "a:\n  b: 2\n"
    text = "a:\n    b: 1 # one\n    c:\n\n# next\nd: 1\ne: {}\nf:\n"
    changed = lay_over(text, {"a": {"x": 2}, "e": {"x": [1]}, "f": {"x": 3}}, "p.yaml")
    assert changed == ("a:\n    b: 1 # one\n    c:\n    x: 2\n\n# next\nd: 1\ne:\n  x:\n    - 1\nf:\n  x: 3\n")


def test_values_are_read_and_written_as_dvc_does() -> None:
    """By YAML 1.2: PyYAML would take 1e-3 for a text, no for false."""
    wanted = {"a": 1e-05, "b": "1e-3", "c": "no", "d": "007", "e": True, "f": None}
    changed = lay_over("a: 1e-3\nb: no\nc: 1\nd: 1\ne: 1\nf: 1\n", wanted, "p.yaml")
    assert read(changed) == wanted
    assert read("a: 1e-3\nb: no\n") == {"a": 0.001, "b": "no"}


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ({"sed": 1}, "p.yaml has no parameter sed; correct its name in the preset"),
        ({"mine": 1}, "mine is a section of p.yaml; give values for the keys in it"),
    ],
)
def test_mistakes_in_a_preset(wanted: dict[str, Any], message: str) -> None:
    with pytest.raises(ParameterError, match=re.escape(message)):
        lay_over(TEXT, wanted, "p.yaml")


def test_a_layout_that_would_come_out_otherwise_is_refused() -> None:
    with pytest.raises(
        ParameterError, match=r"^p\.yaml is laid out in a way that no preset can be laid over; set"
    ):
        lay_over("a: &x 1\nb: *x\n", {"b": 2, "a": 3}, "p.yaml")


@pytest.mark.parametrize("file", sorted((ROOT / "presets").glob("*.yaml")), ids=lambda file: file.stem)
def test_presets_fit_params_yaml(file: Path) -> None:
    text, wanted = (ROOT / "params.yaml").read_text(encoding="utf-8"), read(file.read_text(encoding="utf-8"))
    changed = lay_over(text, wanted, "params.yaml")
    before, after = read(text), read(changed)
    for key, value in wanted.items():
        before[key] = {**before[key], **value} if isinstance(value, dict) else value
    assert after == before
    assert re.findall(r"#.*", changed) == re.findall(r"#.*", text)


@pytest.mark.parametrize("file", sorted((ROOT / "presets").glob("*.yaml")), ids=lambda file: file.stem)
def test_the_ensemble_of_a_preset_combines_partitions_that_its_baseline_makes(file: Path) -> None:
    changed = lay_over(
        (ROOT / "params.yaml").read_text(encoding="utf-8"), read(file.read_text(encoding="utf-8")), "params.yaml"
    )
    params = read(changed)
    combined, made = params["ensemble"], params["baseline"]
    assert set(combined["algorithms"]) <= set(made["algorithms"])
    assert set(combined["overclustering"]) <= set(made["overclustering"])
    assert len(combined["shares"]) == len(combined["algorithms"])


@pytest.fixture
def preset(workdir: Path, shell: Shell) -> Callable[..., Outcome]:
    Path("presets").mkdir()
    Path("presets/other.yaml").write_text("seed: 3\nmine:\n  own: a\n")
    Path("presets/more.yaml").write_text("datasets:\n  - no\nmine:\n  rate: 1e-3\n")
    Path("presets/bad.yaml").write_text("- 1\n")
    Path("params.yaml").write_text(TEXT)
    return partial(shell, app)


def test_it_says_what_it_changes(preset: Callable[..., Outcome]) -> None:
    assert preset("other") == (0, "seed: 0 -> 3\n", "")
    assert Path("params.yaml").read_text() == TEXT.replace("seed: 0", "seed: 3")
    assert preset("more") == (0, "datasets: [flowers] -> [no]\nmine.rate: not set -> 0.001\n", "")
    assert Path("params.yaml").read_text().endswith("  own: a\n  rate: 0.001\n")


def test_a_key_that_a_stage_would_refuse_is_not_brought_in(preset: Callable[..., Outcome]) -> None:
    """A preset of an earlier version, or with a slip in it, must not end up in the file of parameters."""
    Path("params.yaml").write_text("ensemble:\n  linkage: average\n")
    for key, hint in (("linkgae", "did you mean linkage?"), ("multiples", "now called ensemble.overclustering")):
        Path("presets/other.yaml").write_text(f"ensemble:\n  {key}: [3]\n")
        line = refused(preset("other"))
        assert line.startswith("the preset other cannot be laid over: ") and hint in line
    assert Path("params.yaml").read_text() == "ensemble:\n  linkage: average\n"


def test_line_ends_stay(preset: Callable[..., Outcome]) -> None:
    Path("params.yaml").write_bytes(TEXT.replace("\n", "\r\n").encode())
    assert preset("other") == (0, "seed: 0 -> 3\n", "")
    assert Path("params.yaml").read_bytes() == TEXT.replace("seed: 0", "seed: 3").replace("\n", "\r\n").encode()


def test_parameters_in_another_encoding_are_one_line(preset: Callable[..., Outcome]) -> None:
    Path("params.yaml").write_bytes("# Bl\u00e4tter\n".encode("latin-1") + TEXT.encode())
    assert refused(preset("other")).startswith("params.yaml is not UTF-8 text (")


def test_mistakes_are_one_line_and_change_nothing(preset: Callable[..., Outcome]) -> None:
    assert refused(preset("publishd")) == "no preset is called 'publishd'; presets has bad, more, other"
    assert "bad.yaml holds no lines NAME: VALUE" in refused(preset("bad"))
    assert Path("params.yaml").read_text() == TEXT
