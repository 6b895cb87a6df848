"""The stages `experiments` and `study` on twelve images in two views."""

import csv
import shutil
from pathlib import Path

import numpy as np
import pytest

from stages import experiments, study
from stages.consensus import CoassociationClustering
from stages.scoring.scores import external_scores
from stages.studies.measured import is_mvec
from stages.studies.view_counts import SizeScore, _sentence
from stages.tables import Image, read_images, read_partitions, write_images, write_partitions, write_vectors
from stages.tables.manifest import write_manifest
from stages.tables.textfiles import json_of, write_json

CLASSES = np.repeat([0, 1, 2], 8)
OF_A = np.where(CLASSES == 2, 1, CLASSES)  # one view mixes the last two classes,
OF_B = np.where(CLASSES == 1, 0, CLASSES)  # the other one the first two; together they tell all three apart
TRAINED = {
    "layer": "L3", "scaling": "none", "preset": "literal", "min_cluster_fraction": 0.0, "eta": 0.5,
    "n_neighbors": 8, "n_nearest": 5, "lead_weight": 1.0, "gamma": 2.0, "epochs": 20, "width": 160,
}  # fmt: skip
PROBES = "representation,dimensions,probe,accuracy,accuracy_ste,chance,folds,samples,images,supervised"
METHODS = ("ensemble", "train/jule/dmvc", "train/jule/views/a", "baseline/a/L3/ward", "baseline/b/L3/ward")


def lay_out(name: str, labels: np.ndarray | None) -> None:
    """The tables of all stages before, for images whose classes are `CLASSES`, told or not."""
    given = (
        [None] * len(CLASSES) if labels is None else [None if label < 0 else label for label in labels.tolist()]
    )
    file = Path(f"data/images/{name}.parquet")
    write_images(
        file,
        [Image(f"{i}.png", b"%d" % i, label, 4, 4) for i, label in enumerate(given)],
        [] if labels is None else ["ant", "bee", "cow"],
    )
    fingerprint = read_images(file).fingerprint
    rng = np.random.default_rng(0)
    folder = Path(f"data/partitions/{name}")

    def vectors(file: str, column: str, seen: np.ndarray) -> None:
        values = np.eye(3, 6)[seen] + 0.01 * rng.random((len(seen), 6))
        way = {"preprocessing": {"mode": "squash", "interpolation": "nearest"}, "weights": "0123456789"}
        write_vectors(Path(f"data/{file}.parquet"), column, [values.astype(np.float32)], fingerprint, way)

    for view, seen in (("a", OF_A), ("b", OF_B)):
        vectors(f"features/{name}/{view}/L3", "features", seen)
        vectors(f"embeddings/{name}/jule/views/{view}", "embedding", seen)
        settings = {"layer": "L3", "algorithm": "ward", "overclustering": 1, "normalise": "none"}
        write_partitions(folder / f"baseline/{view}.parquet", {"w": seen}, {"w": settings}, fingerprint)
    for method in ("dmvc-fix", "dmvc"):
        vectors(f"embeddings/{name}/jule/{method}", "embedding", CLASSES)
    for method, column, seen, views in (("views", "a", OF_A, ["a"]), ("dmvc", "dmvc", CLASSES, ["a", "b"])):
        settings = TRAINED | {"backbones": views}
        write_partitions(folder / f"jule/{method}.parquet", {column: seen}, {column: settings}, fingerprint)
    ensemble = {
        "algorithms": ["ward"], "shares": [1], "overclustering": [1], "linkage": "average",
        "min_cluster_fraction": 0.0, "backbones": ["a", "b"], "n_clusters": 3, "n_partitions": 2,
    }  # fmt: skip
    write_partitions(folder / "ensemble.parquet", {"ensemble": CLASSES}, {"ensemble": ensemble}, fingerprint)
    for manifest in ("features", "partitions"):
        write_manifest(Path(f"data/views/{name}/{manifest}.json"), {"a": {}, "b": {}})
    write_manifest(Path(f"data/views/{name}/methods.json"), {"jule/views": {}, "jule/dmvc": {}})
    metrics = Path(f"metrics/{name}")
    metrics.mkdir(parents=True)
    known = 0 if labels is None else int((labels >= 0).sum())
    scored = [f"{method},{0.9 - place / 10},0.5,3,{known}" for place, method in enumerate(METHODS)]
    rows = ["method,nmi_geometric,purity,n_clusters,labelled_images", *scored]
    if labels is None:
        rows = ["method,silhouette,n_clusters,labelled_images", *(f"{method},0.5,3,0" for method in METHODS)]
    (metrics / "methods.csv").write_text("\n".join(rows) + "\n")
    (metrics / "probes.csv").write_text(f"{PROBES}\n")
    joint = {"result": {"method": "ensemble", "nmi_geometric": 0.9}, "ensemble": {"nmi_geometric": 0.9}}
    write_json(metrics / "scores.json", {"dataset": {"labelled": known}, **(joint if known else {})})
    write_manifest(Path(f"data/evaluations/{name}.json"), {name: {}})


@pytest.fixture
def call(workdir, shell):
    """Run a stage in an empty folder; return its exit status, stdout and stderr."""
    return lambda stage, *options: shell(stage.app, *options)


def table(file):
    with Path(file).open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def test_what_views_contribute_and_the_published_scores(call):
    lay_out("umist", CLASSES)
    code, output, error = call(experiments, "--dataset", "umist")
    assert (code, error) == (0, "")
    assert output.startswith("umist: 3 subsets of 2 views; ")

    values = {row["views"]: float(row["value"]) for row in table("metrics/umist/view_subsets.csv")}
    assert values["a+b"] == 1 > values["a"] == pytest.approx(values["b"])
    sizes = table("metrics/umist/view_counts.csv")
    assert [(row["views"], row["subsets"], float(row["deviation"])) for row in sizes] == [
        ("1", "2", 0),
        ("2", "1", 0),
    ]
    assert float(sizes[1]["mean"]) == 1

    best = {row["class"]: row["view"] for row in table("metrics/umist/complementarity.csv") if row["best"] == "1"}
    assert (best["ant"], best["cow"]) == ("a", "b"), "each view separates one class from all others"
    assert {row["images"] for row in table("metrics/umist/complementarity.csv")} == {"24", "8"}

    panels = table("metrics/umist/panels/panels.csv")
    assert [row["panel"] for row in panels] == ["a L3", "a + jule", "dmvc-fix", "dmvc"]
    assert [float(row["nmi_geometric"]) for row in panels[2:]] == [1, 1]
    assert Path("metrics/umist/panels/panels.png").read_bytes().startswith(b"\x89PNG")

    published = {
        (row["method"], row["algorithm"], row["table"], row["metric"]): row
        for row in table("metrics/umist/published.csv")
    }
    dmvc = published["dmvc", "jule", "Table 2", "nmi_geometric"]
    assert (dmvc["ours"], dmvc["published"], dmvc["difference"]) == ("0.800000", "0.971000", "-0.171000")
    assert (dmvc["differs"], dmvc["note"]) == (
        "other images: 24 here, 575 there; 3 clusters here, 20 there; other CNNs: 2 views here, 5 there; "
        "image size 4 x 4 here, 92 x 112 there; weights file 01234567 here, those of Keras there; "
        "n_neighbors 8 here, 20 there",
        "",
    )
    assert published["mvec", "ward", "Appendix B", "nmi_geometric"]["ours"] == "0.900000", (
        "the ensemble is that one"
    )
    mvec = published["mvec", "ward", "Appendix B", "purity"]
    assert (mvec["published"], mvec["note"]) == ("0.610000", "the set has 575 images")
    assert mvec["differs"] == (
        "other images: 24 here, 564 there; 3 clusters here, 20 there; other CNNs: 2 views here, 10 there; "
        "image size 4 x 4 here, 92 x 112 there; weights file 01234567 here, those of Keras there"
    )
    assert float(published["kmeans-of-dmvc", "jule", "Table 3", "nmi_geometric"]["ours"]) == 1
    assert published["baseline", "ward", "Appendix A", "nmi_geometric"]["view"] == "mean of views"
    page = Path("data/studies/umist.html").read_text(encoding="utf-8")
    assert page.count("<h2>") == 4 and "data:image/png;base64,iVBOR" in page and "-0.171" in page


def test_supervised_scores_are_marked_and_compared_with_none(call):
    lay_out("umist", CLASSES)
    file = Path("metrics/umist/probes.csv")
    linear, verification = (
        f"features/a/L3,6,{probe},{accuracy},0.01,{chance},{folds},{samples},24,yes\n"
        for probe, accuracy, chance, folds, samples in (
            ("linear", 0.875, 0.3333, 5, 24),
            ("verification", 0.8125, 0.5, 10, 160),
        )
    )
    file.write_text(f"{PROBES}\n{linear}")
    assert call(experiments, "--dataset", "umist")[0] == 0
    page = Path("data/studies/umist.html").read_text(encoding="utf-8")
    assert "<strong>supervised</strong>" in page and "Labeled Faces" not in page
    file.write_text(f"{PROBES}\n{linear}{verification}")
    published = Path("metrics/umist/published.csv").read_bytes()
    assert call(experiments, "--dataset", "umist")[0] == 0
    page = Path("data/studies/umist.html").read_text(encoding="utf-8")
    assert "<td>0.875</td><td>0.010</td><td>0.333</td><td>5</td><td>24</td>" in page
    assert "jule, 10,000 samples: 0.728; " in page and "no difference is given" in page
    assert Path("metrics/umist/published.csv").read_bytes() == published
    file.write_text(f"{PROBES}\nfeatures/a/L3,six,linear,0.5,0.01,0.5,5,24,24,yes\n")
    code, _, error = call(experiments, "--dataset", "umist")
    assert code == 1 and "probes.csv cannot be used (invalid literal for int()" in error


def test_networks_on_images_have_no_panels_and_are_compared(call):
    lay_out("umist", CLASSES)
    manifest = Path("data/views/umist/methods.json")
    methods = Path("metrics/umist/methods.csv")
    methods.write_text(methods.read_text() + "train/images/jule-rc,0.4,0.5,3,24\n")
    fingerprint = read_images(Path("data/images/umist.parquet")).fingerprint
    runs = {"jule-sf": CLASSES, "jule-rc": CLASSES}
    how = {"preset": "none", "min_cluster_fraction": 0.2, "image_size": "auto", "image_shape": [1, 112, 92]}
    file = Path("data/partitions/umist/images/jule.parquet")
    write_partitions(file, runs, dict.fromkeys(runs, how), fingerprint)
    pixels = {"normalise": "l2", "image_shape": [3, 112, 92]}
    write_partitions(file.with_stem("pixels"), {"pixels-ward": CLASSES}, {"pixels-ward": pixels}, fingerprint)
    write_manifest(manifest, {"images/jule": {}, "jule/views": {}, "jule/dmvc": {}})
    assert call(experiments, "--dataset", "umist")[0] == 0
    assert [row["panel"] for row in table("metrics/umist/panels/panels.csv")][1:] == [
        "a + jule",
        "dmvc-fix",
        "dmvc",
    ]
    (ours,) = (row for row in table("metrics/umist/published.csv") if row["algorithm"] == "jule-rc")
    assert (ours["method"], ours["view"], ours["ours"], ours["published"]) == (
        "end-to-end", "pixels", "0.400000", "0.877000"
    )  # fmt: skip
    assert ours["differs"] == (
        "other images: 24 here, 575 there; 3 clusters here, 20 there; minimum cluster fraction 0.2 here, 0 there; "
        "preset none here, literal there"
    )
    methods.write_text(methods.read_text() + "train/images/jule-embedding-gdl,0.4,0.5,3,24\n")
    gdl = {"normalise": "l2", "algorithm": "gdl", "embedding": "0", "seed": 3, "network": how}
    run = {"jule-embedding-gdl": CLASSES}
    write_partitions(file.with_stem("jule-embedding"), run, dict.fromkeys(run, gdl), fingerprint)
    write_manifest(manifest, {"images/jule-embedding": {}})
    assert call(experiments, "--dataset", "umist")[0] == 0
    (ours,) = (row for row in table("metrics/umist/published.csv") if row["layer"] == "embedding")
    assert (ours["view"], ours["algorithm"], ours["ours"], ours["published"]) == (
        "jule",
        "gdl",
        "0.400000",
        "0.870000",
    )
    assert ours["differs"] == (
        "other images: 24 here, 575 there; 3 clusters here, 20 there; preset none here, literal there"
    ), "the cut was of the network's own clusters"

    methods.write_text(methods.read_text() + "train/images/pixels-ward,0.4,0.5,20,575\n")
    write_manifest(manifest, {"images/pixels": {}, "images/jule": {}})
    assert call(experiments, "--dataset", "umist")[0] == 0
    assert table("metrics/umist/panels/panels.csv") == []
    (ward, _) = (row for row in table("metrics/umist/published.csv") if row["source"] == "Guerin, tutorial")
    assert (ward["metric"], ward["differs"]) == ("nmi_geometric", "normalisation l2 here, none there")


def test_mean_best_and_error_over_seeds_stand_beside_the_published_ones(call):
    lay_out("mnist", CLASSES)
    methods = Path("metrics/mnist/methods.csv")
    header, *rows = methods.read_text().splitlines()
    lines = [
        f"{header},nmi_arithmetic,nmi_arithmetic_ste,nmi_arithmetic_best,seeds",
        *(f"{row},,,," for row in rows),
    ]
    own = ["train/images/mmdc,0.4,0.5,3,24,0.45,0.01,0.5,5", "train/images/jule-rc,0.4,0.5,3,24,0.3,0.1,0.4,5"]
    methods.write_text("\n".join([*lines, *own]) + "\n")
    fingerprint = read_images(Path("data/images/mnist.parquet")).fingerprint
    how = {"preset": "mnist", "epochs": 50, "seeds": 5, "medoid": 2, "image_shape": [1, 28, 28]}
    file = Path("data/partitions/mnist/images/mmdc.parquet")
    seeds = {"mmdc": [CLASSES] * 5}
    write_partitions(file, {"mmdc": CLASSES}, {"mmdc": how}, fingerprint, seeds)
    write_partitions(file.with_stem("jule"), {"jule-rc": CLASSES}, {"jule-rc": how}, fingerprint)
    write_manifest(Path("data/views/mnist/methods.json"), {"images/mmdc": {}, "images/jule": {}})
    assert call(experiments, "--dataset", "mnist")[0] == 0
    found = [row for row in table("metrics/mnist/published.csv") if row["algorithm"].startswith("mmdc")]
    assert [(row["algorithm"], row["metric"], row["ours"], row["published"]) for row in found] == [
        ("mmdc", "nmi_arithmetic", "0.450000", "0.971000"),
        ("mmdc-best", "nmi_arithmetic", "0.500000", "0.973000"),
        ("mmdc-ste", "nmi_arithmetic", "0.010000", "0.000000"),
    ]
    assert len({row["differs"] for row in found}) == 1, "the three are of the same runs, there too"


def test_a_rerun_changes_no_byte(call):
    lay_out("umist", CLASSES)
    outputs = []
    for _ in range(2):
        assert call(experiments, "--dataset", "umist")[0] == 0
        files = sorted(file for file in Path().rglob("*") if file.is_file())
        outputs.append({file: file.read_bytes() for file in files})
    assert outputs[0] == outputs[1]


def test_without_labels_subsets_are_compared_with_the_consensus_of_all(call):
    lay_out("holiday", None)
    assert call(experiments, "--dataset", "holiday")[0] == 0
    rows = table("metrics/holiday/view_subsets.csv")
    assert {row["score"] for row in rows} == {"NMI (geometric) with the consensus of all views"}
    assert float(rows[-1]["value"]) == 1 and float(rows[0]["value"]) < 1
    assert table("metrics/holiday/complementarity.csv") == table("metrics/holiday/published.csv") == []
    page = Path("data/studies/holiday.html").read_text(encoding="utf-8")
    assert "the networks over all views.</p>" in page
    assert table("metrics/holiday/panels/panels.csv")[0]["nmi_geometric"] == ""


def test_another_ensemble_is_not_the_published_one():
    settings = {"algorithms": ["ward"], "overclustering": [1], "linkage": "average", "min_cluster_fraction": 0.0}
    settings |= {"n_partitions": 2, "backbones": ["a", "b"]}
    ward = {"layer": "L3", "algorithm": "ward", "normalise": "none"}
    views = [[ward], [ward, ward | {"algorithm": "kmeans", "layer": "L2"}]]
    assert is_mvec(settings, views)
    assert not is_mvec(settings | {"min_cluster_fraction": 0.2}, views)
    assert not is_mvec(settings | {"n_partitions": 6}, views)
    for changed in ({"layer": "L2"}, {"normalise": "sqrt"}):
        assert not is_mvec(settings, [[ward], [ward | changed]])


def test_mvec_of_the_last_layers_stands_beside_the_published_one_whatever_the_ensemble_is(call):
    """The preset `published` combines Ward's clusters of three layers: that is no MVEC, which is of the last."""
    lay_out("umist", CLASSES)
    fingerprint = read_images(Path("data/images/umist.parquet")).fingerprint
    file = Path("data/partitions/umist/ensemble.parquet")
    (settings,) = read_partitions(file).settings.values()
    other = settings | {"n_partitions": 6}
    write_partitions(file, {"ensemble": CLASSES * 0}, {"ensemble": other}, fingerprint)
    assert call(experiments, "--dataset", "umist")[0] == 0
    rows = [row for row in table("metrics/umist/published.csv") if row["method"] == "mvec"]
    assert {row["metric"] for row in rows} == {"nmi_geometric", "purity", "accuracy"}
    # Two views of one vote each: average linkage first joins what both agree on, and no cluster is mixed then.
    consensus = CoassociationClustering(3, min_cluster_fraction=0).fit_predict(np.column_stack([OF_A, OF_B]))
    expected = external_scores(CLASSES, consensus)
    assert {row["ours"] for row in rows if row["metric"] == "purity"} == {f"{expected['purity']:.6f}"}
    (purity,) = (row for row in rows if (row["metric"], row["table"]) == ("purity", "Appendix B"))
    assert purity["differs"] == (
        "other images: 24 here, 564 there; 3 clusters here, 20 there; other CNNs: 2 views here, 10 there; "
        "image size 4 x 4 here, 92 x 112 there; weights file 01234567 here, those of Keras there"
    )
    baseline = Path("data/partitions/umist/baseline/b.parquet")
    (ward,) = read_partitions(baseline).settings.values()
    write_partitions(baseline, {"w": OF_B}, {"w": ward | {"normalise": "sqrt"}}, fingerprint)
    assert call(experiments, "--dataset", "umist")[0] == 0
    assert not [row for row in table("metrics/umist/published.csv") if row["method"] == "mvec"]


def test_images_without_a_label_are_not_counted(call):
    lay_out("umist", np.where(np.arange(len(CLASSES)) % 4 == 0, -1, CLASSES))
    assert call(experiments, "--dataset", "umist")[0] == 0
    assert {row["images"] for row in table("metrics/umist/published.csv")} == {"18"}
    assert "scored here on 18 images" in Path("data/studies/umist.html").read_text(encoding="utf-8")
    panels = table("metrics/umist/panels/panels.csv")
    assert {(row["images"], row["labelled_images"]) for row in panels} == {("24", "18")}


def test_a_collapsed_embedding_has_fewer_clusters(call):
    lay_out("umist", CLASSES)
    fingerprint = read_images(Path("data/images/umist.parquet")).fingerprint
    values = np.eye(2, 6, dtype=np.float32)[CLASSES % 2]
    values[0, 5] = -0.0
    write_vectors(Path("data/embeddings/umist/jule/dmvc.parquet"), "embedding", [values], fingerprint, {})
    assert call(experiments, "--dataset", "umist")[0] == 0
    assert [row["clusters"] for row in table("metrics/umist/panels/panels.csv")] == ["3", "3", "3", "2"]
    (dmvc,) = (row for row in table("metrics/umist/published.csv") if row["method"] == "kmeans-of-dmvc")
    assert "2 clusters here, 20 there" in dmvc["differs"]


def test_a_trained_view_is_of_the_layer_that_it_saw(call):
    lay_out("umist", CLASSES)
    fingerprint = read_images(Path("data/images/umist.parquet")).fingerprint
    file, features = Path("data/partitions/umist/jule/views.parquet"), Path("data/features/umist/a")
    shutil.copy(features / "L3.parquet", features / "L2.parquet")
    for layer, compared in (("L3", True), ("L2", False)):
        seen = TRAINED | {"backbones": ["a"], "layer": layer}
        write_partitions(file, {"a": OF_A}, {"a": seen}, fingerprint)
        assert call(experiments, "--dataset", "umist")[0] == 0
        methods = {row["method"] for row in table("metrics/umist/published.csv")}
        assert ({"views", "kmeans-of-views"} & methods == {"views"}) is compared, "published views are of L3"


def test_subsets_that_leave_images_out_have_no_score(call):
    lay_out("umist", CLASSES)
    fingerprint = read_images(Path("data/images/umist.parquet")).fingerprint
    settings = {"layer": "L3", "algorithm": "ward", "overclustering": 1, "normalise": "none"}
    file = Path("data/partitions/umist/baseline/a.parquet")
    partial = np.where(CLASSES == 0, -1, OF_A)
    write_partitions(file, {"w": partial}, {"w": settings}, fingerprint)
    assert call(experiments, "--dataset", "umist")[0] == 0
    assert [row["value"] == "" for row in table("metrics/umist/view_subsets.csv")] == [True, False, False]
    page = Path("data/studies/umist.html").read_text(encoding="utf-8")
    assert "From 1 to 2 views the NMI" in page and "1 subset has no score, as it leaves images without" in page


def test_sentences_on_the_number_of_views():
    def told(*sizes, unscored=0, sampled=False):
        scores = [SizeScore(size, 1, 0.5, 0.0, 0.5, 0.5) for size in sizes]
        return _sentence(scores, "NMI", 3 if max(sizes) > 1 else 1, unscored, sampled)

    assert told(1) == "There is one view only: NMI 0.500."
    assert told(2, 3, unscored=3).startswith("From 2 to 3 views the NMI changes from 0.500 ± 0.000 to 0.500")
    alone = "all 3 views together label every image: NMI 0.500. 6 subsets have no score, as they leave images "
    assert told(3, unscored=6) == f"Only {alone}without a label."
    assert told(3, unscored=6, sampled=True) == f"Of the subsets drawn, only {alone}without a label."


def test_a_layer_that_was_not_extracted_is_refused(call):
    lay_out("umist", CLASSES)
    message = "error: experiments.layer is 'L2', which was not extracted; give one of L3\n"
    assert call(experiments, "--dataset", "umist", "--layer", "L2") == (1, "", message)


def test_an_unknown_view_is_refused(call):
    lay_out("umist", CLASSES)
    message = "error: experiments.view is 'vgg16'; give 'first' or one of a, b\n"
    assert call(experiments, "--dataset", "umist", "--view", "vgg16") == (1, "", message)
    assert not Path("data/studies").exists()


def test_the_study_of_layers_takes_all_labelled_sets(call):
    lay_out("umist", CLASSES)
    lay_out("holiday", None)
    code, output, error = call(study, "--datasets", "umist", "--datasets", "holiday")
    assert (code, error) == (0, "")
    assert output.startswith("2 scores of 1 datasets. One layer was run only, L3")
    (a, b) = table("metrics/study/scores.csv")
    assert (a["dataset"], a["backbone"], a["layer"], a["algorithm"]) == ("umist", "a", "L3", "ward")
    assert (a["nmi_geometric"], b["nmi_geometric"], a["images"]) == ("0.600000", "0.500000", "24")
    assert Path("metrics/study/conclusions.txt").read_text(encoding="utf-8").splitlines()[1] == (
        "On L3, a is the best architecture in the mean (NMI 0.600); with one image set, umist, nothing can be "
        "said on how that changes with the task."
    )
    assert "umist (24 images in 3 clusters)" in Path("data/study.html").read_text(encoding="utf-8")
    methods = Path("metrics/umist/methods.csv")
    methods.write_text(
        methods.read_text().replace("baseline/b/L3/ward,0.5,0.5,3", "baseline/b/L3/ward,0.5,0.5,4.25")
    )
    call(study, "--datasets", "umist")
    assert "umist (24 images in 3 to 4.2 clusters)" in Path("data/study.html").read_text(encoding="utf-8")


def test_the_study_averages_over_tasks_and_draws_the_algorithms_on_every_set(call):
    for name, task in (("umist", "faces"), ("fei", "faces"), ("coil", "")):
        lay_out(name, CLASSES)
        scores = Path(f"metrics/{name}/scores.json")
        write_json(scores, json_of(scores) | {"dataset": {"labelled": 24} | ({"task": task} if task else {})})
    methods = Path("metrics/coil/methods.csv")
    more = [f"baseline/{view}/L3/kmeans,0.3,0.3,3,24" for view in "ab"]
    methods.write_text(methods.read_text() + "\n".join(more) + "\n")
    names = [option for name in ("umist", "fei", "coil") for option in ("--datasets", name)]
    assert call(study, *names)[0] == 0
    tasks = [row["tasks"] for row in table("metrics/study/layer_architecture.csv")]
    assert tasks == ["2", "2"]
    assert {row["dataset"]: row["task"] for row in table("metrics/study/scores.csv")} == {
        "umist": "faces", "fei": "faces", "coil": "coil",
    }  # fmt: skip
    assert "umist (faces, 24 images in 3 clusters)" in Path("data/study.html").read_text(encoding="utf-8")
    drawn = Path("metrics/study/algorithms-coil.svg")
    assert "<title>a, kmeans: 0.300 ± 0.000 (1)</title>" in drawn.read_text(encoding="utf-8")
    assert not Path("metrics/study/algorithms-umist.svg").exists(), "one algorithm is nothing to compare"
    assert call(study, "--datasets", "umist")[0] == 0
    assert not drawn.exists()


def test_with_two_labelled_sets_the_leader_of_the_one_is_followed_on_the_other(call):
    lay_out("umist", CLASSES)
    lay_out("holiday", CLASSES)
    methods = Path("metrics/holiday/methods.csv")
    methods.write_text(methods.read_text().replace("baseline/b/L3/ward,0.5", "baseline/b/L3/ward,0.95"))
    corrected = {"method": "jule/dmvc", "nmi_geometric": 1.0}
    before = {"result": corrected, "uncorrected": {"nmi_geometric": 0.8}, "ensemble": {"nmi_geometric": 0.9}}
    write_json(Path("metrics/holiday/scores.json"), {"dataset": {"labelled": 24}, **before})
    both = ["--datasets", "umist", "--datasets", "holiday"]
    assert call(study, *both)[0] == 0
    umist, holiday = table("metrics/study/leaders.csv")
    assert (umist["leader"], umist["leader_nmi"], umist["best"]) == ("b", "0.500000", "a")
    assert (holiday["leader"], holiday["leader_nmi"], holiday["best"]) == ("a", "0.600000", "b")
    assert (holiday["result"], holiday["result_nmi"]) == ("jule/dmvc", "0.800000"), "before corrections by hand"
    page = Path("data/study.html").read_text(encoding="utf-8")
    assert page.count("<h2>") == 2 and "The leader is the best on 0 of 2 sets" in page
    once = Path("metrics/study/leaders.csv").read_bytes()
    assert call(study, *both)[0] == 0
    assert Path("metrics/study/leaders.csv").read_bytes() == once
    assert call(study, "--datasets", "umist")[0] == 0
    assert not Path("metrics/study/leaders.csv").exists()
    assert "Which network" not in Path("data/study.html").read_text(encoding="utf-8")


def test_a_study_without_labels_leaves_no_figures_of_before(call):
    lay_out("umist", CLASSES)
    lay_out("holiday", None)
    call(study, "--datasets", "umist")
    assert Path("metrics/study/layer_task.svg").exists()
    code, output, _ = call(study, "--datasets", "holiday")
    assert (code, output) == (
        0,
        "0 scores of 0 datasets. No image set has labels, so layers and architectures cannot be compared.\n",
    )
    assert not list(Path("metrics/study").glob("*.svg"))


def test_a_study_of_what_was_not_scored_says_so(call):
    Path("data").mkdir()
    code, _, error = call(study, "--datasets", "umist")
    line = "data/evaluations/umist.json does not exist; run `dvc repro` to make it or `dvc pull` to fetch it"
    assert (code, error) == (1, f"error: {line}\n")
