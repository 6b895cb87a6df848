"""How algorithms are written."""

import pytest

from stages.core.algorithm_name import algorithm_label, parse_algorithm
from stages.core.errors import ParameterError


@pytest.mark.parametrize(
    ("text", "name", "parameters"),
    [
        ("kmeans", "kmeans", {}),
        ("gdl:a=0.95,n_neighbors=10", "gdl", {"a": 0.95, "n_neighbors": 10}),
        ("hdbscan:min_samples=null,method=leaf", "hdbscan", {"min_samples": None, "method": "leaf"}),
    ],
)
def test_reading_and_writing(text, name, parameters):
    assert parse_algorithm(text) == (name, parameters)
    assert parse_algorithm(algorithm_label(name, parameters)) == (name, parameters)


def test_one_label_whatever_the_order():
    assert algorithm_label(*parse_algorithm("gdl:n_neighbors=10,a=0.95")) == "gdl:a=0.95,n_neighbors=10"


@pytest.mark.parametrize("text", ["gdl:", "gdl:10", "gdl:=3", "gdl:a=1,,b=2"])
def test_what_cannot_be_read(text):
    with pytest.raises(
        ParameterError, match=f"algorithm '{text}' cannot be read; write it like gdl:n_neighbors=10"
    ):
        parse_algorithm(text)
