"""Shared by the tests of both kinds of model files: how a file that cannot be used is refused."""

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from safetensors.torch import save_file
from torch import Tensor

from stages.core.seal import BLANK, KEY, seal
from stages.deep.model_files import ModelError

AGAIN = "; delete it and run `dvc repro` to make it again"


def save_sealed(tensors: Mapping[str, Tensor], file: Path, metadata: Mapping[str, str] | None) -> None:
    """Write a file that is sound, whatever it says."""
    save_file(dict(tensors), file, {**(metadata or {}), KEY: BLANK})
    seal(file)


def refusal(file: Path, read: Callable[[Path], object]) -> str:
    """The one line of a refusal, without the file's name."""
    with pytest.raises(ModelError) as caught:
        read(file)
    message = str(caught.value)
    assert "\n" not in message and message.startswith(f"{file} ")
    return message.removeprefix(f"{file} ")


def check_damage_is_named(file: Path, write: Callable[[Path], object], read: Callable[[Path], object]) -> None:
    """That a file which is not there, of another kind or cut short is refused."""
    assert refusal(file, read) == "does not exist; run `dvc repro` to make it or `dvc pull` to fetch it"
    write(file)
    whole = file.read_bytes()
    for content in (b"", b"path,label\n", whole[: len(whole) // 2], whole[:-1]):
        file.write_bytes(content)
        message = refusal(file, read)
        assert message.startswith("is not a readable safetensors file (")
        assert message.endswith(f"){AGAIN}")
