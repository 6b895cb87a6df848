"""What a reader gives: images as found, not yet decoded."""

from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(frozen=True)
class RawImage:
    """One image of a dataset, not yet read.

    `path` is the name the user knows it by, with "/" between folders; `label` the name of its class, if it has
    one. `read` returns the file's bytes or raises `UnreadableImageError`; nothing is kept between calls, so a
    list of these stays small however large the images are.
    """

    path: str
    label: str | None
    read: Callable[[], bytes] = field(repr=False, compare=False)
