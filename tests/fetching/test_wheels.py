import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import platformdirs
import pytest

from stages.core.digests import file_digest
from stages.core.errors import FetchError
from stages.fetching import wheels
from stages.fetching.downloads import cache_folder
from stages.fetching.wheels import fetch_wheel, read_member
from tests.wheelhouse import make_wheel

ZERO = "0" * 64


@pytest.fixture
def index(tmp_path, monkeypatch):
    """A folder that pip takes for the package index."""
    folder = tmp_path / "index"
    folder.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    return folder


@pytest.fixture
def no_pip(monkeypatch):
    def refuse(*args, **options):
        raise AssertionError("pip was run")

    return lambda: monkeypatch.setattr(subprocess, "run", refuse)


def kept(cache: Path) -> list[str]:
    return sorted(path.relative_to(cache).as_posix() for path in cache.rglob("*") if path.is_file())


def test_a_wheel_is_fetched_once(index, tmp_path, no_pip):
    requirement, sha256 = make_wheel(index, "photos", {"photos/data.bin": b"content"})
    lines = []
    cache = tmp_path / "new" / "cache"
    file = fetch_wheel(requirement, sha256, cache, lines.append)
    assert file == cache / "wheels" / sha256 / "photos-1.0-py3-none-any.whl"
    assert kept(cache) == [f"wheels/{sha256}/{file.name}"]
    assert lines == ["fetching photos==1.0 from the Python package index"]
    no_pip()
    assert fetch_wheel(requirement, sha256, cache, lines.append) == file
    assert len(lines) == 1
    assert read_member(file, "photos/*.bin") == b"content"


def test_the_start_of_a_fetch_is_reported_to_whoever_asks(index, tmp_path, capfd):
    requirement, sha256 = make_wheel(index, "photos", {})
    lines = []
    fetch_wheel(requirement, sha256, tmp_path / "cache", lines.append)
    assert lines == ["fetching photos==1.0 from the Python package index"]
    assert capfd.readouterr() == ("", "")


def test_a_wheel_put_there_by_hand_serves_under_any_name(index, tmp_path, no_pip):
    requirement, sha256 = make_wheel(index, "photos", {})
    place = tmp_path / "cache" / "wheels" / sha256 / "by-hand.whl"
    place.parent.mkdir(parents=True)
    next(index.iterdir()).rename(place)
    no_pip()
    assert fetch_wheel(requirement, sha256, tmp_path / "cache") == place


def test_a_damaged_wheel_in_the_cache_is_fetched_anew(index, tmp_path):
    requirement, sha256 = make_wheel(index, "photos", {})
    file = fetch_wheel(requirement, sha256, tmp_path / "cache")
    file.write_bytes(file.read_bytes()[:-1])
    lines = []
    assert fetch_wheel(requirement, sha256, tmp_path / "cache", lines.append) == file
    assert file_digest(file) == sha256
    assert lines == [f"{file} is damaged", "fetching photos==1.0 from the Python package index"]


def test_a_wheel_for_another_python_is_fetched_too(index, tmp_path):
    requirement, sha256 = make_wheel(index, "photos", {}, requires_python="<3")
    assert fetch_wheel(requirement, sha256, tmp_path / "cache").exists()


def test_a_wheel_with_another_digest_is_not_kept(index, tmp_path):
    requirement, sha256 = make_wheel(index, "photos", {})
    with pytest.raises(FetchError) as caught:
        fetch_wheel(requirement, ZERO, tmp_path / "cache")
    for part in (requirement, sha256, ZERO, f"put the right file into {tmp_path / 'cache' / 'wheels' / ZERO}"):
        assert part in str(caught.value)
    assert kept(tmp_path / "cache") == []


def test_what_the_index_lacks_is_one_line_with_pips_reason_and_a_way_out(index, tmp_path):
    with pytest.raises(FetchError) as caught:
        fetch_wheel("photos==2.0", ZERO, tmp_path / "cache")
    assert str(caught.value) == (
        "pip could not fetch photos==2.0 (No matching distribution found for photos==2.0); check the network and "
        "the index that pip is set to, or put the wheel of photos==2.0 into "
        f"{tmp_path / 'cache' / 'wheels' / ZERO} by hand"
    )
    assert kept(tmp_path / "cache") == []


def test_an_index_out_of_reach_is_named_as_the_cause(tmp_path, monkeypatch):
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("PIP_RETRIES", "1")
    for name in ("PIP_NO_INDEX", "PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(FetchError, match=r"photos==1.0; the index was out of reach\); check the network"):
        fetch_wheel("photos==1.0", ZERO, tmp_path / "cache")


def test_python_without_pip_is_reported(tmp_path, monkeypatch):
    script = tmp_path / "python"
    script.write_text("#!/bin/sh\necho 'No module named pip' >&2\nexit 1\n")
    script.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(script))
    with pytest.raises(FetchError, match=r"\(No module named pip\)"):
        fetch_wheel("photos==1.0", ZERO, tmp_path / "cache")


@pytest.mark.parametrize(
    "requirement",
    [
        *(
            "-r/etc/passwd",
            "--pre==1",
            "photos",
            "photos>=1",
            "photos==1,<2",
            "photos==*",
            "photos @ https://a/b.whl",
        ),
        *("https://a/b==1.whl", "./photos==1", "photos==1 --pre", "photos==1\n", "photos[x]==1", "", "photos==-1"),
    ],
)
def test_only_a_pinned_requirement_reaches_pip(requirement, tmp_path, no_pip):
    no_pip()
    with pytest.raises(FetchError, match=r"is not a pinned requirement; write it as name==version$"):
        fetch_wheel(requirement, ZERO, tmp_path / "cache")


@pytest.mark.parametrize("sha256", ["", "abc", "g" * 64, "A" * 64, "../" + "0" * 61, ZERO + "\n"])
def test_only_a_sha256_names_a_folder(sha256, tmp_path, no_pip):
    no_pip()
    with pytest.raises(FetchError, match=r"is not a sha256; write it as 64 hex digits"):
        fetch_wheel("photos==1.0", sha256, tmp_path / "cache")


def test_two_runs_at_once_do_not_harm_each_other(index, tmp_path):
    requirement, sha256 = make_wheel(index, "photos", {"a": b"content"})
    with ThreadPoolExecutor(3) as pool:
        files = list(pool.map(lambda _: fetch_wheel(requirement, sha256, tmp_path / "cache"), range(3)))
    assert len(set(files)) == 1
    assert read_member(files[0], "a") == b"content"
    assert kept(tmp_path / "cache") == [f"wheels/{sha256}/{files[0].name}"]


def test_pip_draws_its_progress_bar_on_a_terminal_only(index, tmp_path, monkeypatch):
    requirement, sha256 = make_wheel(index, "photos", {})
    streams = []
    real = subprocess.run

    def spy(command, **options):
        streams.append(options["stdout"])
        return real(command, **{**options, "stdout": subprocess.DEVNULL})

    monkeypatch.setattr(wheels.subprocess, "run", spy)
    fetch_wheel(requirement, sha256, tmp_path / "piped")
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    fetch_wheel(requirement, sha256, tmp_path / "terminal")
    assert streams == [subprocess.DEVNULL, sys.stderr]


def test_the_cache_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("MANYVIEWS_CACHE", str(tmp_path))
    assert cache_folder() == tmp_path
    monkeypatch.setenv("MANYVIEWS_CACHE", "~/photos")
    assert cache_folder() == Path.home() / "photos"
    for unset in (
        lambda: monkeypatch.setenv("MANYVIEWS_CACHE", ""),
        lambda: monkeypatch.delenv("MANYVIEWS_CACHE"),
    ):
        unset()
        assert cache_folder() == Path(platformdirs.user_cache_dir("manyviews"))


def test_the_digest_of_a_file(tmp_path):
    (tmp_path / "abc").write_bytes(b"abc")
    assert file_digest(tmp_path / "abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
