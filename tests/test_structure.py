"""dvc.yaml and params.yaml against the code: dependencies, options, comments."""

import ast
import graphlib
import importlib
import itertools
import re
from pathlib import Path

import pytest
import typer.main
import yaml

from stages.core.digests import import_closure, imported_names
from stages.diagnosis.values import value_faults
from stages.params.file import read_params
from stages.params.stage import taken_keys
from stages.tables.methods import ImageMethod, Objective

ROOT = Path(__file__).parents[1]
PIPELINE = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
PARAMS = read_params(ROOT / "params.yaml")
STAGES = sorted(PIPELINE)


def _definition(stage):
    return PIPELINE[stage].get("do", PIPELINE[stage])


def _script(stage):
    return re.search(r"python -m (stages\.\w+)", _definition(stage)["cmd"]).group(1)


def _command(stage):
    return typer.main.get_command(importlib.import_module(_script(stage)).app)


def _keys(stage):
    """The keys of params.yaml that the stage takes, and the names of the options."""
    return taken_keys(_command(stage))


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
    if stage == "check_params":  # asks the options of all scripts
        assert "stages" in _definition(stage)["deps"]
        return
    assert code == sorted({"/".join(file.split("/")[:2]) for file in files}), (
        f"correct the deps of {stage} in dvc.yaml"
    )


@pytest.mark.parametrize("stage", STAGES)
def test_commands_carry_names_alone(stage):
    """DVC quotes what it makes of a whole item; nothing else from params.yaml comes near a shell."""
    command = _definition(stage)["cmd"]
    assert re.fullmatch(r"python -m stages\.\w+( \$\{item(\.transfer|\.sweep)?\})?( --method [a-z-]+)?", command)


@pytest.mark.parametrize("stage", STAGES)
def test_every_option_is_explained_and_every_key_that_a_stage_takes_is_in_params(stage):
    assert all(option.help for option in _command(stage).params)
    for key in _keys(stage):
        section, _, name = key.rpartition(".")
        assert name in (PARAMS[section] if section else PARAMS), key


@pytest.mark.parametrize("stage", STAGES)
def test_the_keys_that_a_stage_takes_are_listed_as_its_parameters(stage):
    taken = {key.partition(".")[0] for key in _keys(stage)}
    listed = set(_definition(stage).get("params", []))
    if stage == "extract":
        taken -= {"weights"}  # a folder is a place to look, not a parameter: the card holds the digest
    if stage == "result":
        taken |= {"transfers"}  # a list of pairs, which is no option
    assert {name for name in listed if "${" not in name} == taken


@pytest.mark.parametrize("stage", STAGES)
def test_defaults_in_params_are_those_of_the_options(stage):
    """So that --help shows what a key has unless somebody changed it."""
    options = {option.name: option for option in _command(stage).params}
    for key, name in _keys(stage).items():
        section, _, inner = key.rpartition(".")
        default = options[name].default
        if section:
            default = str(default) if isinstance(default, Path) else default
            assert default == PARAMS[section][inner], key


def test_params_are_what_the_stages_take():
    assert list(value_faults(PARAMS)) == []


@pytest.mark.parametrize("name", [*Objective, *(f"image_{method}" for method in ImageMethod)])
def test_a_trained_method_has_a_section_whose_parameters_have_their_defaults_in_the_code(name):
    assert PARAMS[name] == {"preset": "none"}


def test_every_parameter_has_a_comment_above_it():
    lines = (ROOT / "params.yaml").read_text(encoding="utf-8").splitlines()
    for above, line in itertools.pairwise(lines):
        key = re.match(r"( *)(\w+):", line)
        is_section = key and not key[1] and isinstance(PARAMS[key[2]], dict)
        if key and not is_section:
            assert above.strip().startswith("#"), f"explain {key[2]}"


def test_the_files_that_a_user_reads_first_stay_short():
    assert len((ROOT / "dvc.yaml").read_text(encoding="utf-8").splitlines()) <= 450
    assert len((ROOT / "params.yaml").read_text(encoding="utf-8").splitlines()) <= 160
    for stage in STAGES:
        assert sum(dependency.startswith("stages/") for dependency in _definition(stage)["deps"]) <= 10, stage


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
    "graphs": {"core", "clustering"},
    "consensus": {"core"},
    "naming": {"core", "tables"},
    "correcting": {"core", "tables"},
    "deep": {"core", "clustering", "consensus"},
    "scoring": {"core", "tables"},
    "training": {"core", "tables", "decoding", "clustering", "consensus", "deep", "scoring"},
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
        typer_is_ours = package == "params"  # options of the stages
        assert not {"dvc", "typer"} - {"typer" if typer_is_ours else ""} & {
            name.split(".")[0] for name in imported_names(file)
        }, file
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
