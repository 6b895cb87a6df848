"""Networks over all the views, trained to cluster. An objective is an estimator here, found by its name."""

import difflib

from stages.deep.centers import overclusterings
from stages.deep.idec import IDEC
from stages.deep.training import Epoch
from stages.deep.views import check_views
from stages.errors import ParameterError

# Estimators whose `fit` takes a list of views; their names are the values of the train stage's --objective.
OBJECTIVES: dict[str, type[IDEC]] = {"idec": IDEC}


def find_objective(name: str) -> type[IDEC]:
    """Return the estimator of the objective called `name`, or raise `ParameterError` with the nearest names."""
    if name in OBJECTIVES:
        return OBJECTIVES[name]
    near = difflib.get_close_matches(name, OBJECTIVES) or list(OBJECTIVES)
    raise ParameterError(f"no training objective is called {name!r}; did you mean {' or '.join(near)}?")


__all__ = ["IDEC", "OBJECTIVES", "Epoch", "check_views", "find_objective", "overclusterings"]
