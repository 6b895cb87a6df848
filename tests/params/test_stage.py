"""How a stage takes its values from params.yaml: which, before what, and what it refuses."""

from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
import typer

from stages.core.errors import ParameterError
from stages.params.file import PARAMS, conflict_line, read_changes, read_params, read_section, renamed_key
from stages.params.options import DATA, DataFolder, Dataset, Seed
from stages.params.stage import ParamsFile, stage_application
from tests.shell import Outcome, Shell

taken: dict[str, Any] = {}


def toy(
    dataset: Dataset = "d",
    seed: Seed = 0,
    rows: Annotated[list[int], typer.Option(min=1)] = [1, 2],  # noqa: B006 - Typer copies it
    names: Annotated[list[str], typer.Option()] = [],  # noqa: B006
    how: Annotated[Literal["plain", "fancy"], typer.Option()] = "plain",
    rate: Annotated[float, typer.Option(max=1)] = 0.5,
    place: Annotated[Path, typer.Option()] = Path("here"),
    data: DataFolder = DATA,
    params: ParamsFile = PARAMS,
) -> None:
    taken.update(locals())


APP = stage_application(toy, "seed", "names", "toy.rows", "toy.how", "toy.rate", "other.folder=place")


@pytest.fixture
def stage(workdir: Path, shell: Shell) -> Any:
    """Run the toy stage with this text for params.yaml, if any; return what was printed and what it took."""

    def call(text: str | None, *arguments: str) -> tuple[Outcome, dict[str, Any]]:
        taken.clear()
        if text is not None:
            PARAMS.write_text(text, encoding="utf-8")
        return shell(APP, *arguments), dict(taken)

    return call


def test_values_come_from_the_command_line_then_from_the_file_then_from_the_options(stage: Any) -> None:
    text = "seed: 3\ntoy:\n  rows: [5]\n  how: fancy\nother:\n  folder: there\nrest: 1\n"
    outcome, values = stage(text, "--how", "plain", "--data", "elsewhere")
    assert outcome.status == 0, outcome
    assert (values["seed"], values["rows"], values["place"]) == (3, [5], Path("there"))
    assert (values["how"], values["rate"], values["data"]) == ("plain", 0.5, Path("elsewhere"))


def test_without_a_file_the_options_have_their_own_defaults(stage: Any) -> None:
    outcome, values = stage(None)
    assert outcome.status == 0
    assert (values["seed"], values["rows"], values["names"]) == (0, [1, 2], [])


def test_another_file_may_be_named_and_must_then_be_there(stage: Any) -> None:
    Path("mine.yaml").write_text("seed: 9\n", encoding="utf-8")
    assert stage("seed: 3\n", "--params", "mine.yaml")[1]["seed"] == 9
    outcome, _ = stage(None, "--params", "none.yaml")
    assert outcome.err.startswith("error: none.yaml does not exist; run this in the project's folder")


def test_one_value_does_for_a_list_and_an_empty_list_where_none_is_the_default(stage: Any) -> None:
    assert stage("toy:\n  rows: 4\nnames: []\n")[1]["rows"] == [4]
    assert stage("names: [a, 7]\n")[1]["names"] == ["a", "7"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("seed: -1\n", "seed is -1: "),
        ("seed: 1.5\n", "seed is 1.5: "),
        ("seed: true\n", "seed is True: "),
        ("seed:\n", "seed is empty; give it a value"),
        ("seed: [1]\n", "seed is [1]; give one value"),
        ("seed: 4294967296\n", "seed is 4294967296: "),
        ("names:\n", "names is empty; write [] for none"),
        ("toy:\n", "toy is empty; it is a section: indent its keys below it"),
        ("toy: 3\n", "toy is 3; it is a section: indent its keys below it"),
        ("toy:\n  rows: []\n", "toy.rows is empty; write each on a line of its own, behind a dash"),
        ("toy:\n  rows: [0]\n", "toy.rows is [0]: "),
        ("toy:\n  rows: [[1]]\n", "toy.rows is [[1]]; write each on a line of its own, behind a dash"),
        ("toy:\n  rows: {a: 1}\n", "toy.rows is {'a': 1}; write each on a line of its own, behind a dash"),
        ("toy:\n  how: odd\n", "toy.how is 'odd': 'odd' is not one of 'plain', 'fancy'"),
        ("toy:\n  rate: 1.01\n", "toy.rate is 1.01: "),
        ("toy:\n  rate: no\n", "toy.rate is 'no': "),
        ("toy:\n  row: [1]\n", "section toy has no key 'row'; did you mean rows?"),
        ("toy:\n  zzz: 1\n", "section toy has no key 'zzz'; it has rows, how, rate"),
        ("toy:\n  seed: 3\n", "section toy has no key 'seed'; it has rows, how, rate"),
        ("seed: 1\nseed: 2\n", "params.yaml cannot be read as YAML ("),
        ("seed: " + "[" * 2000 + "\n", "params.yaml cannot be read as YAML ("),
        ("- seed\n", "params.yaml holds no lines NAME: VALUE; take it from git"),
    ],
)
def test_a_wrong_value_is_one_line_and_nothing_runs(stage: Any, text: str, message: str) -> None:
    outcome, values = stage(text)
    assert (outcome.status, values) == (1, {})
    assert outcome.err.startswith(f"error: {message}") and outcome.err.count("\n") == 1


def test_a_value_is_data_and_never_a_command(stage: Any) -> None:
    outcome, values = stage('names: ["$(touch x)", "`touch x`; touch x"]\n')
    assert outcome.status == 0
    assert values["names"] == ["$(touch x)", "`touch x`; touch x"]
    assert not Path("x").exists()


@pytest.mark.parametrize("name", ["../d", "$(touch x)", "a b", "", ".d"])
def test_a_dataset_has_a_name_that_can_be_part_of_a_path(stage: Any, name: str) -> None:
    outcome, values = stage(None, "--dataset", name)
    assert values == {} and outcome.err.startswith("error: the dataset is called ")


def test_marks_of_a_conflict_are_found_where_a_merge_puts_them() -> None:
    assert conflict_line("a: 1\n<<<<<<< HEAD\nb: 2\n=======\nb: 3\n>>>>>>> other\n") == 2
    assert conflict_line("a: <<<<<<< HEAD\n=======\n") is None
    assert conflict_line("\ufffd\n>>>>>>> other\n") == 2


def test_names_that_yaml_1_1_takes_for_other_things_are_read_as_dvc_reads_them(workdir: Path) -> None:
    PARAMS.write_text("names: [no, 12_3, 1e3, on, '007']\n", encoding="utf-8")
    assert read_params(PARAMS) == {"names": ["no", 123, 1000.0, "on", "007"]}


def test_keys_of_the_first_version_are_refused_with_the_present_ones(workdir: Path) -> None:
    assert renamed_key("ensemble.least_share") == "ensemble.min_cluster_fraction"
    assert renamed_key("baseline.multiples") == "baseline.overclustering"
    assert renamed_key("report.multiples") is None
    PARAMS.write_text("jule:\n  least_share: 0.1\n", encoding="utf-8")
    with pytest.raises(
        ParameterError, match=r"^jule\.least_share is now called jule\.min_cluster_fraction; rename"
    ):
        read_section(PARAMS, "jule")


def test_changes_by_hand_are_written_as_in_the_file() -> None:
    found = read_changes(["eta=0.3", "train-again=true", "layers=[1, 2]", "epochs=null"])
    assert found == {"eta": 0.3, "train_again": True, "layers": [1, 2], "epochs": None}
    for text in ("eta", "=3"):
        with pytest.raises(ParameterError, match=r"write NAME=VALUE, such as eta=0\.3$"):
            read_changes([text])
