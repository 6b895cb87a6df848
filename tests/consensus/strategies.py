"""Random partitions for property-based tests."""

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

partitions = arrays(np.int32, st.tuples(st.integers(1, 14), st.integers(1, 5)), elements=st.integers(0, 4))


@st.composite
def incomplete_partitions(draw):
    """Partitions with missing labels; every image and every partition has one at least."""
    values = draw(partitions)
    missing = draw(arrays(np.bool_, values.shape))
    holes = np.where(missing, -1, values)
    holes[(holes < 0).all(axis=1)] = values[(holes < 0).all(axis=1)]
    holes[:, (holes < 0).all(axis=0)] = values[:, (holes < 0).all(axis=0)]
    return holes
