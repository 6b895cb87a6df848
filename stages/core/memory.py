"""How much memory there is, and refusing what would not fit in it before it is allocated."""

from pathlib import Path

import psutil

from stages.core.errors import ParameterError

_CGROUP = Path("/sys/fs/cgroup")  # where a container finds its own limit (version 2)


def available_memory() -> int:
    """Bytes that this process can still take: those of the machine, or of its container where that has fewer."""
    available = int(psutil.virtual_memory().available)
    try:
        limit = (_CGROUP / "memory.max").read_text().strip()
        used = int((_CGROUP / "memory.current").read_text())
    except (OSError, ValueError):
        return available
    return available if limit == "max" else min(available, max(int(limit) - used, 0))


def require_memory(needed: float, what: str, way_out: str) -> None:
    """Raise `ParameterError` with both figures unless `needed` bytes are available.

    `what` is the subject of the message ("the distances of 70000 images"), `way_out` what to do instead.
    """
    available = available_memory()
    if needed > available:
        raise ParameterError(
            f"{what} would take {needed / 2**30:.1f} GiB of memory, "
            f"of which {available / 2**30:.1f} GiB are free; {way_out}"
        )
