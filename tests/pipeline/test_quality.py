"""The default setting on real photos: what the whole pipeline scores."""

import shutil
from collections import defaultdict

import numpy as np
import pytest
from PIL import Image
from sklearn.metrics import normalized_mutual_info_score

from stages.tables import read_images, read_partitions
from tests.pipeline.project import ROOT, Project

pytestmark = [pytest.mark.slow, pytest.mark.network]

DATASETS = ROOT.parent / "shared" / "datasets"
UMIST = DATASETS / "umist"


def _joint(scores):
    """NMI (geometric) of the methods that see all views."""
    trained = {f"train/{name}": values for name, values in scores["train"].items() if "/views/" not in name}
    return {name: values["nmi_geometric"] for name, values in {"ensemble": scores["ensemble"], **trained}.items()}


def test_flowers_over_five_seeds(tmp_path, capsys):
    """K-means on one view gives .67 to .74; in the mean, the ensemble must reach .74.

    The networks are trained with three of the seeds and aim at .78. Means of five seeds scatter by .005: .7796 on
    two threads, .787 over five others on one. The bounds leave room for that, and for other machines' digits.
    """
    project = Project(tmp_path)
    shutil.copytree(ROOT / "data" / "raw" / "flowers", tmp_path / "data" / "raw" / "flowers")
    found, views = defaultdict(list), defaultdict(list)
    for seed in range(5):
        project.change(seed=seed, objectives=["jule"] if seed < 3 else [])
        project.repro("evaluate@flowers")
        scores = project.scores("flowers")
        assert scores["dataset"] == {"images": 210, "rejected": 0, "labelled": 210, "classes": 10, "clusters": 10}
        for method, score in _joint(scores).items():
            found[method].append(score)
        for method, view in scores["baseline"].items():
            views[method].append(view["nmi_geometric"])
    best_view = max(np.mean(values) for values in views.values())
    with capsys.disabled():
        print("\nflowers, NMI (geometric) by seed:", dict(found), "best view:", best_view)
    assert np.mean(found["ensemble"]) >= 0.74
    assert np.mean(found["train/jule/dmvc"]) >= 0.77
    for method in ("ensemble", "train/jule/dmvc"):
        assert np.mean(found[method]) >= best_view, "no single view does as well, even one picked with the labels"
    assert np.mean(found["train/jule/dmvc"]) >= np.mean(found["train/jule/mvec"])


@pytest.mark.skipif(not UMIST.is_dir(), reason="the UMist faces are not beside the repository")
def test_umist_as_a_folder_of_photos(tmp_path, capsys):
    """575 faces, by the steps that the README gives: copy the folder, name it, run."""
    project = Project(tmp_path, datasets=["umist"])
    shutil.copytree(UMIST, tmp_path / "data" / "raw" / "umist")
    project.repro()
    scores = project.scores("umist")
    assert scores["dataset"] == {"images": 575, "rejected": 0, "labelled": 575, "classes": 20, "clusters": 20}
    best_view = max(view["nmi_geometric"] for view in scores["baseline"].values())
    joint = _joint(scores)
    with capsys.disabled():
        print("\nUMist, NMI (geometric):", joint, "best single view:", best_view)
    assert scores["ensemble"]["nmi_geometric"] > best_view
    assert joint["train/jule/dmvc"] > best_view
    assert joint["train/jule/dmvc"] >= joint["train/jule/cc"], "else the multi-view network earns nothing"
    assert joint["train/jule/dmvc"] >= 0.975, "published: .971 with five CNNs, .984 with ten"
    assert scores["result"]["method"] == "jule/dmvc"
    assert scores["train"]["jule/dmvc"]["accuracy"] >= 0.92


def _put(dataset, folder):
    """Lay an image set down as a folder of photos; COIL-20's labels are its sub-folders."""
    if dataset == "umist":
        shutil.copytree(UMIST, folder)
        return
    with np.load(DATASETS / "coil20.npz") as arrays:
        for number, (pixels, label) in enumerate(zip(arrays["images"], arrays["labels"], strict=True)):
            file = folder / f"{int(label):02}" / f"{number:04}.png"
            file.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels).save(file)


@pytest.mark.skipif(not UMIST.is_dir(), reason="the image sets for measuring are not beside the repository")
@pytest.mark.parametrize(("dataset", "least"), [("umist", 0.96), ("coil20", 0.98)])
def test_the_ensemble_beats_the_view_that_the_labels_pick_over_five_seeds(dataset, least, tmp_path, capsys):
    """With the granularities of version 0.1, which were chosen on these two sets, UMist had .976; now it has .968.

    They collapsed on larger sets. A run is about the network's result, which has .980: see the test above.
    """
    project = Project(tmp_path, datasets=[dataset])
    _put(dataset, tmp_path / "data" / "raw" / dataset)
    found, single = [], defaultdict(list)
    for seed in range(5):
        project.change(seed=seed)
        done = project.dvc("repro", f"ensemble@{dataset}")
        assert done.returncode == 0, done.stdout + done.stderr
        classes = read_images(tmp_path / "data" / "images" / f"{dataset}.parquet").labels
        partitions = tmp_path / "data" / "partitions" / dataset

        def nmi(labels, classes=classes):
            return normalized_mutual_info_score(classes, labels, average_method="geometric")

        found.append(nmi(read_partitions(partitions / "ensemble.parquet").labels["ensemble"]))
        for file in sorted((partitions / "baseline").glob("*.parquet")):
            table = read_partitions(file)
            for name, labels in table.labels.items():
                if table.settings[name]["overclustering"] == 1:
                    single[file.stem, table.settings[name]["algorithm"]].append(nmi(labels))
    best = max(np.mean(scores) for scores in single.values())
    with capsys.disabled():
        print(f"\n{dataset}, NMI (geometric) of the ensemble by seed: {np.round(found, 4)}, best view: {best:.4f}")
    assert np.mean(found) >= max(least, best)
