"""Stand-ins for a process that ends, and for the checkpoint that it leaves behind."""

from collections.abc import Callable, Mapping

from torch import Tensor


class Killed(Exception):  # noqa: N818 - not an error
    """Stands for the end of the process."""


class Memory:
    """A checkpoint in memory, which counts how often it was asked to save."""

    def __init__(self, held: dict[str, Tensor] | None = None) -> None:
        self.held, self.saved = held, 0

    def load(self) -> dict[str, Tensor] | None:
        return self.held

    def save(self, state: Callable[[], Mapping[str, Tensor]]) -> None:
        self.held, self.saved = dict(state()), self.saved + 1


class Mortal(Memory):
    """A checkpoint after whose n-th state the process ends."""

    def __init__(self, lifetime: int, held: dict[str, Tensor] | None = None) -> None:
        super().__init__(held)
        self.lifetime = lifetime

    def save(self, state: Callable[[], Mapping[str, Tensor]]) -> None:
        super().save(state)
        if self.saved == self.lifetime:
            raise Killed
