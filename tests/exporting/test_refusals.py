"""What the command `export` refuses, in one line, and leaves nothing behind."""

from pathlib import Path

import pytest

from stages.core.atomic import write_text
from stages.core.csvtext import csv_text
from tests.exporting.project import PATHS, RESULT, Call, assign, refused, remains


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (["--method", "jule/views"], "data/partitions/d/jule/views.parquet holds 2 runs; name one after the "
         "method and a '/': a, b"),
        (["--method", "jule/views/c"], "data/partitions/d/jule/views.parquet holds no run 'c'; name one after the "
         "method and a '/': a, b"),
        (["--method", "dmvc"], "no method is called 'dmvc'; data/partitions/d has baseline/a, "
         "ensemble, jule/dmvc, jule/views"),
        (["--method", "../d/jule/dmvc"], "no method is called '../d/jule/dmvc'; data/partitions/d has baseline/a, "
         "ensemble, jule/dmvc, jule/views"),
        (["--method", "cut-9"], "data/partitions/d/cut-9.csv does not exist; make it by `manyviews "
         "cut 9 --dataset d`"),
        (["--method", "baseline/a/other"], "data/partitions/d/baseline/a.parquet was made from other images "
         "than data/images/d.parquet; run `dvc repro` to make it again"),
        (["--method", "jule/dmvc", "--ranked"], "jule/dmvc has no confidences; leave out --ranked, or take "
         "--method result"),
        (["--method", "cut-2", "--least-confidence", ".5"], "cut-2 has no confidences; leave out "
         "--least-confidence, or take --method result"),
        (["--method", "ensemble", "--ranked"], "ensemble has no confidences; leave out --ranked, or take "
         "--method result"),
        (["--cluster", "7"], "--cluster is 7; there are the clusters 0 to 2"),
        (["--cluster", "2", "--least-confidence", ".99"], "no image has a confidence of 0.99, the highest is "
         "0.98; lower --least-confidence"),
        (["--as", "json", "--link"], "--as json writes no image files; leave out --link"),
    ],
)  # fmt: skip
def test_wrong_options(project: Path, export: Call, options: list[str], line: str) -> None:
    assert refused(export(*options)) == line
    assert remains(project) == []


def test_wrong_targets(project: Path, export: Call) -> None:
    assert refused(export(to="~nosuchuser/x")) == (
        "--to ~nosuchuser/x names a user who has no home folder here; write the whole path"
    )
    Path("a").symlink_to("b")
    Path("b").symlink_to("a")
    for to in ("a", "a/x"):
        assert refused(export(to=to)) == f"--to {to} follows links that lead in a circle; name another folder"
    long = "é" * 150
    assert refused(export(to=f"{long}/x")) == (
        f"--to has a name that is too long, {long[:20]!r}... of 300 bytes; give one of at most 255"
    )
    assert refused(export(to="x" * 246)) == (
        f"--to has a name that is too long, {'x' * 20!r}... of 246 bytes; give one of at most 245"
    )
    assert remains(project) == ["a", "b"]
    assert export(to="x" * 245)[0] == export("--force", to="x" * 245)[0] == 0


@pytest.mark.parametrize(
    ("folder", "what"),
    [
        ("stages", "the pipeline's own code is"),
        ("metrics", "the pipeline's own results are"),
        (".git", "Git's own files are"),
        (".dvc", "DVC's own files are"),
    ],
)
def test_no_export_goes_among_the_project_itself(project: Path, export: Call, folder: str, what: str) -> None:
    for to in (folder, f"{folder}/groups"):
        assert refused(export(to=to)) == f"{project / to} is in {folder}, where {what}; name a folder outside"
    assert remains(project) == []


def test_wrong_tables(project: Path, export: Call) -> None:
    file = RESULT
    write_text(file, csv_text(["path", "cluster", "confidence"], assign(PATHS)[1:]))
    assert refused(export()) == f"{file} lists other images than the image table; run `dvc repro` to make it again"
    write_text(file, "path,confidence\na,1\n")
    assert (
        refused(export())
        == f"{file} cannot be used (the column 'cluster' is missing); delete it and run `dvc repro`"
    )
    rows = assign(PATHS)
    write_text(file, csv_text(["path", "cluster", "confidence"], [(rows[0][0], "b", 1), *rows[1:]]))
    assert "cannot be used (invalid literal for int() with base 10: 'b')" in refused(export())
    for text in ("nan", "inf"):
        table = assign(PATHS)
        write_text(file, csv_text(["path", "cluster", "confidence"], [*table[:-1], (*table[-1][:2], text)]))
        assert f"cannot be used (a confidence is '{text}'); delete it" in refused(export())
    file.unlink()
    assert refused(export()) == f"{file} does not exist; run `dvc repro` to make it or `dvc pull` to fetch it"
    Path("data/images/d.parquet").unlink()
    assert refused(export()).startswith("data/images/d.parquet does not exist; run `dvc repro`")
