"""The progress of a stage: on a terminal, on stderr, gone when done."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, ProgressColumn, TextColumn, TimeElapsedColumn

T = TypeVar("T")


@contextmanager
def progress_bar(title: str, total: int) -> Iterator[Callable[[int], None]]:
    """Show how much of `total` is done; call the given function with each further amount."""
    with _bar(*Progress.get_default_columns()) as progress:
        task = progress.add_task(escape(title), total=total)
        yield lambda amount: progress.update(task, advance=amount)


@contextmanager
def record_bar(title: str, total: int | None) -> Iterator[Callable[[str], None]]:
    """Show the steps of a training; call the given function with a line about each.

    `total` is the number of steps to come, at most; None where nobody knows.
    """
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), TextColumn("{task.fields[at]}"))
    with _bar(*columns) as progress:
        task = progress.add_task(escape(title), total=total, at="")
        yield lambda line: progress.update(task, advance=1, at=escape(line))


def tracked(items: Iterable[T], title: str, total: int) -> Iterator[T]:
    """Yield the `items`, of which there are `total`, and show how many have been taken."""
    with progress_bar(title, total) as advance:
        for item in items:
            yield item
            advance(1)


def _bar(*columns: str | ProgressColumn) -> Progress:
    console = Console(stderr=True)
    return Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
