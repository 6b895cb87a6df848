"""Zeta function clustering on real faces; test_pair_merging has what it shares with path integrals."""

import numpy as np
import pytest

from stages.clustering.zeta import Zeta
from stages.core import memory
from stages.core.errors import ParameterError
from tests.clustering.faces import umist
from tests.clustering.graphs import archive, needs, nmi


def test_published_score_on_umist():
    features, people = umist()
    assert nmi(people, Zeta(20).fit_predict(features)) == pytest.approx(0.7553, abs=0.002)


@needs("coil20.npz")
def test_score_on_coil20():
    """Published .954 and .911 for 128 x 128 pixels; these are 32 x 32."""
    features, objects = archive("coil20.npz")
    assert nmi(objects, Zeta(20).fit_predict(features)) > 0.93


def test_what_does_not_fit_is_refused(monkeypatch):
    monkeypatch.setattr(memory, "available_memory", lambda: 8 << 30)
    with pytest.raises(ParameterError, match=r"zeta function clustering of 70000 images would take 7.\.. GiB"):
        Zeta().fit(np.zeros((70_000, 1), dtype=np.float32))
