from pathlib import Path

import pytest

from stages.core.errors import DatasetError
from stages.datasets.keys import resolve_path

FOLDER = Path("/data/raw/faces")


def test_a_path_is_relative_to_the_dataset(monkeypatch):
    monkeypatch.setenv("HOME", "/home/ada")
    monkeypatch.setenv("PHOTOS", "/mnt/photos")
    monkeypatch.setenv("YEAR", "$2007")
    expected = {
        "faces.h5": "/data/raw/faces/faces.h5",
        "../faces.h5": "/data/raw/faces/../faces.h5",
        "/mnt/faces.h5": "/mnt/faces.h5",
        "~/faces.h5": "/home/ada/faces.h5",
        "$PHOTOS/faces.h5": "/mnt/photos/faces.h5",
        "${PHOTOS}/$YEAR/~": "/mnt/photos/$2007/~",
        "5$": "/data/raw/faces/5$",
        "/a/$$PHOTOS/$$$$5": "/a/$PHOTOS/$$5",
    }
    assert {text: resolve_path(text, FOLDER) for text in expected} == {k: Path(v) for k, v in expected.items()}


@pytest.mark.parametrize("text", ["$NOT_SET/a.h5", "~/${NOT_SET}/a.h5"])
def test_a_variable_that_is_not_set_is_named(monkeypatch, text):
    for value in (None, ""):
        monkeypatch.delenv("NOT_SET", raising=False) if value is None else monkeypatch.setenv("NOT_SET", value)
        with pytest.raises(DatasetError) as caught:
            resolve_path(text, FOLDER)
        assert str(caught.value) == (
            f"the path {text!r} needs the environment variable NOT_SET, which is not set; set it, or write the "
            "whole path"
        )


def test_an_unknown_user_is_named():
    with pytest.raises(
        DatasetError, match=r"^the path '~no-such-user/a.h5' names a user who has no home folder here; "
    ):
        resolve_path("~no-such-user/a.h5", FOLDER)
