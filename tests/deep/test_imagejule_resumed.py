"""JULE on images killed at any state that was saved ends with the same bytes."""

from typing import Any

import numpy as np
import pytest

from stages.deep.jule.on_images import ImageJULE
from tests.deep.drawn import bars
from tests.deep.interruption import Killed, Memory, Mortal


@pytest.mark.parametrize("changes", [{}, {"optimiser": "adam", "negatives": "all", "train_again": True}])
def test_killed_at_any_state(changes: dict[str, Any]) -> None:
    images, _ = bars(each=10)
    options: dict[str, Any] = {"width": 4, "epochs": 2, "n_neighbors": 4, "batch_size": 8, "eta": 0.5} | changes
    counted = Memory()
    whole = ImageJULE(3, **options, random_state=2, checkpoint=counted).fit(images)
    assert counted.saved > 2 * len([period for period in whole.history_ if period.steps])
    for lifetime in range(1, counted.saved + 1):
        first = Mortal(lifetime)
        with pytest.raises(Killed):
            ImageJULE(3, **options, random_state=2, checkpoint=first).fit(images)
        again = ImageJULE(3, **options, random_state=2, checkpoint=Memory(first.held)).fit(images)
        for name in ("labels_", "forward_labels_", "initial_labels_", "embedding_", "cluster_centers_"):
            assert np.array_equal(getattr(again, name), getattr(whole, name)), (lifetime, name)
        assert str(again.history_) == str(whole.history_)
