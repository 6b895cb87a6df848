"""The Parquet contracts: what goes in comes out, bytes depend on content alone, mix-ups are refused."""

import json

import numpy as np
import pyarrow.parquet as pq
import pytest

from stages.core.errors import TableError
from stages.tables import (
    IMAGE_ROWS,
    VECTOR_ROWS,
    Image,
    check_same_images,
    class_names,
    merge_vectors,
    read_dendrogram,
    read_fingerprint,
    read_images,
    read_partitions,
    read_vectors,
    write_dendrogram,
    write_images,
    write_partitions,
    write_vectors,
)


def _images(count, label=lambda i: i % 3):
    return [Image(f"sub/{i}.png", b"bytes of %d" % i, label(i), 10 + i, 20) for i in range(count)]


def test_image_table_round_trip(tmp_path):
    file = tmp_path / "a.parquet"
    count = 2 * IMAGE_ROWS + 5
    assert write_images(file, iter(_images(count, lambda i: None if i == 1 else i % 3)), ["x", "y", "z"]) == count
    table = read_images(file)
    assert len(table) == count
    assert table.paths[-1] == f"sub/{count - 1}.png"
    assert table.labels[:5].tolist() == [0, -1, 2, 0, 1]
    assert table.class_names == ("x", "y", "z")
    assert table.sizes[3].tolist() == [13, 20]
    assert table.labelled


@pytest.mark.parametrize(
    ("start", "stop"), [(0, None), (0, 1), (IMAGE_ROWS - 1, IMAGE_ROWS + 1), (IMAGE_ROWS, IMAGE_ROWS + 3), (7, 7)]
)
def test_image_bytes_of_a_range_of_rows(tmp_path, start, stop):
    images = _images(IMAGE_ROWS + 9)
    write_images(tmp_path / "a.parquet", images, [])
    read = list(read_images(tmp_path / "a.parquet").read_bytes(start, stop))
    assert read == [image.data for image in images][start:stop]


@pytest.mark.parametrize("rows", [[], [3], [0, 1, IMAGE_ROWS - 1, IMAGE_ROWS, 3 * IMAGE_ROWS + 2], None])
def test_image_bytes_of_some_rows(tmp_path, rows):
    images = _images(3 * IMAGE_ROWS + 9)
    write_images(tmp_path / "a.parquet", images, [])
    rows = list(range(len(images))) if rows is None else rows
    assert list(read_images(tmp_path / "a.parquet").read_rows(rows)) == [images[row].data for row in rows]


def test_fingerprint_covers_paths_bytes_and_order_but_not_labels(tmp_path):
    def fingerprint(images):
        write_images(tmp_path / "t.parquet", images, ["x", "y", "z"])
        return read_images(tmp_path / "t.parquet").fingerprint

    images = _images(3)
    original = fingerprint(images)
    assert fingerprint([image._replace(label=None) for image in images]) == original
    assert fingerprint(images[::-1]) != original
    assert fingerprint([*images[:2], images[2]._replace(path="other")]) != original
    assert fingerprint([*images[:2], images[2]._replace(data=b"other")]) != original


def test_hugging_face_metadata_names_the_classes(tmp_path):
    write_images(tmp_path / "t.parquet", _images(3), ["x", "y", "z"])
    schema = pq.read_schema(tmp_path / "t.parquet")
    features = json.loads(schema.metadata[b"huggingface"])["info"]["features"]
    assert features["image"] == {"_type": "Image"}
    assert features["label"] == {"names": ["x", "y", "z"], "_type": "ClassLabel"}
    assert set(features) == set(schema.names)
    assert str(schema.field("label").type) == "int64", "else the library drops the names"


@pytest.mark.parametrize(
    ("labels", "names", "expected"),
    [([0, 1, None], ["x", "y"], ("x", "y")), ([0, 2], [], ("0", "1", "2")), ([None, None], [], ())],
)
def test_labels_are_called_by_names_or_numbers_or_not_at_all(labels, names, expected, tmp_path):
    images = (Image(f"{place}.png", b"x", label, 1, 1) for place, label in enumerate(labels))
    write_images(tmp_path / "d.parquet", images, names)
    assert class_names(read_images(tmp_path / "d.parquet")) == expected


@pytest.mark.parametrize("dtype", [np.float32, np.float16])
@pytest.mark.parametrize("rows", [1, VECTOR_ROWS, VECTOR_ROWS + 1])
def test_vectors_round_trip_whatever_the_blocks(tmp_path, dtype, rows):
    values = np.random.default_rng(0).normal(size=(rows, 3)).astype(dtype)
    write_vectors(tmp_path / "one.parquet", "features", [values], "f", {"layer": "L3"})
    write_vectors(tmp_path / "many.parquet", "features", np.array_split(values, 7), "f", {"layer": "L3"})
    assert (tmp_path / "one.parquet").read_bytes() == (tmp_path / "many.parquet").read_bytes()
    table = read_vectors(tmp_path / "one.parquet", "features")
    assert table.values.dtype == np.float32
    np.testing.assert_array_equal(table.values, values.astype(np.float32))
    assert table.metadata["layer"] == "L3"
    assert pq.ParquetFile(tmp_path / "one.parquet").metadata.row_group(0).num_rows == min(rows, VECTOR_ROWS)


def test_vectors_are_merged_from_a_table_and_others(tmp_path):
    width, random = 5000, np.random.default_rng(0)  # 1024 rows are a row group
    old = random.normal(size=(2500, width)).astype(np.float32)
    new = random.normal(size=(40, width)).astype(np.float32)
    write_vectors(tmp_path / "old.parquet", "features", [old], "f", {})
    rows = random.permutation(np.concatenate([np.arange(2300), [7, 7], np.full(40, -1)]))
    blocks = list(merge_vectors(tmp_path / "old.parquet", "features", rows, iter([new[:3], new[3:]])))
    expected = old[rows]
    expected[rows < 0] = new
    assert max(map(len, blocks)) == 1024
    assert np.concatenate(blocks).tobytes() == expected.tobytes()
    (only,) = merge_vectors(tmp_path / "none.parquet", "features", np.full(40, -1), [new])
    assert only is new


def test_partitions_round_trip(tmp_path):
    labels = {"kmeans/L3/x1/seed0": np.array([0, 1, 1]), "ward/L3/x1/seed0": np.array([1, 0, 0])}
    settings = {name: {"n_clusters": 2} for name in labels}
    write_partitions(tmp_path / "p.parquet", labels, settings, "f")
    table = read_partitions(tmp_path / "p.parquet")
    assert list(table.labels) == list(labels)
    for name, values in labels.items():
        np.testing.assert_array_equal(table.labels[name], values)
    assert table.settings == settings
    assert read_fingerprint(tmp_path / "p.parquet").fingerprint == "f"


def test_seeds_of_a_run_are_columns_beside_it_and_come_back_apart(tmp_path):
    file, numbers = tmp_path / "p.parquet", np.arange(6)
    labels = {"cc": numbers % 2, "ward/L3/x1/seed0": numbers % 3, "ward/L3/x1/seed1": numbers % 3}
    seeds = {"cc": [numbers % 4, numbers % 2, *(numbers // number for number in range(2, 12))]}
    write_partitions(file, labels, {name: {"of": name} for name in labels}, "print", seeds)
    assert pq.read_schema(file).names[:6] == ["image_id", *labels, "cc/seed0", "cc/seed1"]
    table = read_partitions(file)
    assert list(table.labels) == list(table.settings) == list(labels), "a baseline's seeds are runs of their own"
    assert list(table.seeds) == ["cc"] and table.n_images == 6
    np.testing.assert_array_equal(table.seeds["cc"], seeds["cc"])
    write_partitions(file, {"cc": numbers % 2}, {"cc": {}}, "print", {"cc": [numbers + 9]})
    with pytest.raises(TableError, match="cc/seed0 has labels from 9 to 14 of 6 images"):
        read_partitions(file)


def test_nothing_is_left_of_a_table_whose_making_fails(tmp_path):
    def failing():
        yield Image("a", b"a", None, 1, 1)
        raise RuntimeError("the disk is on fire")

    def failing_block():
        yield np.zeros((5000, 2), dtype=np.float32)
        raise RuntimeError

    with pytest.raises(RuntimeError):
        write_images(tmp_path / "a.parquet", failing(), [])
    with pytest.raises(TableError, match="there is no image to write"):
        write_images(tmp_path / "a.parquet", [], [])
    with pytest.raises(TableError, match="there is no row to write"):
        write_vectors(tmp_path / "v.parquet", "features", [], "f", {})
    with pytest.raises(RuntimeError):
        write_vectors(tmp_path / "v.parquet", "features", failing_block(), "f", {})
    assert list(tmp_path.iterdir()) == []


def test_a_dendrogram_comes_back_as_it_was(tmp_path):
    merges = np.array([[0, 1, 0.25, 2], [2, 3, 1 / 3, 3]])
    for name, given in (("some", merges), ("one", np.zeros((0, 4)))):
        write_dendrogram(tmp_path / f"{name}.parquet", given, "f", {"linkage": "average"})
        found = read_dendrogram(tmp_path / f"{name}.parquet")
        np.testing.assert_array_equal(found.merges, given)
        assert found.merges.shape == given.shape
        assert (found.fingerprint, found.settings) == ("f", {"linkage": "average"})


def test_missing_damaged_foreign_and_mismatched_tables(tmp_path):
    missing = tmp_path / "missing.parquet"
    with pytest.raises(TableError, match=r"missing\.parquet does not exist; run `dvc repro`"):
        read_images(missing)

    features = tmp_path / "features.parquet"
    write_vectors(features, "features", [np.ones((100, 50), dtype=np.float32)], "one", {})
    with pytest.raises(TableError, match=r"holds a table of kind 'features', not 'images'; delete it"):
        read_images(features)

    whole = features.read_bytes()
    for damaged in (b"", b"no table", whole[: len(whole) // 2], whole[:1000] + b"\xff" + whole[1001:]):
        features.write_bytes(damaged)
        with pytest.raises(
            TableError, match=r"features\.parquet is not a readable Parquet table .*delete it"
        ) as error:
            read_vectors(features, "features")
        assert "\n" not in str(error.value)

    features.write_bytes(whole)
    write_images(tmp_path / "images.parquet", _images(2), [])
    with pytest.raises(TableError, match=r"features\.parquet was made from other images than .*images\.parquet"):
        check_same_images(read_images(tmp_path / "images.parquet"), read_vectors(features, "features"))


def test_a_table_of_somebody_else_is_refused(tmp_path):
    import pyarrow as pa

    pq.write_table(pa.table({"a": [1]}), tmp_path / "other.parquet")
    with pytest.raises(
        TableError,
        match=r"other\.parquet is not a readable Parquet table \(it has no seal, as files of earlier versions",
    ):
        read_fingerprint(tmp_path / "other.parquet")
