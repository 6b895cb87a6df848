"""The rows of the published comparison of deep clusterings: each is a method for an objective.

Guerin, Thiery, Nyiri, Gibaru and Boots, "Combining pretrained CNN feature extractors to enhance clustering of
complex natural images", Neurocomputing 2021 (arXiv 2101.02767), section 5.2 and appendix B, compare: the networks
trained on single views ("views"), one network over all views side by side ("cc"), a vote of the single views
("mvec"), and the multi-view network, whose parts are trained one after the other ("dmvc-fix") and then together
("dmvc").
"""

import difflib

from stages.core.errors import ParameterError

OBJECTIVES = ("jule", "idec", "dec")
# In the order of the published tables, which is also that in which one is computed from another.
METHODS = ("views", "cc", "mvec", "dmvc-fix", "dmvc")


def check_objective(name: str) -> None:
    """Raise `ParameterError`, with the nearest names, unless there is an objective called `name`."""
    if name not in OBJECTIVES:
        near = difflib.get_close_matches(name, OBJECTIVES) or OBJECTIVES
        raise ParameterError(f"no training objective is called {name!r}; did you mean {' or '.join(near)}?")
