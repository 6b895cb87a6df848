"""The epochs of invariant information clustering: which views are paired, which heads learn, which is kept."""

from typing import Any

import pytest
import torch
from torch import Tensor

from stages.deep.iic import training as module
from stages.deep.iic.iic import IIC
from stages.deep.iic.information import mutual_information
from stages.deep.iic.training import InformationTraining
from stages.deep.image_estimator import Start
from stages.deep.image_networks import initialise_cropped
from tests.deep.drawn import bars


def training(**changes: Any) -> InformationTraining:
    options = {"network": "vgg", "crops": (8, 12), "input_size": 16, "batch_size": 12, "sobel": False, **changes}
    plan = IIC(3, **options)
    images = torch.from_numpy(bars(each=8)[0])
    plan.image_shape_ = (1, 12, 12)
    plan.encoder_ = plan._encoder(plan._augmentation((12, 12)))
    first, order, chance = (torch.Generator().manual_seed(seed) for seed in range(3))
    initialise_cropped(plan.encoder_, first)
    return plan._training(Start(images, plan._augmentation((12, 12)), first, order, chance))


def recorded_pairs(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Tensor, Tensor]]:
    """The probabilities of all views whose information is taken from now on."""
    pairs: list[tuple[Tensor, Tensor]] = []

    def recording(ours: Tensor, theirs: Tensor) -> Tensor:
        pairs.append((ours.detach(), theirs.detach()))
        return mutual_information(ours, theirs)

    monkeypatch.setattr(module, "mutual_information", recording)
    return pairs


def test_one_plain_view_is_paired_with_each_of_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    pairs = recorded_pairs(monkeypatch)
    training(repeats=3, sub_heads=2, overclustering=4).epoch()
    assert [ours.shape for ours, _ in pairs] == [(36, 2, 12)] * 2 + [(36, 2, 3)] * 4, "two batches a pass"
    for ours, theirs in pairs:
        assert ours.shape == theirs.shape
        assert torch.equal(ours[:12], ours[12:24]) and torch.equal(ours[:12], ours[24:])
        assert len(torch.unique(theirs.flatten(1), dim=0)) == 36


def test_the_others_are_views_of_the_same_images(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without crops, turns and colours all views are the image."""
    pairs = recorded_pairs(monkeypatch)
    training(repeats=2, crops=(12,), flip=False, jitter=False).epoch()
    for ours, theirs in pairs:
        # Equal, but for the statistics of batch normalisation: of so many copies they are nearly the same.
        torch.testing.assert_close(ours, theirs, atol=1e-4, rtol=1e-3)


@pytest.mark.parametrize(("centred", "least", "most"), [(0.0, 0, 8), (0.5, 8, 16), (1.0, 24, 24)])
def test_a_share_of_the_plain_views_is_the_middle(centred: float, least: int, most: int) -> None:
    run = training(centred=centred)
    views = run._plain_views(run.images)
    middle = module.middle_view(run.images, 8, 16)
    # A crop anywhere is interpolated in another way.
    assert least <= sum(torch.equal(view, other) for view, other in zip(views, middle, strict=True)) <= most


def test_the_sub_head_of_the_least_loss_is_the_output() -> None:
    run = training(sub_heads=3, cluster_passes=1, overcluster_passes=0)
    losses: list[Tensor] = []
    original = run._pass
    run._pass = lambda head: losses.append(original(head)) or losses[-1]  # type: ignore[method-assign]
    record = run.epoch()
    best = int(losses[-1].argmin())
    assert torch.equal(run.network.output.weight, run.clusters.weight[3 * best : 3 * best + 3])
    assert torch.equal(run.network.output.bias, run.clusters.bias[3 * best : 3 * best + 3])
    assert record.loss == pytest.approx(losses[-1].mean().item())
    assert record.overclustering != record.overclustering, "without the auxiliary head"


def test_a_pass_trains_the_features_and_its_own_head_alone() -> None:
    run = training(sub_heads=2)
    before = {name: head.weight.detach().clone() for name, head in run.heads.items()}
    body = run.network.body[0].weight.detach().clone()
    run._pass(run.heads["overclusters"])
    assert torch.equal(run.clusters.weight, before["clusters"])
    assert not torch.equal(run.heads["overclusters"].weight, before["overclusters"])
    assert not torch.equal(run.network.body[0].weight, body)
