"""Bad descriptions of image sets: keys of source.yaml by their type, its text, tables of labels, folders."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import fields
from functools import partial
from pathlib import Path
from typing import Any, get_type_hints

import yaml
from PIL import Image

from stages.datasets.source import READERS

FOLDER = Path("data/raw/d")
_NOT_KEYS = ("folder", "about")
# A description of each kind that is sound by its form; the addresses answer nobody.
_SOUND: dict[str, dict[str, Any]] = {
    "archive": {"files": ["a.zip"], "mirrors": ["http://127.0.0.1:9/"], "sha256": ["0" * 64]},
    "arrays": {"path": "a.npz"},
    "local": {"path": "../../../photos"},
    "package": {"requirement": "photos==1.0", "sha256": "0" * 64},
    "scikit-learn": {"name": "digits"},
    "torchvision": {"name": "mnist"},
    "voc2007": {},
}
_WRONG: dict[Any, Sequence[Any]] = {
    str: (None, 7, True, {"a": 1}, [[1]], ["a"], float("nan")),
    int: (None, "abc", True, 1.5, {"a": 1}, [1], float("nan"), -1),
    bool: (None, 7, "maybe", [True]),
    Sequence[str]: (None, 7, {"a": 1}, [7], [[]], [None], True),
}
# Values of the right type that nothing can be done with.
_USELESS = {
    ("local", "path"): ("nowhere", "/dev/null", "~nobody/x", "$NOT_SET/x", "a\0b", "", "x" * 5000),
    ("local", "images"): ("nothing*", "[", "a\0b"),
    ("local", "folders"): (["nowhere"], ["../photos"], ["/"], ["a\0b"]),
    ("local", "labels"): ("/etc/*.csv", "**x", "../*.csv", "nowhere.csv", "[", "a\0b", "/dev/zero"),
    ("local", "label_pattern"): ("(", "a", "(a)(b)", "nothing(x)"),
    ("local", "label_block"): (2, 10**30),
    ("local", "label_folder"): (9, 10**30),
    ("arrays", "path"): ("nowhere.npz", "~nobody/x", "a\0b", "/dev/null", ""),
    ("arrays", "layout"): ("NWX", "HW", ""),
    ("arrays", "scale"): ("0..1..2", "white"),
    ("arrays", "images"): ("nowhere", "a\0b"),
    ("arrays", "labels"): ("nowhere", "images"),
    ("archive", "files"): ([], ["../a.zip"], ["/a.zip"], ["a.zip", "b.zip"], ["a\0.zip"]),
    ("archive", "mirrors"): ([], ["nowhere"], ["file:///etc/passwd"], ["http://"], ["http://[::1"]),
    ("archive", "sha256"): (["xyz"], ["0" * 63], ["0" * 64] * 2),
    ("package", "requirement"): ("photos", "photos>=1", "", "-r /etc/passwd", "photos==1; x", "a b==1"),
    ("package", "sha256"): ("xyz", ""),
    ("scikit-learn", "name"): ("digit", ""),
    ("scikit-learn", "min_images"): (0, -5),
    ("torchvision", "name"): ("mnst", ""),
    ("torchvision", "splits"): (["val"], [], ["train", "train"]),
    ("torchvision", "classes"): ("rough",),
    ("voc2007", "single"): ("none",),
    ("voc2007", "difficult"): ("maybe",),
}


def cases() -> Iterator[tuple[str, Callable[[], list[object]]]]:
    """Yield a name, and what lays the image set out and returns the stage that must refuse it."""
    for reader, sound in _SOUND.items():
        hints = get_type_hints(READERS[reader])
        for field in fields(READERS[reader]):  # type: ignore[arg-type]
            if field.name not in _NOT_KEYS:
                for value in (*_WRONG[hints[field.name]], *_USELESS.get((reader, field.name), ())):
                    yield _described(
                        {"reader": reader, **sound, field.name: value}, f"{field.name}: {value!r:.60}"
                    )
        yield _described({"reader": reader, **sound, "pth": "x"}, "an unknown key")
        yield _described({"reader": reader, **sound, "about": 7}, "about: 7")
        yield _described({"reader": reader, **sound, "about": {"images": "many"}}, "about.images: many")
        for name in sound:
            yield _described({"reader": reader, **{k: v for k, v in sound.items() if k != name}}, f"no {name}")
    for value in (None, "folder", 7, ["local"], {"local": 1}):
        yield _described({"reader": value, "path": "x"}, f"reader: {value!r}")
    for name, content in _texts().items():
        yield f"source.yaml is {name}", partial(_source, content)
    for name, content in _label_tables().items():
        yield f"labels.csv is {name}", partial(_labels, content)
    for name, content in _folders().items():
        yield f"a folder with {name}", partial(_files, content)


def _described(content: dict[str, Any], what: str) -> tuple[str, Callable[[], list[object]]]:
    return f"source.yaml, reader {content['reader']}: {what}", partial(_source, yaml.safe_dump(content).encode())


def _texts() -> dict[str, bytes]:
    return {
        "an empty file": b"",
        "a list": b"- reader: local\n",
        "a text": b"local\n",
        "NUL": b"reader: local\npath: a\0b\n",
        "random bytes": bytes(range(256)),
        "UTF-16": "reader: local\npath: x\n".encode("utf-16"),
        "Latin-1": "reader: local\npath: \xe4\n".encode("latin-1"),
        "deep nesting": b"reader: " + b"[" * 3000 + b"]" * 3000,
        "a bomb of aliases": b"a: &a [x,x]\nb: &b [*a,*a]\nreader: *b\n",
        "a Python object": b"reader: !!python/object/apply:os.getcwd []\n",
        "a conflict": b"<<<<<<< HEAD\nreader: local\n=======\nreader: arrays\n>>>>>>> x\n",
        "a tab": b"reader: local\n\tpath: x\n",
        "the 31st of February": b"reader: local\npath: 2024-02-31\n",
    }


def _label_tables() -> dict[str, bytes]:
    rows = "0.png,a\n1.png,b\n2.png,a\n"
    return {
        "empty": b"",
        "one line feed": b"\n",
        "without a header": rows.encode(),
        "of one column": b"path\n0.png\n1.png\n",
        "with another column": b"path,class\n0.png,a\n",
        "two columns of one name": b"path,path,label\n0.png,0.png,a\n",
        "a row too long": b"path,label\n0.png,a,b,c\n",
        "NUL": b"path,label\n0.png,\0\n",
        "random bytes": bytes(range(128, 256)) * 8,
        "a PNG": b"\x89PNG\r\n\x1a\n" + bytes(100),
        "of no image that is there": b"path,label\nx.png,a\ny.png,b\n",
        "two labels for one image": b"path,label\n0.png,a\n0.png,b\n",
        "an open quote": b'path,label\n"0.png,a\n1.png,b\n',
        "a cell of a megabyte": b"path,label\n0.png," + b"a" * 1_000_000 + b"\n",
    }


def _folders() -> dict[str, dict[str, bytes]]:
    return {
        "nothing": {},
        "a text": {"readme.txt": b"x"},
        "an empty image": {"0.png": b""},
        "a page for an image": {"0.jpg": b"<!DOCTYPE html><html></html>"},
        "a pointer of git-lfs": {"0.jpg": b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n"},
        "random bytes for an image": {"0.png": bytes(range(256)) * 9},
        "half a signature": {"0.png": b"\x89PN"},
        "a hidden image": {".0.png": b"\x89PNG"},
        "a film": {"0.mp4": b"\0\0\0\x18ftypmp42" + bytes(50)},
    }


def _source(content: bytes) -> list[object]:
    _photos(Path("photos"))
    return _files({"source.yaml": content})


def _labels(content: bytes) -> list[object]:
    _photos(FOLDER)
    return _files({"labels.csv": content})


def _files(contents: dict[str, bytes]) -> list[object]:
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, content in contents.items():
        (FOLDER / name).write_bytes(content)
    return ["stages.download", "--dataset", "d"]


def _photos(folder: Path) -> None:
    folder.mkdir(parents=True)
    for number in range(3):
        Image.new("RGB", (8, 8), (80 * number, 0, 0)).save(folder / f"{number}.png")
