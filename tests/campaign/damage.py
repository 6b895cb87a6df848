"""Damaged files: a stage that reads one gives the result that it gave before, or one line that names the file."""

import hashlib
import tempfile
from collections.abc import Callable, Iterator
from contextlib import chdir
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import torch

from stages.backbones.card import read_card
from stages.backbones.kept import KeptFeatures
from stages.backbones.shards import ShardStore
from stages.commands.assign import check_trained_on
from stages.core.errors import ManyviewsError
from stages.deep.checkpoint import FileCheckpoint
from stages.deep.models import read_model
from stages.tables import check_same_images, read_images, read_vectors
from stages.tables.near_duplicates import read_near_duplicates
from tests.campaign.harm import BYTES, CONTENT, SEALED
from tests.campaign.sound_project import AT_LAST, ROWS, VIEWS, Call, make, stages_of
from tests.campaign.tally import Tally
from tests.shell import Outcome

CHECKPOINT = Path("data/scratch/checkpoint.safetensors")
SHARDS, KEPT = Path("data/scratch/shards"), Path("data/scratch/kept")
RESEALED = "other content, sealed"
_IMAGES = np.arange(ROWS * 32, dtype=np.uint8).reshape(ROWS, 32)  # digests of images


def run(count: int, seed: int) -> Tally:
    """Damage a file `count` times, each time another one in another way, and run what reads it."""
    tally = Tally("damaged files", "the same result, or one line that names the file")
    with tempfile.TemporaryDirectory() as folder, chdir(folder):
        make()
        _write_scratch()
        cases = list(_cases())
        sound = {call: call() for _, call in cases}
        assert all(outcome.status == 0 for outcome in sound.values()), sound
        before = _state()
        contents = {file: file.read_bytes() for file in before}
        for number in range(count):
            chance = Random(f"damage {seed} {number}")
            file, call = cases[number % len(cases)]
            harm = _harm(file, chance)
            tally.add(f"{number} {file}: {harm}", _fault(file, call, sound[call], contents, harm))
            _restore(before, contents)
    return tally


def _cases() -> Iterator[tuple[Path, Call]]:
    """The files that stages read, each with one that does, or what reads it in a stage that takes long."""
    stages, data, metrics = stages_of("d"), Path("data"), Path("metrics/d")
    readers = {
        "images/d.parquet": "graph",
        "images/d.lists.json": "evaluate",
        "images/d.rejected.csv": "evaluate",
        **{f"features/d/{view}/L3.parquet": f"baseline {view}" for view in VIEWS},
        **{f"partitions/d/baseline/{view}.parquet": "ensemble" for view in VIEWS},
        **{f"models/d/dec/views/{view}.safetensors": "train dmvc-fix" for view in VIEWS},
        **{
            "views/d/features.json": "graph",
            "views/d/partitions.json": "ensemble",
            "views/d/methods.json": "evaluate",
        },
        "graphs/d.parquet": "ensemble",
        **{f"partitions/d/{name}.parquet": "evaluate" for name in ("cuts", "dendrogram", "ensemble")},
        **{f"partitions/d/{name}": "evaluate" for name in ("cluster_counts.csv", "n_clusters.json")},
        **{f"partitions/d/dec/{name}.parquet": "evaluate" for name in ("cc", "mvec", "dmvc")},
        **{"partitions/d/n_clusters.txt": "vote", "partitions/d/dec/views.parquet": "vote"},
        **{f"results/d/{name}": "evaluate" for name in ("assignments.csv", "result.json")},
    }
    yield from ((data / name, stages[stage]) for name, stage in readers.items())
    yield from ((metrics / f"training-dec-{name}.csv", stages["evaluate"]) for name in ("views", "cc", "dmvc"))
    for name in ("agreement", "classes", "cluster_counts", "confusion", "dendrogram"):
        yield metrics / f"{name}.csv", AT_LAST["report"]
    yield from ((file, AT_LAST["study"]) for file in (metrics / "methods.csv", metrics / "scores.json"))
    yield data / "evaluations/d.json", AT_LAST["study"]
    yield from ((data / name, AT_LAST["report"]) for name in ("studies/d.html", "study.html"))
    for name in ("cc", "dmvc"):
        yield (file := data / f"models/d/dec/{name}.safetensors"), _reader(_model, file)
        yield (file := data / f"embeddings/d/dec/{name}.parquet"), _reader(_embedding, file)
    yield from (((file := data / f"backbones/{view}.json"), _reader(_card, file)) for view in VIEWS)
    yield (file := data / "graphs/d.near_duplicates.csv"), _reader(_near_duplicates, file)
    yield CHECKPOINT, _reader(_checkpoint, CHECKPOINT)
    yield from ((file, _reader(_shards, file)) for file in _shard_store().folder.iterdir())
    yield KEPT / "index.safetensors", _reader(_kept, KEPT / "index.safetensors")
    yield KEPT / "L3.parquet", _reader(_kept, KEPT / "L3.parquet")


def _reader(read: Callable[[Path], Any], file: Path) -> Call:
    """What reads a file as a stage does, as an application that prints a digest of what it read."""

    def application(standalone_mode: bool) -> None:
        print(hashlib.sha256(repr(read(file)).encode()).hexdigest())

    return Call(application, ())


def _model(file: Path) -> Any:
    model = read_model(file)
    check_trained_on(file, model.settings, Path("data/images/d.parquet"))
    views = [np.ones((2, width), np.float32) for width in model.view_widths]
    return model.transform(views).tolist(), model.centres.tolist(), model.settings


def _embedding(file: Path) -> Any:
    table = read_vectors(file, "embedding")
    check_same_images(read_images(Path("data/images/d.parquet")), table)
    return table.values.tolist(), table.metadata


def _card(file: Path) -> Any:
    return read_card(file, ["L3"])


def _near_duplicates(file: Path) -> Any:
    found = read_near_duplicates(file, read_images(Path("data/images/d.parquet")))
    return found.groups.tolist(), found.best.tolist()


def _checkpoint(file: Path) -> Any:
    lines: list[str] = []
    state = FileCheckpoint(file, "data", code="code", report=lines.append).load()
    if lines:  # the training starts again, and says so
        raise ManyviewsError(" ".join(lines))
    assert state is not None
    return {name: tensor.tolist() for name, tensor in state.items()}


def _shards(file: Path) -> Any:
    store = _shard_store()
    if store.missing():  # they are computed again
        raise ManyviewsError(f"{file} is computed again")
    return [block.tolist() for block in store.load("L3")]


def _kept(file: Path) -> Any:
    lines: list[str] = []
    rows = _kept_features().find(_IMAGES, lines.append)
    if "damaged" in lines[0]:
        raise ManyviewsError(lines[0].replace(str(KEPT), str(file)))
    return rows.tolist(), [block.tolist() for block in [read_vectors(KEPT / "L3.parquet", "features").values]]


def _shard_store() -> ShardStore:
    return ShardStore(SHARDS, {"precision": "fp32"}, {"L3": 6}, ROWS, 16)


def _kept_features() -> KeptFeatures:
    return KeptFeatures(KEPT, {"layers": ["L3"]}, "code")


def _write_scratch() -> None:
    """What stages leave that were killed, and for their next run."""
    random = np.random.default_rng(0)
    state = {name: torch.from_numpy(random.normal(size=(5, 4))) for name in ("encoder.weight", "moments")}
    FileCheckpoint(CHECKPOINT, "data", seconds=-1, code="code").save(lambda: state)
    store = _shard_store()
    for shard in range(store.count):
        start, stop = store.bounds(shard)
        store.save(shard, {"L3": random.normal(size=(stop - start, 6)).astype(np.float32)})
    features = Path("data/features/d") / VIEWS[0] / "L3.parquet"
    kept = _kept_features()
    kept.replace(_IMAGES, {"L3": features}, lambda line: None)
    copy = kept.table("L3").read_bytes()  # a link to the stage's own table is not damaged with it here
    kept.table("L3").unlink()
    kept.table("L3").write_bytes(copy)


def _harm(file: Path, chance: Random) -> str:
    """Damage a file, and say how."""
    ways = sorted(BYTES)
    other = Path(str(file).replace("/d/", "/e/").replace("/d.", "/e."))
    if other != file:
        ways.append("that of another image set")
    if file.suffix in CONTENT:
        ways += ["other content"] * 4
    if file.suffix in SEALED:
        ways += [RESEALED] * 4
    way = chance.choice(ways)
    if way == "other content":
        CONTENT[file.suffix](file, chance)
    elif way == RESEALED:
        CONTENT[file.suffix](file, chance)
        SEALED[file.suffix](file)
    elif way in BYTES:
        BYTES[way](file, chance)
    else:
        file.write_bytes(other.read_bytes())
    return way


def _fault(file: Path, call: Call, sound: Outcome, contents: dict[Path, bytes], harm: str) -> str | None:
    """What is wrong with how a stage takes the damaged file; None if nothing is."""
    try:
        outcome = call()
    except Exception as error:
        return f"traceback: {type(error).__name__}: {error}"
    lines = outcome.err.splitlines()
    refused = outcome.status and len(lines) == 1 and lines[0].startswith("error: ")
    if harm == RESEALED:  # as another version might have written it: nobody can know what it should say
        return None if refused or not outcome.status else f"status {outcome.status}, {outcome.err!r}"
    changed = [other for other in _state() if other != file and other.read_bytes() != contents.get(other)]
    if changed:
        return f"status {outcome.status}, and other content of {', '.join(map(str, changed))}"
    if outcome.status == 0:
        reads_alone = not call.arguments and call not in AT_LAST.values()
        return "another result" if reads_alone and outcome.out != sound.out else None
    return None if refused and str(file) in outcome.err else f"status {outcome.status}, {outcome.err!r}"


def _state() -> dict[Path, tuple[int, int]]:
    """Size and time of each file that a stage reads or writes."""
    found = (file for top in ("data", "metrics") for file in Path(top).rglob("*") if file.suffix != ".lock")
    return {file: (file.stat().st_size, file.stat().st_mtime_ns) for file in found if file.is_file()}


def _restore(before: dict[Path, tuple[int, int]], contents: dict[Path, bytes]) -> None:
    now = _state()
    for file in before.keys() | now.keys():
        if file not in contents:
            file.unlink()
        elif now.get(file) != before[file]:
            file.write_bytes(contents[file])
            before[file] = file.stat().st_size, file.stat().st_mtime_ns
