"""Which network to take: the leader elsewhere, hindsight, the ensemble, by cases worked out by hand."""

import pandas as pd
import pytest

from stages.studies.leaders import Joint, follow_the_leader, leaders_section

# NMI by image set and network. In the mean without x, a leads (.7, .5, .45), without y b (.45, .6, .55), without z
# b (.65, .7, .4).
NMI = {
    "x": {"a": 0.4, "b": 0.8, "c": 0.5},
    "y": {"a": 0.9, "b": 0.6, "c": 0.3},
    "z": {"a": 0.5, "b": 0.4, "c": 0.6},
}
JOINT = {
    "x": Joint(10, 0.7, "jule/dmvc", 0.75),
    "y": Joint(20, 0.95, "ensemble", 0.95),
    "z": Joint(30, 0.4, "ensemble", 0.4),
}


def scores(values=NMI, algorithms=("ward",), layer="L3"):
    return pd.DataFrame(
        [
            {"dataset": name, "backbone": network, "layer": layer, "algorithm": algorithm, "nmi_geometric": nmi}
            for algorithm in algorithms
            for name, networks in values.items()
            for network, nmi in networks.items()
        ]
    )


def test_the_leader_is_the_best_on_the_other_sets():
    rows = follow_the_leader(scores(), JOINT)
    assert [(row.dataset, row.leader, row.leader_nmi) for row in rows] == [
        ("x", "a", 0.4),
        ("y", "b", 0.6),
        ("z", "b", 0.4),
    ]
    assert [(row.best, row.best_nmi, row.worst, row.worst_nmi) for row in rows] == [
        ("b", 0.8, "a", 0.4),
        ("a", 0.9, "c", 0.3),
        ("c", 0.6, "b", 0.4),
    ]
    assert [(row.images, row.ensemble_nmi, row.result, row.result_nmi) for row in rows] == [
        (10, 0.7, "jule/dmvc", 0.75),
        (20, 0.95, "ensemble", 0.95),
        (30, 0.4, "ensemble", 0.4),
    ]


def test_the_sentence_is_computed():
    (sentence,) = leaders_section(follow_the_leader(scores(), JOINT)).sentences
    assert sentence == (
        "ward on L3: following the leader gives an NMI of 0.467 in the mean of 3 image sets, the best network of "
        "hindsight 0.767, the worst 0.367, the ensemble of all 0.683, the result 0.700. The leader is the best on "
        "0 of 3 sets; the ensemble is above the leader on 2, and above the best on 1."
    )


def test_with_two_sets_each_follows_the_other_and_may_be_right():
    two = {"x": NMI["x"], "y": {"a": 0.1, "b": 0.6, "c": 0.3}}
    rows = follow_the_leader(scores(two), JOINT)
    assert [row.leader for row in rows] == ["b", "b"]
    assert "The leader is the best on 2 of 2 sets" in leaders_section(rows).sentences[0]


def test_the_labels_of_a_set_do_not_choose_its_leader():
    changed = NMI | {"x": {"a": 0.0, "b": 0.1, "c": 1.0}}
    assert follow_the_leader(scores(changed), JOINT)[0].leader == "a"


def test_of_equal_networks_the_first_in_the_run_counts():
    equal = {name: dict.fromkeys("cab", 0.5) for name in "xy"}
    (row, _) = follow_the_leader(scores(equal), JOINT)
    assert (row.leader, row.best, row.worst) == ("c", "c", "c")


def test_a_network_that_one_set_lacks_is_no_choice():
    partial = NMI | {"z": {"a": 0.5, "b": 0.4}}
    rows = follow_the_leader(scores(partial), JOINT)
    assert [row.leader + row.best + row.worst for row in rows] == ["aba", "bab", "bab"]


def test_each_layer_and_algorithm_is_compared_by_itself():
    both = pd.concat([scores(algorithms=("ward", "kmeans")), scores(layer="L1")])
    section = leaders_section(follow_the_leader(both, JOINT))
    assert len(section.rows) == 9
    starts = [sentence.split(":")[0] for sentence in section.sentences]
    assert starts == ["ward on L3", "kmeans on L3", "ward on L1"]


@pytest.mark.parametrize(
    "few", [{"x": NMI["x"]}, {name: {"a": networks["a"]} for name, networks in NMI.items()}, {}]
)
def test_one_set_or_one_network_leaves_nothing_to_choose(few):
    table = scores(few) if few else scores().iloc[:0]
    assert follow_the_leader(table, JOINT) == ()
    assert leaders_section(()) is None
