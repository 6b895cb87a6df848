"""Which embeddings and features the report maps."""

from pathlib import Path

import pytest

from stages.core.errors import ParameterError
from stages.reporting.spaces import FIRST, space_sources

ON_FEATURES = ["jule/views", "jule/cc", "jule/mvec", "jule/dmvc"]


def learned(method: str, *trained: str) -> Path | None:
    """The table that is mapped besides the two views, if there is one."""
    sources = space_sources(Path("data"), "d", trained, ["a", "b"], method, "L3")
    assert [source.title for source in sources[-2:]] == ["a", "b"]
    return sources[0].file if len(sources) > 2 else None


@pytest.mark.parametrize(
    ("method", "trained", "file"),
    [
        (FIRST, [], None),
        (FIRST, ["images/pixels"], None),
        (FIRST, [*ON_FEATURES, "images/jule"], "jule/dmvc"),
        (FIRST, ["images/pixels", "images/jule", "images/dec"], "images/jule"),
        ("images/dec", [*ON_FEATURES, "images/dec"], "images/dec"),
        ("jule/views/b", [*ON_FEATURES, "images/dec"], "jule/views/b"),
    ],
)
def test_one_embedding_is_mapped(method: str, trained: list[str], file: str | None) -> None:
    assert learned(method, *trained) == (Path(f"data/embeddings/d/{file}.parquet") if file else None)


@pytest.mark.parametrize("method", ["jule/mvec", "images/pixels", "images/mmdc"])
def test_what_was_not_trained_has_none(method: str) -> None:
    with pytest.raises(ParameterError) as caught:
        learned(method, *ON_FEATURES, "images/pixels", "images/dec")
    assert str(caught.value) == (
        f"report.method is {method!r}, no network that was trained on d; give one of "
        "jule/views/a, jule/views/b, jule/cc, jule/dmvc, images/dec"
    )
