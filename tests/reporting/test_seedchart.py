"""The drawing of means over seeds with their standard errors, and how the table of scores shows them."""

from pathlib import Path

import pytest

from stages.core.seal import sealed_json, unsealed_json
from stages.reporting.scoretable import score_table
from stages.reporting.seedchart import seed_chart
from tests.reporting.project import make, make_report

ONE = {"nmi_geometric": 0.7, "modularity": 0.5}
FIVE = {
    "nmi_geometric": 0.6,
    "nmi_geometric_ste": 0.05,
    "nmi_geometric_best": 0.8,
    "modularity": 0.4,
    "modularity_ste": 0.1,
    "modularity_best": 0.45,
    "seeds": 5.0,
}
WITHOUT_LABELS = {name: value for name, value in FIVE.items() if not name.startswith("nmi")}


def test_without_seeds_there_is_none() -> None:
    assert seed_chart({"ensemble": ONE}, {"jule/views/a": ONE}) is None
    assert seed_chart({"ensemble": {"nmi_geometric": None}}, {}) is None


def test_places_by_hand() -> None:
    """From .55 to .8, with a twentieth of that as room at either end: .5375 to .8125."""
    chart = seed_chart({"ensemble": ONE, "jule/dmvc": FIVE}, {"a/L3/ward": ONE, "jule/views/a": FIVE})
    assert chart is not None
    assert (chart.measure.key, chart.seeds) == ("nmi_geometric", (5,))
    ensemble, dmvc, view = chart.dots
    assert [dot.score.method for dot in chart.dots] == ["ensemble", "jule/dmvc", "jule/views/a"]
    left, right = chart.box.left, chart.box.right

    def place(value: float) -> float:
        return pytest.approx(left + (value - 0.5375) / 0.275 * (right - left), abs=0.06)

    assert list(ensemble.x) == [place(0.7)]
    assert list(dmvc.x) == [place(0.6), place(0.55), place(0.65), place(0.8)]
    assert dmvc.x == view.x
    assert chart.box.top < ensemble.y < dmvc.y < view.y < chart.box.bottom < chart.box.height
    assert all(left <= tick.place <= right for tick in chart.ticks) and len(chart.ticks) > 1


def test_without_labels_it_is_of_the_modularity() -> None:
    chart = seed_chart({"ensemble": {"modularity": 0.5}, "jule/dmvc": WITHOUT_LABELS}, {})
    assert chart is not None and chart.measure.key == "modularity"


def test_a_name_without_end_leaves_room_for_the_axis() -> None:
    chart = seed_chart({"x" * 500: FIVE}, {})
    assert chart is not None and chart.box.left < chart.box.right / 2


def test_seeds_that_are_all_alike_have_an_axis() -> None:
    chart = seed_chart({"jule/dmvc": {"modularity": 0.5, "modularity_ste": 0.0, "modularity_best": 0.5}}, {})
    assert chart is not None
    assert len(set(chart.dots[0].x)) == 1 and len(chart.ticks) > 1


def test_the_table_has_the_error_beside_the_mean_and_says_how_many_seeds() -> None:
    table = score_table({"ensemble": ONE, "jule/dmvc": FIVE}, {"jule/views/a": FIVE}, "jule/dmvc")
    ensemble, dmvc = table.joint
    assert [cell.text for cell in ensemble.cells] == ["0.700", "0.500"]
    assert [cell.text for cell in dmvc.cells] == ["0.600 ± 0.050", "0.400 ± 0.100"]
    assert [cell.best for cell in ensemble.cells] == [True, True]
    assert dmvc.note.endswith(": the clusters of this page; means of 5 seeds")
    assert table.single[0].note == "means of 5 seeds"


def test_the_page_draws_them_and_without_them_says_nothing(tmp_path: Path) -> None:
    make(tmp_path, "photos", [f"{i}.png" for i in range(12)], 3)
    page = make_report(tmp_path).read_text(encoding="utf-8")
    assert "over seeds" not in page and "±" not in page
    file = tmp_path / "metrics/photos/scores.json"
    scores = unsealed_json(file.read_text())
    scores["train"]["jule/dmvc"] |= WITHOUT_LABELS
    scores["result"] |= {"modularity": 0.3}
    file.write_text(sealed_json(scores))
    page = make_report(tmp_path).read_text(encoding="utf-8")
    assert "<b>Modularity over seeds</b> <span>dot: mean of 5 seeds;" in page
    assert "jule/dmvc 0.400, standard error 0.100, best 0.450" in page
    assert (
        "<bdi>result</bdi><small>of the seed that agrees most with the others: the clusters of this page<" in page
    )
    assert page.count("the clusters of this page<") == 1 and "result 0.300" in page
    assert "0.400 ± 0.100" in page and "Scores with ± are means over seeds" in page
