"""The script that most people write: torchvision or timm as it comes, a DataLoader, a list of features.

`python -m tests.benchmarks.naive FOLDER ARCHITECTURE` prints images per second, from the first image's file to the
features' file, without the time that imports and loading the network take.
"""

import sys
import time
from pathlib import Path

import numpy as np
import timm
import torch
import torchvision
from PIL import Image
from torch.utils.data import DataLoader, Dataset


class Photos(Dataset):
    """The images of a folder."""

    def __init__(self, folder: Path, transform) -> None:
        self.files, self.transform = sorted(folder.iterdir()), transform

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, index: int) -> torch.Tensor:
        with Image.open(self.files[index]) as image:
            return self.transform(image.convert("RGB"))


def main(folder: Path, architecture: str) -> None:
    """Extract the features of all images of `folder` with random weights."""
    if architecture == "resnet50":
        network = torchvision.models.resnet50()
        network.fc = torch.nn.Identity()
        transform = torchvision.models.ResNet50_Weights.IMAGENET1K_V1.transforms()
    else:
        network = timm.create_model(architecture, num_classes=0)
        transform = timm.data.create_transform(**timm.data.resolve_model_data_config(network))
    network.eval()
    started = time.perf_counter()
    photos = Photos(folder, transform)
    with torch.no_grad():
        features = [network(batch).numpy() for batch in DataLoader(photos, batch_size=32)]
    np.save(folder.parent / "naive.npy", np.concatenate(features))
    print(len(photos) / (time.perf_counter() - started))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
