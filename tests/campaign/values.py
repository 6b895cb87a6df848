"""Bad input: values of every key and option by its type, descriptions of image sets, tables of labels.

A good case ends with an exit status other than 0 and one line of error.
"""

import contextlib
import importlib
import io
import os
import random
import tempfile
from collections.abc import Callable, Iterator
from itertools import chain, zip_longest
from pathlib import Path

from tests.campaign import values_of_keys, values_of_options, values_of_sources
from tests.campaign.tally import Tally
from tests.shell import exit_status

Case = tuple[
    str, Callable[[], list[object]]
]  # a name, and what puts the input there and returns stage and options


def run(count: int, seed: int) -> Tally:
    """Try `count` kinds of bad input, drawn in equal parts from keys, options and image sets."""
    draw = random.Random(seed)
    groups = [list(module.cases()) for module in (values_of_keys, values_of_options, values_of_sources)]
    for group in groups:
        draw.shuffle(group)
    drawn = [case for case in chain.from_iterable(zip_longest(*groups)) if case is not None]
    tally = Tally("kinds of bad input", "single lines")
    for name, prepare in drawn[:count]:
        with _empty_folder():
            module, *arguments = prepare()
            tally.add(name, _fault(str(module), arguments))
    return tally


def _fault(module: str, arguments: list[object]) -> str | None:
    """Why the end was not a good one; None if it was."""
    out, err = io.StringIO(), io.StringIO()
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            status = exit_status(importlib.import_module(module).app, *arguments)
    except BaseException as error:
        return f"{type(error).__name__}: {error}"
    lines = [line for line in err.getvalue().splitlines() if not line.startswith(("fetching ", "warning: "))]
    if status == 0:
        return f"taken: {out.getvalue().strip()[:200]!r}"
    if len(lines) != 1 or not lines[0].startswith("error: "):
        return f"{len(lines)} lines: {lines}"
    return None


@contextlib.contextmanager
def _empty_folder() -> Iterator[None]:
    before, environment = Path.cwd(), dict(os.environ)
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        try:
            yield
        finally:
            os.chdir(before)
            os.environ.clear()
            os.environ.update(environment)
