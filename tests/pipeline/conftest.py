"""One small pipeline, run once, for all tests that only need one which has been run."""

import pytest

from tests.pipeline.project import Project, draw_images

# The least that has every kind of stage but training.
SMALL = {
    "datasets": ["drawings"],
    "backbones": ["mobilenet_v2"],
    "objectives": [],
    "baseline": {"algorithms": ["kmeans"], "seeds": 1, "n_init": 1, "overclustering": [1]},
    "ensemble": {"algorithms": ["kmeans"], "shares": [1], "overclustering": [1]},
}


@pytest.fixture(scope="session")
def computed(tmp_path_factory):
    """A project on the branch main with everything computed and committed; to be copied, not changed."""
    project = Project(tmp_path_factory.mktemp("computed") / "project", **SMALL)
    draw_images(project.folder / "data" / "raw" / "drawings")
    project.repro()
    project.commit("Three kinds of drawings")
    return project
