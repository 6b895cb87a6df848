"""dvc.yaml and params.yaml against the code: dependencies, options, comments."""

import ast
import graphlib
import importlib
import inspect
import itertools
import re
from pathlib import Path

import pytest
import typer.main
import yaml

from stages.core.code_digest import import_closure, imported_names
from stages.tables.methods import ImageMethod, Objective
from stages.training import imagejob
from stages.training.estimators import estimator_class
from stages.training.hyperparameters import NOT_THEIRS
from stages.training.start import START_TYPES

ROOT = Path(__file__).parents[2]
PIPELINE = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
PARAMS = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
STAGES = sorted(PIPELINE)


def _definition(stage):
    return PIPELINE[stage].get("do", PIPELINE[stage])


def _script(stage):
    return re.search(r"python -m (stages\.\w+)", _definition(stage)["cmd"]).group(1)


def _options(stage):
    command = typer.main.get_command(importlib.import_module(_script(stage)).app)
    return {name.lstrip("-"): option for option in command.params for name in option.opts}


def _module_file(module):
    """The file of a module of ours, a package's being its __init__."""
    path = ROOT / Path(*module.split("."))
    for file in (path.with_suffix(".py"), path / "__init__.py"):
        if file.is_file():
            return file
    return None


def _imported_files(module):
    """All our files that run when `module` is imported and its functions are called."""
    files = {file.relative_to(ROOT).as_posix() for file in import_closure(module)}
    return files - {"stages/__init__.py"}


def test_the_top_package_holds_no_code():
    tree = ast.parse((ROOT / "stages" / "__init__.py").read_text(encoding="utf-8"))
    assert [type(node) for node in tree.body] == [ast.Expr], "else every stage would have to depend on it"


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_depends_on_its_script_and_on_the_packages_that_it_imports(stage):
    """Folders, not files; and none of which no file is imported."""
    code = [dependency for dependency in _definition(stage)["deps"] if dependency.startswith("stages/")]
    files = _imported_files(_script(stage))
    assert code == sorted({"/".join(file.split("/")[:2]) for file in files}), (
        f"correct the deps of {stage} in dvc.yaml"
    )


@pytest.mark.parametrize("stage", STAGES)
def test_every_option_is_explained_and_every_parameter_is_an_option(stage):
    options = _options(stage)
    assert all(option.help for option in options.values())
    command = _definition(stage)["cmd"]
    used = re.findall(r"\$\{(\w+)\}", command)
    for section in set(used) - {"item", "n_clusters", "seed"}:
        unknown = {key.replace("_", "-") for key in PARAMS[section]} - set(options)
        assert not unknown, f"{section} in params.yaml has keys that are no options of {stage}"


@pytest.mark.parametrize("stage", STAGES)
def test_what_the_command_uses_is_listed_as_a_parameter(stage):
    used = set(re.findall(r"\$\{(\w+)", _definition(stage)["cmd"])) - {"item"}
    listed = set(_definition(stage).get("params", []))
    # A folder of weights is a place to look, not a parameter: the card holds the digest.
    assert used - {"weights"} <= listed


@pytest.mark.parametrize("stage", STAGES)
def test_defaults_in_params_are_those_of_the_options(stage):
    options = _options(stage)
    sections = set(re.findall(r"\$\{(\w+)\}", _definition(stage)["cmd"])) - {"item", "n_clusters", "seed"}
    for section in sections:
        for key, value in PARAMS[section].items():
            default = options[key.replace("_", "-")].default
            default = str(default) if isinstance(default, Path) else default
            assert (list(default) if isinstance(value, list) else default) == value, f"{section}.{key}"


@pytest.mark.parametrize("objective", list(Objective))
def test_an_objective_has_a_section_with_all_the_parameters_of_its_estimators(objective):
    section = PARAMS[objective]
    assert section["preset"] == "none"
    start = {} if objective == "jule" else START_TYPES
    assert start.keys() <= section.keys()
    for method in ("views", "cc", "dmvc-fix", "dmvc"):
        signature = inspect.signature(estimator_class(objective, method)).parameters
        defaults = {name: parameter.default for name, parameter in signature.items()}
        ours = {name: defaults[name] for name in defaults.keys() - set(NOT_THEIRS) - start.keys()}
        assert {name: section[name] for name in section.keys() - {"preset", *start}} == ours


@pytest.mark.parametrize("method", list(ImageMethod))
def test_an_image_method_has_a_section_with_all_the_parameters_of_its_estimator(method):
    section = PARAMS[f"image_{method}"]
    assert section["preset"] == "none"
    signature = inspect.signature(imagejob.estimator_class(method)).parameters
    defaults = {name: parameter.default for name, parameter in signature.items()}
    theirs = {name: defaults[name] for name in defaults.keys() - set(imagejob.NOT_THEIRS[method])}
    assert section.keys() - {"preset"} == theirs.keys()
    if method == "mmdc":  # the defaults of dec are for features, those of jule the paper's
        assert {name: section[name] for name in theirs} == theirs


def test_every_parameter_has_a_comment_above_it():
    lines = (ROOT / "params.yaml").read_text(encoding="utf-8").splitlines()
    for above, line in itertools.pairwise(lines):
        key = re.match(r"( *)(\w+):", line)
        is_section = key and not key[1] and isinstance(PARAMS[key[2]], dict)
        if key and not is_section:
            assert above.strip().startswith("#"), f"explain {key[2]}"


# The packages of `stages`, and which of the others each may import. Scripts and commands may import all of these.
LIBRARIES = {
    "core": set(),
    "tables": {"core"},
    "params": {"core", "tables"},
    "fetching": {"core"},
    "decoding": {"core", "tables"},
    "datasets": {"core", "decoding", "fetching"},
    "backbones": {"core", "fetching"},
    "registry": {"core", "backbones"},
    "clustering": {"core"},
    "consensus": {"core"},
    "deep": {"core", "clustering", "consensus"},
    "scoring": {"core", "tables"},
    "training": {"core", "tables", "decoding", "consensus", "deep", "scoring"},
    "reporting": {"core", "tables", "decoding"},
    "studies": {"core", "tables", "clustering", "consensus", "scoring", "reporting"},
    "exporting": {"core", "tables"},
}
FRONTS = {"commands", "diagnosis"}
MODULES = {
    ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): file
    for file in sorted((ROOT / "stages").rglob("*.py"))
}


def _imported_modules(file):
    """The modules of ours that a file imports, each by its full name."""
    names = imported_names(file)
    found = {name if name in MODULES else name.rpartition(".")[0] for name in names if name.startswith("stages.")}
    return (found & MODULES.keys()) - {"stages"}


def test_a_module_directly_in_stages_is_a_stage_and_every_folder_is_a_known_package():
    top = {file.stem for file in (ROOT / "stages").glob("*.py")} - {"__init__"}
    assert top == {_script(stage).removeprefix("stages.") for stage in STAGES}
    packages = {place.parent.name for place in (ROOT / "stages").glob("*/__init__.py")}
    assert packages == LIBRARIES.keys() | FRONTS


@pytest.mark.parametrize("package", LIBRARIES)
def test_a_package_imports_those_below_it_only(package):
    for file in (ROOT / "stages" / package).rglob("*.py"):
        others = {name.split(".")[1] for name in _imported_modules(file)} - {package}
        assert others <= LIBRARIES[package], f"{file.relative_to(ROOT)} imports from {others - LIBRARIES[package]}"


def test_packages_and_modules_import_each_other_in_no_circle():
    graphlib.TopologicalSorter(LIBRARIES).prepare()
    graphlib.TopologicalSorter(
        {name: _imported_modules(file) - {name} for name, file in MODULES.items()}
    ).prepare()


@pytest.mark.parametrize("package", LIBRARIES)
def test_a_library_does_not_print_call_dvc_or_name_the_file_of_parameters(package):
    """Scripts and commands do; for both, core.command makes the Typer application and prints their errors."""
    for file in (ROOT / "stages" / package).rglob("*.py"):
        if file.name == "command.py":
            continue
        tree = ast.parse(file.read_text(encoding="utf-8"))
        calls = {
            node.func.id for node in ast.walk(tree) if isinstance(node, ast.Call) and hasattr(node.func, "id")
        }
        assert "print" not in calls, file
        assert not {"dvc", "typer"} & {name.split(".")[0] for name in imported_names(file)}, file
        texts = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)}
        assert package == "params" or "params.yaml" not in texts, file


def test_torch_is_imported_where_it_is_used():
    """No stage pays for torch at import: `--help` of every stage starts fast."""
    heavy = {"torch", "torchvision", "timm", "sklearn", "matplotlib", "scipy", "numba"}
    for stage in STAGES:
        file = _module_file(_script(stage))
        pending, seen = [file], set()
        while pending:
            current = pending.pop()
            seen.add(current)
            for node in ast.parse(current.read_text(encoding="utf-8")).body:
                names = []
                if isinstance(node, ast.Import):
                    names = [alias.name for alias in node.names]
                elif isinstance(node, ast.ImportFrom):
                    names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
                roots = {name.split(".")[0] for name in names}
                assert not roots & heavy, f"{current} imports {roots & heavy} at once, which {stage} pays for"
                files = [_module_file(name) for name in names if name.startswith("stages")]
                pending += [found for found in files if found and found not in seen]
