"""What the train stage refuses, and how it says so."""

from pathlib import Path

import numpy as np
import pytest

from tests.deep.toy import outputs, refusal, train, write_features


def test_tables_of_other_images_are_refused(project: Path) -> None:
    write_features("wide", np.ones((60, 4), np.float32), fingerprint="other")
    for method in ("views", "cc"):
        assert "wide/L3.parquet was made from other images than data/images/toy" in refusal("idec", method)


def test_unusable_features_name_their_backbone(project: Path) -> None:
    write_features("narrow", np.full((60, 4), np.nan, np.float32))
    assert refusal("idec", "cc").startswith("backbone 'narrow' has NaN or infinite features")
    assert not outputs("idec")


@pytest.mark.parametrize(
    ("objective", "options", "message"),
    [
        ("idec", ["--n-clusters", "61"], "n_clusters is 61 but data/images/toy.parquet has 60 images"),
        ("idec", ["--backbones", "vgg"], "data/features/toy/vgg/L3.parquet does not exist; run `dvc repro`"),
        ("idec", ["--set", "init=ward"], "init is 'ward'; give one of consensus, kmeans"),
        ("idec", ["--set", "gamma=-1"], "gamma is -1; give a number of at least 0"),
        ("idec", ["--set", "gama=1"], "idec has no parameter 'gama'; did you mean gamma?"),
        ("idec", ["--set", "gamma"], "--set is 'gamma'; write NAME=VALUE, such as eta=0.3"),
        ("idec", ["--set", "gamma=[1"], "--set is 'gamma=[1', whose value cannot be read as YAML"),
        ("idec", ["--set", "gamma=much"], "idec.gamma is 'much'; give a number"),
        ("idec", ["--set", "batch_size=2.5"], "idec.batch_size is 2.5; give a whole number"),
        ("idec", ["--set", "runs=true"], "idec.runs is True; give a whole number"),
        ("idec", ["--set", "shuffle=1"], "idec.shuffle is 1; give true or false"),
        ("idec", ["--set", "algorithms=kmeans"], "idec.algorithms is 'kmeans'; give a list, each a text"),
        ("idec", ["--set", "width=3"], "idec has no parameter 'width'; did you mean"),
        ("idec", ["--set", "preset=mine"], "idec.preset is 'mine'; give one of none, published, released"),
        ("jule", ["--set", "preset=mine"], "jule.preset is 'mine'; give one of none, literal, published,"),
        ("jule", ["--set", "eta=1.5"], "eta is 1.5; give a share from 0 to below 1"),
        ("jule", ["--params", "no.yaml"], "no.yaml does not exist; run this in the project's folder"),
    ],
)
def test_mistakes_are_answered_in_one_line(
    project: Path, objective: str, options: list[str], message: str
) -> None:
    assert refusal(objective, "cc", *options).startswith(message)


@pytest.mark.parametrize(
    ("objective", "method", "message"),
    [
        ("idce", "cc", "'idce' is not one of 'jule', 'idec', 'dec', 'turtle', 'temi'."),
        ("idec", "mvec", "'mvec' is not one of 'views', 'cc', 'dmvc-fix', 'dmvc'."),
    ],
)
def test_names_that_are_not_choices_are_refused_with_the_choices(
    objective: str, method: str, message: str
) -> None:
    result = train(objective, method)
    assert result.exit_code == 2 and f"{message}\n" in result.stderr


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1", "params.yaml has no section 'idec'"),
        ("idec: 3", "idec is 3; it is a section: indent its keys below it"),
        ("idec: [", "params.yaml cannot be read as YAML"),
        ("idec: {gama: 1}", "idec has no parameter 'gama'; did you mean gamma?"),
        ("idec: {preset: released, gama: 1}", "idec has no parameter 'gama'; did you mean gamma?"),
    ],
)
def test_faults_of_the_file_are_answered_in_one_line(project: Path, text: str, message: str) -> None:
    Path("params.yaml").write_text(text)
    assert refusal("idec", "cc").startswith(message)


def test_cuda_is_refused_where_there_is_none(project: Path) -> None:
    import torch

    if torch.cuda.is_available():
        pytest.skip("a CUDA device is available")
    message = "device is 'cuda' but no CUDA device is available; give auto, cpu or cuda"
    assert refusal("idec", "cc", "--device", "cuda") == message
