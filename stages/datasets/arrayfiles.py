"""Opens files of arrays, each kind as its format asks, without running anything that they hold."""

import gzip
import math
import re
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from stages.core.errors import DatasetError, one_line

_HDF5 = b"\x89HDF\r\n\x1a\n"
_IDX = re.compile(r"(?:(.*)[-_.])?images([-_.])idx(\d)(.*)", re.IGNORECASE)  # such as train-images-idx3-ubyte.gz
_IDX_TYPES = {8: ">u1", 9: ">i1", 11: ">i2", 12: ">i4", 13: ">f4", 14: ">f8"}


class Part(NamedTuple):
    """Images and labels that belong together.

    Messages call them `name`; their paths begin with `prefix`. `images` is a NumPy array, or an
    HDF5 dataset that gives one when it is indexed; `labels`, where there are any, has one of any shape.
    """

    name: str
    prefix: str
    images: Any
    labels: np.ndarray | None


@contextmanager
def open_arrays(path: Path, images: str, labels: str) -> Iterator[list[Part]]:
    """Give the arrays called `images` and `labels` ("" for none) in the file `path`, until the `with` block ends.

    The ending of its name says which kind of file it is. Raises `DatasetError`, naming the file and the way out.
    """
    name = path.name.lower()
    if not path.exists():
        raise DatasetError(f"there is no file {path}; put it there, or correct `path`")
    if path.is_dir() or _IDX.fullmatch(name):
        yield _idx_parts(path, bool(labels))
    elif name.endswith((".h5", ".hdf5")) or (name.endswith(".mat") and _is_hdf5(path)):
        with _hdf5(path) as members:
            found = _found(members, images, path, "images")
            yield [Part(str(path), "", found, _hdf5_labels(members, labels, path) if labels else None)]
    elif name.endswith((".npz", ".mat")):
        members = _numpy(path, images, labels) if name.endswith(".npz") else _matlab(path, images, labels)
        found = _found(members, images, path, "images")
        yield [Part(str(path), "", found, _found(members, labels, path, "labels") if labels else None)]
    else:
        raise DatasetError(
            f"{path} is not a file of arrays by its name; it may end in .npz, .mat, .h5 or .hdf5, or be like "
            "train-images-idx3-ubyte.gz"
        )


def _found(members: Mapping[str, Any], name: str, path: Path, key: str) -> Any:
    if name not in members:
        raise DatasetError(
            f"{path} holds no array {name!r}, but {', '.join(map(repr, members)) or 'nothing'}; correct `{key}`"
        )
    if not hasattr(members[name], "shape"):
        raise DatasetError(f"{path}: {name!r} is not an array; correct `{key}`")
    return members[name]


def _damaged(path: Path, error: Exception) -> DatasetError:
    return DatasetError(f"{path} cannot be read ({one_line(error)})")


def _numpy(path: Path, *wanted: str) -> dict[str, np.ndarray | None]:
    """The wanted arrays of an .npz; the others as None."""
    try:
        with np.load(path, allow_pickle=False) as file:  # a pickle could run code
            return {name: file[name] if name in wanted else None for name in file.files}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error, MemoryError, AttributeError) as error:
        raise _damaged(path, error) from None


def _matlab(path: Path, *wanted: str) -> dict[str, Any]:
    """The wanted arrays of a MATLAB file before version 7.3; the others as None."""
    from scipy.io import loadmat, whosmat

    try:
        names = [name for name, _, _ in whosmat(path)]
        found = loadmat(path, variable_names=[name for name in wanted if name in names])
        return {name: found.get(name) for name in names}
    except Exception as error:  # SciPy's parser raises whatever a damaged file leads it to
        raise _damaged(path, error) from None


def _is_hdf5(path: Path) -> bool:
    with path.open("rb") as stream:  # MATLAB 7.3 writes 512 bytes of its own before it
        start = stream.read(512 + len(_HDF5))
    return _HDF5 in (start[: len(_HDF5)], start[512:])


@contextmanager
def _hdf5(path: Path) -> Iterator[Mapping[str, Any]]:
    try:
        h5py = import_module("h5py")
    except ImportError:
        raise DatasetError(
            f"{path} is an HDF5 file, which the package h5py reads; install it with `pip install h5py`"
        ) from None
    try:
        file = h5py.File(path, "r", rdcc_nbytes=64 << 20)  # neighbours share a compressed chunk
    except OSError as error:
        raise _damaged(path, error) from None
    with file:
        yield file


def _hdf5_labels(members: Mapping[str, Any], name: str, path: Path) -> np.ndarray:
    found = _found(members, name, path, "labels")
    try:
        values: np.ndarray = found[()]
    except (OSError, ValueError, TypeError) as error:
        raise _damaged(path, error) from None
    return values.astype("S") if values.dtype.kind == "O" else values  # text of any length comes as objects


def _idx_parts(path: Path, labelled: bool) -> list[Part]:
    """A pair of idx files, or all pairs in a folder; there, what precedes "images" in a name is the prefix."""
    files = sorted(place for place in path.iterdir() if _IDX.fullmatch(place.name)) if path.is_dir() else [path]
    files = [file for file in files if file.suffix != ".gz" or file.with_suffix("") not in files]  # not twice
    if not files:
        raise DatasetError(f"the folder {path} holds no file like train-images-idx3-ubyte.gz; correct `path`")
    parts = []
    for file in files:
        start, mark, _, ending = _IDX.fullmatch(file.name).groups()  # type: ignore[union-attr]
        labels = file.with_name(f"{start}-labels{mark}idx1{ending}" if start else f"labels{mark}idx1{ending}")
        if labelled and not labels.is_file():
            raise DatasetError(f"there is no {labels.name} beside {file}; put it there, or set `labels` to ''")
        prefix = f"{start}/" if start and len(files) > 1 else ""
        parts.append(Part(str(file), prefix, _read_idx(file), _read_idx(labels) if labelled else None))
    return parts


def _read_idx(file: Path) -> np.ndarray:
    """Read an idx file: two zero bytes, type, number of axes, big-endian sizes, values in C order."""
    try:
        with gzip.open(file) if file.suffix == ".gz" else file.open("rb") as stream:
            zeros, kind, axes = stream.read(2), stream.read(1), stream.read(1)
            if zeros != b"\0\0" or not kind or kind[0] not in _IDX_TYPES or not axes:
                raise ValueError("it does not begin like an idx file")
            sizes = np.frombuffer(stream.read(4 * axes[0]), ">u4").tolist()
            dtype = np.dtype(_IDX_TYPES[kind[0]])
            expected = math.prod(sizes) * dtype.itemsize
            values = bytearray()
            while len(values) <= expected and (block := stream.read(1 << 20)):  # whatever the sizes say
                values += block
            if len(sizes) != axes[0] or len(values) != expected:
                raise ValueError(f"it has {'more' if len(values) > expected else 'fewer'} values than it says")
            return np.frombuffer(values, dtype).reshape(sizes)
    except (OSError, ValueError, EOFError, zlib.error, OverflowError, MemoryError) as error:
        raise _damaged(file, error) from None
