"""Files that appear whole or not at all."""

import stat

import pytest

from stages.core.atomic import replacing, write_text


def test_an_error_leaves_the_old_file_and_nothing_else(tmp_path):
    file = tmp_path / "deep" / "file.txt"
    write_text(file, "old\n")
    with pytest.raises(RuntimeError), replacing(file) as partial:
        partial.write_text("half")
        raise RuntimeError
    assert file.read_bytes() == b"old\n"
    assert list(file.parent.iterdir()) == [file]


def test_permissions_are_those_of_any_new_file(tmp_path):
    (tmp_path / "plain").touch()
    write_text(tmp_path / "ours", "")
    modes = {stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("plain", "ours")}
    assert len(modes) == 1
