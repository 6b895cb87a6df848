"""Small tar archives for the tests."""

import io
import tarfile
from collections.abc import Iterable, Mapping


def make_tar(
    members: Mapping[str, bytes] | Iterable[tuple[str, bytes]], compression: str = "", form: int = 1
) -> bytes:
    """A tar with `members`, compressed by "gz", "bz2" or "xz"; `form` is one of tarfile's, GNU's by default."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode=f"w:{compression}", format=form) as archive:
        for name, content in members.items() if isinstance(members, Mapping) else members:
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return stream.getvalue()
