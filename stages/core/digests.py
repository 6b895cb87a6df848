"""Digests: of a file; and of the code that a script runs, as what an unfinished run left is of use to it alone."""

import ast
import hashlib
import importlib.metadata
import itertools
import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path

_PACKAGE = Path(__file__).parents[1]  # the folder of `stages`


def file_digest(file: Path) -> str:
    """The sha256 of a file as 64 lower-case hex digits."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


@cache
def import_closure(module: str) -> tuple[Path, ...]:
    """Return the files of ours that run when `module`, such as "stages.train", is imported and called; sorted.

    Imports anywhere in a file count, within functions, too, except those for type checkers alone. So does a class
    that is named to be imported later, "stages.module:Class".
    """
    found: set[Path] = set()
    pending = [module]
    while pending:
        name = pending.pop()
        # Importing a.b.c runs a and a.b too.
        for prefix in itertools.accumulate(name.split("."), "{}.{}".format):
            file = _file_of(prefix)
            if file is not None and file not in found:
                found.add(file)
                pending += imported_names(file)
    return tuple(sorted(found))


def imported_names(file: Path) -> set[str]:
    """Return the dotted names that a file imports, those within a module among them."""
    names = _Names()
    names.visit(ast.parse(file.read_text(encoding="utf-8")))
    return names.found


def code_digest(module: str, packages: Iterable[str]) -> str:
    """Return 64 hex digits for the code that `module` runs and for the versions of `packages`, if installed."""
    digest = hashlib.sha256()
    for package in packages:
        try:
            version = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            version = "not installed"
        digest.update(f"{package} {version}\n".encode())
    for file in import_closure(module):
        digest.update(f"{file.relative_to(_PACKAGE).as_posix()}\n".encode())
        digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()


def _file_of(module: str) -> Path | None:
    """The file of a module of ours, of a package its __init__; None for a module that is not ours."""
    top, *inner = module.split(".")
    if top != _PACKAGE.name:
        return None
    path = _PACKAGE.joinpath(*inner)
    return next((file for file in (path.with_suffix(".py"), path / "__init__.py") if file.is_file()), None)


class _Names(ast.NodeVisitor):
    def __init__(self) -> None:
        self.found: set[str] = set()

    def visit_If(self, node: ast.If) -> None:
        if ast.unparse(node.test) != "TYPE_CHECKING":
            self.generic_visit(node)

    def visit_Import(self, node: ast.Import) -> None:
        self.found |= {alias.name for alias in node.names}

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        module = node.module or ""
        self.found |= {module, *(f"{module}.{alias.name}" for alias in node.names)}

    def visit_Constant(self, node: ast.Constant) -> None:
        if isinstance(node.value, str) and re.fullmatch(rf"{_PACKAGE.name}(\.\w+)+:\w+", node.value):
            self.found.add(node.value.partition(":")[0])
