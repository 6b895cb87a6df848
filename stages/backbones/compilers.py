"""Ways to run a network on the CPU: as it is, compiled by PyTorch, or compiled by OpenVINO.

Each gives workers: functions for one thread each, which all run at once. A worker on every core, single-threaded,
with its own small batch, is faster than one batch on all cores: no core waits for another at the end of every
layer, and a batch of eight stays in the caches. It also frees the features from the number of cores.
"""

import contextlib
import importlib.util
import logging
import warnings
from collections.abc import Callable, Iterator

import numpy as np
import torch

from stages.backbones.network import LayerNetwork
from stages.core.errors import BackboneError, ParameterError, one_line

# From pixels, uint8 (batch, crop, crop, 3), to one float32 (batch, d) per layer.
Worker = Callable[[np.ndarray], list[np.ndarray]]

# Fewer images than this do not win back the seconds that compiling takes: some 12 to 30 s (inductor), 3 to 5 s
# (OpenVINO), measured with ResNet50 and EfficientNet-Lite0 on 2 cores.
WORTHWHILE = {"inductor": 2048, "openvino": 512}


def choose_compiler(
    name: str, precision: str, n_images: int, device: torch.device, fixed: bool = True
) -> tuple[str, str]:
    """Return the compiler to use and, for the log, why.

    "auto" compiles where it pays: features of many images on the CPU. Features in fp32 are computed by the plain
    network, so that they do not depend on what is installed, unless they are not `fixed`: then OpenVINO may
    compute them. The choice is made by the number of images alone, never by a timing, so the same call always
    gives the same bytes.

    Raises `ParameterError` for a compiler asked for by name that is not there.
    """
    if device.type != "cpu":
        if name not in ("auto", "none"):
            raise ParameterError(f"compiler {name!r} is for the CPU, not for {device.type}; give auto or none")
        return "none", f"on {device.type} the network runs as it is"
    if name == "none":
        return name, "as asked"
    if name == "auto" and precision == "fp32" and fixed:
        return "none", "fp32 features do not depend on a compiler"
    missing = {"inductor": _missing_inductor(), "openvino": _missing_openvino()}  # the former loads for seconds
    if name != "auto":
        if reason := missing[name]:
            raise ParameterError(f"compiler is {name!r} but {reason}; give auto or none")
        return name, "as asked"
    for compiler in ("openvino",) if precision == "fp32" else ("openvino", "inductor"):  # the faster first
        if not missing[compiler] and n_images >= WORTHWHILE[compiler]:
            return compiler, f"{n_images} images repay the compilation"
    if all(missing.values()):
        return "none", f"{missing['inductor']} and {missing['openvino']}"
    return "none", f"{n_images} images would not repay a compilation"


def make_workers(
    network: LayerNetwork, compiler: str, precision: str, batch_size: int, count: int
) -> list[Worker]:
    """Return `count` functions, each for one thread at a time, that take exactly `batch_size` images.

    Raises `BackboneError` when the network cannot be compiled.
    """
    if compiler == "none":
        return [_plain(network.twin()) for _ in range(count)]
    make = _inductor if compiler == "inductor" else _openvino
    try:
        with warnings.catch_warnings(action="ignore"), _quiet():  # of the compilers, about networks not ours
            return make(network, precision, batch_size, count)
    except Exception as error:  # a compiler raises whatever the network leads it to
        raise BackboneError(
            f"{compiler} cannot compile the network ({type(error).__name__}: {one_line(error)}); "
            "give compiler none"
        ) from None


def _plain(network: LayerNetwork) -> Worker:
    def work(pixels: np.ndarray) -> list[np.ndarray]:
        with torch.no_grad():
            return [layer.numpy() for layer in network(torch.from_numpy(pixels))]

    return work


def _inductor(network: LayerNetwork, precision: str, batch_size: int, count: int) -> list[Worker]:
    from torch._inductor import config

    # Every batch has one shape. Left to itself, PyTorch makes the sizes of a second network in the same process
    # symbolic, and can spend an hour on simplifying them.
    compiled = torch.compile(network, fullgraph=True, dynamic=False)

    # The compiled function returns its graph's outputs and reads nothing back: all threads may share it.
    def work(pixels: np.ndarray) -> list[np.ndarray]:
        with torch.no_grad():
            return [layer.numpy() for layer in compiled(torch.from_numpy(pixels))]

    with config.patch(freezing=True):  # the weights are constants: fold them, lay them out for the kernels
        work(_black(network, batch_size))
    return [work] * count


def _openvino(network: LayerNetwork, precision: str, batch_size: int, count: int) -> list[Worker]:
    import openvino

    from stages.backbones.openvino_parts import fine_and_coarse

    shape = [batch_size, network.crop, network.crop, 3]
    exact = network.twin()
    exact.autocast = False  # OpenVINO rounds by itself, after it has folded the normalisations into the weights
    model = openvino.convert_model(exact, example_input=torch.from_numpy(_black(network, 1)), input=shape)
    settings = {"INFERENCE_NUM_THREADS": count, "NUM_STREAMS": count}
    parts = fine_and_coarse(model, network.fine) if precision == "bf16" else [(model, "f32")]
    compiled = [
        openvino.Core().compile_model(part, "CPU", settings | {"INFERENCE_PRECISION_HINT": hint})
        for part, hint in parts
    ]

    def make() -> Worker:
        requests = [part.create_infer_request() for part in compiled]

        def work(pixels: np.ndarray) -> list[np.ndarray]:
            values = [pixels]
            for request in requests:
                outputs = request.infer(values, share_inputs=True)
                values = [outputs[index] for index in range(len(outputs))]
            return [np.array(value) for value in values]

        return work

    return [make() for _ in range(count)]


def _black(network: LayerNetwork, batch_size: int) -> np.ndarray:
    return np.zeros((batch_size, network.crop, network.crop, 3), dtype=np.uint8)


def _missing_inductor() -> str:
    from torch._inductor.cpp_builder import get_cpp_compiler
    from torch._inductor.exc import InvalidCxxCompiler

    try:
        get_cpp_compiler()
    except InvalidCxxCompiler:
        return "there is no C++ compiler"
    return ""


def _missing_openvino() -> str:
    return "" if importlib.util.find_spec("openvino") else "openvino is not installed"


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep the compilers' log lines, such as the lack of a GPU, off the screen."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(before)
