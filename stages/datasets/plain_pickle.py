"""Reads pickles that hold nothing but plain containers, text, numbers and NumPy arrays."""

import pickle
from pathlib import Path
from typing import Any

import numpy as np

_RECONSTRUCT = np.empty(0).__reduce__()[0]  # its module has another name in NumPy 1 and 2
_HARMLESS = {
    ("numpy.core.multiarray", "_reconstruct"): _RECONSTRUCT,
    ("numpy._core.multiarray", "_reconstruct"): _RECONSTRUCT,
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): np.dtype,
}


def load_plain(file: Path) -> Any:
    """Return the content of a pickle, text of Python 2 read as Latin-1.

    An ordinary pickle can call any function there is. This admits the few that make an array and raises
    `pickle.UnpicklingError` for all others, before they are called.
    """
    with file.open("rb") as stream:
        return _Plain(stream, encoding="latin1").load()


class _Plain(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        try:
            return _HARMLESS[module, name]
        except KeyError:
            raise pickle.UnpicklingError(f"the pickle asks for {module}.{name}; only arrays are read") from None
