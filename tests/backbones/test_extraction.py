"""The extractor against a plain forward pass, whatever the batches, threads, shards and compilers."""

import numpy as np
import pytest
import torch

from stages.backbones.extraction import Recipe, ShardExtractor
from stages.core.errors import BackboneError
from tests.backbones.tiny import decode, expected_features, tiny_backbone, tiny_images

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    """Card, weight file, 21 images and their features."""
    card, file = tiny_backbone(tmp_path_factory.mktemp("weights"))
    images = tiny_images(21)
    return card, file, images, expected_features(images, file)


def _extractor(tiny, precision="fp32", compiler="none", batch_size=4, **options):
    return ShardExtractor(
        Recipe(tiny[0], ("L3",), precision, compiler, batch_size), tiny[1], decode, CPU, **options
    )


def _shards(images, rows):
    return [(start // rows, images[start : start + rows]) for start in range(0, len(images), rows)]


@pytest.mark.parametrize(("batch_size", "workers", "rows"), [(1, 1, 21), (4, 2, 21), (8, 3, 10), (64, 2, 5)])
def test_features_are_those_of_a_plain_forward_pass(tiny, batch_size, workers, rows):
    extract = _extractor(tiny, batch_size=batch_size, workers=workers)
    counts = []
    shards = list(extract(_shards(tiny[2], rows), counts.append))
    assert [number for number, _ in shards] == list(range(-(-21 // rows)))
    assert sum(counts) == 21
    features = np.concatenate([features["L3"] for _, features in shards])
    assert features.dtype == np.float32
    np.testing.assert_allclose(features, tiny[3], rtol=1e-5, atol=1e-5 * np.abs(tiny[3]).max())


def test_a_shard_has_the_same_bytes_alone_and_among_others_and_with_more_workers(tiny):
    together = dict(_extractor(tiny, workers=2)(_shards(tiny[2], 10)))
    for number, images in _shards(tiny[2], 10):
        ((found, alone),) = _extractor(tiny, workers=1)([(number, iter(images))])
        assert found == number
        assert alone["L3"].tobytes() == together[number]["L3"].tobytes()


@pytest.mark.parametrize("compiler", ["none", "inductor", "openvino"])
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_features_do_not_depend_on_the_rest_of_the_batch(tiny, compiler, precision):
    if compiler == "openvino":
        pytest.importorskip("openvino")
    extract, order = _extractor(tiny, precision, compiler), np.random.default_rng(0).permutation(21)
    ((_, together),) = extract([(0, tiny[2])])
    ((_, shuffled),) = extract([(0, [tiny[2][index] for index in order])])
    assert shuffled["L3"].tobytes() == together["L3"][order].tobytes()
    alone = [features["L3"] for _, features in extract(_shards(tiny[2], 1))]
    assert np.concatenate(alone).tobytes() == together["L3"].tobytes()


@pytest.mark.parametrize("compiler", ["none", "inductor", "openvino"])
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_compiled_networks_give_the_same_features(tiny, compiler, precision):
    if compiler == "openvino":
        pytest.importorskip("openvino")
    extract = _extractor(tiny, precision, compiler, workers=2, strict=True)
    assert extract.compiler == compiler
    features = np.concatenate([features["L3"] for _, features in extract(_shards(tiny[2], 10))])
    if precision == "fp32":
        np.testing.assert_allclose(features, tiny[3], rtol=1e-4, atol=1e-5 * np.abs(tiny[3]).max())
    else:
        cosines = torch.cosine_similarity(torch.from_numpy(features), torch.from_numpy(tiny[3]))
        assert cosines.min() > 0.999


def test_a_compiler_that_fails_is_gone_on_without(tiny, monkeypatch):
    def broken(*_):
        raise RuntimeError("no such\nkernel")

    monkeypatch.setattr("stages.backbones.compilers._inductor", broken)
    lines = []
    extract = _extractor(tiny, compiler="inductor", report=lines.append)
    assert extract.compiler == "none"
    (line,) = lines
    assert line == (
        "inductor cannot compile the network (RuntimeError: no such kernel); give compiler none; going on without"
    )
    ((_, features),) = extract([(0, tiny[2])])
    np.testing.assert_allclose(features["L3"], tiny[3], rtol=1e-5, atol=1e-5 * np.abs(tiny[3]).max())
    with pytest.raises(BackboneError, match="cannot compile"):
        _extractor(tiny, compiler="inductor", strict=True)


def test_several_layers_in_one_pass(tmp_path):
    card, file = tiny_backbone(tmp_path, ("L2", "L3"))
    extract = ShardExtractor(Recipe(card, ("L3", "L2"), "fp32", "none", 4), file, decode, CPU)
    assert extract.dimensions == {"L3": 96, "L2": 96}
    ((_, features),) = extract([(0, tiny_images(5))])
    assert list(features) == ["L3", "L2"]
    assert features["L2"].shape == (5, 96)
    np.testing.assert_allclose(features["L2"], features["L3"], rtol=1e-5)  # 1 x 1 pixels are left to pool over


def test_the_extractor_leaves_the_threads_of_torch_as_they_were(tiny):
    before = torch.get_num_threads()
    list(_extractor(tiny)([(0, tiny[2])]))
    assert torch.get_num_threads() == before


def test_what_takes_time_is_told_apart(tiny):
    extract = _extractor(tiny, workers=2)
    list(extract([(0, tiny[2])]))
    assert set(extract.timings.seconds()) == {"decode", "forward", "wait for features"}


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device")
@pytest.mark.parametrize(("precision", "bound"), [("fp32", 1e-6), ("bf16", 1e-3)])
def test_on_a_gpu(tiny, precision, bound):
    recipe = Recipe(tiny[0], ("L3",), precision, "none")
    extract = ShardExtractor(recipe, tiny[1], decode, torch.device("cuda", 0))
    assert extract.batch_size >= 8
    features = np.concatenate([features["L3"] for _, features in extract(_shards(tiny[2], 10))])
    cosines = torch.cosine_similarity(torch.from_numpy(features), torch.from_numpy(tiny[3]))
    assert (1 - cosines).max() < bound
