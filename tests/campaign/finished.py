"""A small finished project that parts of the campaign copy, and the scripts that can be run in it again."""

from pathlib import Path

from tests.pipeline.project import Project, draw_images

# All kinds of stages but networks on images; no weights are fetched.
SETTING = {
    "datasets": ["drawings"],
    "backbones": ["pixels"],
    "objectives": ["jule"],
    "baseline": {"algorithms": ["kmeans"], "seeds": 1, "n_init": 1, "overclustering": [1]},
    "ensemble": {"algorithms": ["kmeans"], "shares": [1], "overclustering": [1]},
    "train": {"width": 8},
    "jule": {"steps": 5, "reruns": 1},
}
DATASET = ["--dataset", "drawings"]
VIEW = [*DATASET, "--backbone", "pixels"]
OBJECTIVE = [*DATASET, "--objective", "jule"]
# The stages, and commands that write, by a short name; each line is what follows `python -m`.
SCRIPTS = {
    "check_params": ["stages.check_params"],
    "weights": ["stages.weights", "--backbone", "pixels"],
    **{name: [f"stages.{name}", *VIEW] for name in ("extract", "baseline")},
    **{
        f"train {name}": ["stages.train", *OBJECTIVE, "--method", name]
        for name in ("views", "cc", "dmvc-fix", "dmvc")
    },
    "vote": ["stages.vote", *OBJECTIVE],
    **{
        name: [f"stages.{name}", *DATASET]
        for name in ("download", "views", "graph", "ensemble", "result", "evaluate", "experiments")
    },
    "study": ["stages.study"],
    "report": ["stages.report"],
}


def finished_project(place: Path) -> Project:
    """Return a project in a folder of `place` with everything computed and committed."""
    project = Project(place / "project", **SETTING)
    draw_images(project.folder / "data" / "raw" / "drawings")
    project.repro()
    project.commit("All computed")
    return project
