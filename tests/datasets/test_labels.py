import pytest

from stages.core.errors import DatasetError
from stages.datasets.labels import Labelling, class_order
from stages.datasets.labeltables import Table

DEEP = ["train/cat/images/1.png", "train/dog/images/2.png", "train/3.png"]


def label(paths, table="", name="labels.csv", **keys):
    return Labelling(**keys).label(paths, lambda pattern: Table(name, f"{name} in photos", table.encode()))


@pytest.mark.parametrize(
    ("names", "order"),
    [
        (["dog", "cat", "dog", "Ape"], ["Ape", "cat", "dog"]),
        (["10", "9", "-1", "9"], ["-1", "9", "10"]),
        (["10", "9", "a"], ["10", "9", "a"]),
        (["1", "01", "0"], ["0", "01", "1"]),
        (["²", "10", "9"], ["10", "9", "²"]),
        ([], []),
    ],
)
def test_classes_are_sorted_by_value_when_all_are_numbers(names, order):
    assert class_order(names) == order
    assert class_order(reversed(names)) == order


def test_a_folder_at_any_level_is_the_class():
    assert label(DEEP) == {DEEP[0]: "cat/images", DEEP[1]: "dog/images", DEEP[2]: "train"}
    assert label(DEEP, label_folder=1) == {DEEP[0]: "images", DEEP[1]: "images", DEEP[2]: "train"}
    assert label(DEEP, labels="leaf") == label(DEEP, label_folder=1)
    assert label(DEEP, label_folder=2) == {DEEP[0]: "cat", DEEP[1]: "dog"}
    assert label(DEEP, label_folder=3) == {}, "one folder for all makes no classes"


def test_a_pattern_in_the_path_is_the_class():
    paths = ["obj1__0.png", "a/obj20__355.png", "readme.png"]
    assert label(paths, label_pattern=r"obj(\d+)__") == {"obj1__0.png": "1", "a/obj20__355.png": "20"}
    with pytest.raises(DatasetError, match=r"^'x\(y\)' is found in no path, such as 'a/obj20__355.png'; correct"):
        label(paths, label_pattern="x(y)")


def test_blocks_are_classes():
    paths = [f"{number:02}.png" for number in (5, 3, 1, 2, 4, 6)]
    assert label(paths, label_block=2) == {
        **{"01.png": "1", "02.png": "1", "03.png": "2"},
        **{"04.png": "2", "05.png": "3", "06.png": "3"},
    }
    with pytest.raises(DatasetError, match=r"^6 images are not classes of 4 images each; correct `label_block`$"):
        label(paths, label_block=4)


def test_a_table_gives_the_classes():
    table = "file,kind\n1.png,cat\n2.png,\n"
    keys = {"labels": "*.csv", "path_column": "file", "label_column": "kind"}
    assert label(["a/1.png", "a/2.png"], table, "a/t.csv", **keys) == {"a/1.png": "cat"}


def test_lines_of_text_give_the_classes():
    paths = ["a/1.png", "a/b c.png", "a/3.png"]
    text = "1.png cat\n\n  b c.png\t dog \n./1.png  cat\n"
    assert label(paths, text, "a/list.txt", labels="*.txt") == {"a/1.png": "cat", "a/b c.png": "dog"}
    for wrong, reason in [
        ("7.png cat", "a/list.txt in photos: no row is of an image of the dataset, the first is of 'a/7.png'; "),
        ("1.png cat\n1.png dog", "line 2: 'a/1.png' has the labels 'cat' and 'dog'; keep one"),
        ("1.png", "line 1: '1.png' has no label; write a path, a blank and a label"),
    ]:
        with pytest.raises(DatasetError) as caught:
            label(paths, wrong, "a/list.txt", labels="*.txt")
        assert reason in str(caught.value)


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"labels": "x", "label_block": 2}, "'labels' and 'label_block' both say what the labels are; keep one"),
        ({"label_folder": 1, "label_pattern": "(a)"}, "'label_folder' and 'label_pattern' both say"),
        ({"label_folder": -1}, "the value of 'label_folder' is -1; write 1 or more"),
        ({"label_pattern": "obj"}, "'obj' has 0 groups; put brackets around the class, such as 'obj(\\d+)'"),
        ({"label_pattern": "(a)(b)"}, "'(a)(b)' has 2 groups"),
        (
            {"label_pattern": "(a"},
            "'(a' is not a regular expression (missing ), unterminated subpattern at position 0)",
        ),
    ],
)
def test_rules_that_cannot_be_are_refused(keys, message):
    with pytest.raises(DatasetError) as caught:
        Labelling(**keys)
    assert message in str(caught.value)
