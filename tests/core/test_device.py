"""The device that a name means on this machine, and the ways out where there is none."""

import pytest
import torch

from stages.core.device import choose_device
from stages.core.errors import ParameterError


def _gpus(monkeypatch, count):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: count > 0)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: count)


def test_auto_is_cuda_when_there_is_one(monkeypatch):
    _gpus(monkeypatch, 0)
    assert choose_device("auto") == choose_device("cpu") == torch.device("cpu")
    _gpus(monkeypatch, 2)
    assert choose_device("auto") == choose_device("cuda") == torch.device("cuda", 0)
    assert choose_device("auto", 1) == torch.device("cuda", 1)
    assert choose_device("cpu", 1) == torch.device("cpu")


def test_a_device_that_is_not_there_is_refused(monkeypatch):
    _gpus(monkeypatch, 0)
    with pytest.raises(
        ParameterError, match=r"^device is 'tpu' but there is no such device; give auto, cpu or cuda$"
    ):
        choose_device("tpu")
    with pytest.raises(ParameterError, match=r"^device is 'cuda' but no CUDA device is available; give auto, cpu"):
        choose_device("cuda")
    _gpus(monkeypatch, 1)
    with pytest.raises(ParameterError, match=r"^process 1 has no GPU, this machine has 1; start fewer processes$"):
        choose_device("auto", 1)
