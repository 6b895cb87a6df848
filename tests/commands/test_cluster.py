"""The command `cluster` around the pipeline, whose place a few lines take; tests/pipeline runs it whole."""

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from stages import tables
from stages.commands.cluster import app
from stages.core.atomic import write_text
from stages.core.csvtext import csv_text
from stages.core.seal import sealed_json
from tests.commands.folders import PARAMS, calls, make_images, make_project, says
from tests.exporting.project import files, refused
from tests.shell import Outcome, Shell

SUMMARY = "15 groups (13 to 24 plausible; coarser 9, finer 24)"
OUT = """Stage 'weights@pixels' didn't change, skipping
Running stage 'download@photos':
> python -m stages.download --dataset photos
photos: 3 images
Updating lock file 'dvc.lock'

To track the changes with git, run:

	git add dvc.lock

To enable auto staging, run:

	dvc config core.autostage true
Use `dvc push` to send your updates to remote storage.
"""


@pytest.fixture
def root(workdir: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project whose pipeline has run on the folder `photos` beside it."""
    root = make_project(workdir / "project")
    make_images(workdir / "photos")
    data = root / "data"
    names = ["a/1.png", "a/2.png", "b/3.png"]
    images = [tables.Image(name, (workdir / "photos" / name).read_bytes(), None, 3, 2) for name in names]
    tables.write_images(data / "images/photos.parquet", images, [])
    rows = zip(names, [0, 0, 1], [0.9, 0.8, 0.7], strict=True)
    write_text(data / "results/photos/assignments.csv", csv_text(["path", "cluster", "confidence"], rows))
    answer = {"n_clusters": 15, "found": 15, "summary": SUMMARY}
    write_text(data / "partitions/photos/n_clusters.json", sealed_json(answer))
    for file in (
        "evaluations/photos.json",
        "graphs/photos.near_duplicates.csv",
        "studies/photos.html",
        "views/photos/features.json",
    ):
        write_text(data / file, "x")
    (root / "metrics/photos").mkdir(parents=True)
    monkeypatch.chdir(root)
    return root


@pytest.fixture
def cluster(root: Path, shell: Shell) -> Callable[..., Outcome]:
    return partial(shell, app)


def test_it_ends_with_the_groups_and_the_page_instead_of_hints(
    root: Path, cluster: Callable[..., Outcome]
) -> None:
    says(root, OUT)
    (root / "data/checked_params.txt").touch()
    status, out, err = cluster("../photos", "--to", "../groups")
    assert (status, err) == (0, "")
    assert out.splitlines()[3:] == [
        *("download@photos ...", "  photos: 3 images") * 2,  # the parameters are checked first, as they are new
        "report ...",
        "photos: 3 images in 2 clusters of result",
        "../groups",
        f"photos: {SUMMARY}",
        "metrics/photos/report.html",
    ]
    assert calls(root) == [
        "repro check_params",
        "repro experiments@photos",
        "report --datasets photos --page metrics/photos/report.html",
    ]
    assert files(root.parent / "groups") == {
        *("cluster-00/1.png", "cluster-00/2.png", "cluster-01/3.png", "clusters.csv")
    }


def test_a_second_run_makes_no_page_again_and_replaces_its_own_export(
    root: Path, cluster: Callable[..., Outcome]
) -> None:
    assert cluster("../photos", "--to", "../groups")[0] == 0
    calls(root)
    (root / "data/checked_params.txt").touch()
    assert cluster("../photos", "--to", "../groups")[0] == 0
    assert calls(root) == ["repro experiments@photos"]
    write_text(root / "data/evaluations/photos.json", "y")
    assert cluster("../photos")[0] == 0
    assert calls(root)[1:] == ["report --datasets photos --page metrics/photos/report.html"]
    (root.parent / "groups/mine.txt").touch()
    assert "holds 'mine.txt', which is not as an export wrote it" in refused(
        cluster("../photos", "--to", "../groups")
    )
    assert calls(root) == [], "before anything is computed"


def test_another_number_of_groups_than_the_images_speak_for(root: Path, cluster: Callable[..., Outcome]) -> None:
    answer = {"n_clusters": 2, "found": 15, "summary": SUMMARY}
    write_text(root / "data/partitions/photos/n_clusters.json", sealed_json(answer))
    assert f"photos: 2 groups, as asked for; the images speak for {SUMMARY}" in cluster("../photos").out


STAGE = "ERROR: failed to reproduce 'download@photos': failed to run: python -m stages.download, exited with"


@pytest.mark.parametrize(
    ("err", "status", "shown", "ends"),
    [
        (f"error: no image\n{STAGE} 1\n", 255, "error: no image\n", 1),
        (f"warning: odd\nerror: interrupted\n{STAGE} 130\n", 255, "warning: odd\nerror: interrupted\n", 130),
        (
            f"{STAGE} -9\n",
            255,
            "error: download@photos ended with status -9, see above; run this again to go on\n",
            1,
        ),
        (f"Traceback\n{STAGE} 1\n", 255, "Traceback\nerror: download@photos ended with status 1, see above; ", 1),
        (
            "ERROR: Unable to acquire lock.\n",
            255,
            "error: dvc ended with status 255: Unable to acquire lock.\n",
            1,
        ),
        ("No module named dvc\n", 1, "No module named dvc\nerror: dvc ended with status 1: see above\n", 1),
    ],
)
def test_a_failure_ends_with_one_line_and_the_status(
    root: Path, cluster: Callable[..., Outcome], err: str, status: int, shown: str, ends: int
) -> None:
    says(root, "", err, status)
    outcome = cluster("../photos", "--to", "../groups")
    assert (outcome.status, outcome.err[: len(shown)]) == (ends, shown)
    assert not (root.parent / "groups").exists()


def test_a_dry_run_says_what_there_is_and_writes_nothing(root: Path, cluster: Callable[..., Outcome]) -> None:
    folder = root.parent / "photos"
    (folder / "b\nroken.jpg").write_bytes(b"no")
    (folder / "film.mp4").touch()
    log = {"images": 200, "seconds": 120}
    write_text(root / "logs/extract-d-pixels.json", json.dumps(log))
    write_text(root / "logs/extract-e-pixels.json", "[]")  # a damaged one says nothing
    before = sorted(root.rglob("*"))
    status, out, err = cluster("../photos", "--dry-run", "--groups", "3")
    assert (status, err) == (0, "")
    assert out.splitlines() == [
        f"{folder}: a new dataset, photos",
        "4 images: 3 .png, 1 .jpg",
        "passed over: 1, such as 'b\\nroken.jpg': not an image of a known format",
        "passed over: 1 .mp4",
        "disk: 0 MiB, the images once in a table and once in DVC's cache, and features",
        "time: 0.0 minutes for the features of pixels, by earlier runs here; clustering and training come on top",
    ]
    assert sorted(root.rglob("*")) == before and (root / "params.yaml").read_text() == PARAMS
    assert calls(root) == []
    (root / "logs/extract-d-pixels.json").unlink()
    assert "time: not known for pixels, docs/performance.md has figures; " in cluster("../photos", "--dry-run").out


def test_a_target_among_the_images_is_refused_at_once(root: Path, cluster: Callable[..., Outcome]) -> None:
    assert refused(cluster("../photos", "--to", "../photos/groups")).endswith(
        "where the original images are; name a folder outside"
    )
    assert calls(root) == [] and (root / "params.yaml").read_text() == PARAMS
