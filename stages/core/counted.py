"""Numbers of things in sentences."""


def counted(number: int, noun: str) -> str:
    """Return a number of things, thousands apart: "1 image", "1,200 images"."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
