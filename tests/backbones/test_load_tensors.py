"""Weight files are read without running any code from them; everything else in them is refused in one line."""

import io
import pickle
import random
import tarfile
import warnings

import pytest
import safetensors.torch
import torch
import torchvision

from stages.backbones.network import load_tensors
from stages.core.errors import BackboneError


def test_tensors_from_both_formats(tmp_path):
    tensors = {"b": torch.arange(3.0), "a": torch.ones(2, 2)}
    torch.save(tensors, tmp_path / "w.pth")
    safetensors.torch.save_file(tensors, tmp_path / "w.safetensors")
    loaded = load_tensors(tmp_path / "w.pth")
    assert list(loaded) == ["b", "a"], "in the file's order"
    for name, values in load_tensors(tmp_path / "w.safetensors").items():
        torch.testing.assert_close(values, loaded[name])


class _Payload:
    def __reduce__(self):
        return (print, ("code of the file was run",))


def _code():
    return _saved({"a": _Payload()})


def _old_code():
    stream = io.BytesIO()
    torch.save({"a": _Payload()}, stream, _use_new_zipfile_serialization=False)
    return stream.getvalue()


def _network():
    return _saved(torch.nn.Linear(2, 2))


def _tar():
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        for member in ("sys_info", "pickle", "tensors", "storages"):
            content = pickle.dumps(_Payload())
            info = tarfile.TarInfo(member)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return stream.getvalue()


def _scripted():
    stream = io.BytesIO()
    with warnings.catch_warnings(action="ignore"):  # PyTorch has better means by now; the files are still about
        torch.jit.save(torch.jit.trace(torch.nn.Linear(2, 2), torch.ones(1, 2)), stream)
    return stream.getvalue()


def _saved(content):
    stream = io.BytesIO()
    torch.save(content, stream)
    return stream.getvalue()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (pickle.dumps({"a": _Payload()}), "(it is damaged, or holds more than tensors); remove it and try again"),
        (_code(), "(it is damaged, or holds more than tensors); remove it and try again"),
        (_old_code(), "(it is damaged, or holds more than tensors); remove it and try again"),
        (_network(), "(it is damaged, or holds more than tensors); remove it and try again"),
        (_tar(), "(it is in PyTorch's old tar format, which cannot be read safely); remove it and try again"),
        (_scripted(), "(it holds a scripted network, not tensors by name); remove it and try again"),
        (_saved([torch.ones(1)]), "does not hold tensors by name; it is not a weight file of this network"),
        (_saved({0: torch.ones(1)}), "does not hold tensors by name; it is not a weight file of this network"),
        (bytes(range(256)) * 4, "(it is damaged, or holds more than tensors); remove it and try again"),
        (_code()[:-100], "; remove it and try again"),
        (b"", "remove it and try again"),
    ],
    ids=[
        "pickle",
        "torch",
        "old-torch",
        "network",
        "tar",
        "scripted",
        "list",
        "unnamed",
        "garbage",
        "cut",
        "empty",
    ],
)
def test_code_and_damage_in_weight_files_are_refused(tmp_path, content, message, capsys):
    file = tmp_path / "w.pth"
    file.write_bytes(content)
    with pytest.raises(BackboneError) as error:
        load_tensors(file)
    line = str(error.value)
    assert line.startswith(f"{file} is not a readable weight file (") or line.startswith(f"{file} does not hold")
    assert line.endswith(message)
    assert line.isprintable() and "weights_only" not in line, "no advice to read it unsafely"
    assert capsys.readouterr().out == "", "no code of the file was run"


@pytest.mark.parametrize("content", [b"", bytes(range(256)) * 4, _code()], ids=["empty", "garbage", "pickled"])
def test_damaged_safetensors_are_refused(tmp_path, content, capsys):
    file = tmp_path / "w.safetensors"
    file.write_bytes(content)
    with pytest.raises(BackboneError, match=r"w\.safetensors is not a readable weight file") as error:
        load_tensors(file)
    assert str(error.value).isprintable()
    assert capsys.readouterr().out == ""


def test_the_payload_of_these_tests_is_code(capsys):
    pickle.loads(pickle.dumps(_Payload()))
    assert capsys.readouterr().out == "code of the file was run\n"


def test_versions_of_modules_stay_with_the_tensors(tmp_path):
    """MNASNet, for one, cannot be loaded without them."""
    network = torchvision.models.mnasnet0_5().eval()
    torch.save(network.state_dict(), tmp_path / "w.pth")
    tensors = load_tensors(tmp_path / "w.pth")
    torchvision.models.mnasnet0_5().load_state_dict(tensors)
    with pytest.raises(ValueError, match="version"):
        torchvision.models.mnasnet0_5().load_state_dict(dict(tensors))


@pytest.mark.parametrize("form", ["pth", "old.pth", "safetensors"])
def test_damaged_files_give_tensors_or_one_line(tmp_path, form):
    """A few bytes changed at random, mostly in what describes the tensors; seeded."""
    tensors, stream = {"a": torch.ones(2, 3), "b": torch.arange(4.0)}, io.BytesIO()
    if form == "safetensors":
        stream.write(safetensors.torch.save(tensors))
    else:
        torch.save(tensors, stream, _use_new_zipfile_serialization=form == "pth")
    file, chance, refused = tmp_path / f"w.{form}", random.Random(0), 0
    for _ in range(300):
        content = bytearray(stream.getvalue())
        for _ in range(chance.randint(1, 6)):
            content[chance.randrange(min(len(content), 900))] = chance.randrange(256)
        file.write_bytes(content[: chance.randrange(len(content))] if chance.random() < 0.1 else content)
        try:
            load_tensors(file)
        except BackboneError as error:
            refused += 1
            assert str(error).isprintable()
    assert refused > 100
