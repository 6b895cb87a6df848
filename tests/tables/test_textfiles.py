"""CSV and JSON files: names unchanged, and faults of one line that name the file."""

import csv
from pathlib import Path

import pytest

from stages.core.errors import TableError
from stages.core.seal import sealed_json
from stages.tables.textfiles import json_of, rows_of, understanding

NAMES = ["NA", " a b ", 'q"uo,te', "line\nbreak", "carriage\rreturn", "\u2028sep", "🌸", "-rf", "<b>"]


def test_names_pass_unchanged_and_columns_come_in_the_order_asked_for(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    with file.open("w", newline="", encoding="utf-8") as handle:
        csv.writer(handle).writerows([("path", "other", "cluster"), *((name, "x", 1) for name in NAMES)])
    assert list(rows_of(file, "cluster", "path")) == [("1", name) for name in NAMES]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"path\na\n", "the column 'cluster' is missing"),
        (b"", "the column 'path' is missing"),
        (b"path,cluster\na\n", "line 2 has 1 of 2 fields"),
        (b'path,cluster\n"a,1\n', "line 2: unexpected end of data"),
        (b"\xff\xfe", "'utf-8' codec can't decode byte 0xff in position 0: invalid start byte"),
    ],
)
def test_a_damaged_table_is_one_line(content: bytes, reason: str, tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_bytes(content)
    with pytest.raises(TableError) as caught:
        list(rows_of(file, "path", "cluster"))
    assert str(caught.value) == f"{file} cannot be used ({reason}); delete it and run `dvc repro`"


def test_content_that_makes_no_sense_is_one_line(tmp_path: Path) -> None:
    file = tmp_path / "a.json"
    for text, reason in [
        ('{"n": 1}', "it has no seal, as files of earlier versions and of other programs"),
        (sealed_json({}), "'n' is missing"),
        (sealed_json({"n": "x"}), "invalid literal"),
        (sealed_json({"n": 1}).replace("1,", "2,"), "its content was changed: its seal does not fit"),
    ]:
        file.write_text(text)
        with pytest.raises(TableError, match=rf"a\.json cannot be used \({reason}.*\); delete it and run `dvc"):
            with understanding(file):
                int(json_of(file)["n"])


def test_a_missing_file_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(TableError) as caught:
        json_of(tmp_path / "a.json")
    missing = tmp_path / "a.json"
    assert str(caught.value) == f"{missing} does not exist; run `dvc repro` to make it or `dvc pull` to fetch it"
