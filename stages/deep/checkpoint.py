"""Where a training was when it was killed: one safetensors file, replaced as a whole."""

import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from torch import Tensor

from stages.core.atomic import replacing


class Checkpoint(Protocol):
    """Keeps the state of one training: tensors on the CPU, by name."""

    def load(self) -> dict[str, Tensor] | None:
        """Return the state that was last saved, or None where there is none of this very training."""

    def save(self, state: Callable[[], Mapping[str, Tensor]]) -> None:
        """Save the state, which is asked for only if this is the time to."""


class FileCheckpoint:
    """A checkpoint in `file`, for the training of these data and parameters, `fingerprint`, by this `code`.

    A state of another fingerprint, or by other code, counts as none; `report` is called with one line that says
    so. States are written when `seconds` have passed since the last; a kill can cost no more than that time. The
    file is never half-written.
    """

    def __init__(
        self,
        file: Path,
        fingerprint: str,
        seconds: float = 10.0,
        code: str = "",
        report: Callable[[str], None] = lambda line: None,
    ) -> None:
        self.file = file
        self.seconds = seconds
        self.report = report
        self._made_by = {"fingerprint": fingerprint, "code": code}
        self._saved = time.monotonic()

    def load(self) -> dict[str, Tensor] | None:
        """Return the saved state, or None where the file is missing, damaged or of another training."""
        from safetensors import SafetensorError, safe_open

        try:
            with safe_open(self.file, "pt") as tensors:
                made_by = tensors.metadata() or {}
                if reason := self._refusal(made_by):
                    self.report(f"{self.file} is a state {reason}; the training starts again")
                    return None
                return {name: tensors.get_tensor(name) for name in tensors.keys()}  # noqa: SIM118
        except (FileNotFoundError, SafetensorError):
            return None

    def save(self, state: Callable[[], Mapping[str, Tensor]]) -> None:
        """Write what `state` returns, if the last state is `seconds` old."""
        if time.monotonic() - self._saved < self.seconds:
            return
        from safetensors.torch import save_file

        with replacing(self.file) as partial:
            tensors = {name: tensor.contiguous() for name, tensor in state().items()}
            save_file(tensors, partial, metadata=self._made_by)
        self._saved = time.monotonic()

    def remove(self) -> None:
        """Remove the file: the training is over, and its results are written."""
        with suppress(FileNotFoundError):
            self.file.unlink()

    def _refusal(self, made_by: Mapping[str, str]) -> str:
        """Why a state is of no use here, "" if it is."""
        if made_by.get("fingerprint") != self._made_by["fingerprint"]:
            return "of other data or parameters"
        return "left by other code or other versions of packages" if made_by != self._made_by else ""
