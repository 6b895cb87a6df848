"""Pre-training layer by layer: its layers, its loss and gradient against float64 numpy, what it leaves alone."""

from typing import Any

import numpy as np
import pytest
import torch
from sklearn.metrics import adjusted_rand_score
from torch import nn

from stages.core.errors import ParameterError
from stages.deep.dec.autoencoders import Mirrored, build_autoencoder
from stages.deep.dec.estimators import DEC, IDEC
from stages.deep.dec.pretraining import LayerPretraining
from stages.deep.networks import initialise

Blobs = tuple[list[np.ndarray], np.ndarray]
NOISE, SEED, IMAGES = 0.3, 5, 7


def layers_of(network: Any, widths: list[int]) -> list[Mirrored]:
    return [layer for part in build_autoencoder(network, widths, 4).parts() for layer in part.layers()]


def shape(layers: nn.Sequential) -> tuple[int, int, bool]:
    """Widths of the one linear layer, and whether a ReLU follows."""
    linear = layers[0]
    assert isinstance(linear, nn.Linear)
    assert [type(layer) for layer in layers] == [nn.Linear, nn.ReLU][: len(layers)]
    return linear.in_features, linear.out_features, len(layers) == 2


def test_the_layers_of_a_stack_and_where_its_relus_are() -> None:
    layers = layers_of((9, 6, 2), [3, 5])
    assert [shape(layer.encoder) for layer in layers] == [(8, 9, True), (9, 6, True), (6, 2, False)]
    assert [shape(layer.decoder) for layer in layers] == [(9, 8, False), (6, 9, True), (2, 6, True)]


def test_those_of_a_perceptron_a_view_come_before_the_one_over_their_codes() -> None:
    layers = layers_of("mvnet", [3, 5])
    assert [shape(layer.encoder) for layer in layers] == [
        *((3, 4, True), (4, 4, False)),
        *((5, 4, True), (4, 4, False)),
        *((8, 4, True), (4, 4, False)),
    ]
    assert [shape(layer.decoder) for layer in layers] == [
        *((4, 3, False), (4, 4, True)),
        *((4, 5, False), (4, 4, True)),
        *((4, 8, False), (4, 4, True)),
    ]


@pytest.mark.parametrize("network", ["mvnet", "mlp", (9, 6, 2)])
def test_inputs_are_outputs_of_the_layers_below(network: Any) -> None:
    autoencoder = build_autoencoder(network, [3, 5], 4)
    views = [torch.rand(6, width, generator=torch.Generator().manual_seed(width)) for width in (3, 5)]
    last = autoencoder.parts()[-1].layers()[-1]
    assert torch.equal(last.encoder(last.entry(views)), autoencoder.encoder(views))
    first = autoencoder.parts()[0].layers()[0]
    assert torch.equal(first.entry(views), views[0] if network == "mvnet" else torch.cat(views, dim=1))


def dropped(masks: torch.Generator, rows: np.ndarray) -> np.ndarray:
    kept = torch.rand(rows.shape, generator=masks).numpy() >= NOISE
    return np.asarray(rows * kept / (1 - NOISE))


@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize("layer", [0, 1, 2])
def test_loss_and_gradient_against_numpy(layer: int, reduction: str) -> None:
    network = build_autoencoder((5, 4, 3), [6], 0).double()
    initialise(network, torch.Generator().manual_seed(1))
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.1)  # biases other than 0
    view = torch.tensor(np.random.default_rng(0).normal(size=(IMAGES, 6)))
    plan = DEC(layer_epochs=1, layer_noise=NOISE, batch_size=IMAGES, shuffle=False, reduction=reduction)
    training = LayerPretraining(network, [view], plan, torch.Generator().manual_seed(0), SEED)
    masks = torch.Generator().manual_seed(SEED)
    for before in range(layer):  # the noise that the layers below draw
        training.epoch()
        widths = [6, 5, 4, 3][before : before + 2]
        for width in widths:
            torch.rand((IMAGES, width), generator=masks)
    encoder = [part.detach().numpy().copy() for part in network.encoder.parameters()]
    decoder = [part.detach().numpy().copy() for part in network.decoder.parameters()]
    found = training.epoch()

    x = view.numpy()
    for w, b in zip(encoder[: 2 * layer : 2], encoder[1 : 2 * layer : 2], strict=True):
        x = np.maximum(x @ w.T + b, 0)
    (w1, b1), (w2, b2) = encoder[2 * layer :][:2], decoder[2 * (2 - layer) :][:2]
    noisy = dropped(masks, x)
    before_relu = noisy @ w1.T + b1
    h = np.maximum(before_relu, 0) if layer < 2 else before_relu
    kept = dropped(masks, np.ones_like(h))
    made = (h * kept) @ w2.T + b2
    y = np.maximum(made, 0) if layer > 0 else made
    scale = 1.0 if reduction == "sum" else 1 / (IMAGES * x.shape[1])
    assert found.phase == "layer"
    each = ((y - x) ** 2).sum() if reduction == "sum" else ((y - x) ** 2).sum() / x.shape[1]
    assert found.reconstruction == pytest.approx(each / IMAGES, rel=1e-6)  # summed in float32
    slope = 2 * scale * (y - x) * (made > 0 if layer > 0 else 1)
    back = (slope @ w2) * kept * (before_relu > 0 if layer < 2 else 1)
    expected = [back.T @ noisy, back.sum(axis=0), slope.T @ (h * kept), slope.sum(axis=0)]
    pair = training.pairs[layer]
    gradients = [part.grad for part in [*pair.encoder.parameters(), *pair.decoder.parameters()]]
    for gradient, value in zip(gradients, expected, strict=True):
        assert gradient is not None
        np.testing.assert_allclose(gradient.numpy(), value, rtol=1e-9, atol=1e-12)


def test_a_pass_changes_its_own_layer_alone() -> None:
    network = build_autoencoder("mvnet", [3, 5], 4)
    initialise(network, torch.Generator().manual_seed(1))
    views = [torch.rand(6, width, generator=torch.Generator().manual_seed(width)) for width in (3, 5)]
    training = LayerPretraining(network, views, DEC(layer_epochs=2), torch.Generator().manual_seed(0), SEED)
    for pair in training.pairs:
        own = {id(part) for part in [*pair.encoder.parameters(), *pair.decoder.parameters()]}
        for _ in range(2):
            before = {name: value.clone() for name, value in network.named_parameters()}
            training.epoch()
            moved = {
                id(value) for name, value in network.named_parameters() if not torch.equal(value, before[name])
            }
            assert moved <= own
            assert len(moved) >= 2
    assert training.finished


@pytest.mark.parametrize("estimator", [DEC, IDEC])
@pytest.mark.parametrize("network", [(16, 24, 4), "mlp", "mvnet"])
def test_separate_classes_are_found_and_the_history_has_every_layer(
    blobs: Blobs, estimator: Any, network: Any, device: str
) -> None:
    views, labels = blobs
    options = {
        "network": network,
        "width": 8,
        "layer_epochs": 4,
        "layer_noise": 0.0,
        "pretrain_epochs": 10,
        "batch_size": 16,
    }
    model = estimator(3, **options, random_state=0, device=device).fit(views)
    assert adjusted_rand_score(labels, model.labels_) == 1
    layers = 4 * {"mlp": 2, "mvnet": 6}.get(str(network), 3)
    phases = [epoch.phase for epoch in model.history_]
    assert phases[: layers + 10] == ["layer"] * layers + ["pretrain"] * 10
    assert "layer" not in phases[layers:]
    losses = [epoch.reconstruction for epoch in model.history_[:layers]]
    assert all(losses[start + 3] < losses[start] for start in range(0, layers, 4)), "each layer learns"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"layer_epochs": -1}, "layer_epochs is -1; give a whole number of at least 0"),
        ({"layer_epochs": 1.5}, "layer_epochs is 1.5; give a whole number"),
        ({"layer_noise": 1.0}, "layer_noise is 1.0; give a share from 0 to below 1"),
        (
            {"layer_epochs": 3, "pretrain_learning_rate": 1e30},
            "the layer loss became (nan|inf) in epoch .*; lower pretrain_learning_rate, which is 1e[+]30",
        ),
    ],
)
def test_bad_parameters_are_named(blobs: Blobs, change: dict[str, Any], message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        DEC(3, network=(6, 4), **change).fit(blobs[0])
