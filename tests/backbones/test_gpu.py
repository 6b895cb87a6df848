"""Batches that do not fit are halved. The rest of the GPU's loop is tested on a GPU, in test_extraction.py."""

import pytest
import torch

from stages.backbones.gpu import OutOfMemory, fitting_batch_size
from stages.backbones.network import LayerNetwork
from stages.core.errors import BackboneError
from tests.backbones.tiny import SIZE, tiny_backbone


def _network(capacity, seen):
    def run(pixels):
        seen.append(len(pixels))
        if len(pixels) > capacity:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return pixels * 2, pixels + 1

    return run


def test_batches_are_halved_until_they_fit_and_stay_so():
    seen, lines = [], []
    run = OutOfMemory(_network(3, seen), lines.append)
    pixels = torch.arange(10)
    for _ in range(2):
        double, more = run(pixels)
        assert double.tolist() == (pixels * 2).tolist()
        assert more.tolist() == (pixels + 1).tolist()
    assert seen == [10, 5, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2]
    assert lines == [f"out of GPU memory; going on with batches of {size}" for size in (5, 2)]


def test_one_image_that_does_not_fit_is_an_error_of_one_line():
    with pytest.raises(BackboneError, match="memory does not hold the network and one image; free it, or set"):
        OutOfMemory(_network(0, []), lambda _: None)(torch.arange(4))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device")
def test_the_batch_size_is_a_power_of_two_that_fits(tmp_path):
    card, _ = tiny_backbone(tmp_path)
    device = torch.device("cuda", 0)
    network = LayerNetwork(torch.nn.Conv2d(3, 64, 3), {"L3": card.layers["L3"]}, card.preprocessing).to(device)
    size = fitting_batch_size(network, device)
    assert size & (size - 1) == 0
    assert 8 <= size <= 256
    assert network(torch.zeros(size, SIZE, SIZE, 3, dtype=torch.uint8, device=device))[0].shape[0] == size
