"""After a change of the image set, only new images are computed, and the bytes are those of all at once."""

import shutil

import pytest

from stages import decoding
from stages.extract import app
from stages.tables import read_vectors
from tests.extraction import prepare, prepare_images, table

N_IMAGES = 40


@pytest.fixture
def images(workdir):
    """The encoded images of the set, all of them different."""
    return prepare(workdir, N_IMAGES, ("L2", "L3"))


@pytest.fixture
def decoded(monkeypatch):
    """The images that were decoded, in the order of the calls."""
    calls = []

    def decode(data):
        calls.append(data)
        return decode_image(data)

    decode_image = decoding.decode_image
    monkeypatch.setattr(decoding, "decode_image", decode)
    return calls


@pytest.fixture
def extract(shell, workdir, decoded):
    """Run the stage as DVC does, without its former outputs, on a table of images; return what it printed.

    Afterwards `decoded` has the images of this run alone.
    """

    def run(images, *options, name="{}.png"):
        prepare_images(workdir, images, name)
        shutil.rmtree(workdir / "data/features", ignore_errors=True)
        decoded.clear()
        status, output, errors = shell(app, "--dataset", "d", "--backbone", "tiny", *options)
        assert status == 0, errors
        return output

    return run


@pytest.fixture
def at_once(extract, workdir):
    """The bytes of a table that is computed without anything kept."""

    def run(images, *options):
        shutil.rmtree(workdir / "data/scratch", ignore_errors=True)
        extract(images, *options)
        return table(workdir).read_bytes()

    return run


def test_five_images_more_are_five_computed(workdir, images, extract, decoded, at_once):
    extract(images[:3] + images[8:])
    assert len(decoded) == N_IMAGES - 5
    output = extract(images)
    assert sorted(decoded) == sorted(images[3:8])
    assert output.startswith("d through tiny: 35 of 40 images were in the last run, too; 5 are computed\n")
    grown = table(workdir).read_bytes()
    assert grown == at_once(images)
    assert len(decoded) == N_IMAGES


@pytest.mark.parametrize(
    ("change", "computed"),
    [
        (lambda images, other: images, 0),
        (lambda images, other: images[:5] + images[9:], 0),
        (lambda images, other: images[::-1], 0),
        (lambda images, other: [*images[:7], other, *images[8:]], 1),  # other bytes under the same name
        (lambda images, other: [other, *images[::3], other, images[1], images[1]], 2),
    ],
    ids=["nothing", "removed", "reversed", "replaced", "all of it"],
)
def test_a_changed_set_has_the_bytes_of_one_computed_at_once(
    workdir, images, extract, decoded, at_once, change, computed
):
    changed = change(images[:-1], images[-1])
    extract(images[:-1])
    extract(changed)
    assert len(decoded) == computed
    again = table(workdir).read_bytes()
    assert again == at_once(changed)


def test_names_are_of_no_account(workdir, images, extract, decoded):
    extract(images)
    first = read_vectors(table(workdir), "features")
    extract(images, name="renamed/{}.png")
    assert not decoded
    second = read_vectors(table(workdir), "features")
    assert second.values.tobytes() == first.values.tobytes() and second.fingerprint != first.fingerprint


@pytest.mark.parametrize(
    "options",
    [
        ("--precision", "bf16"),
        ("--preprocessing", "published"),
        ("--layers", "L2", "--layers", "L3"),
        ("--batch-size", "4"),
    ],
)
def test_other_parameters_compute_all(workdir, images, extract, decoded, at_once, options):
    extract(images)
    output = extract(images, *options)
    assert len(decoded) == N_IMAGES
    assert (
        "d through tiny: data/scratch/features/d/tiny holds features by other code, versions or parameters; "
        "all are computed again\n"
    ) in output
    other = table(workdir).read_bytes()
    extract(images, *options)
    assert not decoded, "now these are kept"
    assert other == table(workdir).read_bytes() == at_once(images, *options)


def test_other_code_computes_all(images, extract, decoded, monkeypatch):
    extract(images)
    monkeypatch.setattr("stages.extract.code_digest", lambda *_: "other")
    assert "by other code" in extract(images)
    assert len(decoded) == N_IMAGES


def _cut(content):
    return content[:-9]


def _one_bit(content):
    return content[:-100] + bytes([content[-100] ^ 1]) + content[-99:]


@pytest.mark.parametrize(
    ("name", "harm"),
    [
        ("L3.parquet", _cut),
        ("L3.parquet", _one_bit),
        ("L3.parquet", None),
        ("index.safetensors", _cut),
        ("index.safetensors", lambda _: b""),
        ("index.safetensors", _one_bit),
    ],
)
def test_what_was_kept_and_is_damaged_is_not_taken(workdir, images, extract, decoded, name, harm):
    extract(images)
    expected = table(workdir).read_bytes()
    shutil.rmtree(workdir / "data/features")  # to which the kept table is a link
    file = workdir / "data/scratch/features/d/tiny" / name
    if harm:
        file.write_bytes(harm(file.read_bytes()))
    else:
        file.unlink()
    output = extract(images)
    assert len(decoded) == N_IMAGES
    assert output.startswith("d through tiny: data/scratch/features/d/tiny is damaged (")
    assert output.split("\n")[0].endswith("); all features are computed again")
    assert table(workdir).read_bytes() == expected
    extract(images)
    assert not decoded


def test_tables_of_another_run_are_not_taken(workdir, images, extract, decoded):
    extract(images[:20])
    kept = workdir / "data/scratch/features/d/tiny"
    foreign = (kept / "L3.parquet").read_bytes()
    extract(images[20:])
    shutil.rmtree(workdir / "data/features")
    (kept / "L3.parquet").write_bytes(foreign)
    assert "is damaged (a table is not the one that was kept); all features are computed again" in extract(images)
    assert len(decoded) == N_IMAGES


def test_a_full_disk_fails_no_run(workdir, images, extract, decoded, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    extract(images[:9])
    with monkeypatch.context() as patch:
        patch.setattr("os.link", full)
        patch.setattr("shutil.copyfile", full)
        output = extract(images)
    assert len(decoded) == N_IMAGES - 9
    assert (
        "d through tiny: features could not be kept ([Errno 28] No space left on device); the next run" in output
    )
    assert not (workdir / "data/scratch/features/d/tiny").exists()
    extract(images)
    assert len(decoded) == N_IMAGES


def test_without_hard_links_tables_are_copied(workdir, images, extract, decoded, monkeypatch):
    def impossible(*_):
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr("os.link", impossible)
    extract(images)
    table(workdir).write_bytes(b"changed")
    extract(images)
    assert not decoded


@pytest.mark.parametrize(
    "step", ["shutil.rmtree", "os.link", "safetensors.numpy.save_file", "pathlib.Path.replace"]
)
def test_a_kill_while_features_are_kept_leaves_all_or_none(
    workdir, images, extract, decoded, at_once, monkeypatch, step
):
    class Killed(BaseException):
        pass

    def killed(*_, **__):
        raise Killed

    expected = at_once(images)
    extract(images[:30])
    from stages.backbones.kept import KeptFeatures

    replace = KeptFeatures.replace

    def stopped(*given):
        with monkeypatch.context() as patch:
            patch.setattr(step, killed)
            replace(*given)

    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(KeptFeatures, "replace", stopped)
        extract(images)
    extract(images)
    assert table(workdir).read_bytes() == expected
    extract(images)
    assert not decoded


def test_shards_of_other_images_are_not_gone_on_with(workdir, images, extract, at_once, monkeypatch):
    from stages.backbones.shards import ShardStore

    changed = [images[1], images[0], *images[2:]]
    expected = at_once(changed)
    shutil.rmtree(workdir / "data/scratch")
    monkeypatch.setattr("stages.backbones.shards._MOST_ROWS", 16)
    save = ShardStore.save

    def stop(store, shard, features):
        if shard == 1:
            raise OSError(28, "No space left on device")
        save(store, shard, features)

    with monkeypatch.context() as patch, pytest.raises(AssertionError, match="the disk is full"):
        patch.setattr(ShardStore, "save", stop)
        extract(images)
    extract(changed)
    assert table(workdir).read_bytes() == expected
