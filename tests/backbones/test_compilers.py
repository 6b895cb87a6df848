"""Which compiler is taken, and what is said of one that is not there."""

import re

import pytest
import torch

from stages.backbones import compilers
from stages.backbones.compilers import choose_compiler
from stages.core.errors import ParameterError

CPU = torch.device("cpu")


@pytest.fixture
def machine(monkeypatch):
    """Say which compilers there are."""

    def have(*names):
        reasons = {"inductor": "there is no C++ compiler", "openvino": "openvino is not installed"}
        for name, reason in reasons.items():
            monkeypatch.setattr(compilers, f"_missing_{name}", lambda told="" if name in names else reason: told)

    return have


@pytest.mark.parametrize(
    ("there", "n_images", "chosen"),
    [
        (("inductor", "openvino"), 100_000, "openvino"),
        (("inductor", "openvino"), 512, "openvino"),
        (("inductor", "openvino"), 511, "none"),
        (("inductor",), 2048, "inductor"),
        (("inductor",), 2047, "none"),
        ((), 100_000, "none"),
    ],
)
def test_auto_compiles_where_it_pays(machine, there, n_images, chosen):
    machine(*there)
    assert choose_compiler("auto", "bf16", n_images, CPU)[0] == chosen
    assert choose_compiler("auto", "fp32", n_images, CPU)[0] == "none"
    free = "openvino" if chosen == "openvino" else "none"
    assert choose_compiler("auto", "fp32", n_images, CPU, fixed=False)[0] == free


def test_the_reason_is_told(machine):
    machine()
    reason = "there is no C++ compiler and openvino is not installed"
    assert choose_compiler("auto", "bf16", 9999, CPU) == ("none", reason)
    machine("openvino")
    assert choose_compiler("auto", "bf16", 9999, CPU) == ("openvino", "9999 images repay the compilation")
    assert choose_compiler("auto", "bf16", 9, CPU) == ("none", "9 images would not repay a compilation")


def test_what_cannot_be_had_is_refused(machine):
    machine()
    for compiler, reason in (("inductor", "there is no C++ compiler"), ("openvino", "openvino is not installed")):
        message = f"compiler is '{compiler}' but {reason}; give auto or none"
        with pytest.raises(ParameterError, match=re.escape(message)):
            choose_compiler(compiler, "fp32", 10, CPU)
    with pytest.raises(ParameterError, match="compiler 'inductor' is for the CPU, not for cuda"):
        choose_compiler("inductor", "fp32", 10, torch.device("cuda"))
    assert choose_compiler("auto", "bf16", 10**6, torch.device("cuda"))[0] == "none"
