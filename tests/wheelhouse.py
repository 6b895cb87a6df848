"""Small wheels for the tests, and a folder that pip takes for the package index."""

import hashlib
import io
import zipfile
from collections.abc import Mapping
from pathlib import Path


def make_zip(members: Mapping[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name), content)
    return stream.getvalue()


def make_wheel(
    folder: Path,
    name: str,
    members: Mapping[str, bytes],
    version: str = "1.0",
    requires_python: str = ">=3",
) -> tuple[str, str]:
    """Write a wheel into `folder`; return its requirement and its sha256."""
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\nRequires-Python: {requires_python}\n"
    about = f"{name}-{version}.dist-info"
    wheel = make_zip(
        {
            **members,
            f"{about}/METADATA": metadata.encode(),
            f"{about}/WHEEL": b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
            f"{about}/RECORD": b"",
        }
    )
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}-{version}-py3-none-any.whl").write_bytes(wheel)
    return f"{name}=={version}", hashlib.sha256(wheel).hexdigest()
