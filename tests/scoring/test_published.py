"""Published scores as data, and ours beside them."""

from pathlib import Path

import pytest

from stages.core.errors import ParameterError
from stages.scoring.published.comparison import MEAN, Measured, Method, compare, dataset_key, parse_method
from stages.scoring.published.records import PublishedScore, published_scores, read_scores

RAW = Path(__file__).parents[2] / "data" / "raw"
POSTER, ARTICLE = "Guerin and Boots 2018", "Guerin et al. 2021"


def values(source, dataset, metric="nmi_geometric", **wanted):
    return [
        score.value
        for score in published_scores()
        if (score.source, score.dataset, score.metric) == (source, dataset, metric)
        and all(getattr(score, name) == value for name, value in wanted.items())
    ]


@pytest.mark.parametrize(
    ("source", "dataset", "metric", "wanted", "printed"),
    [
        (POSTER, "umist", "nmi_geometric", {"method": "dmvc"}, [0.971]),
        (POSTER, "voc2007", "nmi_geometric", {"method": "cc", "algorithm": "idec"}, [0.587]),
        (POSTER, "umist", "nmi_geometric", {"method": "kmeans-of-dmvc"}, [0.973]),
        (ARTICLE, "umist", "nmi_geometric", {"method": "dmvc"}, [0.984]),
        (ARTICLE, "umist", "accuracy", {"method": "dmvc"}, [0.950]),
        (ARTICLE, "mit67", "purity", {"method": "mvec", "algorithm": "ward"}, [0.564]),
        (ARTICLE, "cifar10", "purity", {"method": "mvec", "algorithm": "ward"}, []),
        (ARTICLE, "umist", "nmi_geometric", {"view": "vgg19", "layer": "L2", "algorithm": "ward"}, [0.766]),
        (ARTICLE, "mit67", "nmi_geometric", {"view": "resnet50", "layer": "L3", "algorithm": "ward"}, [0.529]),
        ("Yang et al. 2016", "usps", "nmi_geometric", {"view": "pixels", "algorithm": "gdl"}, [0.854, 0.824]),
        ("Yang et al. 2016", "ytf", "nmi_geometric", {"view": "jule", "algorithm": "nmf_lp"}, [0.788]),
        ("Guo et al. 2017", "usps", "accuracy", {"algorithm": "idec"}, [0.7605]),
        ("Xie et al. 2016", "mnist", "accuracy", {"algorithm": "dec"}, [0.843]),
        ("MMDC 2020", "tiny_imagenet", "nmi_arithmetic", {"algorithm": "mmdc"}, [0.274]),
    ],
)
def test_values_stand_where_they_were_printed(source, dataset, metric, wanted, printed):
    """The corners of the tables, typed from the sources: a shifted row or column would show."""
    assert values(source, dataset, metric, **wanted) == printed


def test_all_tables_are_there_whole():
    counts: dict[tuple[str, str], int] = {}
    for score in published_scores():
        counts[score.source, score.table] = counts.get((score.source, score.table), 0) + 1
    assert counts == {
        (POSTER, "Table 2"): 9 * 6 - 3,
        (POSTER, "Table 3"): 4 * 3,
        # 19 rows of 9 sets; mvec, mvsc and rmkkm have no CIFAR-10, mvsc and rmkkm (both kinds) no MIT and Birds.
        (ARTICLE, "Appendix B"): 3 * (19 * 9 - 1 - 4 * 3),
        (ARTICLE, "Appendix A"): 15 * 16 + 8,
        ("Yang et al. 2016", "NMI of image clustering"): 11 * 9
        + 2
        + 2 * 9
        + 10 * 9
        + 5 * 4
        + 1,  # 21 printed twice
        ("Guo et al. 2017", "Table 2"): 3 * 4 + 2 + 1,
        ("Xie et al. 2016", "Table 2"): 6,
        ("MMDC 2020", "Results of the presentation"): 3 * 12,
    }


def test_the_published_sets_are_folders_of_this_project():
    folders = {dataset_key(folder.name) for folder in RAW.iterdir()}
    assert {dataset_key(score.dataset) for score in published_scores()} - folders == {"mnisttest"}


def test_doubtful_numbers_say_so():
    (misprint,) = [s for s in published_scores() if "misprint" in s.note]
    assert (misprint.dataset, misprint.view, misprint.value) == ("coil100", "resnet50", 0.966)
    assert all("1,360" in s.note for s in published_scores() if s.dataset == "flowers17")


def score(**changed):
    fields = {
        "source": "s", "citation": "", "table": "t", "views": 5, "dataset": "coil20", "images": 1440,
        "classes": 20,
        "method": "dmvc", "view": "", "layer": "", "algorithm": "jule", "metric": "nmi_geometric", "value": 0.5,
        "note": "",
    }  # fmt: skip
    return PublishedScore(**{**fields, **changed})


def measured(images=1440, clusters=20.0, **scores):
    return Measured(scores, images, clusters)


DMVC = parse_method("train/jule/dmvc", {})
OURS = {DMVC: measured(nmi_geometric=0.75, nmi_arithmetic=0.25)}


@pytest.mark.parametrize(
    ("name", "method"),
    [
        ("baseline/vgg16/L1/ward", Method("baseline", "vgg16", "L1", "ward")),
        ("train/idec/views/vgg16", Method("views", "vgg16", "L2", "idec")),
        ("train/jule/dmvc-fix", Method("dmvc-fix", algorithm="jule")),
        ("train/images/dec", Method("end-to-end", "pixels", "", "dec")),
        ("train/images/autoencoder", Method("end-to-end", "pixels", "", "autoencoder-kmeans")),
        ("train/images/jule-rc", Method("end-to-end", "pixels", "", "jule-rc")),
        ("train/images/pixels-sc_njw", Method("baseline", "pixels", "pixels", "sc_njw")),
        ("train/images/other", None),
        ("ensemble", None),
    ],
)
def test_methods_are_read_from_their_names(name, method):
    assert parse_method(name, {"idec": "L2"}) == method


@pytest.mark.parametrize(
    ("dataset", "result", "metric", "expected"),
    [
        ("mnist", "dec", "accuracy", {("Xie et al. 2016", 0.8430), ("Guo et al. 2017", 0.8655)}),
        ("mnist", "autoencoder", "accuracy", {("Xie et al. 2016", 0.8184), ("Guo et al. 2017", 0.8182)}),
        ("COIL-20", "jule-sf", "nmi_geometric", {("Yang et al. 2016", 1.0)}),
        ("umist", "jule-rc", "nmi_geometric", {("Yang et al. 2016", 0.877)}),
        ("umist", "pixels-gdl", "nmi_geometric", {("Yang et al. 2016", 0.755)}),
        ("cifar10", "mmdc", "nmi_arithmetic", {("MMDC 2020", 0.703)}),
        ("umist", "mmdc", "nmi_arithmetic", set()),
    ],
)
def test_networks_on_images_are_compared_with_those_trained_on_pixels(dataset, result, metric, expected):
    ours = {parse_method(f"train/images/{result}", {}): measured(575, **{metric: 0.5})}
    found = compare(dataset, 4, ours, published_scores())
    assert {(comparison.source, comparison.published) for comparison in found} == expected
    assert all("CNNs" not in comparison.note for comparison in found)


def test_ours_theirs_and_the_difference():
    (found,) = compare("COIL-20", 5, OURS, [score()])
    assert (found.ours, found.published, found.difference) == (0.75, 0.5, 0.25)
    assert found.note == "CNNs: 5 views here, 5 there, not checked to be the same"


def test_only_one_definition_of_nmi_is_compared_with_itself():
    (found,) = compare("coil20", 5, OURS, [score(metric="nmi_arithmetic")])
    assert (found.metric, found.ours) == ("nmi_arithmetic", 0.25)
    geometric_only = {DMVC: measured(nmi_geometric=0.75)}
    assert compare("coil20", 5, geometric_only, [score(metric="nmi_arithmetic")]) == []


@pytest.mark.parametrize(
    "other", [{"dataset": "coil100"}, {"algorithm": "idec"}, {"method": "cc"}, {"method": "end-to-end"}]
)
def test_unlike_things_are_not_compared(other):
    assert compare("coil20", 5, OURS, [score(**other)]) == []


def test_the_ten_flowers_are_not_the_seventeen():
    known = {DMVC: measured(nmi_geometric=0.78)}
    assert compare("flowers", 4, known, published_scores()) == []
    assert compare("flowers17", 4, known, published_scores())


def test_another_number_of_images_is_marked():
    ours = {DMVC: measured(1441, nmi_geometric=0.75)}
    (found,) = compare("coil20", 4, ours, [score(note="perhaps a misprint")])
    assert found.images == 1441
    assert found.note == (
        "other images: 1,441 here, 1,440 there; CNNs: 4 views here, 5 there, not checked to be the same; "
        "published: perhaps a misprint"
    )
    (unknown,) = compare("coil20", 4, ours, [score(images=None)])
    assert unknown.note.startswith("1,441 images here, an unknown number there; ")


def test_a_single_view_is_compared_with_the_same_cnn_and_means_with_means():
    ours = {
        Method("baseline", view, "L3", "ward"): measured(nmi_geometric=value)
        for view, value in (("a", 0.5), ("b", 1))
    }
    single = {"method": "baseline", "layer": "L3", "algorithm": "ward"}
    published = [score(view="b", value=0.75, **single), score(view="c", value=0.25, **single)]
    same, mean = compare("coil20", 2, ours, published)
    assert (same.method.view, same.ours, same.published, same.note) == ("b", 1, 0.75, "")
    assert (mean.method.view, mean.ours, mean.published) == (MEAN, 0.75, 0.5)
    assert (mean.views, mean.published_views) == (2, 2)
    assert mean.note == "other CNNs: 2 views here, 2 there"


def test_another_number_of_clusters_is_marked():
    """Purity and homogeneity grow with the clusters, so that 40 of them look better than 20."""
    (found,) = compare("coil20", 5, {DMVC: measured(clusters=40, nmi_geometric=0.75)}, [score()])
    assert (found.clusters, found.published_clusters) == (40, 20)
    assert found.note.startswith("40 clusters here, 20 there; ")


def test_the_mean_of_views_keeps_what_is_doubtful_about_the_set_and_nothing_else():
    single = {"method": "baseline", "layer": "L3", "algorithm": "ward", "dataset_note": "few images"}
    published = [score(view=view, note="few images; misprint", **single) for view in "ab"]
    ours = {
        Method("baseline", view, "L3", "ward"): measured(images, clusters, nmi_geometric=0.5)
        for view, images, clusters in (("a", 1440, 20), ("b", 1400, 19))
    }
    *_, mean = compare("coil20", 2, ours, published)
    assert (mean.images, mean.clusters) == (1400, 19.5)
    assert mean.note == (
        "other images: 1,400 here, 1,440 there; 19.5 clusters here, 20 there; published: few images"
    ), "the CNNs are the same"
    assert {s.dataset_note for s in published_scores() if s.dataset == "umist" and s.table == "Appendix B"} == {
        "the set has 575 images"
    }


def test_pixels_are_no_view():
    ours = {Method("baseline", view, "pixels", "gdl"): measured(nmi_geometric=1.0) for view in "ab"}
    pixels = {"method": "baseline", "layer": "pixels", "algorithm": "gdl", "view": "pixels"}
    assert compare("coil20", 2, ours, [score(**pixels), score(**{**pixels, "note": "again"})]) == []


def test_the_view_of_pixels_is_left_out_of_the_mean_of_cnns():
    single = {"method": "baseline", "layer": "L3", "algorithm": "ward"}
    published = [score(view=view, value=0.5, **single) for view in "ab"]
    ours = {
        Method("baseline", view, "L3", "ward"): measured(nmi_geometric=value)
        for view, value in (("a", 0.75), ("b", 0.25), ("pixels", 0.125))
    }
    *_, mean = compare("coil20", 3, ours, published)
    assert (mean.method.view, mean.ours, mean.views, mean.note) == (MEAN, 0.5, 2, "")


TABLE = """source: s
citation: c
table: t
views: 1
datasets:
  d: {images: 3, classes: 2}
columns:
  - {dataset: d, metric: purity}
rows:
  - {method: cc, values: [0.5]}
"""


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("[0.5]", "[1.5]", r"'cc'\} has the value 1.5; scores are from 0 to 1"),
        ("[0.5]", "[0.5, 1]", "has 2 values for 1 columns"),
        ("[0.5]", "['-']", "has the value '-'; give a number, null"),
        ("metric: purity", "metric: nmi", "does not know the data set or the metric"),
        ("dataset: d", "dataset: e", "does not know the data set or the metric"),
        ("views: 1\n", "", r"is not a table of published scores \('views'\)"),
        ("rows:\n", "rows:\n  - {method: cc, values: [0.4]}\n", "two values for d cc purity"),
        ("views: 1\n", "views: 1\nnotes: [{method: mvec, note: n}]\n", "a note on nothing"),
    ],
)
def test_faults_of_a_table_are_named(tmp_path, old, new, message):
    file = tmp_path / "table.yaml"
    file.write_text(TABLE)
    (read,) = read_scores(file)
    assert (read.value, read.view) == (0.5, "")
    file.write_text(TABLE.replace(old, new, 1))
    with pytest.raises(ParameterError, match=message):
        read_scores(file)
