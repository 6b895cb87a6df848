"""The documentation: its size, links, paths, keys of params.yaml, and diffs."""

import ast
import importlib
import re
import subprocess
from pathlib import Path

import pytest
import yaml

from stages.commands.__main__ import COMMANDS
from tests.results_tables import pages, table

ROOT = Path(__file__).parents[1]
PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "CHANGELOG.md",
    *sorted((ROOT / "docs").rglob("*.md")),
]
CODE_BLOCK = re.compile(r"^```.*?^```$", re.DOTALL | re.MULTILINE)


def _text(page):
    return page.read_text(encoding="utf-8")


def _anchors(page):
    """The anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", CODE_BLOCK.sub("", _text(page)), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_the_readme_is_short():
    assert (ROOT / "README.md").stat().st_size <= 9000


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_a_page_holds_no_marks_of_a_merge(page):
    assert not re.search(r"^(<{7} |={7}$|>{7} )", _text(page), re.MULTILINE)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_relative_links_lead_somewhere(page):
    for link in re.findall(r"\]\(([^)\s]+)\)", CODE_BLOCK.sub("", _text(page))):
        if re.match(r"https?:", link):
            continue
        file, _, anchor = link.partition("#")
        target = page.parent / file if file else page
        assert target.is_file(), link
        assert not anchor or anchor in _anchors(target), link


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_paths_of_the_project_exist(page):
    text = re.sub(r"^```diff.*?^```$", "", _text(page), flags=re.DOTALL | re.MULTILINE)  # diffs may add files
    text = text.replace(".NAME", "")  # which stands for any of them
    for path in re.findall(r"\b(?:stages|tests|presets|docs)/[\w./-]*\w", text):
        assert (ROOT / path).exists(), path
    for module in re.findall(r"(?:from|python -m) ((?:stages|tests)[\w.]*\w)", text):
        place = ROOT.joinpath(*module.split("."))
        assert place.with_suffix(".py").is_file() or place.is_dir(), module


def test_names_that_the_examples_import_exist():
    for page in PAGES:
        for code in re.findall(r"^```python\n(.*?)^```$", _text(page), re.DOTALL | re.MULTILINE):
            for node in ast.walk(ast.parse(code)):
                for alias in node.names if isinstance(node, ast.ImportFrom) else []:
                    assert hasattr(importlib.import_module(node.module), alias.name), f"{page.name}: {alias.name}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_commands_exist(page):
    named = set(re.findall(r"(?:^|`|&& )manyviews ([a-z]+)", _text(page), re.MULTILINE))
    assert named <= set(COMMANDS)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_stages_that_commands_name_exist(page):
    stages = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
    for words in re.findall(r"\bdvc (?:repro|pull|commit)((?: [\w@-]+)+)", _text(page)):
        named = {word.partition("@")[0] for word in words.split() if not word.startswith("-")}
        assert named <= stages.keys()


def test_the_tables_of_measured_scores_are_up_to_date():
    for page, text in pages().items():
        assert _text(page) == text, f"run `python -m tests.results_tables`, which writes the table of {page.name}"


def test_every_key_of_params_is_documented():
    documented = set(re.findall(r"`([\w.]+)`", _text(ROOT / "docs" / "parameters.md")))
    documented |= {name.rpartition(".")[2] for name in documented}
    for key, value in yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8")).items():
        assert key in documented, key
        for name in value if isinstance(value, dict) else []:
            assert name in documented, f"{key}.{name}"


@pytest.mark.parametrize(
    "diff", re.findall(r"^```diff\n(.*?)^```$", _text(ROOT / "docs" / "architecture.md"), re.DOTALL | re.MULTILINE)
)
def test_the_diffs_of_the_architecture_page_apply(diff):
    """They show how to add something to the code as it stands."""
    result = subprocess.run(["git", "apply", "--check", "-"], input=diff, cwd=ROOT, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr


def test_a_table_of_scores_has_the_published_ones_in_brackets_and_says_what_differs():
    run = {"dataset": "umist", "images": 575, "clusters": 20, "metric": "nmi_geometric", "scores": {"GDL": 0.5}}
    sizes = {"whole": "92 x 112", "half": "46 x 56"}
    runs = [
        run | {"column": name, "settings": {"image_size": size, "normalise": "l2"}} for name, size in sizes.items()
    ]
    assert table({"GDL": "baseline pixels pixels gdl", "none": None}, runs).splitlines() == [
        "| | whole | half |",
        "| --- | --- | --- |",
        "| GDL | **.500** (.755) | .500 (.755) |",
        "| none | | |",
        "",
        "In brackets: Yang et al. 2016, NMI of image clustering.",
        "What differs, as far as it is stated there:",
        "",
        "- half: image size 46 x 56 here, 92 x 112 there.",
    ]
