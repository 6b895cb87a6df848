"""The epochs of DeepCluster: pseudo-labels of the features, a new output layer, and what is learnt."""

from typing import Any

import numpy as np
import pytest
import torch
from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score
from torch import Tensor

from stages.core.errors import ParameterError
from stages.deep.deepcluster import training as module
from stages.deep.deepcluster.deepcluster import DeepCluster
from stages.deep.deepcluster.training import PseudoLabelTraining
from tests.deep.drawn import bars, started


def small(**changes: Any) -> DeepCluster:
    options = {"network": "vgg", "crops": (12,), "input_size": 16, "batch_size": 15, "flip": False, "epochs": 4}
    return DeepCluster(3, **{**options, "overclustering": 3, "dimensions": 6, "random_state": 0, **changes})


def training(**changes: Any) -> PseudoLabelTraining:
    run: PseudoLabelTraining = started(small(**changes), bars(each=8)[0])
    return run


def test_separate_classes_are_found() -> None:
    images, classes = bars()
    model = small().fit(images)
    assert adjusted_rand_score(classes, model.labels_) > 0.5, "far above chance, 0"
    assert np.array_equal(model.predict(images), model.labels_)
    assert model.embedding_.shape == (60, 6) and model.cluster_centers_.shape == (3, 6)


def test_the_embedding_is_whitened_by_the_network_as_it_ends() -> None:
    images, _ = bars()
    model = small(epochs=2).fit(images)
    with torch.no_grad():
        features = model.encoder_.features(model.encoder_.middle(torch.from_numpy(images)))
    scores = (features - model.encoder_.mean) @ model.encoder_.axes.T
    torch.testing.assert_close(scores.T @ scores / 60, torch.eye(6), atol=0.02, rtol=0)
    np.testing.assert_allclose(model.embedding_, torch.nn.functional.normalize(scores), atol=1e-4)


def test_the_loss_is_the_cross_entropy_of_the_pseudo_labels(monkeypatch: pytest.MonkeyPatch) -> None:
    """Against float64 numpy, for the one batch of an epoch that changes nothing."""
    run = training(learning_rate=0.0, batch_size=100, flip=False)
    samples: list[Tensor] = []
    plain = module.uniform_sample
    monkeypatch.setattr(module, "uniform_sample", lambda *given: samples.append(found := plain(*given)) or found)
    record = run.epoch()
    (sample,) = samples
    views = run.augmentation.views(run.images[sample], torch.Generator())  # whole images: nothing is drawn
    with torch.no_grad():
        logits = run.network.train().output(run.network.features(views)).double().numpy()
    assert run.labels is not None
    own = logits[np.arange(len(sample)), run.labels[sample.numpy()]]
    expected = (np.log(np.exp(logits).sum(axis=1)) - own).mean()
    assert record.loss == pytest.approx(expected, rel=1e-4)


def test_pseudo_labels_are_clusters_and_each_has_images() -> None:
    run = training()
    first, before, second = run.epoch(), run.labels, run.epoch()
    assert before is not None and run.labels is not None
    assert np.bincount(run.labels).min() > 0 and run.labels.max() + 1 == second.pseudo_labels == 9
    assert np.isnan(first.agreement)
    expected = normalized_mutual_info_score(before, run.labels, average_method="geometric")
    assert second.agreement == pytest.approx(expected)


def test_the_output_layer_is_drawn_again_in_each_epoch() -> None:
    run = training(learning_rate=0.0)
    layers = []
    for _ in range(2):
        run.epoch()
        layers.append(run.network.output.weight.detach().clone())
        assert layers[-1].std().item() == pytest.approx(0.01, rel=0.05) and not run.network.output.bias.any()
    assert not torch.equal(*layers)


def test_the_body_learns_labels_though_the_output_layer_is_new_each_time() -> None:
    run = training(learning_rate=0.01, batch_size=4)
    labels = torch.arange(3).repeat_interleave(8)
    first, *_, last = (run._learn(labels) for _ in range(10))
    assert last < 0.8 * first < 0.8 * np.log(9)


def test_momentum_is_of_the_body_alone() -> None:
    run = training()
    trained = {id(parameter) for group in run._optimiser.param_groups for parameter in group["params"]}
    assert trained == {id(parameter) for parameter in run.network.body.parameters()}


def test_fewer_images_than_pseudo_labels_are_one_each() -> None:
    run = training(overclustering=50)
    assert run.epoch().pseudo_labels == 24


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"overclustering": 0}, "overclustering is 0; give a whole number of at least 1"),
        ({"overclustering": 1.5}, "overclustering is 1.5; give a whole number of at least 1"),
        ({"dimensions": "all"}, "dimensions is 'all'; give a whole number of at least 1"),
        ({"n_init": 0}, "n_init is 0; give a whole number of at least 1"),
        ({"momentum": 1.0}, "momentum is 1.0; give a share from 0 to below 1"),
        ({"sobel": None}, "sobel is None; give true or false"),
    ],
)
def test_what_cannot_be_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        small(**changes).fit(bars()[0])
