"""The sentences on whether it was worth to combine the views, and to train a network."""

import pytest

from stages.reporting.advantage import advantages

NO_HELP = "The network does not help here."
AS_WELL = "The network does about as well as the ensemble."
BELOW = "Combining the views does not reach the best of them."


def remarks(key: str, network: float | None, ensemble: float, view: float) -> str:
    """The only sentence, from behind its figures on."""
    joint = {"ensemble": {key: ensemble}} | ({} if network is None else {"jule/dmvc": {key: network}})
    (sentence,) = advantages(joint, {"a/L3/ward": {key: view}, "jule/views/b": {key: view - 0.1}})
    return sentence.partition("picked after the fact).")[2].strip()


@pytest.mark.parametrize(
    ("network", "ensemble", "view", "remark"),
    [
        (0.75, 0.5, 0.5, ""),
        (0.75, 0.625, 0.25, ""),
        (0.5, 0.625, 0.25, NO_HELP),
        (0.625, 0.625, 0.25, AS_WELL),
        (0.625, 0.5, 0.75, BELOW),
        (0.5, 0.625, 0.75, f"{NO_HELP} {BELOW}"),
        (0.625, 0.625, 0.75, f"{AS_WELL} {BELOW}"),
        (None, 0.625, 0.5, ""),
        (None, 0.625, 0.75, BELOW),
    ],
)
@pytest.mark.parametrize("key", ["modularity", "nmi_geometric"])
def test_where_combining_or_training_did_not_help_it_is_said(
    key: str, network: float | None, ensemble: float, view: float, remark: str
) -> None:
    assert remarks(key, network, ensemble, view) == remark


def test_a_difference_means_something_sooner_with_labels_than_without() -> None:
    figures = (0.51, 0.5, 0.515)
    assert remarks("modularity", *figures) == AS_WELL
    assert remarks("nmi_geometric", *figures) == BELOW


def test_each_measure_has_a_sentence_of_its_figures() -> None:
    joint = {
        "ensemble": {"modularity": 0.5, "nmi_geometric": 0.75},
        "jule/cc": {"modularity": 0.9, "nmi_geometric": 0.9},
        "jule/dmvc": {"modularity": 0.625, "nmi_geometric": 0.875},
        "idec/dmvc": {"modularity": 0.1, "nmi_geometric": 0.1},
    }
    single = {
        "a/L3/ward": {"modularity": 0.25, "nmi_geometric": 0.375},
        "b/L3/ward": {"modularity": 0.375, "nmi_geometric": 0.25},
    }
    assert advantages(joint, single) == (
        "By modularity, without labels: jule/dmvc 0.625, ensemble 0.500, best single view 0.375 (b/L3/ward, "
        "picked after the fact).",
        "By NMI (geometric mean) with the labels: jule/dmvc 0.875, ensemble 0.750, best single view 0.375 "
        "(a/L3/ward, picked after the fact).",
    )


def test_what_is_not_defined_is_not_compared() -> None:
    joint = {"ensemble": {"modularity": 0.5, "nmi_geometric": None}, "jule/dmvc": {"modularity": None}}
    (sentence,) = advantages(joint, {"a": {"modularity": 0.25}, "b": {"modularity": None, "nmi_geometric": 1.0}})
    assert sentence.startswith("By modularity, without labels: ensemble 0.500, best single view 0.250 (a,")
    assert advantages(joint, {}) == ()
    assert advantages({}, {"a": {"modularity": 0.25}}) == ()
