"""Copies of image files without metadata, which decoders refuse where they are damaged, though pixels are sound.

Wrong lengths are mended, too: what follows is found by its own form. The orientation is kept where it is there.
"""

import re
import zlib
from collections.abc import Iterator

_SCAN, _COMMENT, _ADOBE, _EXIF = 0xDA, 0xFE, 0xEE, 0xE1  # markers of a JPEG
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # ... that begin a picture
_TABLES = _FRAMES | {0xC4, 0xCC, 0xDB, 0xDD}  # ... without which its pixels cannot be had
_METADATA = frozenset(range(0xE0, 0xF0)) | {_COMMENT}
_JFIF = b"JFIF\0\1\1\0\0\1\0\1\0\0"
_PNG = b"\x89PNG\r\n\x1a\n"
_PNG_PIXELS = re.compile(rb"PLTE|tRNS|IDAT|IEND|eXIf")
_WEBP_PIXELS = re.compile(rb"VP8 |VP8L|ALPH|ANIM|ANMF")
_WEBP_KNOWN = (b"VP8X", b"VP8 ", b"VP8L", b"ALPH", b"ANIM", b"ANMF", b"ICCP", b"EXIF", b"XMP ")
_WEBP_HAS = 0x20 | 0x04  # flags of VP8X that announce a profile and XMP


def without_metadata(data: bytes) -> bytes | None:
    """Return a JPEG, PNG or WebP without its texts, profiles and previews; None if it has none, or for others.

    Pixels are not looked at: a file whose pixels are damaged stays so.
    """
    bare = None
    if data.startswith(b"\xff\xd8\xff"):
        bare = b"\xff\xd8" + b"".join(_jpeg_parts(data))
    elif data.startswith(_PNG):
        bare = _PNG + b"".join(_png_parts(data))
    elif data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        parts = b"WEBP" + b"".join(_webp_parts(data))
        bare = b"RIFF" + len(parts).to_bytes(4, "little") + parts
    return bare if bare != data else None


def _jpeg_parts(data: bytes) -> Iterator[bytes]:
    """The segments up to the first scan, and all from there on; of metadata, what colours and orientation need."""
    start: int | None = 2
    while start is not None and start + 4 <= len(data):
        marker, end = data[start + 1], _jpeg_end(data, start)
        if marker == _SCAN or marker not in _METADATA | _TABLES:
            yield data[start:]
            return
        if marker in _TABLES:
            yield data[start:end]
        else:
            if not _leads_to_scan(data, end):
                if (found := _next_segment(data, start + 4)) is None:
                    return
                end = found
            content = data[start + 4 : end]
            if content.startswith(b"JFIF"):
                content = _JFIF
            whole_adobe = marker == _ADOBE and content.startswith(b"Adobe") and len(content) >= len(b"Adobe") + 7
            if content == _JFIF or whole_adobe or (marker == _EXIF and content.startswith(b"Exif\0\0")):
                yield data[start : start + 2] + (len(content) + 2).to_bytes(2, "big") + content
        start = end


def _jpeg_end(data: bytes, start: int) -> int:
    """Where the segment that begins at `start` says that it ends."""
    return start + 2 + max(2, int.from_bytes(data[start + 2 : start + 4], "big"))


def _leads_to_scan(data: bytes, start: int) -> bool:
    """Whether segments follow one another from `start` to the first scan, a picture's size among them."""
    framed = False
    while data[start : start + 1] == b"\xff" and start + 4 <= len(data):
        marker = data[start + 1]
        if marker == _SCAN or marker not in _METADATA | _TABLES:
            return framed and marker == _SCAN
        framed |= marker in _FRAMES
        start = _jpeg_end(data, start)
    return False


def _next_segment(data: bytes, start: int) -> int | None:
    """The first place from `start` on whose segments lead to a scan; those of a preview, a JPEG within, do not."""
    while (start := data.find(b"\xff", start)) >= 0:
        if data[start : start + 3] == b"\xff\xd8\xff":
            start = data.find(b"\xff\xd9", start) + 2
            if start < 2:
                return None
        elif _leads_to_scan(data, start):
            return start
        else:
            start += 1
    return None


def _png_parts(data: bytes) -> Iterator[bytes]:
    """The critical chunks, transparency, and the orientation."""
    start = len(_PNG)
    while start < len(data):
        end = start + 12 + int.from_bytes(data[start : start + 4], "big")
        name, sound = data[start + 4 : start + 8], _is_sound(data, start, end)
        if name[:1].isupper() or (sound and name in (b"tRNS", b"eXIf")):
            yield data[start:end]
        elif not sound:
            places = (found.start() - 4 for found in _PNG_PIXELS.finditer(data, start + 8))
            ends = ((place, place + 12 + int.from_bytes(data[place : place + 4], "big")) for place in places)
            end = next((place for place, its_end in ends if _is_sound(data, place, its_end)), end)
        start = end


def _is_sound(data: bytes, start: int, end: int) -> bool:
    """Whether the chunk of a PNG from `start` to `end` has the checksum that it ends with."""
    return end <= len(data) and zlib.crc32(data[start + 4 : end - 4]) == int.from_bytes(data[end - 4 : end], "big")


def _webp_parts(data: bytes) -> Iterator[bytes]:
    """The chunks of pixels, and the orientation."""
    start = 12
    while start + 8 <= len(data):
        name, length = data[start : start + 4], int.from_bytes(data[start + 4 : start + 8], "little")
        end = start + 8 + length + length % 2
        if name == b"VP8X":
            yield data[start : start + 8] + bytes([data[start + 8] & ~_WEBP_HAS]) + data[start + 9 : end]
        elif _WEBP_PIXELS.fullmatch(name):
            yield data[start:end]
        else:
            if end != len(data) and data[end : end + 4] not in _WEBP_KNOWN:
                found = _WEBP_PIXELS.search(data, start + 8)
                end = found.start() if found else len(data)
            if name == b"EXIF":
                content = data[start + 8 : end]
                yield name + len(content).to_bytes(4, "little") + content + b"\0" * (len(content) % 2)
        start = end
