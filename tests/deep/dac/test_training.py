"""The epochs of deep adaptive clustering: when pairs are judged, and what is learnt of them."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from stages.deep.dac import training as module
from stages.deep.dac.dac import DAC
from stages.deep.dac.network import AdaptiveEncoder
from stages.deep.dac.pairs import Pairs, certain_pairs, pair_loss
from stages.deep.dac.training import AdaptiveTraining
from tests.deep.drawn import bars, started


def training(**changes: Any) -> AdaptiveTraining:
    options = {"network": "vgg", "crops": (10,), "input_size": 16, "batch_size": 6, **changes}
    run: AdaptiveTraining = started(DAC(3, **options), bars(each=8)[0])
    return run


def test_the_layers_of_the_head_start_as_the_identity() -> None:
    network = training().network
    layers = [layer for layer in network.head if isinstance(layer, nn.Linear)]
    assert len(layers) == 2
    for layer in layers:
        assert torch.equal(layer.weight, torch.eye(3)) and not layer.bias.any()
    scales = [layer.weight for layer in network.head if isinstance(layer, nn.BatchNorm1d)]
    assert len(scales) == 3 and all(torch.equal(scale, torch.ones(3)) for scale in scales)


def test_pairs_are_judged_once_a_block_and_learnt_in_every_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    judged: list[Pairs] = []
    learnt: list[tuple[Tensor, Pairs]] = []

    def judging(features: Tensor, bounds: Any) -> Pairs:
        assert not features.requires_grad
        judged.append(certain_pairs(features, bounds))
        return judged[-1]

    def learning(features: Tensor, pairs: Pairs, loss: str) -> Tensor:
        learnt.append((features.detach(), pairs))
        return pair_loss(features, pairs, loss)

    monkeypatch.setattr(module, "certain_pairs", judging)
    monkeypatch.setattr(module, "pair_loss", learning)
    record = training(block_size=12, passes=3).epoch()
    assert [pairs.known.shape for pairs in judged] == [(12, 12)] * 2
    assert [(len(rows), pairs.known.shape) for rows, pairs in learnt] == [(6, (6, 6))] * 12
    # The two batches of a pass hold each image of its block once: so many pairs with itself, all alike.
    assert all(torch.equal(pairs.alike.diagonal(), torch.ones(6)) for _, pairs in learnt)
    known = sum(pairs.known.mean().item() for pairs in judged) / 2
    assert record.known == pytest.approx(known)


def test_thresholds_fall_from_epoch_to_epoch() -> None:
    run = training(epochs=10)
    records = [run.epoch() for _ in range(3)]
    assert [record.upper for record in records] == pytest.approx([0.95, 0.905, 0.86])
    assert [record.lower for record in records] == pytest.approx([0.455, 0.4595, 0.464])


def test_label_features_are_not_negative_and_of_length_1() -> None:
    network = training().network.eval()
    found = network(torch.from_numpy(bars(each=8)[0]))
    assert found.min() >= 0
    torch.testing.assert_close(found.norm(dim=1), torch.ones(24))


def test_facts_make_the_same_network() -> None:
    network = training().network.eval()
    again = AdaptiveEncoder(**network.facts).eval()
    again.load_state_dict(network.state_dict())
    images = torch.from_numpy(bars(each=3)[0])
    torch.testing.assert_close(again(images), network(images))
