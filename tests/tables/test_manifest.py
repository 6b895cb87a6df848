"""Manifests: names in order, digests inside, one-line errors."""

import pytest

from stages.core.errors import TableError
from stages.tables.manifest import read_manifest, write_manifest


def test_order_is_kept(tmp_path):
    write_manifest(tmp_path / "m.json", {"z": {"L3": "1"}, "a": {"L3": "2"}})
    assert read_manifest(tmp_path / "m.json") == ["z", "a"]


def test_those_that_have_a_table(tmp_path):
    write_manifest(
        tmp_path / "m.json", {"z": {"L3": "1", "classes": "2"}, "a": {"L3": "2"}, "b": {"classes": "3"}}
    )
    assert read_manifest(tmp_path / "m.json", "classes") == ["z", "b"]


def test_missing_and_damaged(tmp_path):
    with pytest.raises(TableError, match=r"m\.json does not exist; run `dvc repro`"):
        read_manifest(tmp_path / "m.json")
    (tmp_path / "m.json").write_text("{")
    with pytest.raises(TableError, match=r"m\.json cannot be used \(.*\); delete it and run `dvc repro`$"):
        read_manifest(tmp_path / "m.json")
