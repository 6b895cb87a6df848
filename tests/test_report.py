"""The report stage on small projects: what the page holds, and what the terminal shows."""

import base64
import hashlib
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from stages import reporting, tables
from stages.core.command import run
from stages.core.seal import sealed_json
from stages.report import app
from stages.reporting import sprites
from stages.reporting.page import SCRIPTS
from stages.tables.manifest import write_manifest
from stages.tables.methods import METHODS
from tests.reporting.project import NASTY, make, write_answer, write_names, write_result
from tests.shell import exit_status


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


def report(
    monkeypatch: pytest.MonkeyPatch, root: Path, *datasets: str, method: str = "first", layer: str = "L3"
) -> str:
    """Run the stage in a project folder as a user does; return the page."""
    monkeypatch.chdir(root)
    options = [f"--datasets={name}" for name in datasets]
    with pytest.raises(SystemExit) as end:
        run(lambda **how: app([*options, "--method", method, "--layer", layer], **how))
    if end.value.code:
        raise end.value
    return (root / "metrics/report.html").read_bytes().decode()


def scripts(html: str) -> list[str]:
    """What the script elements of a page hold, in order; that of data is JSON."""
    return re.findall(r"<script(?: [^>]*)?>(.*?)</script>", html, re.DOTALL)


def test_names_are_escaped_and_nothing_is_fetched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(tmp_path, "photos <i>", NASTY, 2)
    html = report(monkeypatch, tmp_path, "photos <i>")
    page = Page(html)
    tags = [tag for tag, _ in page.tags]
    assert not {"i", "link", "iframe", "object", "base", "use"} & set(tags)
    assert tags.count("script") == 2  # the images' data, and the page's own
    data, script = scripts(html)
    assert json.loads(data)["paths"] == NASTY
    markup = html.replace(data, "").replace(script, "")
    assert not [name for _, attributes in page.tags for name in attributes if name.startswith("on")]
    assert sorted(page.attributes("alt")) == sorted(NASTY)
    assert all(uri.startswith("data:image/jpeg;base64,") for uri in page.attributes("src"))
    assert all(uri.startswith("#") for uri in page.attributes("href"))
    assert not re.search(r"url\(|@import|srcset", html)
    assert not re.search(
        r"fetch|XMLHttp|WebSocket|EventSource|sendBeacon|import\(|innerHTML|eval|Function\(", script
    )
    # The only address is a file's name: as text, title and alternative text.
    assert markup.count("//") == markup.count("http://example.com/x.png") + sum(
        uri.count("//") for uri in page.attributes("src")
    )
    (policy,) = [content for content in page.attributes("content") if "default-src" in content]
    assert policy.startswith("default-src 'none'")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in policy
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


def test_a_page_of_its_own_for_one_dataset(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It needs nothing of the others, and leaves the page of all as it is."""
    make(tmp_path, "mine", ["a.png", "b.png", "c.png"], 2)
    (tmp_path / "data/study.html").unlink()
    (tmp_path / "metrics/report.html").write_text("of all")
    monkeypatch.chdir(tmp_path)
    assert exit_status(app, "--datasets", "mine", "--page", "metrics/mine/report.html") == 0
    assert "mine" in (tmp_path / "metrics/mine/report.html").read_text(encoding="utf-8")
    assert (tmp_path / "metrics/report.html").read_text() == "of all"
    assert (tmp_path / "metrics/mine/maps/mine.png").is_file() and not (tmp_path / "metrics/maps").exists()


def test_every_part_of_the_script_is_on_the_page() -> None:
    folder = Path(reporting.__file__).parent / "script"
    assert sorted(file.stem for file in folder.glob("*.js")) == sorted(SCRIPTS)


def test_clusters_have_their_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(tmp_path, "photos", [f"{i}.png" for i in range(6)], 3)
    write_names(tmp_path, "photos", "oak <b>", "", "daisy", words=["daisy", "bee & bee"])
    html = report(monkeypatch, tmp_path, "photos")
    headings = re.findall(r"<h3 [^>]*>(Cluster .*?)</h3>", html)
    assert headings == ["Cluster 0: <bdi>oak &lt;b&gt;</bdi>", "Cluster 1", "Cluster 2: <bdi>daisy</bdi>"]
    assert html.count("looks like daisy, bee &amp; bee</p>") == 3
    write_names(tmp_path, "photos", "oak", "", "daisy", words=["daisy"])
    again = report(monkeypatch, tmp_path, "photos")
    assert again.count("looks like daisy</p>") == 2, "not where the heading says so"
    assert "<title>Cluster 2 (daisy): 2 images</title>" in html
    assert "<title>Cluster 1: 2 images</title>" in html
    assert json.loads(scripts(html)[0])["names"] == {"0": "oak <b>", "1": "", "2": "daisy"}


def test_labels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(tmp_path, "trees", [f"{i}.png" for i in range(6)], 2, labels=[0, 1, 0, 1, 0, None], metric="ari")
    html = report(monkeypatch, tmp_path, "trees")
    page = Page(html)
    assert "oak <b>" in page.texts
    assert "against the labels of 5 images" in page.texts
    assert [value for value in page.attributes("value") if value.isalpha()] == ["clusters", "labels"]
    assert "2 of 2 labelled elm" in html  # cluster 1 holds 1, 1 and one without a label
    assert re.search(r"<strong>0.750<span[^>]*> \(best\)</span></strong>", html)
    assert html.count("<strong>") == 1 + 2  # and the best view of each of two classes


@pytest.mark.parametrize(
    ("method", "first"), [("jule/dmvc", "jule/dmvc"), ("ensemble", "ensemble"), ("jule/views/a", "ensemble")]
)
def test_the_classes_of_the_result_are_open_if_it_has_any(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, method: str, first: str
) -> None:
    paths = [f"{i}.png" for i in range(6)]
    make(tmp_path, "trees", paths, 2, labels=[0, 1, 0, 1, 0, None], metric="ari")
    rows = [(path, i % 2, 1) for i, path in enumerate(paths)]
    write_result(tmp_path, "trees", rows, method=method, modularity={method: 0.5})
    html = report(monkeypatch, tmp_path, "trees")
    captions = re.findall(r"<caption>([\w/]+): 5 labelled images of 2 classes", html)
    assert captions == [first, *({"ensemble", "jule/dmvc"} - {first})]
    assert f"<details><summary>{captions[1]}</summary>" in html


def test_without_labels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(tmp_path, "photos", [f"{i}.png" for i in range(7)], 2)
    page = Page(report(monkeypatch, tmp_path, "photos"))
    assert "radio" not in page.attributes("type")
    assert "Silhouette" in page.texts
    assert "ARI" not in page.texts
    assert "Scores of 7 images" in page.texts


@pytest.mark.parametrize(("n", "k"), [(1, 1), (2, 1), (2, 2), (5, 5)])
def test_few_images(n: int, k: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(tmp_path, "few", [f"{i}.png" for i in range(n)], k)
    page = Page(report(monkeypatch, tmp_path, "few"))
    assert [tag for tag, _ in page.tags].count("img") == n
    drawn = [attributes for tag, attributes in page.tags if tag == "svg" and attributes.get("role") == "img"]
    assert len(drawn) == 8  # three maps, three curves of counts, the dendrogram, a loss


def test_a_large_set_is_sampled_and_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sprites, "MOST_MAPPED", 20)
    monkeypatch.setattr(sprites, "MOST_TILES", 25)
    make(tmp_path, "large", [f"{i}.png" for i in range(90)], 3)
    html = report(monkeypatch, tmp_path, "large")
    page = Page(html)
    shown = page.attributes("alt")
    assert len(shown) == 24  # two of three clusters have a sheet
    assert "The maps show 20 of the 90 images, drawn at random." in html
    assert "The smallest cluster is not pictured" in html
    content = json.loads(scripts(html)[0])
    assert content["images"] == 90
    assert set(shown) <= set(content["paths"])
    assert len(set(content["paths"])) == len(content["paths"]) <= 44
    mapped = np.frombuffer(base64.b64decode(content["mapped"]), "<u2")
    assert len(set(mapped.tolist())) == 20
    for space in content["spaces"]:
        nearest = np.frombuffer(base64.b64decode(space["nearest"]), "<u2").reshape(-1, space["count"])
        assert len(nearest) == len(content["paths"]) > nearest.max()
        assert len(base64.b64decode(space["points"])) == 20 * 2 * 2


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
        "data/partitions/d/baseline/b.parquet",
        "data/partitions/d/jule/cc.parquet",
        "data/views/d/methods.json",
        "data/partitions/d/n_clusters.json",
        "data/results/d/assignments.csv",
        "data/results/d/result.json",
        "metrics/d/cluster_counts.csv",
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
    assert "multi-view network, trained as a whole: the clusters of this page" in page.texts
    assert {f"Trained by jule/{method}" for method in METHODS if method != "mvec"} <= set(page.texts)
    assert "Made by jule/mvec" in page.texts, "a vote"
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


def test_a_layer_that_was_not_extracted_is_refused_with_those_there_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    make(tmp_path, "d", ["0.png", "1.png"], 2)
    with pytest.raises(SystemExit):
        report(monkeypatch, tmp_path, "d", layer="L2")
    assert capsys.readouterr().err == "error: report.layer is 'L2', which was not extracted; give one of L3\n"


def test_without_trained_methods_only_the_views_are_mapped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(tmp_path, "d", [f"{i}.png" for i in range(6)], 2)
    write_manifest(tmp_path / "data/views/d/methods.json", {})
    page = Page(report(monkeypatch, tmp_path, "d"))
    assert "Learned by jule/dmvc" not in page.texts
    assert [tag for tag, _ in page.tags].count("svg") == 6  # two maps, three curves, the dendrogram


def test_the_page_says_whose_clusters_it_shows_and_by_what_they_were_chosen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    names = [f"{i}.png" for i in range(9)]
    make(tmp_path, "d", names, 3)
    html = report(monkeypatch, tmp_path, "d")
    assert (
        "The groups are those of <bdi>jule/dmvc</bdi>, chosen without labels: its modularity is 0.75, that of "
        "<bdi>ensemble</bdi> 0.50." in html
    )
    assert capsys.readouterr().out.startswith("d: 9 images in 3 clusters by jule/dmvc")
    write_result(tmp_path, "d", [(name, 0, 1) for name in names], method="ensemble", chosen="named")
    html = report(monkeypatch, tmp_path, "d")
    assert "The groups are those of <bdi>ensemble</bdi>." in html
    assert "9 images sorted into 1 group by" in html, "the clusters are the result's, not the ensemble's own"
    assert capsys.readouterr().out.startswith("d: 9 images in 3 clusters by ensemble")


def test_the_page_says_what_the_views_speak_for_and_offers_other_numbers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(tmp_path, "d", [f"{i}.png" for i in range(9)], 3)
    html = report(monkeypatch, tmp_path, "d")
    assert "The views speak for 3 groups; 3 to 4 are about as good." in html.replace("&#39;", "'")
    assert "manyviews cut" not in html
    write_answer(tmp_path, "d", n_clusters=3, found=5, plausible=[5, 5], coarser=2)
    html = report(monkeypatch, tmp_path, "d").replace("&#39;", "'")
    assert "The views speak for 5. This page has 3, which was asked for." in html
    assert "Coarser: 2, found: 5." in html
    assert "<code>manyviews cut 2 --dataset d</code>" in html


def test_the_page_says_where_the_network_does_not_help(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(tmp_path, "d", [f"{i}.png" for i in range(6)], 2, metric="modularity")
    assert "The network does not help here." not in report(monkeypatch, tmp_path, "d")
    file = tmp_path / "metrics/d/scores.json"
    scores = json.loads(file.read_text())
    scores["train"]["jule/dmvc"]["modularity"] = 0.375
    scores["baseline"]["a/L3/ward"]["modularity"] = 0.875
    file.write_text(sealed_json(scores))
    html = report(monkeypatch, tmp_path, "d")
    assert (
        "<p>By modularity, without labels: jule/dmvc 0.375, ensemble 0.500, best single view 0.875 (a/L3/ward, "
        "picked after the fact). The network does not help here. Combining the views does not reach the best of "
        "them.</p>" in html
    )


def test_a_network_that_leaves_a_cluster_empty(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    names = [f"{i}.png" for i in range(6)]
    make(tmp_path, "d", names, 2)
    write_result(tmp_path, "d", [(name, i % 2 * 2, 0.5) for i, name in enumerate(names)])
    html = report(monkeypatch, tmp_path, "d")
    assert "6 images sorted into 2 groups by" in html
    assert "in 3 clusters" not in html


def test_a_result_of_a_method_on_images_is_marked_in_the_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [f"{i}.png" for i in range(6)]
    make(tmp_path, "d", names, 2)
    file = tmp_path / "metrics/d/scores.json"
    scores = json.loads(file.read_text())
    scores["train"] |= {"images/jule-sf": {"silhouette": 0.25}, "images/jule-rc": {"silhouette": 0.5}}
    file.write_text(sealed_json(scores))
    method = "images/jule/jule-rc"
    rows = [(name, i % 2, 0.5) for i, name in enumerate(names)]
    write_result(tmp_path, "d", rows, method=method, chosen="named", modularity={method: 0.5})
    texts = Page(report(monkeypatch, tmp_path, "d")).texts
    (marked,) = [text for text in texts if text.endswith(": the clusters of this page")]
    assert marked.startswith("the same network's embedding, clustered again")


def test_near_duplicates_are_shown_with_the_best_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = [f"{i}.png" for i in range(30)]
    groups = [
        *((0, path, "yes" if path == "9.png" else "") for path in paths[:10]),
        (1, "11.png", "yes"),
        (1, "12.png", ""),
    ]
    make(tmp_path, "photos", paths, 2, alike=groups)
    html = report(monkeypatch, tmp_path, "photos")
    section = html.split('id="d1-duplicates"')[1].split("</section>")[0]
    assert "12 images are in 2 groups of near-duplicates" in section
    assert "leaves out the 10 others" in section
    shown = re.findall(r'<img [^>]*alt="([^"]*)"', section)
    assert shown == ["9.png", *paths[:7], "11.png", "12.png"]  # eight of a group
    make(tmp_path, "none", paths, 2)
    assert "duplicates" not in report(monkeypatch, tmp_path, "none")


def test_the_page_begins_with_the_groups_and_folds_what_is_for_research(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(tmp_path, "photos", [f"{i}.png" for i in range(9)], 2, alike=[(0, "0.png", "yes"), (0, "1.png", "")])
    html = report(monkeypatch, tmp_path, "photos")
    places = [
        html.index(f'id="d1-{name}"') for name in ("name", "clusters", "duplicates", "left-out", "maps", "count")
    ]
    research = html.index('<details class="research"')
    folded = [html.index(f'id="d1-{name}"') for name in ("scores", "agreement", "training", "dendrogram", "run")]
    assert places == sorted(places) and places[-1] < research < min(folded) and folded == sorted(folded)
