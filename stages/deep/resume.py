"""Parts of a checkpoint as tensors by name, checked on the way back."""

from collections.abc import Mapping

import torch
from torch import Tensor

from stages.core.errors import ParameterError


def copied(tensor: Tensor) -> Tensor:
    """Return the tensor as it is now, on the CPU: training goes on in the original's place."""
    return tensor.detach().to("cpu", copy=True)


def part(state: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """Return the tensors whose names start with `prefix` and a point, without it."""
    return {
        name.removeprefix(prefix + "."): tensor for name, tensor in state.items() if name.startswith(prefix + ".")
    }


def named(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """Return copies of the tensors on the CPU under `prefix`, a point and their names."""
    return {f"{prefix}.{name}": copied(tensor) for name, tensor in tensors.items()}


def take(state: Mapping[str, Tensor], name: str, like: Tensor) -> Tensor:
    """Return the tensor called `name`, on the device of `like`.

    Raises `ParameterError` unless it is there and of the shape and type of `like`: else it is of another training.
    """
    if name not in state:
        raise _other(f"it lacks {name}")
    tensor = state[name]
    if tensor.shape != like.shape or tensor.dtype != like.dtype:
        raise _other(
            f"its {name} is {tuple(tensor.shape)} {tensor.dtype} instead of {tuple(like.shape)} {like.dtype}"
        )
    return tensor.to(like.device)


def load_weights(module: torch.nn.Module, state: Mapping[str, Tensor]) -> None:
    """Put the tensors of `state` into the module, all of its own names and shapes."""
    module.load_state_dict({name: take(state, name, tensor) for name, tensor in module.state_dict().items()})


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
            raise _other(f"it has optimiser.{key} but there are {len(parameters)} parameters")
        like = value if value.ndim == 0 else parameters[int(number)]
        found.setdefault(int(number), {})[name] = take(state, f"optimiser.{key}", like)
    expected = _moments(optimiser)
    for moments in found.values():
        if set(moments) != expected or len(found) != len(parameters):
            raise _other(f"its optimiser keeps {', '.join(sorted(moments))} of {len(found)} parameters")
    optimiser.load_state_dict({"state": found, "param_groups": optimiser.state_dict()["param_groups"]})


def _moments(optimiser: torch.optim.Optimizer) -> set[str]:
    """What the optimiser keeps of every parameter."""
    return {"step", "exp_avg", "exp_avg_sq"} if isinstance(optimiser, torch.optim.Adam) else {"momentum_buffer"}


def _other(why: str) -> ParameterError:
    return ParameterError(
        f"the checkpoint is one of another training, {why}; remove it, or give these data and parameters their own"
    )
