"""The command `export`: every format read back by another reader."""

import json
import shutil
import subprocess
import sys
from collections import Counter
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
import torchvision
from PIL import Image as Pillow

from stages import tables
from stages.commands.export import app
from stages.core.atomic import write_text
from stages.core.csvtext import csv_text
from stages.core.seal import sealed_json
from stages.download import app as download
from stages.exporting.clusters import sum_up
from stages.tables.corrections import Corrections
from stages.tables.textfiles import write_json
from tests.exporting.project import METHOD, PATHS, RESULT, Call, assign, files, refused, remains, rows
from tests.shell import exit_status


def test_folders_hold_every_image_once_byte_by_byte_and_an_index(project: Path, export: Call) -> None:
    status, out, err = export()
    assert (status, err) == (0, "")
    assert out == f"d: {len(PATHS)} images in 3 clusters of result\nout\n"
    index = rows(Path("out/clusters.csv"))
    assert [(row["path"], int(row["cluster"]), row["confidence"]) for row in index] == assign(PATHS)
    for row in index:
        assert Path("out", row["file"]).read_bytes() == Path("data/raw/d", row["path"]).read_bytes()
        assert row["file"].split("/")[0] == f"cluster-0{row['cluster']}"
        assert row["file"].count("/") == 1
    assert files(Path("out")) == {row["file"] for row in index} | {"clusters.csv"}
    assert not any("broken" in path for path in files(Path("out"))), "a rejected image is in no cluster"
    assert remains(project) == ["out"]


def test_folders_are_named_as_the_clusters_are(project: Path, export: Call) -> None:
    """Those of the result, also where its method is named; a cut has no names."""
    name = {"words": ["rose"], "label": "", "share": 0.0}
    named = {"0": {"name": "wild rose"} | name, "1": {"name": "rose"} | name, "2": {"name": ""} | name}
    write_text(RESULT.with_name("result.json"), sealed_json(METHOD | {"names": named}))
    export()
    assert {row["file"].split("/")[0] for row in rows(Path("out/clusters.csv"))} == {
        "00-wild-rose",
        "01-rose",
        "02-unnamed",
    }
    export("--method", "jule/dmvc", to="named")
    assert {path.name for path in Path("named").iterdir() if path.is_dir()} == {"00-wild-rose", "unclustered"}
    export("--method", "cut-2", to="cut")
    assert {path.name for path in Path("cut").iterdir() if path.is_dir()} == {"cluster-00", "cluster-01"}
    write_text(RESULT.with_name("result.json"), "[]")
    assert refused(export(to="no")).startswith("data/results/d/result.json cannot be used (")


def test_a_corrected_result_has_its_names_and_images_that_were_set_aside_are_in_no_group(
    project: Path, export: Call
) -> None:
    found = enumerate(assign(PATHS))
    table = [(path, -1 if row == 4 else cluster, sure, cluster) for row, (path, cluster, sure) in found]
    write_text(RESULT, csv_text(["path", "cluster", "confidence", "uncorrected"], table))
    names = {"0": {"name": "by hand", "words": [], "label": "", "share": 0.0}}
    done = asdict(Corrections((), {}, {}, 0, 1, 1))
    answer = METHOD | {"names": names, "corrections": done}
    write_json(RESULT.with_name("result.json"), answer)
    assert export()[1] == f"d: {len(PATHS) - 1} images in 3 clusters of result, 1 in none\nout\n"
    folders = {row["path"]: row["file"].split("/")[0] for row in rows(Path("out/clusters.csv"))}
    assert {path for path in PATHS if folders[path] == "unclustered"} == {PATHS[4]}
    assert set(folders.values()) == {"00-by-hand", "01-unnamed", "02-unnamed", "unclustered"}
    export("--method", "jule/dmvc", to="method")
    tops = {path.name for path in Path("method").iterdir() if path.is_dir()}
    assert tops == {"cluster-00", "unclustered"}, "the names are those of the corrected groups"


def test_equal_names_are_numbered_or_keep_their_folders(project: Path, export: Call) -> None:
    export("--method", "jule/dmvc")
    names = Counter(Path(row["file"]).name for row in rows(Path("out/clusters.csv")))
    assert names.total() == len(PATHS)
    assert names["plain.png"] + names["plain (2).png"] == 2
    export("--keep-folders", to="kept")
    expected = {f"cluster-0{cluster}/{path}" for path, cluster, _ in assign(PATHS)}
    assert files(Path("kept")) == expected | {"clusters.csv"}


def test_copies_go_where_paths_in_a_table_point_outside(project: Path, export: Call) -> None:
    paths = ["../../up.png", "/abs/olute.png", "a/../../../x.png", "..", "n\0l.png", "./", "A.PNG", "a.png"]
    images = [tables.Image(path, b"%d" % row, None, 1, 1) for row, path in enumerate(paths)]
    tables.write_images(Path("data/images/d.parquet"), images, [])
    write_text(RESULT, csv_text(["path", "cluster", "confidence"], [(path, 0, 1) for path in paths]))
    before = {file for file in project.parent.rglob("*") if file.is_file()}
    for option, target in (("--keep-folders", "kept"), ("--copy", "flat")):
        assert export(option, to=target)[0] == 0
        copies = files(Path(target, "cluster-00"))
        assert sorted(Path(target, "cluster-00", name).read_bytes() for name in copies) == sorted(
            image.data for image in images
        )
    new = {file for file in project.parent.rglob("*") if file.is_file()} - before
    assert all(file.is_relative_to(project / "kept") or file.is_relative_to(project / "flat") for file in new)
    assert files(Path("flat/cluster-00")) >= {"up.png", "A.PNG", "a (2).png", "x.png"}
    assert files(Path("kept/cluster-00")) >= {"_/_/up.png", "abs/olute.png", "a/_/_/_/x.png"}


def test_imagefolder_opens_with_torchvision(project: Path, export: Call) -> None:
    assert export("--as", "imagefolder")[2] == ""
    dataset = torchvision.datasets.ImageFolder("out")
    assert dataset.classes == ["cluster-00", "cluster-01", "cluster-02"]
    assert [Path(path).parent.name for path, _ in dataset.samples] == [dataset.classes[t] for t in dataset.targets]
    # The width of a picture shows which it is, its cluster is its place modulo 3.
    assert sorted((image.width - 4, label) for image, label in dataset) == [(n, n % 3) for n in range(len(PATHS))]


def test_imagefolder_tells_of_extensions_that_torchvision_ignores(project: Path, export: Call) -> None:
    Pillow.new("RGB", (3, 3)).save("data/raw/d/a.gif")
    exit_status(download, "--dataset", "d")
    paths = tables.read_images(Path("data/images/d.parquet")).paths
    text = csv_text(["path", "cluster", "confidence"], [(path, 0, 1) for path in paths])
    write_text(RESULT, text)
    status, _, err = export("--as", "imagefolder")
    assert status == 0
    assert err == (
        "torchvision's ImageFolder passes over 1 image for the extension, the first 'cluster-00/a.gif'\n"
    )


def test_csv_and_json(project: Path, export: Call) -> None:
    export("--as", "csv", to="table")
    found = rows(Path("table/clusters.csv"))
    assert [(row["path"], int(row["cluster"]), row["confidence"]) for row in found] == assign(PATHS)
    assert [(row["width"], row["height"]) for row in found] == [(str(4 + n), "5") for n in range(len(PATHS))]
    export("--as", "json", to="object")
    content = json.loads(Path("object/clusters.json").read_bytes())
    assert (content["dataset"], content["method"]) == ("d", "result")
    listed = [
        (image["path"], group["cluster"], f"{image['confidence']:.6f}", image["width"])
        for group in content["clusters"]
        for image in group["images"]
    ]
    assert sorted(listed) == sorted((*row, 4 + n) for n, row in enumerate(assign(PATHS)))
    assert [group["size"] for group in content["clusters"]] == [6, 6, 5]
    assert files(Path("table")) == {"clusters.csv"} and files(Path("object")) == {"clusters.json"}
    export("--as", "csv", "--method", "jule/dmvc", to="other")
    assert list(rows(Path("other/clusters.csv"))[0]) == ["path", "cluster", "width", "height"]


def test_coco_has_what_its_readers_index(project: Path, export: Call) -> None:
    export("--as", "coco")
    content = json.loads(Path("out/annotations.json").read_bytes())
    assert set(content) == {"info", "licenses", "images", "annotations", "categories"}
    images = {image["id"]: image for image in content["images"]}
    categories = {category["id"]: category["name"] for category in content["categories"]}
    assert len(images) == len(content["annotations"]) == len(PATHS)
    assert categories == {1: "cluster-00", 2: "cluster-01", 3: "cluster-02"}
    assert sorted(annotation["id"] for annotation in content["annotations"]) == list(range(1, len(PATHS) + 1))
    for annotation in content["annotations"]:
        image = images[annotation["image_id"]]
        file = Path("out/images", image["file_name"])
        with Pillow.open(file) as opened:
            assert opened.size == (image["width"], image["height"])
        assert annotation["area"] == image["width"] * image["height"]
        assert annotation["iscrowd"] == 0 and "bbox" not in annotation
        row = PATHS.index(image["file_name"])
        assert (annotation["category_id"], annotation["score"]) == (row % 3 + 1, round(1 - row / 100, 6))
        assert file.read_bytes() == Path("data/raw/d", PATHS[row]).read_bytes()


def test_an_image_in_no_cluster_has_no_category(project: Path, export: Call) -> None:
    export("--as", "coco", "--method", "jule/dmvc")
    content = json.loads(Path("out/annotations.json").read_bytes())
    assert [category["name"] for category in content["categories"]] == ["cluster-00"]
    assert {annotation["image_id"] % 2 for annotation in content["annotations"]} == {0}
    assert len(content["images"]) == len(PATHS)
    _, out, _ = export("--method", "jule/dmvc", to="folders")
    assert out == "d: 8 images in 1 cluster of jule/dmvc, 9 in none\nfolders\n"
    assert {path.split("/")[0] for path in files(Path("folders"))} == {"unclustered", "cluster-00", "clusters.csv"}


def test_a_choice_of_images_in_order_of_confidence(project: Path, export: Call) -> None:
    status, out, _ = export("--cluster", "2", "--cluster", "0", "--least-confidence", "0.9", "--ranked")
    assert status == 0
    assert out == "d: 7 images in 2 clusters of result, 10 left out\nout\n"
    chosen = [row for row in assign(PATHS) if row[1] in (0, 2) and float(row[2]) >= 0.9]
    index = rows(Path("out/clusters.csv"))
    assert [row["path"] for row in index] == [path for path, _, _ in chosen]
    for cluster in (0, 2):
        folder = Path(f"out/cluster-0{cluster}")
        best_first = [path for path, of, _ in sorted(chosen, key=lambda row: -float(row[2])) if of == cluster]
        names = sorted(file.name for file in folder.iterdir())
        assert names == [f"{place}-{Path(path).name}" for place, path in enumerate(best_first, 1)]


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([0, 1, 2, 3, 4], "4 images in 2 clusters of m, 1 in none"),
        ([1, 3], "2 images in 1 cluster of m, 3 left out"),
        ([4], "1 image in 1 cluster of m, 4 left out"),
        ([0], "0 images in 0 clusters of m, 1 in none, 4 left out"),
    ],
)
def test_the_summary_counts_as_one_speaks(rows: list[int], words: str) -> None:
    assert sum_up(np.array([-1, 0, 0, 0, 3]), np.array(rows), "m") == words


def test_the_only_dataset_need_not_be_named(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_status(app, "--to", "out") == 0
    assert capsys.readouterr().out == f"d: {len(PATHS)} images in 3 clusters of result\nout\n"
    table = Path("data/images/d.parquet")
    Path("data/images/.partial-1.parquet").touch()  # being written
    assert exit_status(app, "--to", "again") == 0
    capsys.readouterr()
    shutil.copy(table, "data/images/b.parquet")
    line = refused((exit_status(app, "--to", "more"), *capsys.readouterr()))
    assert line == "there are the datasets b, d; choose one by --dataset"
    table.unlink()
    Path("data/images/b.parquet").unlink()
    line = refused((exit_status(app, "--to", "more"), *capsys.readouterr()))
    assert line == "data/images holds no table of images; run `dvc repro` to make it or `dvc pull` to fetch it"
    assert remains(project) == ["again", "out"]


def test_other_methods(project: Path, export: Call) -> None:
    def labels(method: str, to: str) -> list[int]:
        assert export("--as", "csv", "--method", method, to=to)[0] == 0
        return [int(row["cluster"]) for row in rows(Path(to, "clusters.csv"))]

    some = [n % 2 - 1 for n in range(len(PATHS))]
    assert labels("result", "0") == [cluster for _, cluster, _ in assign(PATHS)]
    assert labels("ensemble", "5") == [n + 1 for n in some]
    assert labels("cut-2", "1") == [n % 2 for n in range(len(PATHS))]
    assert labels("jule/dmvc", "2") == some
    assert labels("jule/views/b", "3") == [n + 1 for n in some]
    images = tables.read_images(Path("data/images/d.parquet"))
    name = "kmeans/L3/x1/seed0"
    file = Path("data/partitions/d/baseline/a.parquet")
    tables.write_partitions(file, {name: np.array(some) + 2}, {name: {}}, images.fingerprint)
    assert labels(f"baseline/a/{name}", "4") == [n + 2 for n in some]


def test_help_explains_every_option_without_importing_torch() -> None:
    program = "import sys, stages.commands.export; assert not {'torch', 'sklearn', 'scipy'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", program], check=True)
    told = subprocess.run(
        [sys.executable, "-m", "stages.commands", "export", "--help"], check=True, capture_output=True, text=True
    ).stdout
    assert all(option in told for option in ("--to", "--as", "--link", "--least-confidence", "--force"))


def test_of_near_duplicates_the_best_is_kept(project: Path, export: Call) -> None:
    near = Path("data/graphs/d.near_duplicates.csv")
    assert "near_duplicates.csv does not exist; run `dvc repro`" in refused(export("--keep", "best"))
    groups = [(0, PATHS[3], "yes"), (0, PATHS[0], ""), (0, PATHS[4], ""), (1, PATHS[5], "yes"), (1, PATHS[8], "")]
    write_text(near, csv_text(["group", "path", "best"], groups))
    status, out, _ = export("--keep", "best")
    assert status == 0 and ", 3 left out\n" in out
    left = {PATHS[0], PATHS[4], PATHS[8]}
    assert {row["path"] for row in rows(Path("out/clusters.csv"))} == set(PATHS) - left
    # Of one cluster, the best that is in it: 4 is in cluster 1, 3 and 0 are in cluster 0.
    export("--keep", "best", "--cluster", "1", to="one")
    assert {row["path"] for row in rows(Path("one/clusters.csv"))} == {p for p, c, _ in assign(PATHS) if c == 1}
    write_text(near, "group,path,best\n0,elsewhere.png,yes\n")
    assert "'elsewhere.png' is no image of data/images/d.parquet" in refused(export("--keep", "best", to="two"))
