"""Bad options of stages and commands, and bad settings of the machine."""

from collections.abc import Callable, Iterator


def cases() -> Iterator[tuple[str, Callable[[], list[object]]]]:
    yield from ()
