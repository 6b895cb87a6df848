"""Per-class scores and the map of classes and clusters."""

from pathlib import Path

import pytest

from stages.core.errors import TableError
from stages.reporting.class_report import CELL, DRAWN, LISTED, PAIRED, PAIRS, SMALL, read_classes
from tests.reporting.partials import drawings, fill

SCORES = (
    "method,class,images,cluster,cluster_images,precision,recall,f1,fowlkes_mallows,labelled_images,n_clusters\n"
)
CELLS = "method,class,cluster,cluster_name,cluster_place,images,share_of_class,labelled_images,n_clusters\n"


@pytest.fixture
def files(tmp_path: Path):
    return tmp_path / "classes.csv", tmp_path / "confusion.csv"


def _many(files, count):
    """A method with `count` classes, each with ten images in its cluster and two in the next one's."""
    scores, cells = files
    rows = [f'm,"c<{i}>",12,{i},12,0.8,0.8,{i / count},0.7,{12 * count},{count}' for i in range(count)]
    scores.write_text(SCORES + "\n".join(rows) + "\n")
    rows = []
    for i in range(count):
        other = (i + 1) % count
        for place, images in ((i, 10), (other, 2)):
            rows.append(f"m,c<{i}>,{place},c<{place}>,{place},{images},{images / 12},{12 * count},{count}")
    cells.write_text(CELLS + "\n".join(rows) + "\n")
    (report,) = read_classes(scores, cells)
    return report


def test_read_sorted_and_laid_out(files):
    scores, cells = files
    scores.write_text(
        SCORES
        + "ensemble,a,4,0,3,1.0,0.75,0.857143,0.6,12,3\n"
        + "ensemble,b,4,,,0.0,0.0,0.0,0.4,12,3\n"
        + "ensemble,c,4,2,9,0.4,1.0,0.571,0.5,12,3\n"
        + "train/jule/dmvc,a,4,0,4,1.0,1.0,1.0,1.0,12,1\n"
    )
    cells.write_text(
        CELLS
        + "ensemble,a,0,a,0,3,0.75,12,3\n"
        + "ensemble,a,2,c,2,1,0.25,12,3\n"
        + "ensemble,b,2,c,2,3,0.75,12,3\n"
        + "ensemble,b,1,(cluster 1),3,1,0.25,12,3\n"
        + "ensemble,c,2,c,2,4,1.0,12,3\n"
        + "train/jule/dmvc,a,0,a,0,4,1.0,12,1\n"
    )
    ensemble, dmvc = read_classes(scores, cells)
    assert [score.name for score in ensemble.scores] == ["b", "c", "a"]
    assert (ensemble.scores[0].cluster, ensemble.scores[0].cluster_images) == (None, 0)
    assert (ensemble.rows, ensemble.columns) == (("a", "b", "c"), ("a", "c", "(cluster 1)"))
    assert [(cell.row, cell.column, cell.images) for cell in ensemble.cells] == [
        (0, 0, 3),
        (0, 1, 1),
        (1, 1, 3),
        (1, 2, 1),
        (2, 1, 4),
    ]
    # Two cells of a quarter, two of three quarters, one of all: shades of up to .3, .8 and 1.
    assert [(shade.share, shade.path.count("M")) for shade in ensemble.shades] == [(0.3, 2), (0.8, 2), (1, 1)]
    assert ensemble.shades[0].path == f"M{CELL} 0h22v22h-22zM{2 * CELL} {CELL}h22v22h-22z"
    assert dmvc.method == "jule/dmvc"
    html = fill("classes", classes=[ensemble, dmvc])
    assert "ensemble: 12 labelled images of 3 classes in 3 clusters, worst class first" in html
    first, _ = drawings(html)
    assert first.get("role") == "img"
    assert sorted(text.text for text in first.iter("text") if text.text.isdigit()) == ["1", "1", "3", "3", "4"]
    assert "<summary>jule/dmvc</summary>" in html


@pytest.mark.parametrize(("count", "side"), [(3, CELL), (30, CELL), (31, SMALL), (100, SMALL)])
def test_few_and_many_classes(files, count, side):
    report = _many(files, count)
    assert (report.side, report.drawn) == (side, True)
    assert len(report.pairs) == (PAIRS if count > PAIRED else 0)
    html = fill("classes", classes=[report])
    (svg,) = drawings(html)
    assert float(svg.get("width")) >= count * side + report.room
    assert len(list(svg.iter("text"))) == 2 * count + 2 + (2 * count if side == CELL else 0)
    assert "c&lt;0&gt;" in html
    assert ("most confused pairs" in html) == (count > PAIRED)


def test_pairs_are_the_most_images_of_one_class_in_the_cluster_of_another(files):
    report = _many(files, PAIRED + 1)
    assert {pair.images for pair in report.pairs} == {2}
    assert (report.pairs[0].name, report.pairs[0].other) == ("c<0>", "c<1>")


def test_more_classes_than_can_be_shown(files):
    report = _many(files, max(DRAWN, LISTED) + 1)
    assert not report.drawn
    html = fill("classes", classes=[report])
    assert "<svg" not in html
    assert f"the worst {LISTED} are listed" in html
    assert len(html) < 300_000


def test_long_names_are_cut_beside_the_map_alone(files):
    report = _many(files, 3)
    assert report.short("a" * 26) == "a" * 26
    assert report.short("a" * 27) == "a" * 25 + "\N{HORIZONTAL ELLIPSIS}"


def test_no_labels_no_section(files):
    scores, cells = files
    scores.write_text(SCORES)
    cells.write_text(CELLS)
    assert read_classes(scores, cells) == []
    assert fill("classes", classes=[]).strip() == ""


def test_damaged_files_are_named(files):
    scores, cells = files
    _many(files, 3)
    cells.write_text(CELLS)
    with pytest.raises(
        TableError, match=r"confusion\.csv cannot be used \(it has other methods than classes\.csv\)"
    ):
        read_classes(scores, cells)
    cells.write_text(CELLS + "m,a,0,a,zero,1,1,1,1\n")
    with pytest.raises(TableError, match=r"confusion\.csv cannot be used \(invalid literal for int\(\)"):
        read_classes(scores, cells)
    scores.write_text(SCORES + "m,a,1,0,1,x,1,1,1,1,1\n")
    with pytest.raises(
        TableError, match=r"classes\.csv cannot be used \(could not convert string to float: 'x'\)"
    ):
        read_classes(scores, cells)
