"""Published scores as data, and ours beside them."""

import csv
import inspect
from pathlib import Path

import numpy as np
import pytest

from stages.core.errors import ParameterError
from stages.scoring.published.comparison import (
    MEAN,
    Measured,
    Method,
    compare,
    dataset_key,
    own_settings,
    parse_method,
)
from stages.scoring.published.records import PublishedScore, published_scores, read_scores
from stages.scoring.published.settings import SHARED, STATED, common, differences

ROOT = Path(__file__).parents[2]
RAW, SHARED_TABLES = ROOT / "data" / "raw", ROOT.parent / "shared"
POSTER, ARTICLE = "Guerin and Boots 2018", "Guerin et al. 2021"
JULE, MMDC = "Yang et al. 2016", "Shiran and Weinshall 2020"


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
        (JULE, "usps", "nmi_geometric", {"view": "pixels", "algorithm": "gdl"}, [0.854, 0.824]),
        (JULE, "ytf", "nmi_geometric", {"view": "jule", "algorithm": "nmf_lp"}, [0.788]),
        ("Guo et al. 2017", "usps", "accuracy", {"algorithm": "idec"}, [0.7605]),
        ("Xie et al. 2016", "mnist", "accuracy", {"algorithm": "dec"}, [0.843]),
        (MMDC, "tiny_imagenet", "nmi_arithmetic", {"algorithm": "mmdc"}, [0.274]),
        (MMDC, "imagenet10", "accuracy", {"algorithm": "dccm"}, [0.710]),
        (MMDC, "imagenet10", "accuracy", {"algorithm": "iic"}, []),
        (JULE, "mnist_test", "nmi_geometric", {"view": "usps", "layer": "top-1"}, [0.886]),
        (JULE, "mnist_test", "nmi_geometric", {"view": "usps", "layer": "top-2"}, []),
        (JULE, "lfw", "verification_accuracy", {"algorithm": "jule", "layer": "100,000 samples"}, [0.767]),
        (JULE, "average", "accuracy", {"algorithm": "over the best other"}, [0.1276]),
        (ARTICLE, "umist", "fowlkes_mallows_class4", {"view": "densenet121"}, [0.700]),
        ("Guerin, tutorial", "umist", "purity", {"view": "pixels", "algorithm": "ward"}, [0.503]),
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
        (ARTICLE, "Figure 8"): 3 * 5,
        ("Guerin, tutorial", "Notebook"): 2 + 4 * 3,
        # 21 are printed twice.
        (JULE, "NMI of image clustering"): 11 * 9 + 2 + 2 * 9 + 10 * 9 + 5 * 4 + 1,
        (JULE, "Transfer of the network"): 4 * 4 - 1,
        (JULE, "Face verification"): 2 * 5,
        (JULE, "Average gains"): 4,
        ("Guo et al. 2017", "Table 2"): 3 * 4 + 2 + 1,
        ("Xie et al. 2016", "Table 2"): 6,
        # Eleven rows; IIC has no ImageNet-10 and no Tiny-ImageNet, DCCM no MNIST.
        (MMDC, "Results of the presentation"): 11 * 12 - 4 - 2,
    }


def test_the_tables_that_came_as_csv_are_stored_cell_by_cell():
    """../shared holds the tables as others read them off the sources: one row a figure, or one row a few."""
    tables = {name: SHARED_TABLES / f"{name}.csv" for name in ("mmdc-table", "jule-transfer", "jule-lfw")}
    if not all(file.is_file() for file in tables.values()):
        pytest.skip(f"{SHARED_TABLES} does not have the tables that the stored ones are compared with")
    rows = {name: list(csv.DictReader(file.read_text("utf-8").splitlines())) for name, file in tables.items()}

    def stored(table):
        return [score for score in published_scores() if score.table == table]

    names = {"k-means": "kmeans", "AE": "autoencoder", "Ours (avg.)": "mmdc"}
    names |= {f"Ours ({kind})": f"mmdc-{kind}" for kind in ("ste", "best")}
    sets = {"CIFAR-100": "cifar100_20", "ImageNet-10": "imagenet10", "Tiny-ImageNet": "tiny_imagenet"}
    assert {(s.algorithm, s.dataset, s.metric, s.value) for s in stored("Results of the presentation")} == {
        (
            names.get(row["row"], row["row"].lower()),
            sets.get(row["dataset"], dataset_key(row["dataset"])),
            row["metric"],
            float(row["value"]),
        )
        for row in rows["mmdc-table"]
    }
    assert len(stored("Results of the presentation")) == len(rows["mmdc-table"])
    assert sorted(
        (dataset_key(s.view), dataset_key(s.dataset), s.layer, s.value) for s in stored("Transfer of the network")
    ) == sorted(
        (dataset_key(row["source"]), dataset_key(row["target"]), row["layer"], float(row["nmi_geometric"]))
        for row in rows["jule-transfer"]
    )
    assert sorted((s.algorithm, s.layer, s.value) for s in stored("Face verification")) == sorted(
        (kind, f"{int(row['samples']):,} samples", float(row[f"{kind}_accuracy"]))
        for row in rows["jule-lfw"]
        for kind in ("supervised", "jule")
    )


def test_the_means_by_layer_that_the_documentation_quotes_are_those_of_the_table():
    cnns = [score for score in published_scores() if score.table == "Appendix A" and score.view != "sift"]
    means = [np.mean([score.value for score in cnns if score.layer == layer]) for layer in ("L1", "L2", "L3")]
    text = ", ".join(f"{mean:.3f}"[1:] for mean in means[:2]) + f" and {means[2]:.3f}".replace(" 0.", " .")
    assert f"have {text} in L1 to L3" in (ROOT / "docs" / "results" / "layers.md").read_text(encoding="utf-8")


def test_every_score_states_the_size_of_its_images_and_its_settings_have_known_names():
    """A misspelt name would never be compared: the others are parameters of trainings, which these have, too."""
    from stages.deep import DEC, DMVC, IDEC
    from stages.deep.dac.dac import DAC
    from stages.deep.iic.iic import IIC
    from stages.deep.jule.on_images import ImageJULE
    from stages.deep.mmdc import mmdc

    known = {*SHARED, *STATED}
    for estimator in (DEC, IDEC, DMVC, ImageJULE, DAC, IIC, mmdc.MMDC):
        known |= inspect.signature(estimator).parameters.keys()
    for score in published_scores():
        assert "image_size" in score.settings
        assert set(score.settings) <= known, score.table
    assert {type(score.views) for score in published_scores()} == {tuple}


def test_the_published_sets_are_folders_of_this_project():
    folders = {dataset_key(folder.name) for folder in RAW.iterdir()}
    assert {dataset_key(score.dataset) for score in published_scores()} - folders == {"average"}


def test_doubtful_numbers_say_so():
    (misprint,) = [s for s in published_scores() if "misprint" in s.note]
    assert (misprint.dataset, misprint.view, misprint.value) == ("coil100", "resnet50", 0.966)
    assert all("1,360" in s.note for s in published_scores() if s.dataset == "flowers17")


def score(**changed):
    fields = {
        "source": "s", "citation": "", "table": "t", "views": tuple("abcde"), "dataset": "coil20", "images": 1440,
        "classes": 20,
        "method": "dmvc", "view": "", "layer": "", "algorithm": "jule", "metric": "nmi_geometric", "value": 0.5,
        "note": "",
    }  # fmt: skip
    return PublishedScore(**{**fields, **changed})


def measured(images=1440, clusters=20.0, views="abcde", settings=None, **scores):
    return Measured(scores, images, clusters, tuple(views), settings or {})


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
        (
            "train/images/transfer-a-b-top-gdl:n_neighbors=10",
            Method("transfer", "a-b", "L2", "gdl:n_neighbors=10"),
        ),
        ("train/images/jule-embedding-nmf_lp", Method("baseline", "jule", "embedding", "nmf_lp")),
        ("train/images/dec-embedding-kmeans", None),
        ("train/jule/dmvc-embedding-kmeans", None),
        ("train/images/other", None),
        ("ensemble", None),
    ],
)
def test_methods_are_read_from_their_names(name, method):
    assert parse_method(name, {"layer": "L2", "source": "a-b", "algorithm": "gdl:n_neighbors=10"}) == method


@pytest.mark.parametrize(
    ("dataset", "result", "metric", "expected"),
    [
        ("mnist", "dec", "accuracy", {("Xie et al. 2016", 0.843), ("Guo et al. 2017", 0.8655), (MMDC, 0.843)}),
        ("mnist", "autoencoder", "accuracy", {("Xie et al. 2016", 0.8184), ("Guo et al. 2017", 0.8182)}),
        ("COIL-20", "jule-sf", "nmi_geometric", {(JULE, 1.0)}),
        ("umist", "jule-rc", "nmi_geometric", {(JULE, 0.877)}),
        ("umist", "pixels-gdl", "nmi_geometric", {(JULE, 0.755)}),
        ("umist", "jule-embedding-gdl", "nmi_geometric", {(JULE, 0.870)}),
        ("usps_11000", "jule-embedding-average", "nmi_geometric", {(JULE, 0.783)}),
        ("cifar10", "mmdc", "nmi_arithmetic", {(MMDC, 0.703)}),
        ("umist", "mmdc", "nmi_arithmetic", set()),
    ],
)
def test_networks_on_images_are_compared_with_those_trained_on_pixels(dataset, result, metric, expected):
    ours = {parse_method(f"train/images/{result}", {}): measured(575, **{metric: 0.5})}
    found = compare(dataset, ours, published_scores())
    assert {(comparison.source, comparison.published) for comparison in found} == expected
    assert all("CNNs" not in comparison.differs for comparison in found)


def test_of_a_clustered_embedding_the_training_is_compared_too_and_the_shift_is_not_stated():
    trained = {"preset": "literal", "eta": 0.5, "n_neighbors": 20, "n_nearest": 5, "lead_weight": 1, "gamma": 2}
    trained |= {"negatives": "nearest", "epochs": 20, "normalise": "l2", "image_size": "92 x 112"}
    shift = {"nmf_lp": {"shift": "so"}, "gdl": {}}
    ours = {
        Method("baseline", "jule", "embedding", name): measured(575, 20, settings=trained | own, nmi_geometric=0.5)
        for name, own in shift.items()
    }
    differs = {c.method.algorithm: c.differs for c in compare("umist", ours, published_scores())}
    assert differs == {
        "gdl": "eta 0.5 here, 0.2 there",
        "nmf_lp": "shift so here, not stated there; eta 0.5 here, 0.2 there",
    }


def test_ours_theirs_and_the_difference():
    (found,) = compare("COIL-20", OURS, [score()])
    assert (found.ours, found.published, found.difference) == (0.75, 0.5, 0.25)
    assert (found.differs, found.note) == ("", "")


def test_only_one_definition_of_nmi_is_compared_with_itself():
    (found,) = compare("coil20", OURS, [score(metric="nmi_arithmetic")])
    assert (found.metric, found.ours) == ("nmi_arithmetic", 0.25)
    geometric_only = {DMVC: measured(nmi_geometric=0.75)}
    assert compare("coil20", geometric_only, [score(metric="nmi_arithmetic")]) == []


@pytest.mark.parametrize(
    "other", [{"dataset": "coil100"}, {"algorithm": "idec"}, {"method": "cc"}, {"method": "end-to-end"}]
)
def test_unlike_things_are_not_compared(other):
    assert compare("coil20", OURS, [score(**other)]) == []


def test_the_ten_flowers_are_not_the_seventeen():
    known = {DMVC: measured(nmi_geometric=0.78)}
    assert compare("flowers", known, published_scores()) == []
    assert compare("flowers17", known, published_scores())


def test_another_number_of_images_is_marked():
    ours = {DMVC: measured(1441, views="abcd", nmi_geometric=0.75)}
    (found,) = compare("coil20", ours, [score(note="perhaps a misprint")])
    assert (found.images, found.note) == (1441, "perhaps a misprint")
    assert found.differs == "other images: 1,441 here, 1,440 there; other CNNs: 4 views here, 5 there"
    (unknown,) = compare("coil20", ours, [score(images=None)])
    assert unknown.differs.startswith("1,441 images here, an unknown number there; ")


TRAINED = {
    "image_size": "128 x 128", "preprocessing": "squashed (nearest)", "layer": "L3", "scaling": "none",
    "min_cluster_fraction": 0.0, "preset": "published", "eta": 0.9, "gamma": 2.0,
}  # fmt: skip


@pytest.mark.parametrize(
    ("ours", "theirs", "differs"),
    [
        ({"eta": 0.9, "min_cluster_fraction": 0}, {"gamma": 2}, ""),
        ({"image_size": "32 x 32"}, {}, "image size 32 x 32 here, 128 x 128 there"),
        ({"image_size": "32 x 32"}, {"image_size": None}, "image size 32 x 32 here, not stated there"),
        (
            {"preprocessing": "cropped (bicubic)"},
            {},
            "preprocessing cropped (bicubic) here, squashed (nearest) there",
        ),
        ({"layer": "L1"}, {}, "layer L1 here, L3 there"),
        ({"normalise": "sqrt"}, {"normalise": "none"}, "normalisation sqrt here, none there"),
        ({"normalise": "sqrt"}, {}, "normalisation sqrt here alone"),
        ({"scaling": "sqrt"}, {}, "scaling sqrt here, none there"),
        ({"min_cluster_fraction": 0.2}, {}, "minimum cluster fraction 0.2 here, 0 there"),
        ({"parameters": "n_neighbors=10"}, {}, "parameters of the algorithm n_neighbors=10 here alone"),
        ({"preset": "none", "eta": 0.5}, {}, "preset none here, published there"),
        (
            {"preset": "none", "weights": "file 1"},
            {"weights": "those of Keras"},
            "preset none here, published there; weights file 1 here, those of Keras there",
        ),
        ({"eta": 0.5, "gamma": 1.0}, {}, "eta 0.5 here, 0.9 there; gamma 1 here, 2 there"),
        ({"seed": 3}, {}, ""),
        ({}, {"pretraining": "layer by layer"}, "pretraining layer by layer there alone"),
        ({}, {"eta": None}, "eta 0.9 here, not stated there"),
    ],
)
def test_every_setting_that_differs_is_named(ours, theirs, differs):
    """A preset stands for all parameters, which are compared where both sides have the same one."""
    assert "; ".join(differences(TRAINED | ours, TRAINED | theirs)) == differs
    (found,) = compare(
        "coil20", {DMVC: measured(settings=TRAINED | ours, nmi_geometric=0.5)}, [score(settings=TRAINED | theirs)]
    )
    assert found.differs == differs


@pytest.mark.parametrize(
    ("settings", "differs"),
    [
        ({"layer_epochs": 50}, ""),
        ({"layer_epochs": 0}, "pretraining at once here, layer by layer there"),
        ({}, "pretraining layer by layer there alone"),
    ],
)
def test_passes_by_layer_are_the_published_way_of_pretraining(settings, differs):
    method = Method("end-to-end", "pixels", algorithm="dec")
    own = own_settings(method, settings)
    assert "; ".join(differences(own, {"pretraining": "layer by layer"})) == differs


def test_ward_on_raw_pixels_is_compared_with_the_tutorial_and_nothing_differs():
    method = parse_method("train/images/pixels-ward:normalise=none", {})
    settings = own_settings(method, {"normalise": "none", "image_size": "92 x 112"})
    ours = Measured({"nmi_geometric": 0.663266, "purity": 0.502609}, 575, 20.0, settings=settings)
    found = {each.metric: each for each in compare("umist", {method: ours}, published_scores())}
    assert {metric: each.published for metric, each in found.items()} == {"nmi_geometric": 0.663, "purity": 0.503}
    assert [each.differs for each in found.values()] == ["", ""]
    rows_of_length_1 = own_settings(method, {"normalise": "l2"})
    assert "parameters" not in rows_of_length_1
    assert own_settings(Method("baseline", algorithm="gdl:a=2,normalise=none"), {})["parameters"] == "a=2"


def test_the_settings_of_a_mean_are_those_of_all():
    one, other = {"layer": "L3", "weights": "file 1"}, {"layer": "L3", "weights": "file 2"}
    assert common([one, other]) == {"layer": "L3", "weights": "file 1, file 2"}
    assert common([one, {"layer": "L3"}]) == {"layer": "L3", "weights": "file 1, not stated"}
    assert common([{"normalise": None}, {"normalise": None}]) == {"normalise": None}


def test_an_algorithm_with_parameters_is_compared_with_the_published_one():
    pixels = {"method": "baseline", "layer": "pixels", "view": "pixels"}
    ours = {Method(**pixels, algorithm="gdl:n_neighbors=10"): measured(nmi_geometric=0.5)}
    (found,) = compare("coil20", ours, [score(**pixels, algorithm="gdl"), score(**pixels, algorithm="agdl")])
    assert found.method.algorithm == "gdl:n_neighbors=10"


def test_a_transfer_is_of_the_same_source_and_layer_by_whichever_algorithm():
    ours = {
        Method("transfer", source, layer, "kmeans"): measured(11_000, 10, nmi_geometric=0.5)
        for source in ("MNIST-test", "coil20")
        for layer in ("top", "top-3")
    }
    (found,) = compare("usps", ours, published_scores())
    assert (found.method.view, found.published) == ("MNIST-test", 0.892)
    assert found.differs == "algorithm kmeans here, not stated there; image size not stated there; " + (
        "normalisation not stated there"
    )


def test_the_images_themselves_are_a_column_of_the_transfers():
    method = parse_method(
        "train/images/transfer-usps-data-gdl", {"source": "usps", "layer": "data", "algorithm": "gdl"}
    )
    (found,) = compare("MNIST-test", {method: measured(10_000, 10, nmi_geometric=0.5)}, published_scores())
    assert (found.table, found.published) == ("Transfer of the network", 0.872)


def test_a_single_view_is_compared_with_the_same_cnn_and_means_with_means():
    ours = {
        Method("baseline", view, "L3", "ward"): measured(nmi_geometric=value)
        for view, value in (("a", 0.5), ("b", 1))
    }
    single = {"method": "baseline", "layer": "L3", "algorithm": "ward"}
    published = [score(view="b", value=0.75, **single), score(view="c", value=0.25, **single)]
    same, mean = compare("coil20", ours, published)
    assert (same.method.view, same.ours, same.published, same.differs) == ("b", 1, 0.75, "")
    assert (mean.method.view, mean.ours, mean.published) == (MEAN, 0.75, 0.5)
    assert (mean.views, mean.published_views) == (2, 2)
    assert mean.differs == "other CNNs: 2 views here, 2 there"


def test_another_number_of_clusters_is_marked():
    """Purity and homogeneity grow with the clusters, so that 40 of them look better than 20."""
    (found,) = compare("coil20", {DMVC: measured(clusters=40, nmi_geometric=0.75)}, [score()])
    assert (found.clusters, found.published_clusters) == (40, 20)
    assert found.differs == "40 clusters here, 20 there"


def test_the_mean_of_views_keeps_what_is_doubtful_about_the_set_and_nothing_else():
    single = {"method": "baseline", "layer": "L3", "algorithm": "ward", "dataset_note": "few images"}
    published = [score(view=view, note="few images; misprint", **single) for view in "ab"]
    ours = {
        Method("baseline", view, "L3", "ward"): measured(images, clusters, nmi_geometric=0.5)
        for view, images, clusters in (("a", 1440, 20), ("b", 1400, 19))
    }
    *_, mean = compare("coil20", ours, published)
    assert (mean.images, mean.clusters) == (1400, 19.5)
    assert mean.differs == "other images: 1,400 here, 1,440 there; 19.5 clusters here, 20 there", "no other CNNs"
    assert mean.note == "few images"
    assert {s.dataset_note for s in published_scores() if s.dataset == "umist" and s.table == "Appendix B"} == {
        "the set has 575 images"
    }


def test_pixels_are_no_view():
    ours = {Method("baseline", view, "pixels", "gdl"): measured(nmi_geometric=1.0) for view in "ab"}
    pixels = {"method": "baseline", "layer": "pixels", "algorithm": "gdl", "view": "pixels"}
    assert compare("coil20", ours, [score(**pixels), score(**{**pixels, "note": "again"})]) == []


def test_the_view_of_pixels_is_left_out_of_the_mean_of_cnns():
    single = {"method": "baseline", "layer": "L3", "algorithm": "ward"}
    published = [score(view=view, value=0.5, **single) for view in "ab"]
    ours = {
        Method("baseline", view, "L3", "ward"): measured(nmi_geometric=value)
        for view, value in (("a", 0.75), ("b", 0.25), ("pixels", 0.125))
    }
    *_, mean = compare("coil20", ours, published)
    assert (mean.method.view, mean.ours, mean.views, mean.differs) == (MEAN, 0.5, 2, "")


TABLE = """source: s
citation: c
table: t
views: [a]
datasets:
  d: {images: 3, classes: 2, image_size: 4 x 4}
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
        ("views: [a]\n", "", r"is not a table of published scores \('views'\)"),
        ("rows:\n", "rows:\n  - {method: cc, values: [0.4]}\n", "two values for d cc purity"),
        ("views: [a]\n", "views: [a]\nnotes: [{method: mvec, note: n}]\n", "an entry of notes on nothing"),
        (
            "views: [a]\n",
            "views: [a]\nsettings: [{view: [b, c], settings: {eta: 1}}]\n",
            "an entry of settings on nothing",
        ),
        (", image_size: 4 x 4", "", r"is not a table of published scores \('image_size'\)"),
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
