"""The pipeline as a command runs it: `dvc repro`, of which the user sees what the stages say, not DVC's hints."""

import codecs
import hashlib
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import IO, NoReturn

import stages
from stages.core.atomic import write_text
from stages.core.digests import code_digest
from stages.core.errors import ManyviewsError, ParameterError

_OF_DVC = re.compile(
    r"Stage '.*'|(Updating|Generating) lock|To (track|enable) |Use `dvc push`|Data and pipelines are|[>\t]|\s*$"
)
_STARTED = re.compile(r"Running stage '(.+)':$")
_FAILED = re.compile(r"failed to reproduce '(.+?)'.*exited with (-?\d+)")


def find_project() -> Path:
    """Return the project's folder: this one, the nearest above, or the clone that was installed."""
    here, installed = Path.cwd(), Path(stages.__file__).parents[1]
    for folder in (here, *here.parents, installed):
        if all((folder / part).is_file() for part in ("dvc.yaml", "params.yaml", "stages/report.py")):
            return folder
    raise ParameterError(f"{here} is in no project; run in the project's folder, the clone of the repository")


def run_pipeline(root: Path, targets: Sequence[str]) -> None:
    """Bring these stages up to date, and all before them; print what the stages print and the names of those run.

    A failure ends the command with the status of the stage, which has said why in one line. Raises
    `ManyviewsError` for a failure of DVC itself, and of a stage that was killed.
    """
    with _running(root, "-m", "dvc", "repro", *targets) as lines:
        for line in lines:
            if started := _STARTED.match(line):
                print(f"{started[1]} ...", flush=True)
            elif not _OF_DVC.match(line):
                print(f"  {line.rstrip()}", flush=True)


def make_page(root: Path, dataset: str) -> Path:
    """Return the file of the report on one dataset alone, made again if anything that it shows has changed."""
    page, note = root / "metrics" / dataset / "report.html", root / "data" / "scratch" / "page" / f"{dataset}.txt"
    digest = _shown(root, dataset)
    if not page.is_file() or not note.is_file() or note.read_text(encoding="utf-8") != digest:
        print("report ...", flush=True)
        page_option = page.relative_to(root).as_posix()
        with _running(root, "-m", "stages.report", "--datasets", dataset, "--page", page_option) as lines:
            lines.read()
        write_text(note, digest)
    return page


def _shown(root: Path, dataset: str) -> str:
    """A digest of all that the report shows, and of its code."""
    data = root / "data"
    files = [root / "params.yaml", data / "evaluations" / f"{dataset}.json", data / "studies" / f"{dataset}.html"]
    files += [
        data / "graphs" / f"{dataset}.near_duplicates.csv",
        *sorted((data / "views" / dataset).glob("*.json")),
    ]
    digest = hashlib.sha256(code_digest("stages.report", ["numpy", "pillow", "scikit-learn"]).encode())
    for file in files:
        digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()


@contextmanager
def _running(root: Path, *arguments: str) -> Iterator[IO[str]]:
    """Run this Python in the project's folder, where the stages find it as `python`; give what it prints."""
    environment = os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"}
    if sys.stderr.isatty():  # the stages write to a pipe, and yet draw their progress
        columns = os.get_terminal_size(sys.stderr.fileno()).columns or 80
        environment |= {"FORCE_COLOR": "1", "COLUMNS": str(columns)}
    process = subprocess.Popen(
        [sys.executable, *arguments],
        cwd=root,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        errors="backslashreplace",
    )
    assert process.stdout is not None and process.stderr is not None
    errors = _Errors(process.stderr)
    try:
        yield process.stdout
    finally:  # when interrupted, too: the process is so as well, and puts its own things in order
        status = process.wait()
        errors.wait()
        process.stdout.close()
        process.stderr.close()
    if status:
        errors.end(status)


class _Errors:
    """Passes on what a process writes to stderr, progress bars too, but for DVC's own errors, which are kept."""

    def __init__(self, stream: IO[str]) -> None:
        self._of_dvc: list[str] = []
        self._explained = False  # by a stage, in one line
        self._thread = Thread(target=self._pass_on, args=(stream,), daemon=True)
        self._thread.start()

    def wait(self) -> None:
        """Wait until all has been passed on."""
        self._thread.join()

    def end(self, status: int) -> NoReturn:
        """End the command for a process that ended with this status, which is not 0."""
        said = " ".join(self._of_dvc)
        failed = _FAILED.search(said)
        if self._explained:
            sys.exit(max(1, int(failed[2])) if failed else status)
        if failed:
            raise ManyviewsError(f"{failed[1]} ended with status {failed[2]}, see above; run this again to go on")
        raise ManyviewsError(f"dvc ended with status {status}: {said or 'see above'}")

    def _pass_on(self, stream: IO[str]) -> None:
        decoder, line = codecs.getincrementaldecoder("utf-8")("backslashreplace"), ""
        while chunk := os.read(stream.fileno(), 65536):
            for part in decoder.decode(chunk).splitlines(keepends=True):
                shown, line = len(line), line + part
                if "ERROR: ".startswith(line[:7]) and not line.endswith("\n"):
                    continue  # it may become an error of DVC's
                if line.startswith("ERROR: "):
                    self._of_dvc.append(line.removeprefix("ERROR: ").strip())
                else:
                    self._explained |= line.startswith("error: ")
                    sys.stderr.write(line if shown < 7 and "ERROR: ".startswith(line[:shown]) else part)
                    sys.stderr.flush()
                if line.endswith(("\n", "\r")):
                    line = ""
