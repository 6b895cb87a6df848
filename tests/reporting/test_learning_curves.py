"""Training curves: reading them, missing values, the panels."""

from pathlib import Path

import numpy as np
import pytest

from stages.core.errors import TableError
from stages.reporting.learning_curves import LearningCurve, draw_curves, read_curves
from tests.reporting.partials import drawings, fill

NAN = float("nan")


def _curve(name="cc", objective="jule", **values):
    length = len(next(iter(values.values())))
    return LearningCurve(
        name, objective, np.arange(1, length + 1), {key: np.array(value) for key, value in values.items()}
    )


def test_a_line_is_broken_where_there_is_no_value():
    drawn = draw_curves([_curve(loss=[4.0, NAN, 2.0, 0.0, NAN])], ["a.csv"])
    (panel,) = drawn.panels
    (line,) = panel.lines
    # Records 1 to 5 go from 64 to 370, values 0 to 4 from 182 to 10.
    assert line.path == "M64.0 10.0h0M217.0 96.0h0L293.5 182.0"
    assert line.dots == "M64.0 10.0h0M217.0 96.0h0M293.5 182.0h0"
    assert line.last == 0
    assert [tick.text for tick in panel.x_ticks] == ["1", "2", "3", "4", "5"]
    assert not panel.log


def test_measures_that_nobody_has_have_no_panel_and_a_course_keeps_its_colour():
    drawn = draw_curves(
        [
            _curve("views/a", loss=[1.0, 0.5], clusters=[NAN, NAN]),
            _curve("dmvc", loss=[0.9, 0.01], clusters=[8.0, 3.0], nmi_geometric=[0.5, 0.75]),
        ],
        [],
    )
    assert [(panel.title, panel.log) for panel in drawn.panels] == [
        ("Loss", True),
        ("Clusters left", False),
        ("NMI with the labels", False),
    ]
    assert [[line.place for line in panel.lines] for panel in drawn.panels] == [[0, 1], [1], [1]]
    # The NMI's axis is from 0 to 1, whatever the values: .75 is three quarters up.
    assert drawn.panels[2].lines[0].path.endswith(f"L370.0 {182 - 0.75 * 172:.1f}")


def test_one_record_and_no_course():
    (panel,) = draw_curves([_curve(loss=[0.5])], []).panels
    assert panel.lines[0].path == "M64.0 10.0h0"
    assert draw_curves([], []) is None
    assert draw_curves([_curve(loss=[NAN])], []).panels == ()


def test_a_long_course_is_a_line_without_dots():
    (panel,) = draw_curves([_curve(loss=np.linspace(1, 0.5, 300).tolist())], []).panels
    assert panel.lines[0].dots == ""
    assert panel.lines[0].path.count("L") == 299


def test_reading_views_and_joint_methods(tmp_path: Path):
    views, joint = tmp_path / "training-idec-views.csv", tmp_path / "training-idec-cc.csv"
    views.write_text("backbone,record,phase,loss,changed\nb,1,pretrain,2,\nb,2,refine,1,0.5\na,1,pretrain,,\n")
    joint.write_text("record,loss,nmi_geometric\n1,0.5,\n2,0.25,0.75\n")
    b, a = read_curves(views, "idec", "views")
    assert (b.name, b.objective, b.records.tolist()) == ("views/b", "idec", [1, 2])
    assert b.values.keys() == {"loss"}
    assert b.values["loss"].tolist() == [2, 1]
    assert np.isnan(a.values["loss"]).all()
    (cc,) = read_curves(joint, "idec", "cc")
    np.testing.assert_array_equal(cc.values["nmi_geometric"], [NAN, 0.75])
    drawn = draw_curves([b, a, cc], ["metrics/d/training-idec-views.csv", "metrics/d/training-idec-cc.csv"])
    html = fill("training", training=[drawn])
    loss, nmi = drawings(html)[-2:]
    assert loss.get("aria-label") == (
        "Loss (mean over the images, no unit) by epoch, one line a network; at the end: views/b 1, cc 0.25."
    )
    assert {"epoch", "Loss"} <= {text.text for text in loss.iter("text")}
    assert {"epoch", "NMI with the labels", "0.5"} <= {text.text for text in nmi.iter("text")}
    assert html.count("<li") == 3
    assert "<code>metrics/d/training-idec-cc.csv</code>." in html


def test_nothing_trained_has_no_section():
    assert fill("training", training=[]).strip() == ""


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("record,loss\n1,low\n", "could not convert string to float: 'low'"),
        ("loss\n1\n", "the column 'record' is missing"),
        ("record,loss\n1\n", "line 2 has 1 of 2 fields"),
    ],
)
def test_a_damaged_curve_is_named(tmp_path: Path, text, reason):
    file = tmp_path / "training-jule-cc.csv"
    file.write_text(text)
    with pytest.raises(TableError) as caught:
        read_curves(file, "jule", "cc")
    assert str(caught.value) == f"{file} cannot be used ({reason}); delete it and run `dvc repro`"
