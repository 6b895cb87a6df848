import base64
import json
from pathlib import Path

import numpy as np

from stages.reporting.gallery import Space, commonest_clusters, gallery_json
from stages.reporting.maps import scatter
from stages.reporting.rivals import Rivals
from stages.reporting.sprites import Sprites
from stages.tables import ImageTable
from stages.tables.results import Assignments, ClusterName

NAMED = {1: ClusterName("<daisy>", ("bee",)), 300: ClusterName("")}
NAMES = ["</script><b>.png", "a&b\r\n.png", '"q".png']


def test_the_commonest_cluster_of_each_label() -> None:
    clusters = np.array([3, 3, 1, 1, 2, 0])
    labels = np.array([0, 0, 0, 2, 2, -1])
    assert commonest_clusters(clusters, labels, 3).tolist() == [3, -1, 1]  # 1 and 2 are equally common
    assert commonest_clusters(clusters, np.full(6, -1), 0).tolist() == []
    aside = np.array([-1, -1, 1, -1, 2, 0])
    assert commonest_clusters(aside, labels, 4).tolist() == [1, -1, 2, -1], "images set aside are in no cluster"


def test_what_the_script_reads() -> None:
    at_hand = np.array([2, 5, 7])
    paths, labels = ["other.png"] * 9, np.full(9, -1, dtype=np.int32)
    clusters, confidence = np.ones(9, dtype=np.int32), np.ones(9)
    for row, name in zip(at_hand, NAMES, strict=True):
        paths[row] = name
    clusters[2], labels[[5, 7]], confidence[[2, 5]] = 300, 0, [0.5, 0.12345]
    rivals = Rivals(np.full(9, -1), np.ones(9), np.zeros(9))
    rivals.clusters[at_hand], rivals.own[at_hand], rivals.other[at_hand] = (
        [1, -1, 300],
        [0.5, 1, 1],
        [0.25, 0, 0.1],
    )
    images = ImageTable(Path("t"), "", tuple(paths), labels, ("<i>",), np.ones((9, 2), dtype=np.int32))
    sprites = Sprites(48, 21, np.array([[48, 32], [32, 48], [1, 300]]), ("data:,",))
    plot = scatter(np.array([[0.0, 0.0], [1.0, 1.0]]), clusters[[2, 7]], labels[[2, 7]])
    spaces = [Space("<a>", "note", plot, np.array([[1, 2], [0, 2], [1, 0]]))]
    text = gallery_json(
        images,
        Assignments(clusters, confidence, clusters),
        rivals,
        at_hand,
        np.array([2, 7]),
        sprites,
        spaces,
        NAMED,
    )
    assert not set("<>&\r\n") & set(text)
    content = json.loads(text)
    assert content["paths"] == NAMES
    assert (content["images"], content["clusters"]) == (9, [300, 1, 1])
    assert content["confidence"] == [0.5, 0.123, 1.0]
    assert (content["near"], content["rivals"]) == ([1, 0, 0], [1, -1, 300])
    assert (content["classes"], content["homes"], content["labels"]) == (["<i>"], [1], [-1, 0, 0])
    (space,) = content["spaces"]
    assert content["names"] == {"1": "<daisy>", "300": ""}
    assert content["sizes"] == {"1": 8, "300": 1}
    assert not {"found", "corrections"} & content.keys()
    assert (space["title"], space["count"]) == ("<a>", 2)
    assert unpacked(space["nearest"]) == [1, 2, 0, 2, 1, 0]
    assert unpacked(space["points"]) == [140, 2860, 2860, 140]  # tenths of a unit
    assert unpacked(content["mapped"]) == [0, 2]
    assert unpacked(content["sprites"]["sizes"]) == [48, 32, 32, 48, 1, 300]


def unpacked(text: str) -> list[int]:
    data = base64.b64decode(text)
    return [int.from_bytes(data[place : place + 2], "little") for place in range(0, len(data), 2)]
