"""The default setting on real photos: what the whole pipeline scores."""

import json
import shutil

import numpy as np
import pytest

from tests.pipeline.project import ROOT, Project

pytestmark = [pytest.mark.slow, pytest.mark.network]

UMIST = ROOT.parent / "shared" / "datasets" / "umist"


def _scores(project, dataset):
    return json.loads((project.folder / "metrics" / dataset / "scores.json").read_text(encoding="utf-8"))


def test_flowers_over_five_seeds(tmp_path, capsys):
    """K-means on one view gives .67 to .74; the ensemble and the network must reach .74 in the mean."""
    project = Project(tmp_path)
    shutil.copytree(ROOT / "data" / "raw" / "flowers", tmp_path / "data" / "raw" / "flowers")
    found = {"ensemble": [], "train/idec": []}
    for seed in range(5):
        project.change(seed=seed)
        project.repro()
        scores = _scores(project, "flowers")
        assert scores["dataset"] == {"images": 210, "rejected": 0, "labelled": 210, "classes": 10, "clusters": 10}
        for method, values in found.items():
            values.append(scores[method]["nmi_geometric"])
    with capsys.disabled():
        print("\nflowers, NMI (geometric) by seed:", found)
    for method, values in found.items():
        assert np.mean(values) >= 0.74, (method, values)


@pytest.mark.skipif(not UMIST.is_dir(), reason="the UMist faces are not beside the repository")
def test_umist_as_a_folder_of_photos(tmp_path, capsys):
    """575 faces, by the steps that the README gives: copy the folder, name it, run."""
    project = Project(tmp_path, datasets=["umist"])
    shutil.copytree(UMIST, tmp_path / "data" / "raw" / "umist")
    project.repro()
    scores = _scores(project, "umist")
    assert scores["dataset"] == {"images": 575, "rejected": 0, "labelled": 575, "classes": 20, "clusters": 20}
    best_view = max(view["nmi_geometric"] for view in scores["baseline"].values())
    joint = {method: scores[method]["nmi_geometric"] for method in ("ensemble", "train/idec")}
    with capsys.disabled():
        print("\nUMist, NMI (geometric):", joint, "best single view:", best_view)
    assert scores["ensemble"]["nmi_geometric"] > best_view
    assert scores["train/idec"]["nmi_geometric"] > best_view
