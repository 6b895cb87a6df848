"""Multi-modal deep clustering killed after any epoch ends with the same bytes."""

from typing import Any

import numpy as np
import pytest

from stages.core.errors import ParameterError
from stages.deep.mmdc.mmdc import MMDC
from tests.deep.drawn import bars
from tests.deep.interruption import Killed, Memory, Mortal

pytestmark = pytest.mark.filterwarnings("ignore:.* clusters are empty", "ignore:one cluster holds")

OPTIONS: dict[str, Any] = {
    **{"network": "vgg", "epochs": 5, "refine_epoch": 3, "decay_epoch": 4, "batch_size": 8, "random_state": 2},
    **{"crops": (10,), "input_size": 16, "degrees": 10.0, "sigma": 0.05},
}


def test_killed_after_any_epoch() -> None:
    images, _ = bars(each=8, channels=3)
    counted = Memory()
    whole = MMDC(3, **OPTIONS, checkpoint=counted).fit(images)
    assert counted.saved == 5
    for lifetime in range(1, 6):
        first, seen = Mortal(lifetime), []
        with pytest.raises(Killed):
            MMDC(3, **OPTIONS, checkpoint=first).fit(images)
        second = Memory(first.held)
        again = MMDC(3, **OPTIONS, checkpoint=second, progress=seen.append).fit(images)
        assert second.saved == 5 - lifetime, "what was done is not done again"
        assert str(seen) == str(again.history_) == str(whole.history_)
        for name in ("labels_", "embedding_", "cluster_centers_"):
            assert np.array_equal(getattr(again, name), getattr(whole, name)), (lifetime, name)
        ours, theirs = (model.encoder_.state_dict() for model in (again, whole))
        assert all(ours[name].numpy().tobytes() == theirs[name].numpy().tobytes() for name in theirs)


def test_a_state_of_another_training_is_named() -> None:
    images, _ = bars(each=8, channels=3)
    first = Mortal(2)
    with pytest.raises(Killed):
        MMDC(3, **OPTIONS, checkpoint=first).fit(images)
    with pytest.raises(ParameterError, match=r"is the state of another training, its output\.weight is"):
        MMDC(4, **OPTIONS, checkpoint=Memory(first.held)).fit(images)
