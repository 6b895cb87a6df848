"""Compiles the kernels of the default run beside its first stages, which leave a core idle, not within later ones.

numba compiles a kernel at its first call on a machine, half a minute for all, and keeps it. A stage that needs one
earlier, or another one, compiles it by itself: nothing waits for this, and nothing fails with it.
"""

import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

from stages.core.atomic import write_text
from stages.core.digests import code_digest
from stages.core.errors import ParameterError
from stages.core.lock import locked

# Beside the kernels, as numba keeps them with the code: a copy of it has both.
NOTE = Path(__file__).parents[1] / "__pycache__" / "kernels.txt"
_QUEUED = "/.dvc/tmp/exps/"  # where DVC runs queued experiments, in folders that it removes
_ALGORITHMS = ("ward", "gdl:n_neighbors=2")  # of the default ones those that have kernels


def start_compiling(note: Path = NOTE) -> None:
    """Compile in a process of its own, without waiting for it, unless `note` says that this code is compiled.

    Nor where DVC runs a queued experiment: it removes the folder at the end, which fails while this writes there.
    """
    if note.is_file() and note.read_bytes() == _digest().encode():
        return
    if _QUEUED in note.absolute().as_posix():
        return
    none = subprocess.DEVNULL
    command = [sys.executable, "-m", "stages.diagnosis.kernels", str(note)]
    with suppress(OSError):  # no process to be had: the stages compile, as they would have done
        subprocess.Popen(command, stdin=none, stdout=none, stderr=none)


def compile_kernels() -> None:
    """Call each kernel once, with data of the types that the stages call it with."""
    import numpy as np

    from stages.clustering import find_algorithm
    from stages.consensus import warm_up

    features = np.eye(8, dtype=np.float32)
    for name in _ALGORITHMS:
        find_algorithm(name).partition(features, 2, 0, 1)
    warm_up()


def _digest() -> str:
    return code_digest("stages.diagnosis.kernels", ("llvmlite", "numba", "numpy")) + "\n"


if __name__ == "__main__":
    if hasattr(os, "nice"):
        os.nice(10)  # whoever has work to wait for comes first
    with suppress(ParameterError, OSError), locked(Path(sys.argv[1]).with_suffix(".lock"), "the kernels"):
        compile_kernels()
        write_text(Path(sys.argv[1]), _digest())
