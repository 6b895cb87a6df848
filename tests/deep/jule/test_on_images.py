"""JULE on images: what it finds, starts from, repeats and refuses."""

from typing import Any

import numpy as np
import pytest
import torch
from sklearn.metrics import adjusted_rand_score

from stages.clustering.neighbours import digraph, nearest_components, numbered
from stages.core.errors import ParameterError
from stages.deep.distributed import Group
from stages.deep.image_encoding import at_once
from stages.deep.jule.convolutions import ConvEncoder
from stages.deep.jule.on_images import ImageJULE, ImageTrainee, in_training_mode, unit_pixels
from tests.deep.drawn import bars


def small(n_clusters: int = 3, **changes: Any) -> ImageJULE:
    """An estimator with few and gentle steps: these images need little training."""
    options = {"width": 8, "epochs": 1, "n_neighbors": 5, "batch_size": 20, "eta": 0.5, "random_state": 0}
    gentle = {"negatives": "all", "gamma": 1.0, "dampening": 0.9}
    return ImageJULE(n_clusters, **{**options, **gentle, **changes})


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_separate_classes_are_found(channels: int, precision: str, device: str) -> None:
    images, classes = bars(channels=channels)
    model = small(precision=precision, device=device).fit(images)
    assert adjusted_rand_score(classes, model.labels_) == 1
    assert adjusted_rand_score(classes, model.forward_labels_) == 1
    assert np.array_equal(model.predict(images), model.labels_)
    np.testing.assert_allclose(model.transform(images), model.embedding_, atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(model.embedding_, axis=1), 1, rtol=1e-5)
    assert model.image_shape_ == (channels, 12, 12)


@pytest.mark.parametrize("preset", ImageJULE.PRESETS)
def test_paper_and_released_code_are_presets(preset: str) -> None:
    images, classes = bars()
    model = small(**{**ImageJULE.PRESETS[preset], "epochs": 2, "n_neighbors": 5, "batch_size": 20}).fit(images)
    assert adjusted_rand_score(classes, model.labels_) > 0.9
    assert [period.phase for period in model.history_][-1] == "again"
    assert model.history_[-1].steps == 0, "the images are clustered again with the network fixed"


def test_the_defaults_are_the_paper_s() -> None:
    model = ImageJULE()
    published = ImageJULE.PRESETS["published"]
    assert {name: getattr(model, name) for name in published} == published


def test_the_first_clusters_come_from_the_pixels() -> None:
    images, _ = bars()
    graph = digraph(unit_pixels(images), 5, 1.0)
    expected = numbered(nearest_components(graph.indices))
    assert np.array_equal(small().fit(images).initial_labels_, expected)


def test_untrained_networks_stand_for_their_pixels() -> None:
    images, _ = bars(each=4)
    pixels = torch.from_numpy(images)
    trainee = ImageTrainee(ConvEncoder((1, 12, 12), (True,), width=4), pixels)
    assert np.array_equal(trainee.features(5, steps=0), unit_pixels(images))
    assert trainee.features(5, steps=1).shape == (12, 4)


def test_statistics_of_batches_count_until_the_clusters_are_merged() -> None:
    torch.manual_seed(0)
    pixels = torch.from_numpy(bars(each=4)[0])
    network = ConvEncoder((1, 12, 12), (True,), width=4)
    trainee = ImageTrainee(network, pixels, batch_statistics=True)
    with torch.no_grad():
        by_batch = torch.cat([network.train()(part) for part in [pixels[i::3] for i in range(3)]]).numpy()
    order = np.concatenate([np.arange(12)[i::3] for i in range(3)])
    np.testing.assert_array_equal(trainee.features(5, steps=1)[order], by_batch)
    settled = trainee.features(5, steps=1, merged=True)
    np.testing.assert_allclose(settled, network.eval()(pixels).detach().numpy(), atol=1e-6)
    assert np.abs(settled[order] - by_batch).max() > 0.01


def test_statistics_of_the_evaluation_mode_are_means_over_all_images() -> None:
    torch.manual_seed(0)
    pixels = torch.from_numpy(bars(each=4)[0])
    network = ConvEncoder((1, 12, 12), (True,), width=4)
    in_training_mode(network, pixels, 6)
    first = network.blocks[0]
    with torch.no_grad():
        maps = [first[0](pixels[start::2] / 255) for start in range(2)]
    torch.testing.assert_close(first[1].running_mean, torch.cat(maps).mean(dim=(0, 2, 3)))
    torch.testing.assert_close(first[1].running_var, torch.stack([m.var(dim=(0, 2, 3)) for m in maps]).mean(dim=0))
    assert first[1].momentum == 0.1


def test_the_same_seed_gives_the_same_bytes_and_leaves_the_global_state_alone() -> None:
    images, _ = bars()
    before = torch.get_rng_state()
    one, other = small().fit(images), small().fit(images)
    assert torch.equal(before, torch.get_rng_state())
    assert one.embedding_.tobytes() == other.embedding_.tobytes()
    assert not np.array_equal(one.embedding_, small(random_state=1).fit(images).embedding_)


@pytest.mark.parametrize("size", [4, 5, 17, 40])
def test_any_size_will_do(size: int) -> None:
    images = bars(size=max(size, 12), each=6)[0][:, :, :size, :size]
    assert small(n_neighbors=3).fit(images).labels_.max() == 2


def test_one_cluster_and_fewer_images_than_a_batch() -> None:
    images, _ = bars(each=2)
    one = small(1, batch_size=100).fit(images)
    assert not one.labels_.any()
    assert small(6, batch_size=100).fit(images).labels_.tolist() == list(range(6))
    assert small(1).fit(images[:1]).labels_.tolist() == [0]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"network": "alexnet"}, "network is 'alexnet'; give one of auto, coil, usps"),
        ({"network": ["coil"]}, r"network is \['coil'\]; give one of auto, coil"),
        (
            {"network": "coil"},
            "images of 12 x 12 pixels are too small for the network's 4 blocks; give larger images",
        ),
        ({"batch_statistics": 1}, "batch_statistics is 1; give true or false"),
        ({"eta": 0}, "eta is 0, and no cluster would ever be merged"),
        ({"n_clusters": 61}, "n_clusters is 61 but there are 60 images"),
        ({"learning_rate": 1e20, "optimiser": "adam"}, r"training ran away to a loss of nan; lower learning_rate"),
    ],
)
def test_what_cannot_be_is_refused(changes: dict[str, Any], message: str) -> None:
    images, _ = bars()
    with pytest.raises(ParameterError, match=message):
        small(**changes).fit(images)


def test_images_of_another_shape_are_refused() -> None:
    model = small().fit(bars()[0])
    with pytest.raises(ParameterError, match=r"images are 1 x 13 x 13 .* but 1 x 12 x 12 were trained on"):
        model.predict(bars(size=13)[0])


def test_several_processes_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Group, "current", lambda: Group(0, 2))
    with pytest.raises(ParameterError, match="networks on images are trained by one process; start it without"):
        small().fit(bars()[0])


@pytest.mark.parametrize(("count", "batch_size"), [(1, 20), (3, 2), (4, 1), (5, 2)])
def test_single_images_have_no_statistics_and_do_no_harm(count: int, batch_size: int) -> None:
    images = bars(each=2)[0][:count, :, :5, :5]
    assert len(small(1, batch_size=batch_size).fit(images).labels_) == count


@pytest.mark.parametrize("batches", [True, False])
def test_features_are_asked_for_with_what_has_happened(batches: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[int, bool]] = []
    features = ImageTrainee.features

    def recording(self: ImageTrainee, batch_size: int, steps: int, merged: bool = False) -> np.ndarray:
        assert self.batch_statistics == batches
        asked.append((steps, merged))
        return features(self, batch_size, steps, merged)

    monkeypatch.setattr(ImageTrainee, "features", recording)
    periods = small(reruns=2, batch_statistics=batches).fit(bars()[0]).history_
    merging = [period for period in periods if period.phase == "merge"]
    steps = np.cumsum([0] + [period.steps for period in periods])
    expected = [(int(each), number > len(merging)) for number, each in enumerate(steps)]
    assert asked == expected


def test_large_images_are_embedded_a_few_at_a_time() -> None:
    assert [at_once((side, side)) for side in (28, 128, 512, 4096)] == [512, 128, 8, 1]
