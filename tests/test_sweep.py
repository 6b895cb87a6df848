"""The stage `sweep`: the table of scores of a repeated training, and the figure, on partitions made by hand."""

import csv
import math
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score, silhouette_score
from typer.testing import CliRunner

from stages.graphs.modularity import modularity
from stages.sweep import app
from stages.tables import Image, read_images, write_images, write_partitions, write_vectors
from stages.tables.links import write_links
from tests.shell import error_line

CLASSES = np.repeat(np.arange(3), 10)
RANDOM = np.random.default_rng(0)
VIEWS = [3 * np.eye(3, 6)[CLASSES] + RANDOM.random((30, 6)) for _ in range(2)]
LINKS = np.array(
    [(start, end) for start in range(30) for end in range(30) if start // 10 == end // 10 and start != end]
)
ONE = {"backbones": ["a", "b"], "layer": "L3", "n_clusters": 3, "variant": None}
TABLE = Path("data/sweeps/d/jule-cc-s.parquet")
GIVEN = ["--dataset", "d", "--objective", "jule", "--method", "cc", "--name", "s"]


def lay_out(runs: list[tuple[dict[str, Any], np.ndarray]], labelled: bool = True) -> None:
    """A project with these runs, by settings and clusters; the first ten images have no label."""
    labels = [int(label) if labelled and row >= 10 else None for row, label in enumerate(CLASSES)]
    images = [Image(f"{row}.png", bytes([row]), label, 4, 4) for row, label in enumerate(labels)]
    write_images(Path("data/images/d.parquet"), images, ["x", "y", "z"] if labelled else [])
    fingerprint = read_images(Path("data/images/d.parquet")).fingerprint
    for backbone, view in zip("ab", VIEWS, strict=True):
        file = Path(f"data/features/d/{backbone}/L3.parquet")
        write_vectors(file, "features", [view.astype(np.float32)], fingerprint, {})
    write_links(
        Path("data/graphs/d.parquet"),
        LINKS,
        fingerprint,
        {"structure": {"odds": 1.0, "cut": 1.0}, "count_once": False},
    )
    names = {f"{place}": run for place, run in enumerate(runs)}
    clusters = {name: labels for name, (_, labels) in names.items()}
    write_partitions(TABLE, clusters, {name: ONE | own for name, (own, _) in names.items()}, fingerprint)


def results() -> tuple[list[dict[str, str]], str]:
    result = CliRunner().invoke(app, GIVEN)
    assert result.exit_code == 0, (result.output, result.exception)
    rows = list(csv.DictReader(Path("metrics/d/sweep-jule-cc-s.csv").read_text().splitlines()))
    return rows, Path("metrics/d/sweep-jule-cc-s.svg").read_text(encoding="utf-8")


def confused(*rows: int) -> np.ndarray:
    labels = CLASSES.copy()
    labels[list(rows)] = 0
    return labels


GRID = {"swept": ["eta", "negatives"], "grid": ["eta", "negatives"]}
RUNS = [
    (GRID | {"eta": 0.2, "negatives": "all", "seed": 0}, CLASSES),
    (GRID | {"eta": 0.2, "negatives": "all", "seed": 1}, confused(10, 11, 12)),
    (GRID | {"eta": 0.9, "negatives": "all", "seed": 0}, confused(20)),
    (GRID | {"eta": 0.9, "negatives": "all", "seed": 1}, confused(20, 21)),
]


def test_a_row_a_run_with_its_values_and_its_scores(workdir: Path) -> None:
    lay_out(RUNS)
    rows, _ = results()
    assert list(rows[0])[:4] == ["eta", "negatives", "seed", "images"]
    assert [(row["eta"], row["negatives"], row["seed"], row["images"]) for row in rows] == [
        (str(eta), "all", str(seed), "30") for eta in (0.2, 0.9) for seed in (0, 1)
    ]
    unit = [view / np.linalg.norm(view, axis=1, keepdims=True) for view in VIEWS]
    for row, (_, labels) in zip(rows, RUNS, strict=True):
        truth, found = CLASSES[10:], labels[10:]
        nmi = normalized_mutual_info_score(truth, found, average_method="geometric")
        assert float(row["nmi_geometric"]) == pytest.approx(nmi, abs=1e-6)
        assert float(row["ari"]) == pytest.approx(adjusted_rand_score(truth, found), abs=1e-6)
        assert int(row["n_clusters"]) == 3
        assert float(row["modularity"]) == pytest.approx(modularity(LINKS, labels), abs=1e-6)
        silhouette = np.mean([silhouette_score(view, labels) for view in unit])
        assert float(row["silhouette"]) == pytest.approx(silhouette, abs=1e-5)
    assert float(rows[2]["accuracy"]) == pytest.approx(19 / 20)


def test_the_figure_has_means_and_standard_errors(workdir: Path) -> None:
    lay_out(RUNS)
    rows, svg = results()
    scores = [float(row["nmi_geometric"]) for row in rows]
    for value, (one, other) in (("0.2", scores[:2]), ("0.9", scores[2:])):
        # Of two scores the standard error is half of their difference.
        expected = f"<title>{value}: {(one + other) / 2:.3f} ± {abs(one - other) / 2:.3f} (2)</title>"
        assert expected in svg
    assert "error bars: standard error of 2 seeds" in svg and "NMI (geometric) with the labels" in svg
    assert 'class="join"' in svg, "numbers are joined by a line"
    assert svg.count("<circle") == 2, "negatives does not vary, and so has no legend"


def test_a_second_parameter_makes_a_series(workdir: Path) -> None:
    lay_out([*RUNS, *((own | {"negatives": "nearest"}, labels) for own, labels in RUNS)])
    rows, svg = results()
    assert len(rows) == 8
    assert re.findall(r"<title>(0\.\d, [^:]*):", svg) == [
        f"{eta}, negatives {which}" for which in ("all", "nearest") for eta in (0.2, 0.9)
    ]


def test_variants_are_named_and_without_labels_there_are_scores_without_them(workdir: Path) -> None:
    own = {"swept": ["steps", "gamma", "eta"], "grid": ["eta"], "eta": 0.5, "seed": 0}
    runs = [
        (own | {"variant": "defaults", "steps": 40, "gamma": 1.0}, CLASSES),
        (own | {"variant": "=no training", "steps": 0, "gamma": 1.0}, np.zeros(30, dtype=int)),
    ]
    lay_out(runs, labelled=False)
    rows, svg = results()
    assert list(rows[0]) == [
        *("variant", "steps", "gamma", "eta", "seed", "images", "silhouette"),
        *("n_clusters", "largest_cluster", "smallest_cluster", "modularity"),
    ]
    assert [row["variant"] for row in rows] == ["defaults", "'=no training"], "no formula"
    assert [(row["steps"], row["silhouette"] == "") for row in rows] == [("40", False), ("0", True)]
    assert float(rows[1]["modularity"]) == 0 and float(rows[0]["modularity"]) == pytest.approx(2 / 3)
    assert "<title>=no training: 0.000 (1)</title>" in svg and ">modularity</text>" in svg
    assert "one seed: no error bars" in svg and 'class="join"' not in svg
    assert math.isclose(float(re.findall(r"<title>defaults: ([\d.]+)", svg)[0]), 2 / 3, abs_tol=1e-3)


def test_the_same_partitions_give_the_same_bytes(workdir: Path) -> None:
    lay_out(RUNS)
    assert results() == results()


def test_what_is_missing_or_of_other_images_is_one_line(workdir: Path) -> None:
    lay_out(RUNS)
    write_links(
        Path("data/graphs/d.parquet"),
        LINKS,
        "0" * 64,
        {"structure": {"odds": 1.0, "cut": 1.0}, "count_once": False},
    )
    line = error_line(CliRunner().invoke(app, GIVEN))
    assert line.startswith("data/graphs/d.parquet was made from other images than data/images/d.parquet; ")
    lay_out([({"seed": 0}, CLASSES)])
    assert error_line(CliRunner().invoke(app, GIVEN)) == (
        f"{TABLE} cannot be used ('swept' is missing); delete it and run `dvc repro`"
    )
    TABLE.unlink()
    line = error_line(CliRunner().invoke(app, GIVEN))
    assert line.startswith(f"{TABLE} does not exist; run `dvc repro`")


def test_it_starts_without_torch() -> None:
    program = "import sys, stages.sweep, stages.train_sweep; assert not {'torch', 'sklearn'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", program], check=True)


def test_a_name_that_can_be_no_part_of_a_path_is_refused(workdir: Path) -> None:
    given = [*GIVEN[:-1], "../s"]
    assert (
        error_line(CliRunner().invoke(app, given)) == "a sweep is called '../s'; use letters, digits, '_' and '-'"
    )
