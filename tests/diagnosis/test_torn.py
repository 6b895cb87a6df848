"""Files of DVC's that a kill leaves torn, found and mended, without DVC at work."""

import json
import os
import subprocess
from pathlib import Path
from threading import Timer

import psutil
import pytest
from dvc.lock import Lock

from stages.core.lock import locked
from stages.diagnosis.finding import ok
from stages.diagnosis.torn import BusyError, check_torn, dvc_kept_out, find_damage, find_left

STAGE = "    cmd: python {0}\n    deps:\n    - path: {0}\n      hash: md5\n      md5: {1}\n      size: 3\n"
ENTRIES = [f"  {name}:\n" + STAGE.format(name, name[0] * 4) for name in ("a", "b@c", "d")]
HEAD = "schema: '2.0'\nstages:\n"
CACHE = Path(".dvc/cache")


@pytest.fixture
def project(workdir: Path) -> Path:
    """A git repository with a dvc.lock of three stages, the last with an older digest in git."""
    (workdir / ".dvc/tmp").mkdir(parents=True)
    _write("dvc.lock", HEAD + "".join(ENTRIES).replace("dddd", "eeee"))
    _git("init", "-q")
    _commit("dvc.lock")
    _write("dvc.lock", HEAD + "".join(ENTRIES))
    return workdir


def _git(*arguments: str) -> None:
    subprocess.run(["git", "-c", "user.name=A", "-c", "user.email=a@example.org", *arguments], check=True)


def _commit(file: str) -> None:
    _git("add", file)
    _git("commit", "-qm", file)


def _write(file: str, text: str) -> None:
    Path(file).write_text(text, encoding="utf-8")


def _mended() -> list[str]:
    """Mend all there is; the messages."""
    damages = list(find_damage(Path(), CACHE))
    for damage in damages:
        damage.mend()
    assert list(find_damage(Path(), CACHE)) == []
    return [f"{damage.message}: {damage.mending}" for damage in damages]


def test_a_sound_project_has_no_damage_and_a_missing_lock_is_none(project: Path) -> None:
    _write(".dvc/tmp/rwlock", '{"write": {}}')
    assert _mended() == []
    Path("dvc.lock").unlink()
    assert _mended() == []


def test_a_lock_cut_anywhere_keeps_what_is_whole_and_takes_the_rest_from_git(project: Path) -> None:
    text = HEAD + "".join(ENTRIES)
    mended = 0
    for length in range(0, len(text), 11):
        _write("dvc.lock", text[:length])
        for message in _mended():  # none where DVC takes what is there for a shorter file
            mended += 1
            assert message.startswith("dvc.lock is cut short (")
            assert Path("dvc.lock").read_text(encoding="utf-8") == text.replace("dddd", "eeee")
    assert mended > 5


def test_what_was_computed_since_the_last_commit_stays(project: Path) -> None:
    newer = (HEAD + "".join(ENTRIES)).replace("aaaa", "ffff")
    _write("dvc.lock", newer[: newer.index("  d:") + 9])
    assert len(_mended()) == 1
    assert Path("dvc.lock").read_text(encoding="utf-8") == newer.replace("dddd", "eeee")


def test_a_lock_of_which_nothing_is_left_and_git_has_none_is_removed(workdir: Path) -> None:
    _write("dvc.lock", "sch")
    (workdir / ".git").mkdir()  # and git cannot help
    assert len(_mended()) == 1
    assert not Path("dvc.lock").exists()


def test_a_merge_conflict_is_left_alone(project: Path) -> None:
    text = f"{HEAD}<<<<<<< HEAD\n{ENTRIES[0]}=======\n{ENTRIES[1]}>>>>>>> other\n"
    _write("dvc.lock", text)
    assert _mended() == []
    assert Path("dvc.lock").read_text(encoding="utf-8") == text


@pytest.mark.parametrize("text", ["", '{"write": {"/x": {"pi', '{"write": {"/x": {"pid": "a"}}}'])
def test_torn_claims_are_removed(project: Path, text: str) -> None:
    _write(".dvc/tmp/rwlock", text)
    assert _mended() == [".dvc/tmp/rwlock is cut short: it is removed, and DVC makes a new one"]
    assert not Path(".dvc/tmp/rwlock").exists()


def test_claims_that_a_dvc_is_writing_are_waited_for(project: Path) -> None:
    guard = Lock(".dvc/tmp/rwlock.lock")
    guard.lock()
    _write(".dvc/tmp/rwlock", "")  # as every DVC has it between opening and writing it

    def write() -> None:
        _write(".dvc/tmp/rwlock", '{"write": {}}')
        guard.unlock()

    writer = Timer(0.1, write)
    writer.start()
    assert list(find_damage(Path(), CACHE)) == []
    writer.join()
    guard.lock()
    _write(".dvc/tmp/rwlock", "")
    assert list(find_damage(Path(), CACHE)) == []
    message = r"DVC is writing \.dvc/tmp/rwlock; wait until it ends, or stop it"
    with pytest.raises(BusyError, match=message), dvc_kept_out(Path()):
        pass
    guard.unlock()


def test_doctor_looks_twice_at_a_lock_that_a_dvc_may_be_writing(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = Path("dvc.lock").read_text(encoding="utf-8")
    _write("dvc.lock", text[:12])
    monkeypatch.setattr("stages.diagnosis.torn.sleep", lambda _: _write("dvc.lock", text))
    assert list(check_torn(Path(), CACHE)) == [ok("no file of DVC's is torn")]
    monkeypatch.setattr("stages.diagnosis.torn.sleep", lambda _: None)
    _write("dvc.lock", text[:12])
    (finding,) = check_torn(Path(), CACHE)
    assert finding.level == "fault" and "dvc.lock is cut short" in finding.message


def test_a_claim_whose_number_another_process_has_now_is_removed(project: Path) -> None:
    _write(".dvc/tmp/rwlock", json.dumps({"write": {"/x": {"pid": os.getpid(), "cmd": "dvc repro"}}}))
    began = psutil.Process().create_time()
    os.utime(".dvc/tmp/rwlock", (began - 60, began - 60))
    (message,) = _mended()
    assert message.startswith(f".dvc/tmp/rwlock names process {os.getpid()}, which is no longer the DVC")


def test_empty_folders_of_the_run_cache_are_removed_and_entries_stay(project: Path) -> None:
    for name in ("ab/abc/entry", "ab/abd/", "cd/cde/"):
        place = CACHE / "runs" / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.mkdir(exist_ok=True)
    assert _mended() == ["DVC's run cache has 2 empty folders: they are removed"]
    assert [place.name for place in sorted((CACHE / "runs").glob("*/*"))] == ["abc"]


def test_a_torn_dvc_file_comes_from_git_or_goes(project: Path) -> None:
    Path("data/raw").mkdir(parents=True)
    whole = "outs:\n- md5: aa.dir\n  size: 1\n  nfiles: 1\n  hash: md5\n  path: p\n"
    _write("data/raw/p.dvc", whole)
    _commit("data/raw/p.dvc")
    assert _mended() == []
    for name in ("p", "q"):
        _write(f"data/raw/{name}.dvc", "outs:\n- md5: aa.dir\n  si")
    assert [message.partition(" is cut")[0] for message in _mended()] == ["data/raw/p.dvc", "data/raw/q.dvc"]
    assert Path("data/raw/p.dvc").read_text(encoding="utf-8") == whole
    assert not Path("data/raw/q.dvc").exists()


def test_leftovers_of_processes_that_ended_go_and_those_of_others_stay(project: Path) -> None:
    from stages.core.atomic import partial_prefix

    mine = partial_prefix()
    gone = mine.replace(str(os.getpid()), "99999999")
    copy = ".OoOoOoOoOoOoOoOoOoOoOo.tmp"
    stay = [
        f"data/a/{mine}x.parquet",
        "cache/.partial-weights.pth",
        "data/.partial-000000-99999999-x",
        "data/x.tmp",
    ]
    go = [f"data/a/{gone}x.parquet", f"cache/{gone}y", f"data/{copy}", f".dvc/cache/files/md5/00/11{copy}"]
    for file in (*stay, *go):
        Path(file).parent.mkdir(parents=True, exist_ok=True)
        Path(file).touch()
    (damage,) = find_left(Path(), CACHE, Path("cache"))
    damage.mend()
    assert [file for file in (*stay, *go) if Path(file).exists()] == stay
    assert list(find_left(Path(), CACHE, Path("cache"))) == []


def test_while_dvc_or_a_stage_is_at_work_it_refuses(project: Path) -> None:
    holder = Lock(".dvc/tmp/lock")
    holder.lock()
    with (
        pytest.raises(BusyError, match="DVC is at work in this project; wait until it ends"),
        dvc_kept_out(Path()),
    ):
        pass
    holder.unlock()
    _write(".dvc/tmp/rwlock", json.dumps({"read": {"/x": [{"pid": os.getpid(), "cmd": "dvc repro"}]}}))
    with pytest.raises(BusyError, match=f"`dvc repro` is at work .process {os.getpid()}."), dvc_kept_out(Path()):
        pass
    Path(".dvc/tmp/rwlock").unlink()
    with (
        locked(Path("data/scratch/extract/d/b.lock"), "it"),
        pytest.raises(BusyError, match="a stage is at work on extract/d/b"),
        dvc_kept_out(Path()),
    ):
        pass
    with (
        dvc_kept_out(Path()),
        pytest.raises(BusyError, match="DVC is at work in this project"),
        dvc_kept_out(Path()),
    ):
        pass


def test_a_killed_experiment_leaves_no_branch_and_repair_returns_to_it(project: Path) -> None:
    branch = _asked("symbolic-ref", "HEAD")
    Path(".dvc/tmp/exps").mkdir()
    _write("params.yaml", "seed: 0")
    _commit("params.yaml")
    _git("checkout", "-q", _asked("rev-parse", "HEAD"))  # as DVC does, which then stages the experiment's values
    _write("params.yaml", "seed: 1")
    _git("add", "params.yaml")
    _write(".git/index.lock", "")
    lock, left = _mended()
    assert lock == ".git/index.lock was left by a killed experiment, or by git: removed"
    name = branch.removeprefix("refs/heads/")
    assert left.startswith(
        f"a killed experiment left git on no branch, where {name} is: back on {name}; see `git diff`"
    )
    assert _asked("symbolic-ref", "HEAD") == branch
    assert Path("params.yaml").read_text(encoding="utf-8") == "seed: 1"
    assert _asked("diff", "--cached", "--name-only") == ""
    _git("checkout", "-q", "params.yaml")
    assert Path("params.yaml").read_text(encoding="utf-8") == "seed: 0"


def test_head_without_a_branch_stays_where_no_experiment_was_or_it_is_elsewhere(project: Path) -> None:
    _git("checkout", "-q", _asked("rev-parse", "HEAD"))
    assert _mended() == []
    Path(".dvc/tmp/exps").mkdir()
    _write("params.yaml", "seed: 0")
    _commit("params.yaml")  # the branch has not got this
    head = _asked("rev-parse", "HEAD")
    assert _mended() == [] and _asked("rev-parse", "HEAD") == head
    assert _asked("rev-parse", "--abbrev-ref", "HEAD") == "HEAD"


def _asked(*arguments: str) -> str:
    return subprocess.run(["git", *arguments], capture_output=True, text=True, check=False).stdout.strip()
