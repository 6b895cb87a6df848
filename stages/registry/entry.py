"""What is known about a registered backbone beside its card."""

from dataclasses import dataclass

from stages.backbones.card import Backbone


@dataclass(frozen=True)
class Registered:
    """A card with facts for its readers; none of them decides a feature, so none is in the card.

    `dimensions` gives the size of each layer, flattened; `licence` is that of the weights, as far as whoever
    offers them states one; `origin` says who trained or converted them.
    """

    card: Backbone
    dimensions: dict[str, int]
    licence: str
    origin: str

    @property
    def input_size(self) -> int:
        """Height and width of the network's input, in pixels."""
        return self.card.preprocessing.crop
