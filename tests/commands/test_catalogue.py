"""The tables of backbones and image sets in docs/."""

import subprocess
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from stages.backbones.card import HubSource, UrlSource, WheelSource
from stages.commands.catalogue import app, backbone_table, find_image_sets, image_set_table, renew
from stages.core.errors import DatasetError, ParameterError
from stages.datasets.arrays import Arrays
from stages.datasets.local import Local
from stages.datasets.source import READERS
from stages.registry import CATALOGUE

ROOT = Path(__file__).parents[2]
EMPTY = """# Title
<!-- begin backbones -->
old
<!-- end backbones -->
after
"""
FOLD = "reader: local\npath: $PHOTOS\n"


@pytest.fixture
def command(shell):
    """Run the command with arguments: its exit status, stdout and stderr."""
    return partial(shell, app)


def described(raw, **sources):
    """Write a source.yaml for each image set, and read them all."""
    for name, text in sources.items():
        (raw / name).mkdir(parents=True)
        (raw / name / "source.yaml").write_text(text, encoding="utf-8")
    return find_image_sets(raw)


def cells(table, first):
    """The cells of the line that begins with `first`."""
    (line,) = [line for line in table.splitlines() if line.startswith(f"| {first} |")]
    return line.removeprefix("| ").removesuffix(" |").split(" | ")


def test_the_pages_are_up_to_date(command, monkeypatch):
    monkeypatch.chdir(ROOT)
    backbones = f"docs/backbones.md is up to date: {len(CATALOGUE)} backbones\n"
    sets = len(find_image_sets(ROOT / "data" / "raw"))
    assert command("--check") == (0, f"{backbones}docs/image-sets.md is up to date: {sets} image sets\n", "")


def test_every_image_set_says_what_a_reader_wants_to_know():
    for name, source, about in find_image_sets(ROOT / "data" / "raw"):
        assert about.title and about.classes and about.licence and about.homepage, name
        assert about.images or name == "voc2007", "only there it is not known"
        if isinstance(source, (Local, Arrays)):
            assert about.note.startswith("ask "), name


def test_a_backbone_has_a_line():
    vgg16 = CATALOGUE["vgg16"]
    named = replace(vgg16, card=replace(vgg16.card, name="mine"), licence="", origin="me")
    table = backbone_table([vgg16, named])
    assert [line.split()[1] for line in table.splitlines()] == ["backbone", ":--", "`vgg16`", "`mine`"]
    assert cells(table, "`mine`")[1:3] == ["L1 25,088 · L2 4,096 · L3 4,096 · classes 1,000", "224"]


def test_sources_of_weights_that_the_origin_does_not_name_are_added():
    entry = CATALOGUE["vgg16"]
    sources = (
        WheelSource("some-package==1.0", "0" * 64, "a"),
        HubSource("timm/some", "model.safetensors"),
        UrlSource("https://example.org/a(1).pth"),
    )
    card = replace(entry.card, weights=replace(entry.card.weights, sources=sources))
    link = "[example.org](https://example.org/a%281%29.pth)"
    bare = backbone_table([replace(entry, card=card, origin="me")])
    assert cells(bare, "`vgg16`")[3] == f"me; package some-package; hub timm/some; {link}"
    named = backbone_table([replace(entry, card=card, origin="hub timm/some")])
    assert cells(named, "`vgg16`")[3] == f"hub timm/some; package some-package; {link}"


def test_an_image_set_has_a_line_by_name_and_its_note_stands_below(tmp_path):
    sets = described(
        tmp_path,
        b="reader: torchvision\nname: mnist\nabout: {title: B, images: 70000, classes: 10, licence: MIT, "
        "homepage: 'http://b/'}\n",
        a=f"{FOLD}about: {{note: ask me}}\n",
    )
    assert image_set_table(sets).splitlines() == [
        "| image set | what it is | images | classes | from | licence |",
        "| :-- | :-- | --: | --: | :-- | :-- |",
        "| `a` | a | ? | ? | your copy: `$PHOTOS` | ? |",
        "| `b` | [B](http://b/) | 70,000 | 10 | torchvision | MIT |",
        "",
        "- `a`: ask me.",
    ]


def test_every_reader_says_where_its_images_come_from(tmp_path):
    sources = {
        "archive": "files: a.zip\nmirrors: ['https://a.org/x/', 'http://a.org/', 'https://b.org/{file}']",
        "arrays": "path: a.npz",
        "local": "path: ~/a",
        "package": f"requirement: a==1\nsha256: {'a' * 64}",
        "scikit-learn": "name: lfw",
        "torchvision": "name: stl10",
        "voc2007": "",
    }
    assert set(sources) == set(READERS)
    sets = described(tmp_path, **{name: f"reader: {name}\n{keys}\n" for name, keys in sources.items()})
    assert {name: cells(image_set_table(sets), f"`{name}`")[4] for name in sources} == {
        "archive": "`a.org`, `b.org`",
        "arrays": "your copy: `a.npz`",
        "local": "your copy: `~/a`",
        "package": "package `a==1`",
        "scikit-learn": "scikit-learn",
        "torchvision": "torchvision",
        "voc2007": "torchvision",
    }
    with pytest.raises(TypeError, match="say here where object gets its images from"):
        image_set_table([sets[0]._replace(source=object())])


def test_what_markdown_would_take_for_markup_is_escaped(tmp_path):
    about = r"""
  title: "a|b [c]\n d"
  licence: "<i> *x* _y_ __z__ z_z `q` ~ \\ |"
  homepage: http://h/a b|(c)%20?d=~e
"""
    (entry,) = described(tmp_path, fold=f"reader: local\npath: a|b\nabout:{about}")
    assert image_set_table([entry]).splitlines()[2] == (
        r"| `fold` | [a\|b \[c\] d](http://h/a%20b%7C%28c%29%20?d=~e) | ? | ? | your copy: `a\|b` "
        r"| \<i> \*x\* \_y\_ \_\_z\_\_ z_z \`q\` \~ \\ \| |"
    )
    assert image_set_table([entry._replace(name="a`|b")]).splitlines()[2].startswith(r"| a\`\|b |")


def test_only_what_stands_between_the_markers_changes():
    new = renew(EMPTY, "backbones", "| a |", "x.md")
    assert new == "# Title\n<!-- begin backbones -->\n\n| a |\n\n<!-- end backbones -->\nafter\n"
    assert renew(new, "backbones", "| a |", "x.md") == new


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "<!-- end backbones -->",
            "",
            r"^x\.md has no '<!-- end backbones -->'; write it once, with '<!-- begin backbones -->' above "
            r"'<!-- end backbones -->'$",
        ),
        (
            "after",
            "<!-- begin backbones -->",
            r"^x\.md has 2 times '<!-- begin backbones -->'; write it once, with '<!-- begin backbones -->' above "
            r"'<!-- end backbones -->'$",
        ),
        (
            "<!-- begin backbones -->\nold\n<!-- end backbones -->",
            "<!-- end backbones -->\nold\n<!-- begin backbones -->",
            r"^x\.md has '<!-- end backbones -->' above '<!-- begin backbones -->'; exchange them$",
        ),
    ],
)
def test_markers_out_of_order(old, new, message):
    with pytest.raises(ParameterError, match=message):
        renew(EMPTY.replace(old, new), "backbones", "", "x.md")


def empty_pages(folder):
    folder.mkdir()
    (folder / "backbones.md").write_text(EMPTY, encoding="utf-8")
    (folder / "image-sets.md").write_text(EMPTY.replace("backbones", "image-sets"), encoding="utf-8")


def test_check_reports_and_the_command_mends(command, tmp_path):
    docs, data = tmp_path / "my notes", tmp_path / "data"
    backbones, sets = docs / "backbones.md", docs / "image-sets.md"
    empty_pages(docs)
    described(data / "raw", fold=FOLD)
    options = ("--docs", docs, "--data", data)
    mend = f"manyviews catalogue --docs '{docs}' --data {data}"
    assert command(*options, "--check") == (1, "", f"error: {backbones} is out of date; run `{mend}`\n")
    assert backbones.read_text(encoding="utf-8") == EMPTY
    assert command(*options) == (0, f"{backbones}: {len(CATALOGUE)} backbones\n{sets}: 1 image sets\n", "")
    assert "| `vgg16` |" in backbones.read_text(encoding="utf-8")
    assert "| `fold` | fold | ? | ? | your copy: `$PHOTOS` | ? |" in sets.read_text(encoding="utf-8")
    assert command(*options, "--check")[0] == 0
    described(data / "raw", other=FOLD)
    assert command(*options, "--check")[::2] == (1, f"error: {sets} is out of date; run `{mend}`\n")


def test_nothing_is_written_where_one_page_has_no_markers(command, tmp_path):
    docs = tmp_path / "docs"
    empty_pages(docs)
    (docs / "image-sets.md").write_text("# Title\n", encoding="utf-8")
    assert command("--docs", docs)[0] == 1
    assert (docs / "backbones.md").read_text(encoding="utf-8") == EMPTY


def test_the_default_command_needs_no_options(command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    empty_pages(Path("docs"))
    message = "error: docs/backbones.md is out of date; run `manyviews catalogue`\n"
    assert command("--check") == (1, "", message)


def test_files_that_cannot_be_used(command, tmp_path):
    docs, missing = tmp_path / "docs", tmp_path / "none"
    empty_pages(docs)
    page = docs / "backbones.md"
    page.write_bytes(b"\x89PNG")
    status, _, error = command("--docs", docs)
    assert status == 1 and error.startswith(f"error: {page} is not text in UTF-8 (") and error.count("\n") == 1
    assert command("--docs", missing) == (1, "", f"error: No such file or directory: {missing / 'backbones.md'}\n")
    with pytest.raises(DatasetError, match="no reader 'lokal'"):
        described(tmp_path, fold="reader: lokal\n")


def test_torch_is_not_imported():
    code = "import stages.commands.catalogue, sys; print('torch' in sys.modules)"
    result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert result.stdout == "False\n"
