import hashlib
import io
import tarfile
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from stages.core.errors import DatasetError, FetchError
from stages.datasets import open_dataset
from stages.datasets.sklearn_sets import SklearnSet
from tests.datasets.images import BLUE, GREEN, RED, encode

RAW = Path(__file__).parents[2] / "data" / "raw"
NOWHERE = "http://127.0.0.1:9/"  # the discard port: nobody listens


def jpeg(colour) -> bytes:
    return encode(Image.new("RGB", (250, 250), colour), "JPEG")


FACES = {  # as in the published archive: a folder for each person, and lists of pairs
    "lfw_funneled/Ada_Lovelace/Ada_Lovelace_0001.jpg": jpeg(RED),
    "lfw_funneled/Ada_Lovelace/Ada_Lovelace_0002.jpg": jpeg(GREEN),
    "lfw_funneled/Emmy_Noether/Emmy_Noether_0001.jpg": jpeg(BLUE),
    "lfw_funneled/pairs_01.txt": b"10 300\n",
}


def refuse(line: str) -> None:
    raise AssertionError(f"nothing should be fetched: {line}")


@pytest.fixture
def home(tmp_path, monkeypatch):
    """The folder where scikit-learn keeps the faces; it can fetch nothing, and does not wait before it says so."""
    from sklearn.datasets import _base, _lfw

    home = tmp_path / "scikit-learn" / "lfw_home"
    home.mkdir(parents=True)
    monkeypatch.setattr(_base.time, "sleep", lambda seconds: None)
    monkeypatch.setattr(_lfw, "FUNNELED_ARCHIVE", _lfw.FUNNELED_ARCHIVE._replace(url=NOWHERE))
    monkeypatch.setattr(_lfw, "TARGETS", [target._replace(url=NOWHERE) for target in _lfw.TARGETS])
    return home


@pytest.fixture
def fetched(home, monkeypatch):
    """What scikit-learn has after its fetch and before it unpacks."""
    from sklearn.datasets import _lfw

    for target in _lfw.TARGETS:
        (home / target.filename).touch()
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as archive:
        for name, data in FACES.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    (home / "lfw-funneled.tgz").write_bytes(stream.getvalue())
    digest = hashlib.sha256(stream.getvalue()).hexdigest()
    monkeypatch.setattr(_lfw, "FUNNELED_ARCHIVE", _lfw.FUNNELED_ARCHIVE._replace(checksum=digest))
    return home


def test_the_digits(tmp_path):
    from sklearn.datasets import load_digits

    with open_dataset(RAW / "digits", tmp_path / "cache", refuse) as images:
        assert [image.path for image in images[:2]] == ["00000.pgm", "00001.pgm"]
        assert Counter(image.label for image in images) == Counter(str(label) for label in load_digits().target)
        assert len(images) == 1797 and [image.label for image in images[:4]] == ["0", "1", "2", "3"]
        shown = np.stack([np.asarray(Image.open(io.BytesIO(image.read()))) for image in images])
    assert (shown.min(), shown.max(), len(np.unique(shown))) == (0, 255, 17)
    np.testing.assert_array_equal(np.rint(shown / 255 * 16), load_digits().images, "no value is lost")
    assert not (tmp_path / "cache").exists()


def listed(cache, **keys):
    with SklearnSet("lfw", **keys).open(cache, lambda line: None) as images:
        return [(image.path, image.label, image.read()) for image in images]


def test_the_faces_are_unpacked_and_given_as_the_files_they_are(fetched, tmp_path, capsys):
    expected = [
        (name.removeprefix("lfw_funneled/"), name.split("/")[1], data)
        for name, data in FACES.items()
        if name.endswith("jpg")
    ]
    assert listed(tmp_path) == expected
    assert not (fetched / "lfw-funneled.tgz").exists(), "scikit-learn removes what it has unpacked"
    assert not list(fetched.glob("joblib/**/*.pkl")), "the pixels were never gathered"
    assert listed(tmp_path) == expected
    assert listed(tmp_path, min_images=2) == expected[:2]
    assert capsys.readouterr().out == ""


def test_people_with_few_images_are_left_out_up_to_the_last(fetched, tmp_path):
    with pytest.raises(DatasetError) as caught:
        listed(tmp_path, min_images=3)
    assert str(caught.value) == (
        f"no person in {fetched / 'lfw_funneled'} has 3 images, the most is 2; lower `min_images`"
    )


def test_unpacking_that_was_broken_off_is_done_again(fetched, tmp_path):
    first = fetched / "lfw_funneled" / "Ada_Lovelace" / "Ada_Lovelace_0001.jpg"
    first.parent.mkdir(parents=True)
    first.write_bytes(b"half of a")
    assert [data for _, _, data in listed(tmp_path)] == [jpeg(RED), jpeg(GREEN), jpeg(BLUE)]


def test_faces_put_there_by_hand_need_no_network(home, tmp_path):
    for name, data in FACES.items():
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_bytes(data)
    (home / "lfw-funneled.tgz").touch()  # left there after unpacking; not a reason to unpack again
    with SklearnSet("lfw").open(tmp_path, refuse) as images:
        assert len(images) == 3


def test_faces_out_of_reach_tell_where_to_put_them(home, tmp_path):
    lines = []
    with pytest.raises(FetchError) as caught:
        with SklearnSet("lfw").open(tmp_path, lines.append):
            pass
    found = str(caught.value)
    assert found.startswith("lfw could not be fetched (<urlopen error ") and "\n" not in found
    assert found.endswith(
        f"); check the network, or put what lfw-funneled.tgz holds into {home / 'lfw_funneled'} by hand, a folder "
        "for each person"
    )
    assert lines == ["fetching lfw"]


def test_keys_that_cannot_be_used_say_why():
    for keys, expected in [
        ({"name": "olivetti"}, "scikit-learn's set 'olivetti' is not known; it may be 'digits' or 'lfw'"),
        ({"name": "lfw", "min_images": 0}, "`min_images` is 0; it is at least 1"),
    ]:
        with pytest.raises(DatasetError) as caught:
            SklearnSet(**keys)
        assert str(caught.value) == expected
