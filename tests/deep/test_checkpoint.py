"""The file that holds the state of an unfinished training."""

from pathlib import Path

import pytest
import torch

from stages.core.errors import ParameterError
from stages.deep.checkpoint import FileCheckpoint, part, take

STATE = {"encoder.weight": torch.arange(6.0).reshape(2, 3), "step": torch.tensor(3)}


def checkpoint(file: Path, lines: list[str], fingerprint: str = "data", code: str = "code") -> FileCheckpoint:
    return FileCheckpoint(file, fingerprint, seconds=-1, code=code, report=lines.append)


def test_a_state_comes_back_and_one_of_another_training_does_not(tmp_path: Path) -> None:
    file, lines = tmp_path / "s.safetensors", list[str]()
    assert checkpoint(file, lines).load() is None and lines == []
    checkpoint(file, lines).save(lambda: STATE)
    state = checkpoint(file, lines).load()
    assert state is not None and {name: tensor.tolist() for name, tensor in state.items()} == {
        name: tensor.tolist() for name, tensor in STATE.items()
    }
    assert checkpoint(file, lines, fingerprint="others").load() is None
    assert checkpoint(file, lines, code="other").load() is None
    assert lines == [
        f"{file} is a state of other data or parameters; the training starts again",
        f"{file} is a state left by other code or other versions of packages; the training starts again",
    ]


def test_a_damaged_state_counts_as_none_and_is_named(tmp_path: Path) -> None:
    file, lines = tmp_path / "s.safetensors", list[str]()
    checkpoint(file, lines).save(lambda: STATE)
    content = file.read_bytes()
    for harmed in (b"", content[:-1], content[:-3] + b"\1" + content[-2:]):
        file.write_bytes(harmed)
        assert checkpoint(file, lines).load() is None
        assert lines.pop().startswith(f"{file} is damaged (")


def test_a_state_that_lacks_a_tensor_names_its_file(tmp_path: Path) -> None:
    file = tmp_path / "s.safetensors"
    checkpoint(file, []).save(lambda: STATE)
    state = checkpoint(file, []).load()
    assert state is not None
    way_out = "remove it, or give these data and parameters their own"
    for holder, name in ((state, "moments"), (part(state, "encoder"), "bias")):
        with pytest.raises(ParameterError) as caught:
            take(holder, name, torch.zeros(1))
        assert str(caught.value) == f"{file} is the state of another training, it lacks {name}; {way_out}"
