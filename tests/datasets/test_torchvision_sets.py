import bz2
import gzip
import hashlib
import io
import pickle
import struct
import tarfile
from collections import Counter
from typing import ClassVar

import numpy as np
import pytest
from PIL import Image

from stages.core.errors import DatasetError, FetchError
from stages.datasets import open_dataset
from stages.datasets.torchvision_sets import TorchvisionSet, load_plain
from tests.httpserver import file, redirect, reset, serving, status

RNG = np.random.default_rng(7)
NOWHERE = "http://127.0.0.1:9/"  # the discard port: nobody listens


def md5(data: bytes) -> str:
    return hashlib.md5(data).hexdigest()


def put(place, data: bytes) -> bytes:
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(data)
    return data


class Python2Pickler(pickle._Pickler):
    """Writes text and bytes as Python 2 did, in which the CIFAR files were made: as byte strings."""

    dispatch: ClassVar = dict(pickle._Pickler.dispatch)

    def save_string(self, text: str | bytes) -> None:
        data = text if isinstance(text, bytes) else text.encode("latin1")
        self.write(b"T" + struct.pack("<i", len(data)) + data)
        self.memoize(text)

    dispatch[str] = dispatch[bytes] = save_string


def python2_pickle(content: object) -> bytes:
    stream = io.BytesIO()
    Python2Pickler(stream, 2).dump(content)
    return stream.getvalue().replace(b"cnumpy._core.", b"cnumpy.core.")


def tar(members: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as archive:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return stream.getvalue()


def idx(array: np.ndarray) -> bytes:
    return struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape) + array.tobytes()


@pytest.fixture
def cifar(tmp_path, monkeypatch):
    """Make a small CIFAR in the published layout, lay it where a user would; return its pixels (n, 3, 32, 32)."""

    def make(kind, batches, test, size, meta):
        pixels = {name: RNG.integers(0, 256, (size, 3072), dtype=np.uint8) for name in [*batches, test]}
        members = {}
        for name, values in pixels.items():
            targets = np.arange(size) % 3
            keys = (
                {"fine_labels": targets.tolist(), "coarse_labels": (1 - targets % 2).tolist()}
                if "fine_label_names" in meta
                else {"labels": targets.tolist()}
            )
            keys |= {"data": values, "batch_label": "a batch", "filenames": [f"{i}.png" for i in range(size)]}
            members[name] = python2_pickle(keys)
        meta_name = kind.meta["filename"]
        members[meta_name] = python2_pickle(meta)
        monkeypatch.setattr(kind, "train_list", [[name, md5(members[name])] for name in batches])
        monkeypatch.setattr(kind, "test_list", [[test, md5(members[test])]])
        monkeypatch.setattr(kind, "meta", kind.meta | {"md5": md5(members[meta_name])})
        archive = tar({f"{kind.base_folder}/{name}": data for name, data in members.items()})
        monkeypatch.setattr(kind, "tgz_md5", md5(archive))
        monkeypatch.setattr(kind, "url", NOWHERE)
        put(tmp_path / "torchvision" / kind.filename, archive)
        return {name: values.reshape(-1, 3, 32, 32) for name, values in pixels.items()}

    return make


@pytest.fixture
def cifar10(cifar):
    from torchvision.datasets import CIFAR10

    batches = ["data_batch_1", "data_batch_2"]
    return cifar(CIFAR10, batches, "test_batch", 3, {"label_names": ["airplane", "bird", "cat"]})


@pytest.fixture
def cifar100(cifar):
    from torchvision.datasets import CIFAR100

    names = {"fine_label_names": ["apple", "bear", "boy"], "coarse_label_names": ["fruit", "people"]}
    return cifar(CIFAR100, ["train"], "test", 3, names)


def shown(image) -> np.ndarray:
    """The pixels of an image, as Pillow reads its file."""
    return np.asarray(Image.open(io.BytesIO(image.read())))


def message(reader, cache) -> str:
    with pytest.raises(FetchError) as caught:
        with reader.open(cache, lambda line: None):
            pass
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_cifar10_train_and_test_together(cifar10, tmp_path, capsys):
    lines = []
    with TorchvisionSet("cifar10").open(tmp_path, lines.append) as images:
        found = [(image.path, image.label) for image in images]
        assert found == [
            *[(f"test/{i:05}.ppm", label) for i, label in enumerate(["airplane", "bird", "cat"])],
            *[(f"train/{i:05}.ppm", label) for i, label in enumerate(["airplane", "bird", "cat"] * 2)],
        ]
        stored = [cifar10[name] for name in ("test_batch", "data_batch_1", "data_batch_2")]
        for image, planes in zip(images, np.concatenate(stored), strict=True):
            np.testing.assert_array_equal(shown(image), np.stack(planes, axis=-1))
    assert lines == ["fetching cifar10"], "unpacking takes a while; the second split finds it done"
    assert capsys.readouterr().out == ""


def test_one_split_alone(cifar10, tmp_path):
    with TorchvisionSet("cifar10", splits=("test",)).open(tmp_path, lambda line: None) as images:
        assert [image.path for image in images] == [f"test/{i:05}.ppm" for i in range(3)]


def test_the_coarse_classes_of_cifar100_belong_to_the_same_images(cifar100, tmp_path):
    with TorchvisionSet("cifar100").open(tmp_path, lambda line: None) as fine:
        assert [image.label for image in fine] == ["apple", "bear", "boy"] * 2
    with TorchvisionSet("cifar100", classes="coarse").open(tmp_path, lambda line: None) as coarse:
        assert [image.label for image in coarse] == ["people", "fruit", "people"] * 2
        assert [image.path for image in coarse] == [image.path for image in fine]
        np.testing.assert_array_equal(shown(coarse[1]), cifar100["test"][1].transpose(1, 2, 0))


class Caller:
    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


@pytest.mark.parametrize(
    "content", [Caller(print, "a pickle was run"), {"data": [Caller(eval, "1/0")]}, np.random.default_rng]
)
def test_a_pickle_that_calls_anything_is_refused(tmp_path, capsys, content):
    put(tmp_path / "train", pickle.dumps(content, 2))
    with pytest.raises(pickle.UnpicklingError, match=r"^the pickle asks for .*; only arrays are read$"):
        load_plain(tmp_path / "train")
    assert capsys.readouterr().out == ""


def test_stl10_has_its_columns_and_rows_in_order(tmp_path, monkeypatch):
    from torchvision.datasets import STL10

    photos = {
        "train": RNG.integers(0, 256, (4, 96, 96, 3), dtype=np.uint8),
        "test": np.zeros((2, 96, 96, 3), "u1"),
    }
    members = {"unlabeled_X.bin": bytes(27648), "class_names.txt": b"airplane\nbird\ncar\n"}
    for split, pixels in photos.items():
        members[f"{split}_X.bin"] = pixels.transpose(0, 3, 2, 1).tobytes()  # a channel after another, by columns
        members[f"{split}_y.bin"] = bytes([1, 3, 2, 1][: len(pixels)])  # counted from 1
    for part in ("train_list", "test_list"):
        listed = [[name, md5(members[name])] for name, _ in getattr(STL10, part)]
        monkeypatch.setattr(STL10, part, listed)
    archive = tar({f"stl10_binary/{name}": data for name, data in members.items()})
    monkeypatch.setattr(STL10, "tgz_md5", md5(archive))
    put(tmp_path / "torchvision" / STL10.filename, archive)
    with TorchvisionSet("stl10").open(tmp_path, lambda line: None) as images:
        assert [image.label for image in images] == ["airplane", "car", "airplane", "car", "bird", "airplane"]
        for image, pixels in zip(images, [*photos["test"], *photos["train"]], strict=True):
            np.testing.assert_array_equal(shown(image), pixels)


@pytest.fixture
def mnist(tmp_path, monkeypatch):
    """Lay the four files of a small MNIST or Fashion-MNIST where a user would; return the digits (n, 28, 28)."""
    from torchvision import datasets

    def make(kind_name):
        kind = getattr(datasets, kind_name)
        digits, resources = {}, []
        for start, count in (("train", 5), ("t10k", 2)):
            digits[start] = RNG.integers(0, 256, (count, 28, 28), dtype=np.uint8)
            labels = np.arange(count, dtype=np.uint8) * 2
            for part, array in (("images-idx3", digits[start]), ("labels-idx1", labels)):
                name = f"{start}-{part}-ubyte.gz"
                data = put(tmp_path / "torchvision" / kind_name / "raw" / name, gzip.compress(idx(array)))
                resources.append((name, md5(data)))
        monkeypatch.setattr(kind, "resources", resources)
        monkeypatch.setattr(kind, "mirrors", [NOWHERE])
        return digits

    return make


@pytest.mark.parametrize(
    ("name", "kind", "train"),
    [
        ("mnist", "MNIST", ["0", "2", "4", "6", "8"]),
        ("fashion_mnist", "FashionMNIST", ["T-shirt/top", "Pullover", "Coat", "Shirt", "Bag"]),
    ],
)
def test_both_mnists_and_their_class_names(mnist, tmp_path, name, kind, train):
    digits = mnist(kind)
    with TorchvisionSet(name).open(tmp_path, lambda line: None) as images:
        assert [image.label for image in images] == [*train[:2], *train]
        assert [image.path for image in images][1:3] == ["test/00001.pgm", "train/00000.pgm"]
        for image, pixels in zip(images, [*digits["t10k"], *digits["train"]], strict=True):
            np.testing.assert_array_equal(shown(image), pixels)


def test_a_half_unpacked_mnist_is_unpacked_again(mnist, tmp_path):
    mnist("MNIST")
    with TorchvisionSet("mnist").open(tmp_path, lambda line: None) as images:
        whole = [image.read() for image in images]
    unpacked = tmp_path / "torchvision" / "MNIST" / "raw" / "train-images-idx3-ubyte"
    unpacked.write_bytes(unpacked.read_bytes()[:-1])
    with TorchvisionSet("mnist").open(tmp_path, lambda line: None) as images:
        assert [image.read() for image in images] == whole


@pytest.fixture
def usps(tmp_path, monkeypatch):
    """Lay a small USPS where a user would: lines of a class, counted from 1, and 256 values in -1..1."""
    from torchvision.datasets import USPS

    files = {}
    for split, classes in (("train", [10, 1, 6]), ("test", [3])):
        lines = []
        for place, number in enumerate(classes):
            values = np.full(256, -1.0)
            values[place] = 1.0
            lines.append(f"{number} " + " ".join(f"{i + 1}:{value:g}" for i, value in enumerate(values)) + " \n")
        data = bz2.compress("".join(lines).encode())
        name = USPS.split_list[split][1]
        put(tmp_path / "torchvision" / name, data)
        files[split] = [NOWHERE + name, name, md5(data)]
    monkeypatch.setattr(USPS, "split_list", files)


def test_usps(usps, tmp_path):
    with TorchvisionSet("usps").open(tmp_path, lambda line: None) as images:
        assert [(image.path, image.label) for image in images] == [
            ("test/00000.pgm", "2"),
            ("train/00000.pgm", "9"),
            ("train/00001.pgm", "0"),
            ("train/00002.pgm", "5"),
        ]
        for image, place in zip(images, [0, 0, 1, 2], strict=True):
            assert Counter(shown(image).ravel().tolist()) == {0: 255, 255: 1}
            assert shown(image)[0, place] == 255


def test_a_half_fetched_usps_is_not_taken_for_whole(usps, tmp_path):
    file = tmp_path / "torchvision" / "usps.bz2"
    file.write_bytes(file.read_bytes()[:-9])
    assert message(TorchvisionSet("usps"), tmp_path).startswith("usps could not be fetched (<urlopen error ")
    assert not file.exists()


def test_a_set_out_of_reach_tells_where_to_put_which_files(cifar10, mnist, tmp_path):
    mnist("MNIST")
    cache = tmp_path / "empty"
    expected = f"); check the network, or put cifar-10-python.tar.gz into {cache / 'torchvision'} by hand"
    found = message(TorchvisionSet("cifar10"), cache)
    assert found.startswith("cifar10 could not be fetched (<urlopen error ") and found.endswith(expected)
    found = message(TorchvisionSet("mnist"), cache)
    files = "train-images-idx3-ubyte.gz, train-labels-idx1-ubyte.gz, t10k-images-idx3-ubyte.gz, t10k-labels-idx1"
    assert f"; check the network, or put {files}-ubyte.gz into {cache / 'torchvision' / 'MNIST' / 'raw'}" in found


def test_a_fetch_that_fails_is_told_and_the_next_one_succeeds(cifar10, tmp_path, monkeypatch, capfd):
    from torchvision.datasets import CIFAR10

    archive = (tmp_path / "torchvision" / CIFAR10.filename).read_bytes()
    cache = tmp_path / "fetched"
    with serving() as server:
        monkeypatch.setattr(CIFAR10, "url", server.address + "cifar.tar.gz")
        for answer, expected in [
            (status(404), "HTTP Error 404: "),
            (status(503), "HTTP Error 503: "),
            (b"wrong bytes", "File not found or corrupted."),
            (archive[:-1], "File not found or corrupted."),
            (file(archive, cut=1000), "File not found or corrupted."),
            (reset(), ""),
        ]:
            server.put("cifar.tar.gz", answer)
            assert message(TorchvisionSet("cifar10"), cache).startswith(
                f"cifar10 could not be fetched ({expected}"
            )
        server.put("other.tar.gz", archive)
        server.put("cifar.tar.gz", redirect(server.address + "other.tar.gz"))
        with TorchvisionSet("cifar10").open(cache, lambda line: None) as images:
            assert len(images) == 9
    assert capfd.readouterr().out == ""


def test_a_file_put_there_with_a_wrong_checksum_is_not_used(cifar10, tmp_path):
    put(tmp_path / "torchvision" / "cifar-10-python.tar.gz", b"another file")
    assert "could not be fetched" in message(TorchvisionSet("cifar10"), tmp_path)


def test_a_source_names_a_set(cifar10, tmp_path):
    folder = tmp_path / "photos"
    put(folder / "source.yaml", b"reader: torchvision\nname: cifar10\nsplits: [test]\n")
    with open_dataset(folder, tmp_path, lambda line: None) as images:
        assert len(images) == 3


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ({"name": "cifar11"}, "torchvision's set 'cifar11' is not known; did you mean 'cifar10' or 'cifar100'?"),
        ({"name": "mnist", "splits": ()}, "`splits` is []; it may be [train], [test] or [train, test]"),
        ({"name": "mnist", "splits": ("all",)}, "`splits` is ['all']; it may be [train], [test] or"),
        (
            {"name": "cifar10", "classes": "coarse"},
            "cifar10 has no 'coarse' classes; `classes` may be 'fine', or 'coarse' for cifar100",
        ),
        ({"name": "cifar100", "classes": "20"}, "cifar100 has no '20' classes"),
    ],
)
def test_keys_that_cannot_be_used_say_why(keys, expected):
    with pytest.raises(DatasetError) as caught:
        TorchvisionSet(**keys)
    assert str(caught.value).startswith(expected)
