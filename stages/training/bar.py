"""Live progress of a training: on a terminal, on stderr, gone when done."""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import fields
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn


@contextmanager
def training_bar(title: str, total: int | None) -> Iterator[Callable[[str, Any], None]]:
    """Show how far a training is; call the given function with what is trained and each new record of it.

    `total` is the number of records to come, at most; None where nobody knows.
    """
    console = Console(stderr=True)
    shape = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), TextColumn("{task.fields[at]}"))
    with Progress(*shape, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task(escape(title), total=total, at="")

        def show(what: str, record: Any) -> None:
            progress.update(task, advance=1, at=escape(f"{what} {described(record)}".strip()))

        yield show


def described(record: Any) -> str:
    """Return the fields of a record (a dataclass instance) that are a text or a number, on one line."""
    values = {field.name: getattr(record, field.name) for field in fields(record)}
    parts = []
    for name, value in values.items():
        if isinstance(value, str):
            parts.append(value)
        elif isinstance(value, int) or (isinstance(value, float) and not math.isnan(value)):
            parts.append(f"{name} {value:.4g}" if isinstance(value, float) else f"{name} {value}")
    return ", ".join(parts)
