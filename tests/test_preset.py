"""`stages.preset`: values of params.yaml replaced, comments kept."""

import re
from pathlib import Path

import pytest
import yaml

from stages.command import run
from stages.errors import ParameterError
from stages.preset import app
from stages.yamlvalues import replace_values

ROOT = Path(__file__).parents[1]
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


def test_mistakes_are_one_line_and_change_nothing(preset):
    assert preset("publishd")[2] == "error: no preset is called 'publishd'; presets has bad, other\n"
    assert "holds no parameters" in preset("bad")[2]
    assert Path("params.yaml").read_text() == TEXT
