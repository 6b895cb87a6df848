"""Features that one project computed, used in another: remotes, imports, photos. Under real DVC."""

import getpass
import os
import shutil
from contextlib import contextmanager
from importlib.util import find_spec

import pytest

from stages.tables import read_vectors
from tests.pipeline.conftest import SMALL
from tests.pipeline.project import Project
from tests.pipeline.servers import NEEDED_BY_ROOT, SSHD, http_server, ssh_server

pytestmark = pytest.mark.slow

FEATURES = "data/features/drawings/pixels"
COSTLY = {"download", "weights", "extract", "baseline"}
CHEAP = {"ensemble", "evaluate", "report"}


def _without_ssh():
    """Why SSH cannot be tested here; empty where it can."""
    if SSHD is None:
        return "there is no sshd (Debian: openssh-server)"
    if os.getuid() == 0 and not NEEDED_BY_ROOT.is_dir():
        return f"sshd run by root needs the folder {NEEDED_BY_ROOT}: mkdir -p {NEEDED_BY_ROOT}"
    return "" if find_spec("dvc_ssh") else "DVC's SSH is not there: pip install dvc-ssh"


@contextmanager
def _remote(kind, folder):
    """Yield where to push to, where to pull from, and the file of the key, if one is needed."""
    store = folder / "store"
    store.mkdir()
    if kind == "folder":
        yield str(store), str(store), None
    elif kind == "http":
        with http_server(store) as address:
            yield str(store), address, None
    else:
        with ssh_server(folder / "ssh") as (port, key):
            address = f"ssh://{getpass.getuser()}@127.0.0.1:{port}{store}"
            yield address, address, key


def _set_remote(project, address, key):
    project.dvc_prints("remote", "add", "--force", "--default", "team", address)
    if key:
        project.dvc_prints("remote", "modify", "--local", "team", "keyfile", str(key))


def _bytes(project, folder):
    return {file.name: file.read_bytes() for file in (project.folder / folder).glob("*.parquet")}


def _without_keys(stages):
    """The names of stages, without what a matrix adds to them."""
    return {stage.partition("@")[0] for stage in stages}


def _outputs(project):
    return {name: content for name, content in project.tables().items() if not name.startswith("data/scratch/")}


@pytest.mark.parametrize(
    "kind",
    ["folder", pytest.param("ssh", marks=pytest.mark.skipif(_without_ssh() != "", reason=_without_ssh())), "http"],
)
def test_a_clone_without_the_images_takes_the_features_and_runs_the_rest(kind, computed, tmp_path):
    sender = computed.copy(tmp_path / "sender")
    with _remote(kind, tmp_path) as (push_to, pull_from, key):
        _set_remote(sender, push_to, key)
        assert "pushed" in sender.dvc_prints("push")
        _set_remote(sender, pull_from, key)
        sender.commit("Remote")
        receiver = sender.clone(tmp_path / "receiver")
        assert [place.name for place in (receiver.folder / "data").iterdir()] == ["corrections"]
        if key:
            _set_remote(receiver, pull_from, key)
        if kind == "folder":
            # Only what later stages read is fetched; then DVC need not ask for what is missing.
            receiver.dvc_prints("pull", "download", "extract", "baseline")
            options = ["--pull", "--allow-missing"]
        else:
            receiver.dvc_prints("pull", "extract")
            assert not (receiver.folder / "data" / "images").exists()
            options = ["--pull"]
        assert _bytes(receiver, FEATURES) == _bytes(sender, FEATURES)
        receiver.change(ensemble={"linkage": "single"})
        ran = _without_keys(receiver.repro(*options))
        assert ran >= CHEAP
        assert not ran & COSTLY
    assert not (receiver.folder / "data" / "raw" / "drawings").exists()
    assert (receiver.folder / "metrics" / "report.html").is_file()
    assert {line.split()[1] for line in receiver.git("status", "--short").splitlines()} == {
        "params.yaml",
        "dvc.lock",
    }


def test_a_team_on_one_server_shares_a_cache_of_links(computed, tmp_path):
    one = computed.copy(tmp_path / "one")
    shutil.move(one.folder / ".dvc" / "cache", tmp_path / "cache")
    one.dvc_prints("cache", "dir", str(tmp_path / "cache"))
    one.dvc_prints("config", "cache.shared", "group")
    one.dvc_prints("config", "cache.type", "hardlink,symlink")
    one.commit("A cache for all")
    two = one.clone(tmp_path / "two")
    two.dvc_prints("checkout")
    assert _outputs(two) == _outputs(one)
    assert (two.folder / FEATURES / "L3.parquet").stat().st_nlink > 1
    before = {file: file.read_bytes() for file in (tmp_path / "cache" / "files").rglob("*") if file.is_file()}
    two.change(ensemble={"linkage": "single"})
    ran = _without_keys(two.repro("--allow-missing"))
    assert ran >= CHEAP
    assert not ran & COSTLY
    one.change(ensemble={"linkage": "single"})
    assert one.repro() == set(), "what one has computed the other need not"
    assert {file: file.read_bytes() for file in before} == before, "no stage writes through a link"


def test_photos_are_shared_by_adding_their_folder(computed, tmp_path):
    sender = computed.copy(tmp_path / "sender")
    _set_remote(sender, str(tmp_path / "store"), None)
    sender.dvc_prints("add", "data/raw/drawings")
    sender.dvc_prints("push")
    sender.commit("Photos")
    assert "up to date" in sender.dvc_prints("status")
    receiver = sender.clone(tmp_path / "receiver")
    receiver.dvc_prints("pull")
    photos = [sorted(project.folder.glob("data/raw/drawings/*/*.png")) for project in (sender, receiver)]
    assert len(photos[1]) == 24
    assert [file.read_bytes() for file in photos[0]] == [file.read_bytes() for file in photos[1]]
    assert receiver.repro() == set()
    assert _outputs(receiver) == _outputs(sender)
    assert receiver.git("status", "--short") == ""


def test_imported_features_are_a_table_and_can_stand_in_for_extracted_ones(computed, tmp_path):
    ours = Project(tmp_path / "ours", **SMALL)
    shutil.copytree(computed.folder / "data" / "raw", ours.folder / "data" / "raw", dirs_exist_ok=True)
    ours.commit("Our own project")
    ours.dvc_prints("import", str(computed.folder), FEATURES, "--out", "imported")
    assert "?? imported.dvc" in ours.git("status", "--short"), "which says where they came from, for git to keep"
    assert _bytes(ours, "imported") == _bytes(computed, FEATURES)
    table = read_vectors(ours.folder / "imported" / "L3.parquet", "features")
    assert table.values.shape == (24, 3072)

    ours.dvc_prints("repro", "download", "weights")
    shutil.copytree(ours.folder / "imported", ours.folder / FEATURES)
    ours.dvc_prints("commit", "--force", "extract")
    assert ours.repro("baseline") == {"baseline@drawings-pixels"}
    partitions = "data/partitions/drawings/baseline"
    assert _bytes(ours, partitions) == _bytes(computed, partitions)


def test_imported_features_of_other_images_are_refused(computed, tmp_path):
    ours = computed.copy(tmp_path / "ours")
    (ours.folder / "data" / "raw" / "drawings" / "disc" / "plain.png").unlink()
    ours.dvc_prints("repro", "download")
    ours.dvc_prints("commit", "--force", "extract")
    failed = ours.dvc("repro")
    assert failed.returncode != 0
    assert f"{FEATURES}/L3.parquet was made from other images than data/images/drawings.parquet" in failed.stderr
    assert "Traceback" not in failed.stderr
