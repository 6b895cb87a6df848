import base64
import json

import numpy as np

from stages.reporting.gallery import Gallery, Space, commonest_clusters, gallery_json
from stages.reporting.maps import scatter
from stages.reporting.rivals import Rivals
from stages.reporting.sprites import Sprites
from stages.tables.names import ClusterName

NAMED = {1: ClusterName("<daisy>", ("bee",)), 300: ClusterName("")}
NAMES = ["</script><b>.png", "a&b\r\n.png", '"q".png']


def test_the_commonest_cluster_of_each_label() -> None:
    clusters = np.array([3, 3, 1, 1, 2, 0])
    labels = np.array([0, 0, 0, 2, 2, -1])
    assert commonest_clusters(clusters, labels, 3).tolist() == [3, -1, 1]  # 1 and 2 are equally common
    assert commonest_clusters(clusters, np.full(6, -1), 0).tolist() == []


def test_what_the_script_reads() -> None:
    clusters, labels = np.array([300, 1, 1]), np.array([-1, 0, 0])
    gallery = Gallery(
        images=9,
        paths=NAMES,
        clusters=clusters,
        confidence=np.array([np.nan, 0.12345, 1.0]),
        labels=labels,
        rivals=Rivals(np.array([1, -1, 300]), np.array([0.5, 1.0, 1.0]), np.array([0.25, 0.0, 0.1])),
        homes=np.array([1]),
        mapped=np.array([0, 2]),
        sprites=Sprites(48, 21, np.array([[48, 32], [32, 48], [1, 300]]), ("data:,",)),
    )
    plot = scatter(np.array([[0.0, 0.0], [1.0, 1.0]]), clusters[[0, 2]], labels[[0, 2]])
    text = gallery_json(gallery, [Space("<a>", "note", plot, np.array([[1, 2], [0, 2], [1, 0]]))], ["<i>"], NAMED)
    assert not set("<>&\r\n") & set(text)
    content = json.loads(text)
    assert content["paths"] == NAMES
    assert content["confidence"] == [None, 0.123, 1.0]
    assert (content["near"], content["rivals"]) == ([1, 0, 0], [1, -1, 300])
    assert (content["classes"], content["homes"], content["labels"]) == (["<i>"], [1], [-1, 0, 0])
    (space,) = content["spaces"]
    assert content["names"] == {"1": "<daisy>", "300": ""}
    assert (space["title"], space["count"]) == ("<a>", 2)
    assert unpacked(space["nearest"]) == [1, 2, 0, 2, 1, 0]
    assert unpacked(space["points"]) == [140, 2860, 2860, 140]  # tenths of a unit
    assert unpacked(content["mapped"]) == [0, 2]
    assert unpacked(content["sprites"]["sizes"]) == [48, 32, 32, 48, 1, 300]


def unpacked(text: str) -> list[int]:
    data = base64.b64decode(text)
    return [int.from_bytes(data[place : place + 2], "little") for place in range(0, len(data), 2)]
