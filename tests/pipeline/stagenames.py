"""Names of stages as `dvc repro` prints them, for the dataset of the tests, and what runs after which change."""

RESULT = "result@drawings"
VIEWS = "views@drawings"
GRAPH = "graph@drawings"  # of the features alone: no clustering makes it run
CHECK = "check_params"  # whatever is changed in params.yaml
# They only list, and take leftovers in the folders that they depend on into account.
LISTING = {VIEWS, RESULT}
SCORED = {RESULT, "evaluate@drawings", "experiments@drawings", "study", "report"}
JOINT = {"ensemble@drawings", *SCORED}


def own(backbone: str) -> set[str]:
    """The stages of one backbone."""
    return {f"weights@{backbone}", f"extract@drawings-{backbone}", f"baseline@drawings-{backbone}"}


def trained(objective: str) -> set[str]:
    """The stages of one objective."""
    stages = ("train_views", "train_cc", "vote", "train_fix", "train_dmvc")
    return {f"{stage}@drawings-{objective}" for stage in stages}
