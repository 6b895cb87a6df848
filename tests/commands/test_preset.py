"""`stages.commands.preset`: values of params.yaml replaced, comments kept."""

import re
from pathlib import Path

import pytest
import yaml

from stages.commands.preset import app
from stages.core.command import run
from stages.core.errors import ParameterError
from stages.params.yaml_values import replace_values

ROOT = Path(__file__).parents[2]
TEXT = """# Sets.
datasets:
  - flowers

# A number.
seed: 0

views:
  # Layers.
  layers:
    - L3
  # Own.
  own: a
"""


def test_values_change_and_comments_stay():
    changed = replace_values(TEXT, {"datasets": ["a", "b"], "views": {"layers": [], "own": None}}, "p.yaml")
    assert yaml.safe_load(changed) == {"datasets": ["a", "b"], "seed": 0, "views": {"layers": [], "own": None}}
    comments = re.findall(r"#.*", TEXT)
    assert re.findall(r"#.*", changed) == comments
    assert replace_values(changed, yaml.safe_load(TEXT), "p.yaml") == TEXT, "there and back"


def test_comments_behind_values_line_ends_and_other_separators_stay():
    text = 'a: 1  # one\r\nb: "x # y" # two\r\nc:   # three\r\n  - 1  # gone\r\n# a\u2028# b\r\n'
    text += "d: [1,\r\n  2]   # four\r\n"
    changed = replace_values(text, {"a": [1], "b": "z", "c": 2, "d": None}, "p.yaml")
    assert changed == "a:  # one\r\n  - 1\r\nb: z # two\r\nc: 2   # three\r\n# a\u2028# b\r\nd: null   # four\r\n"
    assert replace_values("a: |\n  x\n# b\nb: 1", {"a": 2}, "p.yaml") == "a: 2\n# b\nb: 1", "no comment of a"
    several = replace_values("s:\n  a: 1 # one\n", {"s": {"a": "x\ny"}}, "p.yaml")
    assert several.startswith("  # one\n", 3) and yaml.safe_load(several) == {"s": {"a": "x\ny"}}


def test_a_value_that_goes_on_at_the_margin_is_refused():
    with pytest.raises(
        ParameterError, match=r"^a in p\.yaml goes on at the margin; indent all lines of its value$"
    ):
        replace_values("a: [\n  1,\n]\n", {"a": 2}, "p.yaml")


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ({"sed": 1}, "p.yaml has no parameter sed; correct its name in the preset"),
        ({"views": {"layer": 1}}, "p.yaml has no parameter views.layer"),
        ({"views": 1}, "views is a section of p.yaml; give values for the keys in it"),
    ],
)
def test_mistakes_in_a_preset(wanted, message):
    with pytest.raises(ParameterError, match=re.escape(message)):
        replace_values(TEXT, wanted, "p.yaml")


@pytest.mark.parametrize("file", sorted((ROOT / "presets").glob("*.yaml")), ids=lambda file: file.stem)
def test_presets_fit_params_yaml(file):
    text, wanted = (
        (ROOT / "params.yaml").read_text(encoding="utf-8"),
        yaml.safe_load(file.read_text(encoding="utf-8")),
    )
    changed = replace_values(text, wanted, "params.yaml")
    before, after = yaml.safe_load(text), yaml.safe_load(changed)
    for key, value in wanted.items():
        before[key] = {**before[key], **value} if isinstance(value, dict) else value
    assert after == before
    assert re.findall(r"#.*", changed) == re.findall(r"#.*", text)


@pytest.fixture
def preset(monkeypatch, capsys, tmp_path):
    monkeypatch.chdir(tmp_path)
    Path("presets").mkdir()
    Path("presets/other.yaml").write_text("seed: 3\nviews:\n  own: a\n")
    Path("presets/bad.yaml").write_text("- 1\n")
    Path("params.yaml").write_text(TEXT)

    def call(*arguments):
        monkeypatch.setattr("sys.argv", ["preset", *arguments])
        with pytest.raises(SystemExit) as end:
            run(app)
        return end.value.code, *capsys.readouterr()

    return call


def test_it_says_what_it_changes(preset):
    assert preset("other") == (0, "seed: 0 -> 3\n", "")
    assert Path("params.yaml").read_text() == TEXT.replace("seed: 0", "seed: 3")


def test_line_ends_stay(preset):
    Path("params.yaml").write_bytes(TEXT.replace("\n", "\r\n").encode())
    assert preset("other") == (0, "seed: 0 -> 3\n", "")
    assert Path("params.yaml").read_bytes() == TEXT.replace("seed: 0", "seed: 3").replace("\n", "\r\n").encode()


def test_parameters_in_another_encoding_are_one_line(preset):
    Path("params.yaml").write_bytes("# Bl\u00e4tter\n".encode("latin-1") + TEXT.encode())
    code, _, error = preset("other")
    assert code == 1 and error.startswith("error: params.yaml is not a YAML file (") and error.count("\n") == 1


def test_mistakes_are_one_line_and_change_nothing(preset):
    assert preset("publishd")[2] == "error: no preset is called 'publishd'; presets has bad, other\n"
    assert "holds no parameters" in preset("bad")[2]
    assert Path("params.yaml").read_text() == TEXT
