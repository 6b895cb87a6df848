"""A project without a pipeline: its `dvc` and its report are a few lines that note how they are called.

Commands start both as processes in the project's folder, where Python finds these first.
"""

import json
from pathlib import Path

from tests.datasets.images import BLUE, GREEN, RED, png

PARAMS = """# Sets.
datasets: [flowers]  # one

# Folders.
watch: []

# Networks.
backbones: [pixels]

# A number.
n_clusters: auto
"""
DVC = """import json, pathlib, sys
with open("calls", "a") as calls:
    print(*sys.argv[1:], file=calls)
said = pathlib.Path("said.json")
out, err, status = json.loads(said.read_text()) if said.exists() else ["", "", 0]
sys.stdout.write(out)
sys.stderr.write(err)
sys.exit(status)
"""
REPORT = """import pathlib, sys
with open("calls", "a") as calls:
    print("report", *sys.argv[1:], file=calls)
print("a table of scores")
pathlib.Path(sys.argv[-1]).write_text("page")
"""


def make_project(root: Path) -> Path:
    """Make the project in the folder `root`, which is new, with the dataset `flowers`."""
    files = {"dvc.yaml": "", "params.yaml": PARAMS, "dvc/__main__.py": DVC, "dvc/__init__.py": ""}
    files |= {"stages/__init__.py": "", "stages/report.py": REPORT}
    files["data/raw/flowers/source.yaml"] = "reader: scikit-learn\nname: digits\n"
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")
    return root


def says(root: Path, out: str = "", err: str = "", status: int = 0) -> None:
    """Let `dvc` print this from now on, and end with this status."""
    (root / "said.json").write_text(json.dumps([out, err, status]), encoding="utf-8")


def calls(root: Path) -> list[str]:
    """How `dvc` and the report were called since the last time; `dvc` without its name."""
    file = root / "calls"
    found = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    file.unlink(missing_ok=True)
    return found


def make_images(folder: Path) -> Path:
    """Put three images into a folder, which is new."""
    for path, colour in {"a/1.png": RED, "a/2.png": GREEN, "b/3.png": BLUE}.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(png(colour))
    return folder
