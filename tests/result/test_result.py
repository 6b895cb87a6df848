"""The stage `result`: which trained methods are listed, and whose clusters are the result."""

from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from stages.consensus import membership_confidence
from stages.core.digests import file_digest
from stages.core.errors import ManyviewsError
from stages.result import MARGIN, app
from stages.tables import Image, read_images, read_partitions, write_images, write_partitions, write_vectors
from stages.tables.links import write_links
from stages.tables.manifest import write_manifest
from stages.tables.methods import METHODS, ImageMethod
from stages.tables.results import ClusterName, read_assignments, read_result
from stages.tables.textfiles import json_of
from tests.result.stage import (
    BASE,
    FOLDER,
    GROUPS,
    assignments,
    chosen,
    listed,
    moved,
    read_settings,
    refused,
    run_stage,
    write,
    write_network,
)

IMAGE_METHODS = ", ".join(map(repr, ImageMethod))


def test_the_objectives_that_are_asked_for_are_listed_and_leftovers_are_not(project: Path) -> None:
    assert list(listed("jule")) == [f"jule/{method}" for method in METHODS]
    both = listed("idec", "jule")
    assert list(both) == [f"{objective}/{method}" for objective in ("idec", "jule") for method in METHODS]
    assert both["idec/cc"] == {"partitions": file_digest(Path("data/partitions/d/idec/cc.parquet"))}
    assert listed() == {}


def test_methods_on_images_are_listed_as_those_of_an_objective(project: Path) -> None:
    fingerprint = read_images(Path("data/images/d.parquet")).fingerprint
    for method in ("pixels", "dec", "jule", "mmdc"):
        write("images", method, fingerprint)
    options = ("--image-methods", "mmdc", "--image-baselines", "pixels", "--image-methods", "jule")
    assert list(listed(images=options)) == ["images/pixels", "images/mmdc", "images/jule"]
    both = listed("jule", images=("--image-methods", "dec"))
    assert list(both) == [*(f"jule/{method}" for method in METHODS), "images/dec"]
    assert both["images/dec"] == {"partitions": file_digest(Path("data/partitions/d/images/dec.parquet"))}


def test_transfers_to_the_dataset_are_listed_and_those_to_others_are_not(project: Path) -> None:
    fingerprint = read_images(Path("data/images/d.parquet")).fingerprint
    for method in ("jule", "transfer-s", "transfer-left-over"):
        write("images", method, fingerprint)
    text = "transfers: [{source: s, dataset: d}, {source: d, dataset: s}]\n"
    Path("params.yaml").write_text(text, encoding="utf-8")
    options = ("--image-methods", "jule")
    assert list(listed(images=options)) == ["images/jule", "images/transfer-s"]


def test_clustered_embeddings_of_what_was_trained_are_listed(project: Path) -> None:
    fingerprint = read_images(Path("data/images/d.parquet")).fingerprint
    for objective, method in (("images", "jule"), ("images", "jule-embedding"), ("jule", "dmvc-embedding")):
        write(objective, method, fingerprint)
    Path("params.yaml").write_text("transfers: []\nrepresentations: [images/jule, jule/dmvc]\n", encoding="utf-8")
    options = ("--image-methods", "jule")
    found = list(listed("jule", images=options))
    assert found[-3:] == ["images/jule", "images/jule-embedding", "jule/dmvc-embedding"]
    options = ("--image-methods", "jule", "--representations", "images/jule")
    assert list(listed(images=options))[-2:] == ["images/jule", "images/jule-embedding"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            ("images/jule",),
            "representations names 'images/jule', which no run trains; add jule to the image_methods",
        ),
        (("dec/cc",), "representations names 'dec/cc', which no run trains; add dec to the objectives"),
        (("jule/cc", "jule/cc"), "representations names jule/cc twice; name every representation once"),
        (("jule/cd",), "no representation is called 'jule/cd'; give images/METHOD, or OBJECTIVE/METHOD with cc, "),
        (("jule/cc",), "data/partitions/d/jule/cc-embedding.parquet does not exist; run `dvc repro`"),
    ],
)
def test_mistakes_in_representations(project: Path, options: tuple[str, ...], message: str) -> None:
    given = tuple(text for name in options for text in ("--representations", name))
    with pytest.raises(ManyviewsError) as caught:
        listed("jule", images=given)
    assert str(caught.value).startswith(message) and "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "other.yaml does not exist; run this in the project's folder, or name the file by --params"),
        ("transfers:\n", "transfers is empty; write [] for none"),
        ("transfers: s\n", "transfers is 's'; write a list, each {source: NAME, dataset: NAME}"),
        ("transfers: {source: s, dataset: d}\n", "transfers is {'source': 's', 'dataset': 'd'}; write a list"),
        ("transfers: [{source: null, dataset: d}]\n", "transfers holds {'source': None, 'dataset': 'd'}; write"),
        ("transfers: [{source: s}]\n", "transfers holds {'source': 's'}; write {source: NAME, dataset: NAME}"),
        (
            "transfers: [{source: s, dataset: d}, {source: s, dataset: d}]\n",
            "transfers names s to d twice; name every transfer once",
        ),
        ("transfers: [{source: s, dataset: d}]\n", "data/partitions/d/images/transfer-s.parquet does not exist"),
    ],
)
def test_mistakes_in_transfers(project: Path, text: str | None, message: str) -> None:
    if text is not None:
        Path("other.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(ManyviewsError) as caught:
        listed(images=("--params", "other.yaml"))
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--image-methods", "dec") * 2, "image_methods names dec twice; name every image method once"),
        (
            ("--image-baselines", "pixels") * 2,
            "image_baselines names pixels twice; name every image baseline once",
        ),
        (("--image-methods", "dec"), "data/partitions/d/images/dec.parquet does not exist; run `dvc repro`"),
    ],
)
def test_mistakes_in_methods_on_images(project: Path, options: tuple[str, ...], message: str) -> None:
    with pytest.raises(ManyviewsError) as caught:
        listed(images=options)
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize(
    ("option", "name", "choices"),
    [
        ("--image-methods", "jul", f"is not one of {IMAGE_METHODS}"),
        (
            "--image-methods",
            "pixels",
            f"is not one of {IMAGE_METHODS}",
        ),
        ("--image-baselines", "dec", "is not one of 'pixels'"),
        ("--objectives", "images", "is not one of 'jule', 'idec', 'dec', 'turtle', 'temi'"),
        ("--objectives", "ided", "is not one of 'jule', 'idec', 'dec', 'turtle', 'temi'"),
    ],
)
def test_names_that_are_not_choices_are_refused_with_the_choices(option: str, name: str, choices: str) -> None:
    result = CliRunner().invoke(app, ["--dataset", "d", option, name])
    assert result.exit_code == 2 and f"'{name}' {choices}.\n" in result.stderr


@pytest.mark.parametrize(
    ("objectives", "message"),
    [
        (["jule", "jule"], "objectives names jule twice; name every objective once"),
        (["dec"], "data/partitions/d/dec/views.parquet does not exist; run `dvc repro`"),
    ],
)
def test_mistakes_are_answered_in_one_line(project: Path, objectives: list[str], message: str) -> None:
    with pytest.raises(ManyviewsError) as caught:
        listed(*objectives)
    assert str(caught.value).startswith(message)


def test_clusters_of_other_images_are_refused(project: Path) -> None:
    write("jule", "mvec", "other")
    with pytest.raises(ManyviewsError, match=r"jule/mvec\.parquet was made from other images"):
        listed("jule")


def test_without_networks_the_ensemble_is_the_result(project: Path) -> None:
    found = chosen()
    names = found.pop("names")
    assert found == {"method": "ensemble", "chosen": "auto", "modularity": {"ensemble": round(2 / 3, 6)}}
    assert names.keys() == {"0", "1", "2"}
    assert [int(row["cluster"]) for row in assignments()] == GROUPS.tolist()


def test_only_the_network_of_the_first_objective_may_be_the_result(project: Path) -> None:
    write_network(moved(3), "idec/dmvc")
    assert chosen("jule", "idec")["method"] == "jule/dmvc"
    found = chosen("idec", "jule")
    assert found["method"] == "ensemble", "the one of the second is not looked at"
    assert list(found["modularity"]) == ["ensemble", "idec/dmvc"]


@pytest.mark.parametrize(("lost", "method"), [(1, "jule/dmvc"), (2, "ensemble")])
def test_the_margin_by_which_a_network_may_be_below_the_ensemble(project: Path, lost: int, method: str) -> None:
    """Two halves of 50 links each, and `lost` more each way at an image that the network has in the other."""
    fingerprint = read_images(Path("data/images/d.parquet")).fingerprint
    inside = np.array([[0, 1], [1, 0], [6, 7], [7, 6]] * 25)
    crossing = np.array([[2, 0], [0, 2]] * lost + [[8, 6], [6, 8]] * lost)
    write_links(
        Path("data/graphs/d.parquet"),
        np.concatenate([inside, crossing]),
        fingerprint,
        {"structure": {"odds": 2.0, "cut": 1.0}},
    )
    ensemble = np.repeat([0, 1], 6)
    write_partitions(
        FOLDER / "ensemble.parquet", {"ensemble": ensemble}, {"ensemble": read_settings()}, fingerprint
    )
    network = ensemble.copy()
    network[[2, 8]] = 1, 0  # each is with the other half
    write_network(network)
    found = chosen("jule")
    difference = found["modularity"]["ensemble"] - found["modularity"]["jule/dmvc"]
    assert difference == pytest.approx(4 * lost / (100 + 4 * lost), abs=1e-5)
    assert (difference <= MARGIN) == (method == "jule/dmvc")
    assert found["method"] == method


def test_a_network_with_the_greater_modularity_is_the_result(project: Path) -> None:
    fingerprint = read_images(Path("data/images/d.parquet")).fingerprint
    write_partitions(
        FOLDER / "ensemble.parquet", {"ensemble": moved(4)}, {"ensemble": read_settings()}, fingerprint
    )
    assert chosen("jule") == {
        "method": "jule/dmvc",
        "chosen": "auto",
        "modularity": {"ensemble": round(5 / 9 - 1 / 9, 6), "jule/dmvc": round(2 / 3, 6)},
        "names": {str(number): {"name": "", "words": [], "label": "", "share": 0.0} for number in range(3)},
    }


def write_scores(backbone: str, chances: np.ndarray, fingerprint: str) -> None:
    """Write a head's scores of daisy, pot and bee, by their probabilities; list them as `views` does."""
    file = Path(f"data/features/d/{backbone}/classes.parquet")
    scores = np.log(chances).astype(np.float16)
    write_vectors(file, "features", [scores], fingerprint, {"words": ["daisy", "pot", "bee"]})
    listed_ = {"a": {"L3": "0"}, "b": {"L3": "0", "classes": "0"}, "c": {"L3": "0", "classes": "0"}}
    write_manifest(Path("data/views/d/features.json"), listed_)


def test_clusters_are_named_by_the_heads_that_there_are(project: Path) -> None:
    fingerprint = read_images(Path("data/images/d.parquet")).fingerprint
    sure = np.array([[0.9, 0.05, 0.05], [0.05, 0.05, 0.9], [0.3, 0.4, 0.3]])
    write_scores("b", sure[GROUPS], fingerprint)
    write_scores("c", sure[GROUPS], fingerprint)
    found = chosen("jule")["names"]
    assert [found[number]["words"] for number in "012"] == [["daisy"], ["bee"], []]
    assert [row["name"] for row in assignments()] == ["daisy"] * 4 + ["bee"] * 4 + [""] * 4
    result = read_result(Path("data/results/d"))
    assert result.names[1] == ClusterName("bee", ("bee",))
    assert result.names_of("result") == result.names_of("jule/dmvc") == result.names
    assert result.names_of("ensemble") == {}


def test_labels_name_clusters_first(project: Path) -> None:
    images = [Image(f"{i}.png", b"%d" % i, [0, None, 1][i % 3], 4, 4) for i in range(12)]
    write_images(Path("data/images/d.parquet"), images, ["rose", "iris"])
    fingerprint = read_images(Path("data/images/d.parquet")).fingerprint
    for backbone in "bc":
        write_scores(backbone, np.eye(3)[GROUPS] + 0.01, fingerprint)
    names = [found["name"] for found in chosen("jule")["names"].values()]
    # Labels of the images 0 to 3, 4 to 7, 8 to 11: rose, -, iris, rose; -, iris, rose, -; iris, rose, -, iris.
    assert names == ["rose", "pot", "iris"]


def test_class_scores_that_are_listed_must_be_there_and_of_these_images(project: Path) -> None:
    write_scores("b", np.ones((12, 3)), read_images(Path("data/images/d.parquet")).fingerprint)
    assert refused("jule").startswith("data/features/d/c/classes.parquet does not exist; run `dvc repro`")
    write_scores("c", np.ones((12, 3)), "other")
    assert "data/features/d/c/classes.parquet was made from other images than" in refused("jule")


@pytest.mark.parametrize(
    "name", ["jule/cc", "jule/views/b", "idec/dmvc-fix", "ensemble", "images/pixels/pixels-ward"]
)
def test_the_method_that_is_named_is_the_result_whatever_its_modularity(project: Path, name: str) -> None:
    fingerprint = read_images(Path("data/images/d.parquet")).fingerprint
    worst = np.arange(12) % 3
    columns = {"pixels-kmeans": GROUPS, "pixels-ward": worst}
    write("images", "pixels", fingerprint, **columns)
    write("jule", "views", fingerprint, a=GROUPS, b=worst)
    write_network(worst, "jule/cc")
    output = run_stage("jule", "idec", options=("--image-baselines", "pixels", "--result", name))
    found = json_of(Path("data/results/d/result.json"))
    assert (found["method"], found["chosen"]) == (name, "named")
    assert list(found["modularity"]) == list(dict.fromkeys(["ensemble", "jule/dmvc", name]))
    expected = worst if name in ("jule/cc", "jule/views/b", "images/pixels/pixels-ward") else GROUPS
    assert [int(row["cluster"]) for row in assignments()] == expected.tolist()
    assert output.splitlines()[-1].startswith(f"d: the result is that of {name} (modularity: ensemble 0.667, ")


def test_an_image_s_confidence_is_what_the_partitions_say_of_its_cluster(project: Path) -> None:
    """Whichever method made the clusters; the base partitions weigh as they did in the ensemble."""
    write_network(moved(1))
    base = np.column_stack(list(BASE.values()))
    for name, labels in (("ensemble", GROUPS), ("jule/dmvc", moved(1))):
        chosen("jule", result=name)
        rows = assignments()
        assert list(rows[0]) == ["path", "cluster", "confidence", "name"]
        assert [row["path"] for row in rows] == [f"{i}.png" for i in range(12)]
        expected = membership_confidence(base, labels, np.array([1.5, 0.5]))
        assert [float(row["confidence"]) for row in rows] == pytest.approx(expected.tolist(), abs=1e-6)
    # Of its group one other image is with it in both partitions, two in the first: 1, 3/4 and 3/4.
    assert float(rows[5]["confidence"]) == pytest.approx((1 + 0.75 + 0.75) / 3, abs=1e-6)
    assert float(rows[0]["confidence"]) == 0, "it shares nothing with the group that it is moved to"


def test_the_result_is_read_as_it_was_written(project: Path) -> None:
    chosen("jule")
    images = read_images(Path("data/images/d.parquet"))
    found = read_assignments(Path("data/results/d"), images)
    assert found.labels.tolist() == GROUPS.tolist()
    assert found.confidence is not None and found.confidence.shape == (12,)
    assert read_result(Path("data/results/d")).method == "jule/dmvc"


def test_a_rerun_changes_no_byte(project: Path) -> None:
    def files() -> dict[Path, bytes]:
        return {file: file.read_bytes() for file in Path("data").rglob("*.*")}

    chosen("jule")
    before = files()
    chosen("jule")
    assert files() == before


@pytest.mark.parametrize(
    "name", ["dmvc", "idec/dmvc", "jule", "cut-3", "baseline/a", "ensemblé", "jule/dmvcx", ""]
)
def test_a_result_that_this_run_does_not_make_is_refused_with_those_it_makes(project: Path, name: str) -> None:
    """Leftovers of other objectives, of which there are tables, among them."""
    names = ", ".join(f"jule/{method}" for method in METHODS)
    assert refused("jule", result=name) == f"result is {name!r}; give auto or one of ensemble, {names}"


def test_a_method_of_several_results_is_refused_with_their_names(project: Path) -> None:
    assert refused("jule", result="jule/views") == (
        "data/partitions/d/jule/views.parquet holds 2 runs; name one after the method and a '/': a, b"
    )
    assert refused("jule", result="jule/views/c") == (
        "data/partitions/d/jule/views.parquet holds no run 'c'; name one after the method and a '/': a, b"
    )


def test_a_result_that_leaves_images_out_is_refused(project: Path) -> None:
    write_network(np.where(np.arange(12) < 2, -1, GROUPS), "jule/cc")
    assert refused("jule", result="jule/cc") == (
        "result is 'jule/cc', which leaves out 2 images; name one that leaves out none"
    )


@pytest.mark.parametrize("file", ["ensemble.parquet", "baseline/a.parquet"])
def test_an_ensemble_and_base_partitions_of_other_images_are_refused(project: Path, file: str) -> None:
    table = read_partitions(FOLDER / file)
    write_partitions(table.file, table.labels, table.settings, "other")
    assert refused("jule").startswith(f"data/partitions/d/{file} was made from other images than")
