"""One small pipeline, run once, for all tests that need one which has been run."""

from pathlib import Path

import pytest

from tests.pipeline.project import Project, draw_images

# The least that has every kind of stage but training; no weights are fetched.
SMALL = {
    "datasets": ["drawings"],
    "backbones": ["pixels"],
    "objectives": [],
    "baseline": {"algorithms": ["kmeans"], "seeds": 1, "n_init": 1, "overclustering": [1]},
    "ensemble": {"algorithms": ["kmeans"], "shares": [1], "overclustering": [1]},
}


@pytest.fixture(scope="session")
def computed(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project on the branch main with everything computed and committed; to be read or copied, not changed."""
    project = Project(tmp_path_factory.mktemp("computed") / "project", **SMALL)
    draw_images(project.folder / "data" / "raw" / "drawings")
    (project.folder / "data" / "raw" / "drawings" / "noise" / "broken.jpg").write_bytes(b"\xff\xd8 no more")
    project.ran = project.repro()
    project.commit("Three kinds of drawings")
    return project


@pytest.fixture
def project(computed: Project, tmp_path: Path) -> Project:
    """A copy of `computed`, to be changed."""
    return computed.copy(tmp_path / "project")
