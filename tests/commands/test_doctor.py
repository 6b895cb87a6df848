"""The command `doctor` in a project of its own: healthy, with made-up faults, and where there is no project."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import yaml

from stages import tables
from stages.commands.doctor import app
from stages.core.atomic import write_text
from stages.core.csvtext import csv_text
from stages.core.lock import locked
from stages.diagnosis.finding import Finding, examine
from stages.diagnosis.leftovers import check_leftovers
from stages.diagnosis.network import check_remotes
from stages.diagnosis.repository import (
    SlowDvcError,
    check_lock,
    check_outputs,
    check_repository,
    check_status,
    dvc,
)
from stages.diagnosis.tables import check_tables
from stages.diagnosis.torn import check_torn
from stages.tables.links import write_links
from stages.tables.textfiles import write_json
from tests.backbones.tiny import tiny_backbone
from tests.pipeline.project import Project, draw_images
from tests.shell import Shell

Call = Callable[..., tuple[int, str]]
NAMES = (
    *("python", "packages", "devices", "memory", "disk", "project", "remotes", "parameters", "datasets"),
    *("n_clusters", "weights", "dvc.lock", "torn", "outputs", "tables", "leftovers"),
)


@pytest.fixture(scope="module")
def healthy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project of which only the first stage is left, and that one was run."""
    folder = tmp_path_factory.mktemp("healthy") / "project"
    project = Project(folder, datasets=["d"], backbones=["tiny"], objectives=[], n_clusters=3)
    draw_images(folder / "data/raw/d")
    pipeline = yaml.safe_load((folder / "dvc.yaml").read_text(encoding="utf-8"))
    pipeline["stages"] = {"download": pipeline["stages"]["download"]}
    (folder / "dvc.yaml").write_text(yaml.safe_dump(pipeline), encoding="utf-8")
    (folder / "data/weights").mkdir()
    card, _ = tiny_backbone(folder / "data/weights")
    write_text(folder / "data/backbones/tiny.json", card.to_json())
    assert project.repro() == {"download@d"}
    return folder


@pytest.fixture
def project(healthy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the healthy project, in which one may do harm; the current folder."""
    shutil.copytree(healthy, tmp_path / "project", symlinks=True)
    monkeypatch.chdir(tmp_path / "project")
    monkeypatch.setenv("MANYVIEWS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("MANYVIEWS_DEVICE", "cpu")
    monkeypatch.setenv("DVC_NO_ANALYTICS", "1")
    # What else goes on on this machine is none of the project's business.
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=1 << 40))
    monkeypatch.setattr("stages.core.memory.available_memory", lambda: 1 << 40)
    return tmp_path / "project"


@pytest.fixture
def doctor(shell: Shell) -> Call:
    """Run the command; return its exit status and what it printed."""

    def call(*options: str) -> tuple[int, str]:
        status, out, err = shell(app, "--patience", "300", *options)
        assert err == ""
        return status, out

    return call


@pytest.fixture
def no_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    """Spare the seconds that torch takes to start."""
    found = {"torch": "0", "device": "cpu", "threads": 1, "bf16": False, "mps": False, "error": ""}
    monkeypatch.setattr("stages.diagnosis.machine._PROBE", f"import json; print(json.dumps({found}))")


def only(findings: Iterator[tuple[str, str]]) -> tuple[str, str]:
    (found,) = findings
    return found


def test_a_healthy_project_is_well_in_every_respect(project: Path, doctor: Call) -> None:
    before = {file: file.stat().st_mtime_ns for file in (project / "data").rglob("*")}
    status, out = doctor()
    *lines, last = out.splitlines()
    assert [line for line in lines if not line.startswith("ok ")] == []
    assert (status, last) == (0, "all is well")
    assert any(line.startswith("ok       devices: torch ") and " on cpu, " in line for line in lines)
    assert list(dict.fromkeys(line.split()[1].rstrip(":") for line in lines)) == list(NAMES)
    assert {file: file.stat().st_mtime_ns for file in (project / "data").rglob("*")} == before


def test_faults_end_with_status_1_and_warnings_with_0(project: Path, doctor: Call, no_torch: None) -> None:
    Path("data/.partial-x.parquet").touch()
    status, out = doctor()
    assert status == 0 and out.endswith("\n0 faults, 1 warning\n")
    assert (
        "\nwarning  leftovers: data/.partial-x.parquet: left by killed runs; remove them if nothing runs\n" in out
    )
    with Path("dvc.lock").open("a") as lock:
        lock.write("<<<<<<< HEAD\n")
    shutil.rmtree("data/raw/d")
    Path("data/raw/d").mkdir()
    status, out = doctor("--json")
    found = [(row["check"], row["message"]) for row in json.loads(out) if row["level"] == "fault"]
    assert status == 1
    assert {name for name, _ in found} == {"datasets", "dvc.lock"}
    assert all("\n" not in message for _, message in found)


def test_where_there_is_nothing_everything_is_a_finding(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, doctor: Call
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("stages.diagnosis.machine._PROBE", "raise ImportError('no torch')")
    monkeypatch.setenv("MANYVIEWS_CACHE", str(tmp_path / "cache"))
    status, out = doctor()
    assert status == 1
    assert "\nfault    devices: torch cannot be used (ImportError: no torch); install it again" in out
    assert (
        "\nfault    project: this is not a DVC project, .dvc is missing; take it from git, or run `dvc init`\n"
        in out
    )
    assert (
        "\nfault    project: this is not a git repository, which DVC needs; clone the project, or run `git init`"
        in out
    )
    assert "\nfault    parameters: params.yaml does not exist; run this in the project's folder" in out
    assert "could not be checked" not in out
    Path("params.yaml").write_text("a: [1")
    assert "\nfault    parameters: params.yaml cannot be read as YAML (" in doctor()[1]
    Path("params.yaml").write_text(
        "datasets: {a: 1}\nbackbones: 7\nweights: x\nbaseline: 3\nn_clusters: [a\n, b]\n"
    )
    status, out = doctor()
    assert status == 1 and "Traceback" not in out
    assert all(line.split()[0] in ("ok", "warning", "fault") or " fault" in line for line in out.splitlines())


def test_a_project_elsewhere_is_looked_at_as_a_whole(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, doctor: Call, no_torch: None
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("dvc.lock").write_text("<<<<<<< of another project\n")
    status, out = doctor("--params", "project/params.yaml")
    assert (status, out.splitlines()[-1]) == (0, "all is well"), out
    assert "\nok       tables: d: 0 tables are of the images of project/data/images/d.parquet\n" in out
    status, out = doctor("--params", "none/params.yaml")
    assert status == 1 and "could not be checked" not in out
    assert "\nfault    project: folder none does not exist; name the file of parameters by --params\n" in out


def test_a_clone_without_photos_has_no_fault(project: Path, doctor: Call, no_torch: None) -> None:
    shutil.rmtree("data/raw/d")
    status, out = doctor()
    assert status == 0, out
    assert "\nok       datasets: d: the image table is here; the photos are not, and only `download`" in out
    assert "\nwarning  outputs: data/raw/d: not here; `dvc repro --pull` needs it only for what is in no" in out
    assert "would run again" not in out


def test_photos_that_dvc_tracks(project: Path, doctor: Call, no_torch: None) -> None:
    subprocess.run([sys.executable, "-m", "dvc", "add", "-q", "data/raw/d"], check=True)
    next(Path("data/raw/d").rglob("*.png")).unlink()
    status, out = doctor()
    assert status == 0
    assert (
        "\nwarning  outputs: data/raw/d: not as data/raw/d.dvc says; run `dvc add data/raw/d` for what is new, or "
        "`dvc checkout data/raw/d.dvc` for what was there\n" in out
    )
    shutil.rmtree("data/raw/d")
    status, out = doctor()
    assert status == 0
    assert "\nwarning  datasets: data/raw/d is not here yet; `dvc pull data/raw/d.dvc` fetches it\n" in out


def test_dvc_that_takes_its_time(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SlowDvcError) as error:
        dvc(project, 0.01, "status", "--json")
    assert str(error.value) == ("`dvc status --json` took more than 0.01 s; run it yourself, or raise --patience")
    assert list(check_outputs(project, project / "dvc.lock", 0.01)) == [("warning", str(error.value))]


def test_git_that_does_not_trust_the_folder(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)  # which may trust every folder
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    assert only(check_repository(project, 60)) == (
        "fault",
        "git does not trust this folder, which belongs to another user; run `git config --global --add "
        f"safe.directory {project.resolve()}`",
    )


def test_a_worktree_at_work(project: Path, tmp_path: Path) -> None:
    who = ["-c", "user.name=A. User", "-c", "user.email=user@example.org"]
    subprocess.run(["git", *who, "commit", "-q", "--allow-empty", "-m", "x"], check=True)
    subprocess.run(["git", "worktree", "add", "-q", str(tmp_path / "tree")], check=True)
    (tmp_path / "tree/.dvc").mkdir()
    lock = project / ".git/worktrees/tree/index.lock"
    lock.touch()
    (warning, _) = check_repository(tmp_path / "tree", 60)
    assert warning == (
        "warning",
        f"{lock} is there: a git command is running, or was killed; remove it then",
    )


def test_git_that_is_not_there_or_at_work(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Path(".git/index.lock").touch()
    found = list(check_repository(project, 60))
    assert found[0] == (
        "warning",
        f"{project / '.git/index.lock'} is there: a git command is running, or was killed; remove it then",
    )
    monkeypatch.setenv("PATH", "")
    assert only(check_repository(project, 60)) == (
        "fault",
        "git is not installed; install it: https://git-scm.com",
    )


def test_remotes(project: Path, tmp_path: Path) -> None:
    (tmp_path / "a folder").mkdir()
    config = Path(".dvc/config")
    config.write_text(
        f"['remote \"team\"']\n    url = {tmp_path / 'a folder'}\n"
        f"['remote \"gone\"']\n    url = {tmp_path / 'x'}\n"
    )
    assert list(check_remotes(project, 3, 60)) == [
        ("warning", "none is the default; choose one by `dvc remote default NAME`"),
        ("ok", f"team ({tmp_path / 'a folder'}) is there"),
        ("warning", f"gone ({tmp_path / 'x'}) does not exist: mount it, or `dvc push` will make it"),
    ]
    config.write_text(f"[core]\n    remote = team\n['remote \"team\"']\n    url = {tmp_path / 'a folder'}\n")
    assert list(check_remotes(project, 3, 60)) == [("ok", f"team ({tmp_path / 'a folder'}) is there")]
    config.write_text("[core\n")
    level, message = only(examine(lambda: check_remotes(project, 3, 60)))
    assert level == "fault" and message.startswith("`dvc config --list` fails (") and "\n" not in message


def test_an_odd_remote_hides_no_other(project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "last").mkdir()
    Path(".dvc/config").write_text(
        "[core]\n    remote = a.b\n"
        "['remote \"a.b\"']\n    url = ssh://h/x\n    port = 2222\n    user = me\n    password = secret=1\n"
        "['remote \"odd\"']\n    url = ssh://h:abc/x\n"
        "['remote \"below\"']\n    url = remote://a.b/sub\n"
        "['remote \"lost\"']\n    url = remote://none/sub\n"
        f"['remote \"last\"']\n    url = {tmp_path / 'last'}\n"
    )
    asked = {}

    def remember(what: str, parts: object, user: str, port: int, timeout: float) -> Finding:
        asked[what] = (user, port)
        return Finding("ok", what)

    monkeypatch.setattr("importlib.util.find_spec", lambda _: True)
    monkeypatch.setattr("stages.diagnosis.network._ssh", remember)
    found = dict(zip(("a.b", "odd", "below", "lost", "last"), check_remotes(project, 3, 60), strict=True))
    assert asked == {"a.b (ssh://h/x)": ("me", 2222)}
    assert found["odd"][0] == "fault" and "`dvc remote modify odd url ...`" in found["odd"][1]
    assert found["below"] == ("ok", "below (remote://a.b/sub) is a place in the remote a.b")
    assert found["lost"] == (
        "fault",
        "lost (remote://none/sub) names no remote; correct it by `dvc remote modify lost url ...`",
    )
    assert found["last"] == ("ok", f"last ({tmp_path / 'last'}) is there")


def test_a_lock_that_cannot_be_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    lock = Path("dvc.lock")
    assert only(check_lock(lock)) == (
        "warning",
        "there is no dvc.lock: nothing was computed yet; run `dvc repro`",
    )
    lock.write_text("a: 1\n<<<<<<< HEAD\n=======\n>>>>>>> x\n")
    assert only(check_lock(lock)) == (
        "fault",
        "dvc.lock holds the marks of a merge conflict, from line 2 on; run `git checkout --ours dvc.lock`, then "
        "`dvc repro`",
    )
    for damaged in ("a: [1", "other: 1\n", "7\n"):
        lock.write_text(damaged)
        assert list(check_lock(lock)) == []
        level, message = only(check_torn(Path(), Path(".dvc/cache")))
        assert level == "fault" and message.startswith("dvc.lock is cut short (")
        assert "; run `manyviews repair`: what is whole in it stays" in message
    lock.write_text("stages:\n  a: {}\n  b: {}\n")
    assert only(check_lock(lock)) == ("ok", "2 stages are recorded in dvc.lock")


def test_outputs_and_dependencies_that_changed(project: Path, doctor: Call, no_torch: None) -> None:
    Path("data/images/d.rejected.csv").write_text("changed")
    Path("data/images/d.parquet").unlink()
    next(Path("data/raw/d").rglob("*.png")).unlink()
    Path("stages/fetching/zips.py").write_text("# another\n")
    status, out = doctor()
    assert status == 0
    for line in (
        "data/images/d.parquet: missing; fetch them by `dvc pull` or make them by `dvc repro`",
        "data/images/d.rejected.csv: not as dvc.lock says; make them again by `dvc repro`",
        "1 stage would run again as these changed since: data/raw/d, the code of the stages; run `dvc repro`",
    ):
        assert f"\nwarning  outputs: {line}\n" in out
    assert "\nwarning  tables: data/images/d.parquet does not exist yet; run `dvc repro`\n" in out


def test_what_dvc_says_of_parameters_and_caches() -> None:
    status: dict[str, list[Any]] = {
        "a@1": [{"changed deps": {"params.yaml": {"n_clusters": "modified", "seed": "new"}}}, "changed command"],
        "a@2": [{"changed deps": {"params.yaml": {"n_clusters": "modified"}, "stages/x.py": "modified"}}],
        "b": [{"changed outs": {f"data/{n}": "not in cache" for n in range(5)}}],
    }
    assert list(check_status(status)) == [
        (
            "warning",
            "data/0, data/1, data/2 and 2 more: in no cache, so that `dvc push` lacks them; run `dvc commit`",
        ),
        (
            "warning",
            "2 stages would run again as these changed since: params.yaml n_clusters, params.yaml seed, the code "
            "of the stages; run `dvc repro`",
        ),
    ]


def test_what_dvc_says_of_what_no_stage_makes() -> None:
    status: dict[str, list[Any]] = {
        "imported.dvc": [{"changed deps": {"https://example.org/x": "update available"}}],
        "data/raw/h.dvc": [{"changed outs": {"data/raw/h": "deleted"}}],
        "data/raw/i.dvc": ["changed checksum"],
    }
    assert list(check_status(status)) == [
        ("warning", "https://example.org/x: update available; run `dvc update imported.dvc`"),
        ("warning", "data/raw/h: not here; `dvc pull data/raw/h.dvc` fetches it"),
        (
            "warning",
            "data/raw/i.dvc was changed by hand; run `dvc commit data/raw/i.dvc`, or take it from git",
        ),
    ]


def test_tables_of_other_images_and_damaged_ones(project: Path) -> None:
    data = Path("data")
    images = tables.read_images(data / "images/d.parquet")
    labels = {"ensemble": np.zeros(len(images), np.int32)}
    settings: dict[str, Any] = {"ensemble": {}}
    for file in ("ensemble.parquet", "jule/cc.parquet", "jule/mvec.parquet", "baseline/removed.parquet"):
        fingerprint = images.fingerprint if file == "ensemble.parquet" else "other"
        tables.write_partitions(data / "partitions/d" / file, labels, settings, fingerprint)
    values: dict[str, Any] = {"datasets": ["d"], "backbones": ["tiny"]}
    assert only(check_tables(values, data)) == (
        "ok",
        f"d: 1 tables are of the images of {images.file}",
    )
    Path("data/partitions/d/jule/mvec.parquet").write_bytes(b"PAR1")
    found = list(check_tables({**values, "objectives": ["jule"]}, data))
    assert found[0] == (
        "fault",
        f"data/partitions/d/jule/cc.parquet was made from other images than {images.file}; run `dvc repro` to "
        "make it again",
    )
    assert found[1].level == "fault" and "mvec.parquet is not a readable Parquet table" in found[1].message
    tables.write_partitions(data / "partitions/d/images/jule.parquet", labels, settings, "other")
    vectors = np.ones((2, 2), np.float32)
    tables.write_vectors(data / "embeddings/d/images/jule.parquet", "embedding", [vectors], "other", {})
    found = list(check_tables({**values, "image_baselines": ["pixels"], "image_methods": ["jule"]}, data))
    assert [finding.level for finding in found] == ["fault", "fault"]
    assert found[1].message.startswith("data/embeddings/d/images/jule.parquet was made from other images")


def test_graph_and_cuts_are_among_the_tables(project: Path) -> None:
    data, images = Path("data"), tables.read_images(Path("data/images/d.parquet"))
    values: dict[str, Any] = {"datasets": ["d"]}
    links, cuts = data / "graphs/d.parquet", data / "partitions/d/cuts.parquet"
    labels = np.zeros(len(images), np.int32)
    for fingerprint in (images.fingerprint, "other"):
        write_links(links, np.zeros((1, 2), np.int32), fingerprint, {"structure": {"odds": 2.0, "cut": 1.0}})
        tables.write_partitions(cuts, {"cut-1": labels}, {"cut-1": {}}, fingerprint)
        found = list(check_tables(values, data))
        if fingerprint != "other":
            assert found == [("ok", f"d: 2 tables are of the images of {images.file}")]
    again = f"was made from other images than {images.file}; run `dvc repro` to make it again"
    assert found == [("fault", f"{file} {again}") for file in (links, cuts)]


def test_the_result_is_of_the_images_and_names_its_method(project: Path) -> None:
    values: dict[str, Any] = {"datasets": ["d"]}
    paths = tables.read_images(Path("data/images/d.parquet")).paths
    folder = Path("data/results/d")
    table, answer = folder / "assignments.csv", folder / "result.json"
    write_json(answer, {"method": "ensemble", "chosen": "auto", "modularity": {"ensemble": 0.5}})
    write_text(table, csv_text(["path", "cluster", "confidence"], [(path, 0, 1) for path in paths]))
    assert only(check_tables(values, Path("data"))).message.startswith("d: 2 tables are of the images of")
    said = answer.read_bytes()
    write_json(answer, {})
    lost = f"{answer} cannot be used ('modularity' is missing); delete it and run `dvc repro`"
    assert only(check_tables(values, Path("data"))) == ("fault", lost)
    answer.write_bytes(said)
    write_text(table, "path,cluster,confidence\nelsewhere.png,0,1\n")
    other = f"{table} lists other images than the image table; run `dvc repro` to make it again"
    assert only(check_tables(values, Path("data"))) == ("fault", other)


def test_a_file_of_numbers_that_cannot_be_read_is_a_fault(project: Path) -> None:
    file = Path("data/corrections/numbers/d.csv")
    write_text(file, "cluster,image,path\nx,0f,a.png\n")
    line = f"{file}, line 2: the cluster is 'x'; write a number from 0 to 1000000"
    assert only(check_tables({"datasets": ["d"]}, Path("data"))) == ("fault", line)


def test_a_file_of_corrections_that_cannot_be_read_is_a_fault(project: Path) -> None:
    file = Path("data/corrections/d.csv")
    write_text(file, "action,group,value\nrename,g1,x\n")
    line = f"{file}, line 2: group 'g1' has no images; list some of them in rows `member,g1,IMAGE`"
    assert only(check_tables({"datasets": ["d"]}, Path("data"))) == ("fault", line)


def test_tables_of_clustered_embeddings_are_among_them(project: Path) -> None:
    file = Path("data/partitions/d/images/jule-embedding.parquet")
    tables.write_partitions(file, {"a": np.zeros(2, np.int32)}, {"a": {}}, "other")
    (found,) = check_tables({"datasets": ["d"]}, Path("data"))
    assert found.level == "ok", "it is left over"
    (found,) = check_tables({"datasets": ["d"], "representations": ["images/jule"]}, Path("data"))
    assert found.message.startswith(f"{file} was made from other images")


def test_tables_of_transfers_are_those_to_the_dataset(project: Path) -> None:
    for source in ("s", "left-over"):
        file = Path(f"data/partitions/d/images/transfer-{source}.parquet")
        tables.write_partitions(file, {"a": np.zeros(2, np.int32)}, {"a": {}}, "other")
    values: dict[str, Any] = {"datasets": ["d"], "transfers": [{"source": "s", "dataset": "d"}]}
    (found,) = check_tables(values, Path("data"))
    assert found.message.startswith("data/partitions/d/images/transfer-s.parquet was made from other images")
    (found,) = check_tables({**values, "transfers": "s"}, Path("data"))
    assert found.level == "ok", "another check reports the list"


def test_runs_at_work_and_unfinished_ones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    places = (Path("data"), Path("metrics"), Path("cache"))
    lock = Path("data/scratch/extract/d/tiny.lock")
    with locked(lock, "it"):
        assert only(check_leftovers(*places)) == ("warning", "a stage is at work on extract/d/tiny; wait for it")
    assert lock.exists()
    assert only(check_leftovers(*places)) == ("ok", "no stage is at work, and none left anything unfinished")
    (lock.parent / "tiny").mkdir()
    (lock.parent / "tiny/0.npy").write_bytes(b"0" * (3 << 20))
    assert only(check_leftovers(*places)) == (
        "warning",
        "data/scratch holds 3 MiB of unfinished work; `dvc repro` goes on there, or remove it",
    )


def test_features_kept_for_datasets_and_backbones_that_are_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    places = (Path("data"), Path("metrics"), Path("cache"))
    for name in ("d/tiny", "d/old", "gone/tiny"):
        Path("data/scratch/features", name).mkdir(parents=True)
    assert only(check_leftovers(*places, ["d"], ["tiny"])) == (
        "warning",
        "data/scratch/features/d/old, data/scratch/features/gone/tiny: features kept for datasets or backbones "
        "that params.yaml does not name; remove them if you do not need them",
    )
    assert only(check_leftovers(*places)) == ("ok", "no stage is at work, and none left anything unfinished")


def test_it_starts_without_torch_and_explains_its_options() -> None:
    program = (
        "import sys, stages.commands.doctor\n"
        "assert not {'torch', 'numpy', 'pyarrow', 'dvc', 'psutil', 'filelock'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], check=True, env=os.environ)
    text = subprocess.run(
        [sys.executable, "-m", "stages.commands", "doctor", "--help"], check=True, capture_output=True, text=True
    ).stdout
    assert all(option in text for option in ("--json", "--timeout", "--params"))
