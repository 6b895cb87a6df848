import pytest

from stages.core.errors import DatasetError
from stages.datasets import files_passed_over, open_dataset
from stages.datasets.archive import ArchiveSet
from stages.datasets.keys import About
from stages.datasets.local import Local
from stages.datasets.package import Package
from stages.datasets.source import read_about, read_source
from tests.datasets.images import png

SHA = "0" * 64
ARCHIVE = "reader: archive\nfiles: x.zip\nmirrors: [http://a/, http://b/]\n"
SOUND = f"reader: package\nrequirement: photos==1.0\nsha256: '{SHA}'\n"


def refuse(line: str) -> None:
    raise AssertionError(f"nothing should be fetched: {line}")


def message(folder) -> str:
    with pytest.raises(DatasetError) as caught:
        with open_dataset(folder, folder / "cache", refuse):
            pass
    return str(caught.value)


def test_a_folder_of_images_is_a_dataset(tmp_path):
    (tmp_path / "a.png").write_bytes(png())
    with open_dataset(tmp_path, tmp_path / "cache", refuse) as images:
        assert [(image.path, image.label, image.read()) for image in images] == [("a.png", None, png())]


def test_a_missing_folder_names_the_datasets_there_are(tmp_path):
    raw = tmp_path / "raw"
    assert message(raw / "x") == f"there is no folder {raw / 'x'}; there is no dataset in {raw}"
    for name in ("umist", "flowers", ".cache"):
        (raw / name).mkdir(parents=True)
    (raw / "notes.txt").touch()
    assert message(raw / "x") == f"there is no folder {raw / 'x'}; {raw} has flowers, umist"
    assert message(raw / "notes.txt").startswith(f"there is no folder {raw / 'notes.txt'}; ")


def test_a_folder_without_images_says_what_it_holds(tmp_path):
    way_out = "; put images in it, or a source.yaml"
    assert message(tmp_path) == f"{tmp_path} holds nothing{way_out}"
    (tmp_path / ".gitignore").touch()
    assert message(tmp_path) == f"{tmp_path} holds nothing{way_out}"
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "source.yml").touch()
    assert message(tmp_path) == f"{tmp_path} holds no image, but 'deep/source.yml'{way_out}"


def test_images_beside_a_source_are_refused(tmp_path):
    (tmp_path / "a.png").write_bytes(png())
    (tmp_path / "source.yaml").write_text(SOUND)
    assert (
        message(tmp_path) == f"{tmp_path} holds both images (such as 'a.png') and source.yaml; remove one of them"
    )


def test_a_source_may_lie_beside_the_images_that_it_reads(tmp_path):
    for path in ("a/misc/1.png", "b/misc/2.png", "a/cat/3.png"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(png())
    (tmp_path / "notes.txt").touch()
    (tmp_path / "source.yaml").write_text("reader: local\npath: .\nlabels: leaf\nimages: '?/misc/*'\n")
    with open_dataset(tmp_path, tmp_path / "cache", refuse) as images:
        assert [(image.path, image.label) for image in images] == [("a/misc/1.png", None), ("b/misc/2.png", None)]
    assert files_passed_over(tmp_path) == [("a/cat/3.png", "not matched by `images`"), ("notes.txt", ".txt")]
    (tmp_path / "source.yaml").write_text("reader: local\npath: .\nlabels: leaf\n")
    with open_dataset(tmp_path, tmp_path / "cache", refuse) as images:
        assert [image.label for image in images] == ["cat", "misc", "misc"]


def test_a_source_is_read(tmp_path):
    file = tmp_path / "source.yaml"
    file.write_text(SOUND + "images: '*.jpg' # only these\n")
    assert read_source(file) == Package(requirement="photos==1.0", sha256=SHA, images="*.jpg")


def test_keys_of_every_type_are_read(tmp_path):
    file = tmp_path / "source.yaml"
    file.write_text(ARCHIVE + "label_block: 80\n")
    expected = ArchiveSet(files=("x.zip",), mirrors=("http://a/", "http://b/"), label_block=80)
    assert read_source(file) == expected


def test_a_reader_learns_its_folder_and_what_is_known_about_the_set(tmp_path):
    file = tmp_path / "source.yaml"
    file.write_text("reader: local\npath: x\nabout:\n  note: ask me\n")
    assert read_source(file) == Local(path="x", folder=tmp_path, about=About(note="ask me"))


def test_what_is_known_about_a_set(tmp_path):
    file = tmp_path / "source.yaml"
    file.write_text(SOUND)
    assert read_about(file) == About()
    assert read_about(file).surprise(1, 2) == ""
    file.write_text(SOUND + "about:\n  title: Photos\n  images: 10\n  classes: 2\n  licence: free\n")
    about = read_about(file)
    assert about == About(title="Photos", images=10, classes=2, licence="free")
    assert about.surprise(10, 2) == ""
    tail = ": this is not the set that source.yaml describes"
    assert about.surprise(9, 2) == f"9 images instead of 10{tail}"
    assert about.surprise(9, 0) == f"9 images instead of 10 and 0 classes instead of 2{tail}"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "has no keys; write one a line, such as `reader: package`"),
        ("- reader\n", "has no keys; write one a line"),
        ("reader: [unclosed", "is not YAML (while parsing"),
        ("day: 2020-02-31", "is not YAML (day is out of range"),
        ("- !!python/object/apply:os.system ['true']", "is not YAML (could not determine a constructor"),
        ("requirement: photos==1.0\n", "has no key 'reader'; it may be 'archive' or "),
        ("reader: pakage\n", "there is no reader 'pakage'; did you mean 'package'?"),
        ("reader: web\n", "there is no reader 'web'; it may be 'archive' or "),
        ("reader: [package]\n", "there is no reader ['package']"),
        (SOUND + "lables: x.csv\n", "the reader 'package' has no key 'lables'; did you mean 'labels'"),
        (
            SOUND + "1: x.csv\n",
            "the reader 'package' has no key 1; it may be 'requirement' or 'sha256' or 'labels'",
        ),
        (SOUND + "member: 5\n", "the value of 'member' is 5, not text; put it in quotes"),
        (SOUND + "member:\n", "the value of 'member' is None, not text; put it in quotes"),
        ("reader: package\n", "the reader 'package' needs the key 'requirement' or 'sha256'"),
        (ARCHIVE + "label_block: '80'\n", "the value of 'label_block' is '80', not a whole number; write digits"),
        (ARCHIVE + "label_block: true\n", "the value of 'label_block' is True, not a whole number; write digits"),
        (ARCHIVE + "md5: 12\n", "the value of 'md5' is 12, not a list of texts; write it as [A, B]"),
        (ARCHIVE + "md5: ['1', 2]\n", "the value of 'md5' is ['1', 2], not a list of texts; write it as [A, B]"),
        (
            ARCHIVE + "md5: abc\n",
            "source.yaml: 'abc' is not a md5; write it as 32 hex digits, a to f in lower case",
        ),
        (
            ARCHIVE + "label_block: 2\nlabels: x\n",
            "source.yaml: 'labels' and 'label_block' both say what the labels",
        ),
        ("reader: local\npath: x\nfolder: y\n", "the reader 'local' has no key 'folder'; did you mean 'folders'"),
        (SOUND + "about: flowers\n", "the value of 'about' is 'flowers', not keys; write one a line below it"),
        (SOUND + "about:\n  images: many\n", "the value of 'images' is 'many', not a whole number; write digits"),
        (SOUND + "about:\n  license: free\n", "'about' has no key 'license'; did you mean 'licence'?"),
    ],
)
def test_a_source_that_cannot_be_used_says_why(tmp_path, text, expected):
    (tmp_path / "source.yaml").write_text(text)
    found = message(tmp_path)
    assert expected in found and found.startswith(str(tmp_path / "source.yaml"))
    assert "\n" not in found
