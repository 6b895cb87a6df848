"""The report stage on small projects: what the page holds, and what the terminal shows."""

import csv
import io
import json
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from stages import tables
from stages.command import run
from stages.comparison import METHODS
from stages.manifest import write_manifest
from stages.report import app

NASTY = [
    "<script>alert(1).png",
    "a \"quoted\" 'name'.png",
    "line\nbreak\rreturn.png",
    "-rf.png",
    "🌸 blüte.png",
    "  spaces .png",
    "</style><img src=x onerror=y>&amp;.png",
    "{{ 7 * 7 }}{% x %}.png",
    "http://example.com/x.png",
]


class Page(HTMLParser):
    """The tags, attributes and text of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    def attributes(self, name: str) -> list[str]:
        return [attributes[name] or "" for _, attributes in self.tags if name in attributes]


def make(
    root: Path,
    name: str,
    paths: list[str],
    k: int,
    labels: list[int | None] | None = None,
    metric: str = "silhouette",
) -> None:
    """Write what the report reads of a dataset whose image i is in cluster i % k, with two views "a" and "b"."""
    n = len(paths)
    rng = np.random.default_rng(0)

    def images() -> Iterator[tables.Image]:
        for index, path in enumerate(paths):
            buffer = io.BytesIO()
            Image.new("RGB", (40, 30), (index * 9 % 256, 80, 120)).save(buffer, "PNG")
            yield tables.Image(path, buffer.getvalue(), labels[index] if labels else None, 40, 30)

    file = root / f"data/images/{name}.parquet"
    tables.write_images(file, images(), ["oak <b>", "elm"] if labels else [])
    fingerprint = tables.read_images(file).fingerprint
    for view in ("a", "b"):
        vectors = rng.normal(size=(n, 6)).astype(np.float32)
        features = root / f"data/features/{name}/{view}/L3.parquet"
        tables.write_vectors(features, "features", [vectors], fingerprint, {"backbone": view})
    write_manifest(root / f"data/views/{name}/features.json", {view: {} for view in "ab"})
    clusters = np.arange(n) % k
    runs = {"ensemble": ["ensemble"], **{f"jule/{method}": [method] for method in METHODS}}
    runs["jule/views"] = ["a", "b"]
    for run_name, columns in runs.items():
        partitions = root / f"data/partitions/{name}/{run_name}.parquet"
        settings = {column: {"linkage": "<average>", "backbones": [column]} for column in columns}
        tables.write_partitions(partitions, dict.fromkeys(columns, clusters), settings, fingerprint)
    write_manifest(root / f"data/views/{name}/methods.json", {f"jule/{method}": {} for method in METHODS})
    for method in ("cc", "dmvc-fix", "dmvc", "views/a", "views/b"):
        embedding = rng.normal(size=(n, 3)).astype(np.float32)
        file = root / f"data/embeddings/{name}/jule/{method}.parquet"
        tables.write_vectors(file, "embedding", [embedding], fingerprint, {})
    rows = [(path, index % k, f"{1 - index / n:.4f}") for index, path in enumerate(paths)]
    write_csv(root / f"data/partitions/{name}/assignments.csv", ("path", "cluster", "confidence"), *rows)
    write_csv(root / f"data/images/{name}.rejected.csv", ("path", "reason"), ("<i>.png", "empty"))
    pairs = [(a, b, 1.0 if a == b else 0.375) for a in "ab" for b in "ab"]
    (root / f"metrics/{name}").mkdir(parents=True)
    write_csv(root / f"metrics/{name}/agreement.csv", ("view_a", "view_b", "nmi_geometric"), *pairs)
    curves = ((k, 0.4, 0.8, 0.2), (k + 1, 0.1, 0.795, 0.3), (k + 2, 0.05, "", 0.1))
    write_csv(
        root / f"metrics/{name}/cluster_counts.csv", ("clusters", "lifetime", "stability", "silhouette"), *curves
    )
    scores = {
        "dataset": {
            "images": n,
            "rejected": 1,
            "clusters": k,
            "labelled": sum(x is not None for x in labels or []),
        },
        "ensemble": {metric: 0.5, "largest_cluster": -(-n // k), "smallest_cluster": n // k},
        "train": {"jule/views/a": {metric: 0.125}, "jule/views/b": {metric: 0.25}, "jule/dmvc": {metric: 0.75}},
        "baseline": {"a/L3/ward": {metric: 0.25}},
    }
    (root / f"metrics/{name}/scores.json").write_text(json.dumps(scores))


def write_csv(file: Path, *rows: tuple[object, ...]) -> None:
    with file.open("w", newline="", encoding="utf-8") as handle:
        csv.writer(handle).writerows(rows)


def report(monkeypatch: pytest.MonkeyPatch, root: Path, *datasets: str, method: str = "jule/dmvc") -> str:
    """Run the stage in a project folder as a user does; return the page."""
    monkeypatch.chdir(root)
    options = [f"--datasets={name}" for name in datasets]
    run(lambda: app([*options, "--method", method], standalone_mode=False))
    return (root / "metrics/report.html").read_bytes().decode()


def test_names_are_escaped_and_nothing_is_fetched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(tmp_path, "photos <i>", NASTY, 2)
    html = report(monkeypatch, tmp_path, "photos <i>")
    page = Page(html)
    tags = [tag for tag, _ in page.tags]
    assert not {"script", "i", "link", "iframe", "object", "base", "use"} & set(tags)
    assert not [name for _, attributes in page.tags for name in attributes if name.startswith("on")]
    assert sorted(page.attributes("alt")) == sorted(NASTY)
    assert all(uri.startswith("data:image/jpeg;base64,") for uri in page.attributes("src"))
    assert all(uri.startswith("#") for uri in page.attributes("href"))
    assert not re.search(r"url\(|@import|srcset", html)
    # The only address is a file's name: as text, title and alternative text.
    assert html.count("//") == html.count("http://example.com/x.png") + sum(
        uri.count("//") for uri in page.attributes("src")
    )
    (policy,) = [content for content in page.attributes("content") if "default-src" in content]
    assert policy.startswith("default-src 'none'")
    assert "line\nbreak\rreturn.png" in page.texts


def test_every_link_leads_somewhere_and_no_id_is_used_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(tmp_path, "one", [f"{i}.png" for i in range(9)], 3)
    make(tmp_path, "two", [f"{i}.png" for i in range(6)], 2, labels=[0, 1, 0, 1, 0, None], metric="ari")
    page = Page(report(monkeypatch, tmp_path, "one", "two"))
    ids = page.attributes("id")
    assert len(ids) == len(set(ids))
    references = [uri[1:] for uri in page.attributes("href")] + page.attributes("aria-labelledby")
    assert set(references) <= set(ids)


def test_labels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(tmp_path, "trees", [f"{i}.png" for i in range(6)], 2, labels=[0, 1, 0, 1, 0, None], metric="ari")
    html = report(monkeypatch, tmp_path, "trees")
    page = Page(html)
    assert "oak <b>" in page.texts
    assert "against the labels of 5 images" in page.texts
    assert page.attributes("value") == ["clusters", "labels"]
    assert "2 of 2 labelled elm" in html  # cluster 1 holds 1, 1 and one without a label
    assert re.search(r"<strong>0.750<span[^>]*> \(best\)</span></strong>", html)
    assert html.count("<strong>") == 1


def test_without_labels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(tmp_path, "photos", [f"{i}.png" for i in range(7)], 2)
    page = Page(report(monkeypatch, tmp_path, "photos"))
    assert "radio" not in page.attributes("type")
    assert "Silhouette" in page.texts
    assert "ARI" not in page.texts
    assert "Scores of 7 images in 2 clusters" in page.texts


@pytest.mark.parametrize(("n", "k"), [(1, 1), (2, 1), (2, 2), (5, 5)])
def test_few_images(n: int, k: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(tmp_path, "few", [f"{i}.png" for i in range(n)], k)
    page = Page(report(monkeypatch, tmp_path, "few"))
    assert [tag for tag, _ in page.tags].count("img") == n
    assert [tag for tag, _ in page.tags].count("svg") == 6  # three maps, three curves


def test_the_same_bytes_twice_and_the_path_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    make(tmp_path, "photos [bold]", [f"{i}.png" for i in range(30)], 3)
    first = report(monkeypatch, tmp_path, "photos [bold]")
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1] == str(Path("metrics/report.html"))
    assert lines[0].startswith("photos [bold]: 30 images in 3 clusters")
    assert report(monkeypatch, tmp_path, "photos [bold]") == first
    assert str(tmp_path) not in first


@pytest.mark.parametrize(
    "file",
    [
        "data/images/d.parquet",
        "data/images/d.rejected.csv",
        "data/features/d/b/L3.parquet",
        "data/embeddings/d/jule/dmvc.parquet",
        "data/partitions/d/ensemble.parquet",
        "data/partitions/d/jule/cc.parquet",
        "data/views/d/methods.json",
        "data/partitions/d/assignments.csv",
        "metrics/d/scores.json",
        "metrics/d/agreement.csv",
    ],
)
def test_a_missing_or_damaged_input_is_one_line(
    file: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    make(tmp_path, "d", ["0.png", "1.png", "2.png"], 2)
    (tmp_path / file).write_bytes(b"PAR1 \xff broken")
    for fault in ("cannot be used|not a readable|not a manifest", "does not exist; run `dvc repro`"):
        with pytest.raises(SystemExit):
            report(monkeypatch, tmp_path, "d")
        (line,) = capsys.readouterr().err.splitlines()
        assert line.startswith(f"error: {Path(file)}")
        assert re.search(fault, line)
        (tmp_path / file).unlink(missing_ok=True)
    assert not (tmp_path / "metrics/report.html").exists()


def test_tables_of_other_images_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    make(tmp_path, "d", ["0.png", "1.png"], 2)
    file = tmp_path / "data/embeddings/d/jule/dmvc.parquet"
    tables.write_vectors(file, "embedding", [np.ones((2, 3), np.float32)], "another", {})
    with pytest.raises(SystemExit):
        report(monkeypatch, tmp_path, "d")
    assert "jule/dmvc.parquet was made from other images" in capsys.readouterr().err


def test_trained_methods_are_in_the_table_the_maps_and_the_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(tmp_path, "d", [f"{i}.png" for i in range(9)], 3)
    page = Page(report(monkeypatch, tmp_path, "d"))
    assert {"jule/dmvc", "jule/views/a", "Learned by jule/dmvc"} <= set(page.texts)
    assert "multi-view network, trained as a whole" in page.texts
    assert {f"Trained by jule/{method}" for method in METHODS} <= set(page.texts)
    page = Page(report(monkeypatch, tmp_path, "d", method="jule/views/b"))
    assert "Learned by jule/views/b" in page.texts


@pytest.mark.parametrize("method", ["jule/mvec", "idec/dmvc", "jule/views"])
def test_a_method_without_an_embedding_is_refused_with_those_there_are(
    method: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    make(tmp_path, "d", ["0.png", "1.png"], 2)
    with pytest.raises(SystemExit):
        report(monkeypatch, tmp_path, "d", method=method)
    assert capsys.readouterr().err == (
        f"error: report.method is '{method}', no network that was trained on d; "
        "give one of jule/views/a, jule/views/b, jule/cc, jule/dmvc-fix, jule/dmvc\n"
    )


def test_without_trained_methods_only_the_views_are_mapped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(tmp_path, "d", [f"{i}.png" for i in range(6)], 2)
    write_manifest(tmp_path / "data/views/d/methods.json", {})
    page = Page(report(monkeypatch, tmp_path, "d"))
    assert "Learned by jule/dmvc" not in page.texts
    assert [tag for tag, _ in page.tags].count("svg") == 5  # two maps, three curves
