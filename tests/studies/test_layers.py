"""Layers, architectures and tasks compared: means, deviations and what follows."""

import itertools

import pandas as pd
import pytest

from stages.studies.layers import layer_section, layer_study

# NMI by dataset, backbone, layer; kmeans has .01 less, ward .01 more.
NMI = {
    ("x", "a", "L1"): 0.5, ("x", "a", "L3"): 0.8, ("x", "b", "L1"): 0.6, ("x", "b", "L3"): 0.7,
    ("y", "a", "L1"): 0.4, ("y", "a", "L3"): 0.6, ("y", "b", "L1"): 0.74, ("y", "b", "L3"): 0.68,
}  # fmt: skip


def scores(values=NMI):
    rows = [
        (*key, algorithm, nmi + step, nmi / 2, 10, 3)
        for (key, nmi), (algorithm, step) in itertools.product(
            values.items(), {"kmeans": -0.01, "ward": 0.01}.items()
        )
    ]
    columns = ["dataset", "backbone", "layer", "algorithm", "nmi_geometric", "purity", "images", "clusters"]
    return pd.DataFrame(rows, columns=columns)


def row(table, **keys):
    for name, value in keys.items():
        table = table[table[name] == value]
    (found,) = table.to_dict("records")
    return found


def test_means_and_deviations_over_what_is_left_out():
    tables = layer_study(scores()).tables
    over_tasks = row(tables["layer_architecture"], backbone="a", layer="L3")
    assert over_tasks["nmi_geometric"] == pytest.approx(0.7)
    assert over_tasks["nmi_geometric_deviation"] == pytest.approx(0.1)
    assert (over_tasks["datasets"], over_tasks["purity"]) == (2, pytest.approx(0.35))
    over_architectures = row(tables["layer_task"], dataset="y", layer="L1")
    assert over_architectures["nmi_geometric"] == pytest.approx(0.57)
    assert over_architectures["nmi_geometric_deviation"] == pytest.approx(0.17)
    best_layer = row(tables["architecture_task"], dataset="x", backbone="b")
    assert best_layer["nmi_geometric"] == pytest.approx(0.7)
    assert best_layer["nmi_geometric_deviation"] == pytest.approx(0.01)
    one = row(tables["summary"], backbone="a", layer="L3", algorithm="ward")
    assert one["nmi_geometric"] == pytest.approx(0.71)


def test_conclusions_are_computed():
    layers, best, loss = layer_study(scores()).conclusions
    assert layers == (
        "L3 is the best layer in the mean (NMI 0.695; L1 0.560), and the best one for 3 of 4 pairs of "
        "architecture and image set."
    )
    first = "On L3, a is the best architecture in the mean (NMI 0.700)"
    assert best == f"{first}, but none is the best on all: a on x, b on y."
    assert loss.endswith("loses 0.040 NMI in the mean against the best of each image set, and 0.080 on y.")


def test_one_architecture_that_is_best_everywhere():
    values = {key: 0.9 if key[1] == "a" else nmi for key, nmi in NMI.items()}
    assert layer_study(scores(values)).conclusions[1].endswith("(NMI 0.900), and on each of the 2 image sets.")


def test_a_single_dataset_layer_or_architecture_says_so():
    few = scores({("x", "a", "L3"): 0.5})
    assert layer_study(few).conclusions == (
        "One layer was run only, L3, so layers cannot be compared.",
        "One architecture was run only, a, so architectures cannot be compared.",
    )
    one_set = layer_study(scores({key: nmi for key, nmi in NMI.items() if key[0] == "x"}))
    assert "with one image set, x, nothing can be said" in one_set.conclusions[1]


def test_only_what_all_have_is_compared():
    """L2 of one backbone alone would compare layers across different networks."""
    found = layer_study(scores(NMI | {("x", "a", "L2"): 0.99}))
    assert set(found.tables["summary"]["layer"]) == {"L1", "L3"}
    assert found.conclusions == layer_study(scores()).conclusions


def test_figures_name_axes_and_error_bars():
    figures = layer_study(scores()).figures
    assert list(figures) == ["layer_architecture", "layer_task", "architecture_task"]
    chart = figures["layer_architecture"]
    assert (chart.x_label, chart.y_label) == ("architecture", "NMI (geometric mean, 0 to 1)")
    assert chart.error == "standard deviation over the image sets (2)"
    assert [placed.bar.mean for placed in chart.bars] == pytest.approx([0.45, 0.7, 0.67, 0.69])


def with_tasks(values, **tasks):
    table = scores(values)
    return table.assign(task=[tasks.get(dataset, "") for dataset in table["dataset"]])


def test_sets_of_one_task_are_averaged_before_deviations_are_taken():
    values = NMI | {("z", backbone, layer): 0.9 for backbone in "ab" for layer in ("L1", "L3")}
    found = layer_study(with_tasks(values, x="faces", y="faces"))
    over_tasks = row(found.tables["layer_architecture"], backbone="a", layer="L3")
    # Faces: the mean of .8 and .6; z, which has no task, by itself: .9.
    assert over_tasks["nmi_geometric"] == pytest.approx((0.7 + 0.9) / 2)
    assert over_tasks["nmi_geometric_deviation"] == pytest.approx(0.1)
    assert over_tasks["tasks"] == 2
    assert row(found.tables["layer_task"], task="faces", layer="L1")["nmi_geometric"] == pytest.approx(0.56)
    assert list(found.tables["architecture_task"]["task"].unique()) == ["faces", "z"]
    assert dict(found.tables["scores"].groupby("dataset")["task"].first()) == {
        "x": "faces",
        "y": "faces",
        "z": "z",
    }
    assert found.figures["layer_architecture"].error == "standard deviation over the tasks (2)"
    assert found.figures["layer_task"].x_label == "task"
    assert found.conclusions[0].endswith("of 4 pairs of architecture and task.")
    section = layer_section(found)
    assert section.datasets[0] == "x (faces, 10 images in 3 clusters)" and "Tasks" in section.columns


def test_without_a_task_everything_is_as_if_there_were_none():
    plain, empty = layer_study(scores()), layer_study(with_tasks(NMI))
    assert plain.conclusions == empty.conclusions and plain.figures == empty.figures
    for name, table in plain.tables.items():
        pd.testing.assert_frame_equal(table, empty.tables[name])
    assert "Image sets" in layer_section(plain).columns
    assert layer_section(plain).datasets[0] == "x (10 images in 3 clusters)"


def test_each_set_may_be_a_task_and_one_task_says_nothing_of_others():
    each = layer_study(with_tasks(NMI, x="scenes", y="faces"))
    assert each.conclusions[1].endswith("a on scenes, b on faces.")
    one = layer_study(with_tasks(NMI, x="faces", y="faces"))
    assert "with one task, faces, nothing can be said" in one.conclusions[1]


def test_without_labels_there_is_nothing_to_compare():
    found = layer_study(with_tasks(NMI).iloc[:0])
    assert not found.figures
    assert found.conclusions == ("No image set has labels, so layers and architectures cannot be compared.",)
    assert list(found.tables["summary"].columns)[:4] == ["layer", "backbone", "algorithm", "datasets"]
