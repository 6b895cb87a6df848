"""A network in two parts for OpenVINO, which has no setting for the precision of a single layer."""

from typing import Any

_PRODUCTS = ("Convolution", "GroupConvolution", "MatMul")


def fine_and_coarse(model: Any, fine: float) -> list[tuple[Any, str]]:
    """Cut a model into one for float32 and one for bfloat16; return both, each with "f32" or "bf16".

    The latter has the convolutions whose input is at most `fine` pixels wide, the matrix products, and all that
    follows them. It takes what the former gives, and gives what the model gave, in the same order. The model
    itself is changed. Where a result comes before all that, there is a single part, in "bf16".
    """
    import openvino

    alive: set[str] = set()  # nodes, by name, that depend on the images
    late: set[str] = set()  # those of them in the latter part
    for node in model.get_ordered_ops():
        sources = {value.get_node().get_friendly_name() for value in node.input_values()}
        if node.get_type_name() == "Parameter" or sources & alive:
            alive.add(node.get_friendly_name())
            if sources & late or _is_coarse_product(node, fine):
                late.add(node.get_friendly_name())
    if any(result.get_friendly_name() not in late for result in model.get_results()):
        return [(model, "bf16")]
    between: dict[tuple[str, int], tuple[Any, Any]] = {}
    for node in model.get_ordered_ops():
        for taken in node.inputs() if node.get_friendly_name() in late else ():
            value = taken.get_source_output()
            name = value.get_node().get_friendly_name()
            if name in alive - late:
                place = (name, value.get_index())
                if place not in between:
                    given = openvino.op.Parameter(value.get_element_type(), value.get_partial_shape())
                    between[place] = value, given
                taken.replace_source_output(between[place][1].output(0))
    values, given = zip(*between.values(), strict=True)
    results = [openvino.op.Result(value) for value in values]
    coarse = openvino.Model(model.get_results(), list(given), "coarse")
    return [(openvino.Model(results, model.get_parameters(), "fine"), "f32"), (coarse, "bf16")]


def _is_coarse_product(node: Any, fine: float) -> bool:
    if node.get_type_name() not in _PRODUCTS:
        return False
    shape = list(node.input(0).get_shape())
    return len(shape) < 4 or shape[-1] <= fine
