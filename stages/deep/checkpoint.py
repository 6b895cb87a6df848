"""The state of an unfinished training: its tensors by name, checked on the way back, in one file."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import Field, dataclass, fields
from pathlib import Path
from typing import Any, ClassVar, Protocol, TypeVar

import numpy as np
import torch
from torch import Tensor

from stages.core.errors import ParameterError, first_line
from stages.core.seal import BLANK, KEY, SealError, check_seal, replacing_sealed


class Record(Protocol):
    """A step of a training: a dataclass whose fields are numbers but for these two."""

    PHASES: ClassVar[tuple[str, ...]]  # which `phase` may be
    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]

    @property
    def phase(self) -> str: ...
    @property
    def labels(self) -> np.ndarray | None: ...  # the clusters after the step, int32 (n), if they were looked at


AnyRecord = TypeVar("AnyRecord", bound=Record)
_MOMENTS: Mapping[type[torch.optim.Optimizer], set[str]] = {
    torch.optim.Adam: {"step", "exp_avg", "exp_avg_sq"},
    torch.optim.RMSprop: {"step", "square_avg"},
    torch.optim.SGD: {"momentum_buffer"},
}


class State(dict[str, Tensor]):
    """The tensors of a saved state by name, and the `place` it is at, for messages."""

    def __init__(self, tensors: Mapping[str, Tensor], place: str = "") -> None:
        super().__init__(tensors)
        self.place = place


@dataclass
class FileCheckpoint:
    """Keeps the state of one training, tensors on the CPU by name, in `file`.

    The training is that of these data and parameters, `fingerprint`, by this `code`.

    A state of another fingerprint, or by other code, counts as none; `report` is called with one line that says
    so. States are written when `seconds` have passed since the last, so that a kill costs no more than that time.
    The file is never half-written.
    """

    file: Path
    fingerprint: str
    seconds: float = 10.0
    code: str = ""
    report: Callable[[str], None] = lambda line: None

    def __post_init__(self) -> None:
        self._made_by = {"fingerprint": self.fingerprint, "code": self.code}
        self._saved = time.monotonic()

    def load(self) -> State | None:
        """Return the saved state, or None where the file is missing, damaged or of another training."""
        from safetensors import SafetensorError, safe_open

        try:
            check_seal(self.file)
            with safe_open(self.file, "pt") as tensors:
                made_by = tensors.metadata() or {}
                if reason := self._refusal(made_by):
                    self.report(f"{self.file} is a state {reason}; the training starts again")
                    return None
                state = {name: tensors.get_tensor(name) for name in tensors.keys()}  # noqa: SIM118
            return State(state, str(self.file))
        except FileNotFoundError:
            return None
        except (SealError, SafetensorError, OSError) as error:
            self.report(f"{self.file} is damaged ({first_line(error)}); the training starts again")
            return None

    def save(self, state: Callable[[], Mapping[str, Tensor]]) -> None:
        """Write what `state` returns, if the last state is `seconds` old; only then is it called."""
        if time.monotonic() - self._saved < self.seconds:
            return
        from safetensors.torch import save_file

        with replacing_sealed(self.file) as partial:
            tensors = {name: tensor.contiguous() for name, tensor in state().items()}
            save_file(tensors, partial, metadata={**self._made_by, KEY: BLANK})
        self._saved = time.monotonic()

    def remove(self) -> None:
        """Remove the file: the training is over, and its results are written."""
        self.file.unlink(missing_ok=True)

    def _refusal(self, made_by: Mapping[str, str]) -> str:
        """The reason why a state cannot be used here, "" if it can."""
        if made_by.get("fingerprint") != self._made_by["fingerprint"]:
            return "of other data or parameters"
        ours = made_by.get("code") == self._made_by["code"]
        return "" if ours else "left by other code or other versions of packages"


def part(state: Mapping[str, Tensor], prefix: str) -> State:
    """Return the tensors whose names start with `prefix` and a point, without it."""
    start = prefix + "."
    tensors = {name.removeprefix(start): tensor for name, tensor in state.items() if name.startswith(start)}
    return State(tensors, getattr(state, "place", ""))


def named(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """Return copies of the tensors, on the CPU as they are now, under `prefix`, a point and their names."""
    return {f"{prefix}.{name}": tensor.detach().to("cpu", copy=True) for name, tensor in tensors.items()}


def take(state: Mapping[str, Tensor], name: str, like: Tensor) -> Tensor:
    """Return the tensor called `name`, on the device of `like`.

    Raises `ParameterError` unless it is there and of the shape and type of `like`: else it is of another training.
    """
    if name not in state:
        raise _other(state, f"it lacks {name}")
    tensor = state[name]
    if tensor.shape != like.shape or tensor.dtype != like.dtype:
        raise _other(
            state,
            f"its {name} is {tuple(tensor.shape)} {tensor.dtype} instead of {tuple(like.shape)} {like.dtype}",
        )
    return tensor.to(like.device)


def load_weights(module: torch.nn.Module, state: Mapping[str, Tensor]) -> None:
    """Put the tensors of `state` into the module, whose names and shapes they must have."""
    module.load_state_dict({name: take(state, name, tensor) for name, tensor in module.state_dict().items()})


def history_state(history: Sequence[AnyRecord], kind: type[AnyRecord]) -> dict[str, Tensor]:
    """Return the records of a training, all of a `kind`, as tensors: their numbers, and the labels of some."""
    numbers = _numbers(kind)
    rows = [
        [kind.PHASES.index(each.phase), int(each.labels is not None), *(getattr(each, name) for name in numbers)]
        for each in history
    ]
    labels = [each.labels for each in history if each.labels is not None]
    return {
        "history": torch.tensor(rows, dtype=torch.float64).reshape(len(rows), 2 + len(numbers)),
        "history_labels": torch.from_numpy(np.stack(labels)) if labels else torch.empty((0, 0), dtype=torch.int32),
    }


def restored_history(state: Mapping[str, Tensor], kind: type[AnyRecord], n_images: int) -> list[AnyRecord]:
    """Return the records of `history_state`; raises `ParameterError` where they are of another training."""
    make: Callable[..., AnyRecord] = kind
    numbers = _numbers(kind)
    shape = (len(state.get("history", ())), 2 + len(numbers))
    rows = take(state, "history", torch.empty(shape, dtype=torch.float64)).tolist()
    count = sum(row[1] == 1 for row in rows)
    like = torch.empty((count, n_images if count else 0), dtype=torch.int32)
    labels = iter(take(state, "history_labels", like).numpy())
    history = []
    for phase, looked, *values in rows:
        given = {name: convert(value) for (name, convert), value in zip(numbers.items(), values, strict=True)}
        history.append(make(phase=kind.PHASES[int(phase)], labels=next(labels) if looked else None, **given))
    return history


def optimiser_state(optimiser: torch.optim.Optimizer) -> dict[str, Tensor]:
    """Return the optimiser's moments and counters by number of the parameter; none before its first step."""
    return {
        f"optimiser.{number}.{name}": value
        for number, values in optimiser.state_dict()["state"].items()
        for name, value in values.items()
        if isinstance(value, Tensor)
    }


def load_optimiser(optimiser: torch.optim.Optimizer, state: Mapping[str, Tensor]) -> None:
    """Give the optimiser the moments and counters of `state`."""
    parameters = [parameter for group in optimiser.param_groups for parameter in group["params"]]
    found: dict[int, dict[str, Tensor]] = {}
    for key, value in part(state, "optimiser").items():
        number, _, name = key.partition(".")
        if not number.isdigit() or int(number) >= len(parameters):
            raise _other(state, f"it has optimiser.{key} but there are {len(parameters)} parameters")
        like = value if value.ndim == 0 else parameters[int(number)]
        found.setdefault(int(number), {})[name] = take(state, f"optimiser.{key}", like)
    expected = _moments(optimiser)
    for moments in found.values():
        if set(moments) != expected or len(found) != len(parameters):
            raise _other(state, f"its optimiser keeps {', '.join(sorted(moments))} of {len(found)} parameters")
    optimiser.load_state_dict({"state": found, "param_groups": optimiser.state_dict()["param_groups"]})


def _numbers(kind: type[Record]) -> dict[str, type[int] | type[float]]:
    """The fields of a record that are numbers, and their types."""
    names = (each for each in fields(kind) if each.name not in ("phase", "labels"))
    return {each.name: int if each.type is int else float for each in names}


def _moments(optimiser: torch.optim.Optimizer) -> set[str]:
    """The names of the values that the optimiser keeps for every parameter."""
    for kind, names in _MOMENTS.items():
        if isinstance(optimiser, kind):
            return names
    raise TypeError(f"no moments are known of {type(optimiser).__name__}")


def _other(state: Mapping[str, Tensor], why: str) -> ParameterError:
    place = getattr(state, "place", "") or "the checkpoint"
    return ParameterError(
        f"{place} is the state of another training, {why}; remove it, or give these data and parameters their own"
    )
