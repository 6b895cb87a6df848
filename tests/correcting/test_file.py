"""The file of corrections: as the page writes it, as spreadsheets save it, and with mistakes."""

from pathlib import Path

import pytest

from stages.core.errors import DatasetError
from stages.correcting import Row, read_rows

ROWS = [
    Row("member", "g1", 'a,"b"\r\n é.png'),
    Row("rename", "g1", "ox-eye daisy"),
    Row("aside", "", " c.png"),
]
TEXT = 'action,group,value\nmember,g1,"a,""b""\r\n é.png"\nrename,g1,ox-eye daisy\naside,, c.png\n'


def write(folder: Path, content: bytes) -> Path:
    file = folder / "d.csv"
    file.write_bytes(content)
    return file


@pytest.mark.parametrize("content", [b"", b"\n", b"action,group,value\n", b"action,group,value\n,,\n\n"])
def test_without_rows_there_is_nothing_to_correct(tmp_path: Path, content: bytes) -> None:
    assert read_rows(tmp_path / "none.csv") == []
    assert read_rows(write(tmp_path, content)) == []


@pytest.mark.parametrize(
    "content",
    [
        TEXT.encode(),
        TEXT.encode("utf-8-sig"),
        TEXT.encode("utf-16"),
        ("sep=;\r\n" + TEXT.replace(",", ";").replace('"a;', '"a,')).encode(),
        TEXT.replace("action,group,value", "Action,GROUP, Value ,note").replace("member", " Member ").encode(),
        TEXT.replace("ox-eye daisy", "  ox-eye\tdaisy ").encode(),
    ],
)
def test_what_a_spreadsheet_saves_is_read_alike(tmp_path: Path, content: bytes) -> None:
    assert read_rows(write(tmp_path, content)) == ROWS


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("action,group\n", " has no column 'value'; its first line has 'action', 'group'; name the columns "),
        ("PK\3\4\0", " is not text in UTF-8 or UTF-16 (a zero byte in line 1); save it as CSV in UTF-8"),
        (
            'action,group,value\nmove,a,"b\n',
            " is not a CSV table (unexpected end of data, line 2); close the quotes",
        ),
        (
            "action,group,value\n\ndelete,a,b\n",
            ", line 3: the action is 'delete'; write member, new, rename, merge, move, aside",
        ),
        ("action,group,value,group\n", " has two columns 'group'; remove or rename one"),
        ("action,group,value\nrename,a,x, y\n", ", line 2: 4 cells, 3 columns; put quotes around what holds"),
        ("action,group,value\nmove,,b\n", ", line 2: move has no group; add it"),
        ("action,group,value\nnew,,3\n", ", line 2: new has no group; add it"),
        ("action,group,value\nnew,a,b\n", ", line 2: the cluster is 'b'; write a number from 0 to 1000000"),
        ("action,group,value\nmerge,a,\n", ", line 2: merge has no value; add it"),
        ("action,group,value\nrename,,x\n", ", line 2: rename has no group; add it"),
        (
            "action,group,value\nmember,a,b\nrename,c,x\n",
            ", line 3: group 'c' has no images; list some of them in rows `member,c,IMAGE`",
        ),
        ("action,group,value\nmember,a,b\nmerge,a,3\n", ", line 3: group '3' has no images; list some of them"),
    ],
)
def test_mistakes_are_answered_in_one_line(tmp_path: Path, text: str, message: str) -> None:
    file = write(tmp_path, text.encode())
    with pytest.raises(DatasetError) as caught:
        read_rows(file)
    assert str(caught.value).startswith(f"{file}{message}")
    assert "\n" not in str(caught.value)


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    (tmp_path / "d.csv").mkdir()
    with pytest.raises(DatasetError, match=r"d.csv cannot be read \(.+\); put it right, or remove it$"):
        read_rows(tmp_path / "d.csv")
