import gzip
import io
import struct
from pathlib import Path

import numpy as np
import pytest
import scipy.io
from PIL import Image

from stages.core.errors import DatasetError
from stages.datasets import UnreadableImageError, open_dataset
from stages.datasets.arrays import Arrays

REAL = Path(__file__).parents[3] / "shared" / "datasets"
RNG = np.random.default_rng(5)
GREY = RNG.integers(0, 256, (4, 3, 2), dtype=np.uint8)  # 4 images of 3 rows and 2 columns
COLOUR = RNG.integers(0, 256, (4, 3, 2, 3), dtype=np.uint8)
NUMBERS, NAMES = np.array([3, 0, 10, 3]), ["3", "0", "10", "3"]


def refuse(line: str) -> None:
    raise AssertionError(f"nothing should be reported: {line}")


def shown(image) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(image.read())))


def check(file, pixels: np.ndarray, names: list | None = None, **keys) -> None:
    """The reader gives exactly these pixels and labels."""
    with Arrays(str(file), **keys).open(file.parent, refuse) as images:
        assert [image.path for image in images] == sorted(image.path for image in images)
        assert [image.label for image in images] == (NAMES if names is None else names)
        for image, expected in zip(images, pixels, strict=True):
            np.testing.assert_array_equal(shown(image), expected)


def message(file, **keys) -> str:
    with pytest.raises(DatasetError) as caught:
        with Arrays(str(file), **keys).open(Path(), refuse):
            pass
    assert "\n" not in str(caught.value)
    return str(caught.value)


def npz(folder, **arrays) -> Path:
    np.savez_compressed(folder / "a.npz", **arrays)
    return folder / "a.npz"


def idx(array: np.ndarray, kind: int = 8) -> bytes:
    return struct.pack(f">HBB{array.ndim}I", 0, kind, array.ndim, *array.shape) + array.tobytes()


@pytest.mark.parametrize(
    ("layout", "stored"),
    [
        ("NHW", GREY),
        ("NWH", GREY.transpose(0, 2, 1)),
        ("HWN", GREY.transpose(1, 2, 0)),
        ("WHN", GREY.transpose(2, 1, 0)),
        ("HNW", GREY.transpose(1, 0, 2)),
        ("NCHW", GREY[:, None]),
        ("NHWC", GREY[..., None]),
        ("NHWC", COLOUR),
        ("NCHW", COLOUR.transpose(0, 3, 1, 2)),
        ("NCWH", COLOUR.transpose(0, 3, 2, 1)),
        ("HWCN", COLOUR.transpose(1, 2, 3, 0)),
    ],
)
@pytest.mark.parametrize("kind", ["npz", "h5"])
def test_every_order_of_axes(tmp_path, layout, stored, kind):
    expected = GREY if stored.size == GREY.size else COLOUR
    if kind == "npz":
        file = npz(tmp_path, images=stored, labels=NUMBERS)
    else:
        file = h5(tmp_path / "a.h5", images=stored, labels=NUMBERS)
    check(file, expected, layout=layout)


def h5(file, **arrays) -> Path:
    h5py = pytest.importorskip("h5py", reason="h5py is an optional extra")
    with h5py.File(file, "w") as stream:
        for name, array in arrays.items():
            stream[name] = array
    return file


@pytest.mark.parametrize(
    ("layout", "stored"),
    [
        ("NHW", GREY.reshape(4, 6)),
        ("NWH", GREY.transpose(0, 2, 1).reshape(4, 6)),  # as MATLAB flattens
        ("HWN", GREY.reshape(4, 6).T),
        ("NHWC", COLOUR.reshape(4, 18)),
        ("NCHW", COLOUR.transpose(0, 3, 1, 2).reshape(4, 18)),
        ("CHWN", COLOUR.transpose(0, 3, 1, 2).reshape(4, 18).T),
    ],
)
def test_flattened_images(tmp_path, layout, stored):
    expected = GREY if stored.size == GREY.size else COLOUR
    check(npz(tmp_path, images=stored, labels=NUMBERS), expected, layout=layout, height=3, width=2)


@pytest.mark.parametrize(
    ("scale", "values", "expected"),
    [
        ("0..255", np.array([0.0, 254.6, 255.0, 3.2]), [0, 255, 255, 3]),
        ("0..255", np.array([0, 255, 7, 1], np.int32), [0, 255, 7, 1]),
        ("0..1", np.array([0, 1, 0.2, 0.5], np.float32), [0, 255, 51, 128]),
        ("0..1", np.array([False, True, True, False]), [0, 255, 255, 0]),
        ("0..1", np.array([0, 1, 1, 0], np.uint8), [0, 255, 255, 0]),
        ("min..max", np.array([-1.0, 1.0, 0.0, -0.6]), [0, 255, 128, 51]),
        ("min..max", np.array([0, 16, 8, 1], np.uint8), [0, 255, 128, 16]),
        ("min..max", np.array([300, 300, 300, 300]), [0, 0, 0, 0]),
    ],
)
def test_the_scale_is_that_of_the_whole_set(tmp_path, scale, values, expected):
    stored = values.reshape(4, 1, 1)  # one pixel each: scaled by itself every image would be black or white
    check(npz(tmp_path, images=stored, labels=NUMBERS), np.reshape(expected, (4, 1, 1)), scale=scale)


@pytest.mark.parametrize(
    ("values", "scale", "expected"),
    [
        ([0.0, 0.5, 256.0], "0..255", "go from 0 to 256, not 0..255; correct `scale`"),
        ([-1.0, 0.5, 1.0], "0..1", "go from -1 to 1, not 0..1; correct `scale`"),
        ([0.0, np.nan, 1.0], "0..1", "some values of the images are not finite; mend the file"),
        ([0.0, np.inf, 1.0], "min..max", "some values of the images are not finite; mend the file"),
    ],
)
def test_values_outside_the_scale_are_refused(tmp_path, monkeypatch, values, scale, expected):
    monkeypatch.setattr("stages.datasets.arrays._AT_ONCE", 1)  # block after block
    file = npz(tmp_path, images=np.reshape(values, (3, 1, 1)), labels=np.zeros(3))
    assert message(file, scale=scale).endswith(expected)


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        (NUMBERS.reshape(1, 4).astype(float), NAMES),
        (NUMBERS.reshape(4, 1).astype(np.uint8), NAMES),
        (np.array(["a", "b c", "", "d"]), ["a", "b c", None, "d"]),
        (np.array(["ä".encode(), b"b", b"c", b"d"]), ["ä", "b", "c", "d"]),
    ],
)
def test_labels_of_every_type(tmp_path, labels, expected):
    check(npz(tmp_path, images=GREY, labels=labels), GREY, expected)


def test_arrays_of_other_names_and_none(tmp_path):
    file = npz(tmp_path, data=GREY, y=NUMBERS)
    check(file, GREY, images="data", labels="y")
    check(file, GREY, [None] * 4, images="data", labels="")


def test_matlab_before_7_3(tmp_path):
    scipy.io.savemat(
        tmp_path / "a.mat", {"fea": GREY.transpose(0, 2, 1).reshape(4, 6).astype(float), "gnd": NUMBERS}
    )
    check(tmp_path / "a.mat", GREY, images="fea", labels="gnd", layout="NWH", height=3, width=2)
    assert message(tmp_path / "a.mat").endswith("holds no array 'images', but 'fea', 'gnd'; correct `images`")
    scipy.io.savemat(tmp_path / "b.mat", {"images": GREY, "labels": ["ape", "bear", "cat", "dog"]})
    check(tmp_path / "b.mat", GREY, ["ape", "bear", "cat", "dog"])


def test_matlab_7_3_is_hdf5(tmp_path):
    h5py = pytest.importorskip("h5py", reason="h5py is an optional extra")
    with h5py.File(tmp_path / "a.mat", "w", userblock_size=512) as stream:
        stream["images"], stream["labels"] = GREY.transpose(0, 2, 1), NUMBERS.reshape(1, 4).astype(float)
    with (tmp_path / "a.mat").open("r+b") as stream:
        stream.write(b"MATLAB 7.3 MAT-file, Platform: GLNXA64")
    check(tmp_path / "a.mat", GREY, layout="NWH")


def test_hdf5_reads_an_image_at_a_time(tmp_path):
    h5py = pytest.importorskip("h5py", reason="h5py is an optional extra")
    file = h5(tmp_path / "a.h5", data=GREY[:, None] / 255.0, labels=["a", "b", "a", "b"])
    with Arrays(str(file), images="data", layout="NCHW", scale="0..1").open(Path(), refuse) as images:
        assert [image.label for image in images] == ["a", "b", "a", "b"]
        np.testing.assert_array_equal(shown(images[2]), GREY[2])
    with pytest.raises(UnreadableImageError):
        images[2].read()  # the file is closed
    with h5py.File(file, "w") as stream:
        stream.create_group("images")
    assert message(file).endswith("'images' is not an array; correct `images`")
    file.write_bytes(file.read_bytes()[:100])
    assert message(file).startswith(f"{file} cannot be read (")


def test_without_h5py_the_way_out_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "h5py", None)
    (tmp_path / "a.h5").touch()
    assert message(tmp_path / "a.h5") == (
        f"{tmp_path / 'a.h5'} is an HDF5 file, which the package h5py reads; install it with `pip install h5py`"
    )


@pytest.mark.parametrize(
    "names", [("train-images-idx3-ubyte", "train-labels-idx1-ubyte"), ("images.idx3", "labels.idx1")]
)
@pytest.mark.parametrize("ending", ["", ".gz"])
def test_a_pair_of_idx_files(tmp_path, names, ending):
    pack = gzip.compress if ending else bytes
    for name, array in zip(names, (GREY, NUMBERS.astype(np.uint8)), strict=True):
        (tmp_path / f"{name}{ending}").write_bytes(pack(idx(array)))
    check(tmp_path / f"{names[0]}{ending}", GREY)


def test_a_folder_of_pairs_of_idx_files(tmp_path):
    for start, part in (("train", slice(2)), ("t10k", slice(2, 4))):
        (tmp_path / f"{start}-images-idx3-ubyte.gz").write_bytes(gzip.compress(idx(GREY[part])))
        (tmp_path / f"{start}-images-idx3-ubyte").write_bytes(idx(GREY[part]))  # unpacked too: not read twice
        (tmp_path / f"{start}-labels-idx1-ubyte").write_bytes(idx(NUMBERS[part].astype(">i4"), 12))
    with Arrays(str(tmp_path)).open(Path(), refuse) as images:
        assert [(image.path, image.label) for image in images] == [
            ("t10k/00000.pgm", "10"),
            ("t10k/00001.pgm", "3"),
            ("train/00000.pgm", "3"),
            ("train/00001.pgm", "0"),
        ]
        np.testing.assert_array_equal(shown(images[0]), GREY[2])


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (idx(GREY)[:-1], "it has fewer values than it says"),
        (idx(GREY) + b"x", "it has more values than it says"),
        (struct.pack(">HBB3I", 0, 8, 3, 2**32 - 1, 2**32 - 1, 2**32 - 1), "it has fewer values than it says"),
        (b"\0\0\x08\xff", "it has fewer values than it says"),
        (b"\0\0\x07\x03", "it does not begin like an idx file"),
        (b"", "it does not begin like an idx file"),
    ],
)
def test_a_damaged_idx_file_is_refused(tmp_path, data, expected):
    for name, content in (("images-idx3-ubyte", data), ("images-idx3-ubyte.gz", gzip.compress(data))):
        (tmp_path / name).write_bytes(content)
        assert message(tmp_path / name, labels="") == f"{tmp_path / name} cannot be read ({expected})"
    (tmp_path / name).write_bytes(gzip.compress(data)[:-9])
    assert message(tmp_path / name, labels="").startswith(f"{tmp_path / name} cannot be read (")


def test_a_file_that_cannot_be_used_says_why(tmp_path):
    good = npz(tmp_path, images=GREY, labels=NUMBERS, text=np.array(["a"]), four=np.zeros((4, 2, 2, 4), "u1"))
    cases = [
        (tmp_path / "b.npz", {}, f"there is no file {tmp_path / 'b.npz'}; put it there, or correct `path`"),
        (tmp_path, {}, f"the folder {tmp_path} holds no file like train-images-idx3-ubyte.gz; correct `path`"),
        (good, {"images": "x"}, "holds no array 'x', but 'images', 'labels', 'text', 'four'; correct `images`"),
        (good, {"labels": "y"}, "holds no array 'y', but 'images', 'labels', 'text', 'four'; correct `labels`"),
        (good, {"images": "text"}, "the images are <U1, not numbers; correct `images`"),
        (good, {"labels": "text"}, "there are 4 images and 1 labels; correct `labels` or `layout`"),
        (good, {"layout": "NCHW"}, "the array of images has the shape (4, 3, 2), which is not the layout 'NCHW'"),
        (
            good,
            {"images": "four", "layout": "NHWC"},
            "'HWC' has the shape (2, 2, 4); there are 1 or 3 channels (C)",
        ),
        (good, {"images": "four", "layout": "NHWC", "labels": "images"}, "there are 1 or 3 channels (C)"),
    ]
    for file, keys, expected in cases:
        assert expected in message(file, **keys)
    flat = npz(tmp_path, images=GREY.reshape(4, 6), labels=np.array([0.5, 1, 2, 3]))
    assert message(flat, height=2, width=2).endswith(
        "an image has 6 values, not 2 x 2; correct `height`, `width` or `layout`"
    )
    assert message(flat, height=3, width=2).endswith(
        "the labels are float64, neither text nor whole numbers; correct `labels`"
    )
    assert "holds no image" in message(npz(tmp_path, images=GREY[:0], labels=NUMBERS[:0]))
    np.savez(tmp_path / "pickled.npz", images=np.array([{}, []], dtype=object), labels=NUMBERS)
    assert "cannot be read (Object arrays cannot be loaded" in message(tmp_path / "pickled.npz")
    for name in ("a.npz", "a.mat"):
        (tmp_path / name).write_bytes(b"nonsense" * 99)
        assert message(tmp_path / name).startswith(f"{tmp_path / name} cannot be read (")
    (tmp_path / "a.npy").touch()
    assert "a.npy is not a file of arrays by its name; it may end in .npz, .mat, .h5 or .hdf5" in message(
        tmp_path / "a.npy"
    )


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ({"layout": "NHWCC"}, "`layout` is 'NHWCC'; it has the letters N, H, W, and C for colour, once each"),
        ({"layout": "HW"}, "`layout` is 'HW'; it has the letters"),
        ({"scale": "0..256"}, "`scale` is '0..256'; did you mean '0..255'"),
        ({"height": 3}, "`height` is 3 and `width` 0; give both, at least 1, or none"),
        ({"height": -3, "width": -2}, "`height` is -3 and `width` -2; give both, at least 1, or none"),
    ],
)
def test_keys_that_cannot_be_used_say_why(keys, expected):
    with pytest.raises(DatasetError) as caught:
        Arrays("a.npz", **keys)
    assert str(caught.value).startswith(expected)


def test_the_path_in_a_source_is_relative_to_the_dataset(tmp_path):
    npz(tmp_path, images=GREY, labels=NUMBERS)
    folder = tmp_path / "faces"
    folder.mkdir()
    (folder / "source.yaml").write_text("reader: arrays\npath: ../a.npz\n")
    with open_dataset(folder, tmp_path / "cache", refuse) as images:
        assert [image.label for image in images] == NAMES


@pytest.mark.skipif(not REAL.is_dir(), reason="needs the image sets in ../shared/datasets")
def test_real_files():
    for name, count, size, classes in (("usps.npz", 11000, 16, 10), ("coil20.npz", 1440, 32, 20)):
        with np.load(REAL / name) as stored, Arrays(str(REAL / name)).open(Path(), refuse) as images:
            assert len(images) == count and len({image.label for image in images}) == classes
            for place in (0, count // 2, count - 1):
                assert shown(images[place]).shape == (size, size)
                np.testing.assert_array_equal(shown(images[place]), stored["images"][place])
                assert images[place].label == str(stored["labels"][place])
    with Arrays(str(REAL / "mnist")).open(Path(), refuse) as images:
        assert len(images) == 70000 and images[10000].path == "train/00000.pgm"
        # The first digits of MNIST's two parts, as everybody knows them.
        assert [image.label for image in images[:5]] == ["7", "2", "1", "0", "4"]
        assert [image.label for image in images[10000:10005]] == ["5", "0", "4", "1", "9"]
        assert shown(images[10000]).shape == (28, 28) and shown(images[10000]).max() == 255
