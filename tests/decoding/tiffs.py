"""TIFF files made byte by byte, for the tests."""

import struct


def raw_tiff(
    width: int, height: int, pixels: bytes, bits: int, photometric: int, sample_format: int = 1, order: str = "<"
) -> bytes:
    """A TIFF of one sample a pixel in one strip, not compressed; `order` is "<" for II and ">" for MM."""
    values = {256: width, 257: height, 258: bits, 259: 1, 262: photometric, 273: 0, 277: 1, 278: height}
    values |= {279: len(pixels), 339: sample_format}
    values[273] = 8 + 2 + 12 * len(values) + 4
    tags = b"".join(struct.pack(f"{order}HHII", tag, 4, 1, value) for tag, value in sorted(values.items()))
    start = {"<": b"II*\0", ">": b"MM\0*"}[order] + struct.pack(f"{order}IH", 8, len(values))
    return start + tags + bytes(4) + pixels
