"""Path integral clustering by hand and on real faces; test_pair_merging has the tests shared with zeta."""

import numpy as np
import pytest

from stages.clustering.neighbours import Digraph
from stages.clustering.path_integral import PathIntegral
from stages.core import memory
from stages.core.errors import ParameterError
from tests.clustering.faces import umist
from tests.clustering.graphs import archive, needs, nmi


def test_an_affinity_by_hand():
    # Two images linked to each other with weight w: P is [[1, w], [w, 1]] / (1 + w). Alone an image has the
    # integral 1 / (1 - z / (1 + w)); together it is the diagonal of the inverse of a matrix of two by two.
    z, w = 0.01, 0.5
    pair = Digraph(np.array([[1], [0]], dtype=np.int32), np.full((2, 1), w))
    names, merges = PathIntegral(1, z=z)._merge(pair, np.arange(2, dtype=np.int32), 1)
    stay, go = 1 - z / (1 + w), z * w / (1 + w)
    assert merges[0] == pytest.approx([0, 1, 2 * (stay / (stay**2 - go**2) - 1 / stay)], rel=1e-9)
    assert names.tolist() == [0, 0]


def test_published_score_on_umist():
    features, people = umist()
    assert nmi(people, PathIntegral(20).fit_predict(features)) == pytest.approx(0.7506, abs=0.002)


@needs("coil20.npz")
def test_score_on_coil20():
    """Published .950 for 128 x 128 pixels; these are 32 x 32."""
    features, objects = archive("coil20.npz")
    assert nmi(objects, PathIntegral(20).fit_predict(features)) > 0.89


def test_what_does_not_fit_is_refused(monkeypatch):
    monkeypatch.setattr(memory, "available_memory", lambda: 1 << 20)
    with pytest.raises(
        ParameterError, match="path integral clustering of 500 images with 20 neighbours would take"
    ):
        PathIntegral().fit(np.random.default_rng(0).normal(size=(500, 3)))
