"""The epochs of multi-modal deep clustering: which views they see, what decays, what a refinement sets."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from stages.clustering.kmeans import KMeans
from stages.deep.augmentation import Augmentation
from stages.deep.clusters import matched
from stages.deep.image_estimator import Start
from stages.deep.image_networks import initialise_cropped
from stages.deep.mmdc.mmdc import MMDC
from stages.deep.mmdc.network import MixtureEncoder
from stages.deep.mmdc.training import MixtureTraining, draw_targets
from tests.deep.drawn import bars


def training(refine_epoch: int = 9, sigma: float = 0.0) -> MixtureTraining:
    generators = [torch.Generator().manual_seed(seed) for seed in range(3)]
    with torch.device("meta"):
        network, turns = MixtureEncoder("vgg", 3, 3, 10, 16), nn.Linear(1024, 4)
    network, turns = network.to_empty(device="cpu"), turns.to_empty(device="cpu")
    initialise_cropped(network, generators[0])
    initialise_cropped(turns, generators[0])
    images = torch.from_numpy(bars(each=8, channels=3)[0])
    targets = draw_targets(24, 3, "one_hot", sigma, generators[0])
    plan = MMDC(epochs=9, refine_epoch=refine_epoch, batch_size=12, decay=0.1, decay_epoch=5)
    augmentation = Augmentation((10,), 16, flip=True, jitter=True)
    return MixtureTraining(network, Start(images, augmentation, *generators), plan, turns, targets)


def test_rotations_see_plain_crops_and_clusters_see_augmented_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    made: dict[str, list[Tensor]] = {"views": [], "plain_views": []}
    for name, found in made.items():
        method = getattr(Augmentation, name)

        def recording(self, images, generator, method=method, found=found):
            found.append(method(self, images, generator))
            return found[-1]

        monkeypatch.setattr(Augmentation, name, recording)
    seen: list[Tensor] = []
    run = training()
    run.network.body.register_forward_pre_hook(
        lambda module, given: seen.append(given[0].detach().clone()) if module.training else None
    )
    run.epoch()
    plain, augmented = made["plain_views"], [view for view in made["views"] if view.shape[0] == 12]
    assert len(seen) == 4 and len(plain) == 2
    for turned, view in zip(seen[:2], plain, strict=True):
        assert torch.equal(turned, torch.cat([torch.rot90(view, turns, (2, 3)) for turns in range(4)]))
    for batch, view in zip(seen[2:], augmented[-2:], strict=True):
        assert torch.equal(batch, view)
    assert not any(torch.equal(batch, view) for batch in seen[2:] for view in plain)


def test_scales_and_shifts_do_not_decay() -> None:
    run = training()
    decays = {id(p): group["weight_decay"] for group in run._optimiser.param_groups for p in group["params"]}
    for module in (run.network, run.turns):
        for name, parameter in module.named_parameters():
            assert decays[id(parameter)] == (0.0 if parameter.ndim == 1 else 5e-4), name


def test_the_rate_falls_when_its_time_comes() -> None:
    run = training()
    run.epochs = 4
    run.epoch()
    assert {group["lr"] for group in run._optimiser.param_groups} == {0.05}
    run.epoch()
    assert {group["lr"] for group in run._optimiser.param_groups} == {0.05 * 0.1}


def test_a_refinement_makes_targets_of_clusters() -> None:
    run = training(sigma=0.2)
    before = run.targets.components.numpy().copy()
    seed = int(torch.randint(2**31 - 1, (), generator=torch.Generator().manual_seed(1)))
    outputs = run._outputs().numpy()
    found = KMeans(3, n_init=10, random_state=seed).fit_predict(outputs)
    run._refine()
    expected = matched(found, before, 3)
    assert np.array_equal(run.targets.components.numpy(), expected)
    assert torch.equal(run.targets.points, torch.eye(3)[torch.from_numpy(expected)]), "no longer scattered"


def test_a_refining_epoch_starts_from_new_targets_and_assigns_none(monkeypatch: pytest.MonkeyPatch) -> None:
    run = training(refine_epoch=0, sigma=0.2)
    monkeypatch.setattr(type(run.targets), "move", None)  # a call would fail
    assert run.epoch().phase == "refine"
    torch.testing.assert_close(run.targets.points, torch.eye(3)[run.targets.components])
