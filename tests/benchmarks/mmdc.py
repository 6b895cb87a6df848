"""An epoch of multi-modal deep clustering on images of CIFAR-10's size, against a plain script of the same steps.

Both sides have the same ResNet-18, batches and losses, on random images, float32 and one thread: a pass of the
rotation task, a pass of the clustering, and an evaluation of all images. The plain script makes its views image
by image with Pillow and torchvision, in the main process. Ours also prints the share of its time that is left for
the network beside the views and the assignment of targets. CPU seconds; there is no side for GPUs.
"""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from tests.benchmarks.call import cpu_side
from tests.benchmarks.clocked import Clock
from tests.benchmarks.comparison import Comparison, Side

_IMAGES, _CLUSTERS, _BATCH = 256, 10, 128


def photos() -> np.ndarray:
    """Random images, uint8 (n, 3, 32, 32)."""
    return np.random.default_rng(0).integers(0, 256, (_IMAGES, 3, 32, 32), dtype=np.uint8)


def _training(images: np.ndarray, precision: str) -> Any:
    import torch

    from stages.deep.augmentation import Augmentation
    from stages.deep.image_estimator import Start
    from stages.deep.image_networks import initialise_cropped
    from stages.deep.mmdc.mmdc import MMDC
    from stages.deep.mmdc.network import MixtureEncoder
    from stages.deep.mmdc.training import MixtureTraining, draw_targets

    generators = [torch.Generator().manual_seed(seed) for seed in range(3)]
    network, turns = MixtureEncoder("resnet18", 3, _CLUSTERS, 20, 32), torch.nn.Linear(512, 4)
    initialise_cropped(network, generators[0])
    targets = draw_targets(len(images), _CLUSTERS, "one_hot", 0.0, generators[0])
    augmentation = Augmentation((20,), 32, flip=True, jitter=True)
    return MixtureTraining(
        network.to(memory_format=torch.channels_last),
        Start(torch.from_numpy(images), augmentation, *generators),
        MMDC(batch_size=_BATCH, precision=precision),
        turns,
        targets,
    )


def ours(folder: Path, precision: str = "float32") -> Iterator[str | None]:
    """An epoch with products of that precision."""
    import torch

    from stages.deep import augmentation, image_networks, image_training
    from stages.deep.mmdc import training as mixturetraining

    torch.set_num_threads(1)
    images = np.load(folder / "images.npy")
    _training(images[:16], precision).epoch()  # what is made once is made
    training = _training(images, precision)
    clock = Clock()
    clock.on(augmentation.Augmentation, "views")
    clock.on(mixturetraining, "assigned")
    clock.on(image_training, "quarter_turns")
    clock.on(image_networks, "middle_view")
    yield None
    epoch, share = clock.around(training.epoch)
    yield f"{share}; loss {epoch.loss:.4f}"


ours_bfloat16 = partial(ours, precision="bfloat16")


def plain(folder: Path) -> Iterator[str | None]:
    """The same epoch by a plain script, a view at a time."""
    import torch
    from PIL import Image
    from scipy.optimize import linear_sum_assignment
    from torch import nn
    from torchvision import transforms
    from torchvision.models import resnet18

    torch.set_num_threads(1)
    torch.manual_seed(0)
    photos = [Image.fromarray(image.transpose(1, 2, 0)) for image in np.load(folder / "images.npy")]
    crop = [transforms.RandomCrop(20), transforms.Resize(32)]
    colours = [transforms.ColorJitter(0.4, 0.4, 0.4, 0.125), transforms.RandomGrayscale(0.2)]
    tensor = transforms.ToTensor()
    plain_view = transforms.Compose([*crop, tensor])
    view = transforms.Compose([*crop, *colours, transforms.RandomHorizontalFlip(), tensor])
    middle = transforms.Compose([transforms.CenterCrop(20), transforms.Resize(32), tensor])
    body = resnet18()
    body.conv1, body.maxpool = nn.Conv2d(3, 64, 3, padding=1, bias=False), nn.MaxPool2d(2, 2, padding=1)
    body.fc = nn.Identity()
    head, turns = nn.Linear(512, _CLUSTERS), nn.Linear(512, 4)
    network = nn.ModuleList([body, head, turns])
    optimiser = torch.optim.SGD(network.parameters(), lr=0.05, momentum=0.9, weight_decay=5e-4)
    targets = torch.eye(_CLUSTERS)[torch.randint(_CLUSTERS, (_IMAGES,))]
    unit = nn.functional.normalize

    def step(loss):
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()

    yield None
    network.train()
    for batch in torch.randperm(_IMAGES).split(_BATCH):
        views = torch.stack(
            [torch.rot90(plain_view(photos[i]), turn, (1, 2)) for turn in range(4) for i in batch.tolist()]
        )
        told = turns(body(views))
        step(nn.functional.cross_entropy(told, torch.arange(4).repeat_interleave(len(batch))))
    for batch in torch.randperm(_IMAGES).split(_BATCH):
        network.eval()
        with torch.no_grad():
            outputs = unit(head(body(torch.stack([middle(photos[i]) for i in batch.tolist()]))))
        costs = torch.cdist(outputs, targets[batch]).numpy()
        targets[batch] = targets[batch][linear_sum_assignment(costs)[1]]
        network.train()
        views = torch.stack([view(photos[i]) for i in batch.tolist()])
        loss = (unit(head(body(views))) - targets[batch]).square().mean()
        step(loss)
    network.eval()
    with torch.no_grad():
        for start in range(0, _IMAGES, _BATCH):
            head(body(torch.stack([middle(photo) for photo in photos[start : start + _BATCH]])))
    yield f"loss {loss.item():.4f} of the last batch"


def _sides(our_side: str, folder: Path) -> tuple[Side, Side]:
    np.save(folder / "images.npy", photos())
    return cpu_side(__name__, our_side, folder), cpu_side(__name__, "plain", folder)


_WHAT = f"an epoch of MMDC with ResNet-18 on {_IMAGES} random images of 3 x 32 x 32"

COMPARISONS = (
    Comparison(
        "mmdc-epoch", f"{_WHAT}, against a plain script", _IMAGES, "CPU s", lambda folder: _sides("ours", folder)
    ),
    Comparison(
        "mmdc-epoch-bf16",
        f"{_WHAT}, products in bfloat16, against a plain script (float32)",
        _IMAGES,
        "CPU s",
        lambda folder: _sides("ours_bfloat16", folder),
    ),
)
