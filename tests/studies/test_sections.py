"""Bars, and the sections of the report: well-formed, escaped, the same every time."""

from itertools import pairwise
from xml.etree import ElementTree

import numpy as np
import pytest

from stages.studies import sections
from stages.studies.bars import Bar, bar_chart
from stages.studies.sections import render_figure, render_section, styles

BARS = [
    Bar("umist", "L1", 0.5, 0.1, 4),
    Bar("umist", "L3", 1.0, 0.2, 4),
    Bar("<flowers> & co", "L1", 0.0, 0.0, 4),
    Bar("<flowers> & co", "L3", 0.25, 0.05, 4),
]


@pytest.fixture
def chart():
    return bar_chart("Layers <1>", "image set", "NMI (0 to 1)", "standard deviation over 4", BARS)


def test_bars_are_as_high_as_their_means(chart):
    (zero, *_, one) = (y for _, y in chart.ticks)
    reach = zero - one
    heights = [placed.height for placed in chart.bars]
    assert heights == pytest.approx([0.5 * reach, reach, 0, 0.25 * reach], abs=0.1)
    first, full = chart.bars[:2]
    assert first.low - first.high == pytest.approx(0.2 * reach, abs=0.1)
    assert full.high == one, "an error bar ends where the axis does"
    edges = [placed.x for placed in chart.bars]
    assert all(b - a >= 22 for a, b in pairwise(edges)), "bars do not overlap"
    assert max(edges) + 22 < chart.width
    assert [name for _, name in chart.legend] == ["L1", "L3"]


def test_a_figure_is_a_file_of_its_own(chart):
    text = render_figure(chart)
    root = ElementTree.fromstring(text)
    texts = ["".join(element.itertext()) for element in root.iter("{http://www.w3.org/2000/svg}text")]
    for told in (
        "<flowers> & co",
        "image set",
        "NMI (0 to 1)",
        "L1",
        "error bars: standard deviation over 4",
        "1.0",
    ):
        assert told in texts
    assert len(list(root.iter("{http://www.w3.org/2000/svg}title"))) == 1 + len(BARS)
    assert "http" not in text.replace("http://www.w3.org/2000/svg", ""), "asks for nothing"
    assert text == render_figure(chart)


def every_section(chart):
    rows = (
        sections.PublishedRow("dmvc <jule>", "NMI (geometric)", 0.98, 0.971, 0.009),
        sections.PublishedRow("dmvc <jule>", "purity", 0.97, 0.961, 0.009),
    )
    alike = sections.PublishedRow("cc", "NMI (geometric)", 0.95, 0.855, 0.095)
    groups = (
        sections.PublishedGroup("S, t", "4 views & 5", "", rows),
        sections.PublishedGroup("S, t", "", "a <1> misprint", (alike,)),
    )
    yield sections.PublishedSection("umist", (570, 575), groups, ("S: long",))
    by_class = np.array([[0.5, 0.25], [0.4, 1.0]])
    yield sections.ComplementaritySection(
        "d", 9, "L3", ("a", "b"), np.array([0.6, 0.5]), ("<x>", "y"), (4, 5), by_class, (0, 1), ("Said & done.",)
    )
    yield sections.SubsetsSection("d", 9, 3, chart, "From <1> to 4.", False, 0)
    yield sections.LayerSection(("d (9 images)",), (chart,), ("L3 is best.",), ("Layer", "NMI"), (("L<3>", 0.5),))
    yield sections.PanelsSection(
        "<d>", 9, (3, 2, 3), b"PNG", (("a <1>", 0.5), ("dmvc", 0.75), ("x", float("nan")))
    )
    probe = sections.ProbeRow("embedding/<x>", 160, "linear", 0.5, 0.125, 0.25, 5, 1797)
    yield sections.ProbesSection("<d>", (probe,), (("<jule>", "10 samples", 0.75),), "S: long")
    leader = sections.LeaderRow(
        "<d>", 1797, "L3", "ward", "a", 0.5, "<x>", 0.625, "a", 0.5, 0.75, "ensemble", 0.75
    )
    yield sections.LeadersSection((leader,), ("Said & done.",))


def test_sections_are_well_formed_and_escaped(chart):
    for section in every_section(chart):
        text = render_section(section)
        root = ElementTree.fromstring(text)
        assert root[0].tag == "h2"
        for raw in ("<jule>", "<x>", "<1>", "<d>", "L<3>"):
            assert raw not in text


def test_what_sections_show(chart):
    published, classes, subsets, layers, panels, probes, leaders = map(render_section, every_section(chart))
    assert "<td>0.980</td><td>0.971</td><td>+0.009</td>" in published
    assert published.count("4 views &amp; 5") == published.count("<strong>") == 1, "said once for two scores"
    assert '<td class="text" rowspan="2">4 views &amp; 5</td>' in published
    assert "<td><strong>0.950</strong></td><td>0.855</td>" in published, "bold where nothing differs"
    assert 'rowspan="1">nothing<br/>Published: a &lt;1&gt; misprint</td>' in published
    assert "<strong>1.000" in classes and "<strong>0.500" in classes and "<strong>0.250" not in classes
    assert "umist, scored here on 570 to 575 images." in published
    assert "complementarity.csv" not in classes
    assert "K-means into 2 to 3 clusters" in panels
    assert "all subsets of the views, 3 clusters of 9 images" in subsets
    assert "an NMI (geometric) of 0.500 (a &lt;1&gt;) and 0.750 (dmvc)." in panels
    assert 'src="data:image/png;base64,UE5H"' in panels
    assert '<th scope="row">L&lt;3&gt;</th><td>0.500</td>' in layers
    assert (
        "<td>160</td><td>linear</td><td>0.500</td><td>0.125</td><td>0.250</td><td>5</td><td>1,797</td>" in probes
    )
    assert "&lt;jule&gt;, 10 samples: 0.750." in probes
    assert "<td>1,797</td><td>L3</td><td>ward</td><td>a</td><td>0.500</td><td>&lt;x&gt;</td>" in leaders


def test_panels_without_labels_are_a_sentence():
    panels = sections.PanelsSection("d", 9, (3, 3), b"PNG", (("a", float("nan")), ("dmvc", float("nan"))))
    text = render_section(panels)
    assert "<p>The maps show one view, the network trained on it, and the networks over all views.</p>" in text


def test_subsets_without_a_score_are_left_out_of_what_is_said(chart):
    text = render_section(sections.SubsetsSection("d", 9, 3, chart, "From 2 to 4.", False, 3))
    assert "on all subsets of the views that label every image, 3 clusters" in text


def test_the_table_of_many_classes_is_cut():
    count = 301
    names, ones = tuple(f"c{place}" for place in range(count)), np.ones((1, count))
    section = sections.ComplementaritySection(
        "d", count, "L3", ("a",), np.ones(1), names, (1,) * count, ones, (0,) * count, ("Said.",)
    )
    text = render_section(section)
    assert ">c299<" in text and ">c300<" not in text
    assert "These are the first 300 of 301 classes; complementarity.csv has all." in text


def test_a_range_is_told_once():
    assert [sections.span(numbers) for numbers in ([10.0], [1000, 1200], [8.46, 10])] == [
        "10",
        "1,000 to 1,200",
        "8.5 to 10",
    ]


def test_styles_cover_the_classes_of_the_sections(chart):
    style = styles()
    for name in ("study", "bars", "wide", "panels", "s0", "s7", "error"):
        assert f".{name}" in style
    assert "url(" not in style and "@import" not in style
