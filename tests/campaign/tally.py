"""How many cases a part of the campaign tried, and which of them went wrong."""

from dataclasses import dataclass, field


@dataclass
class Tally:
    """Counts the cases of one part; a fault is printed when it is found, so that a stopped campaign has said it.

    Attributes:
        part: Name of the part, as the command line has it.
        good: What a good case shows, in a few words: "identical without help".
        tried: Cases so far.
        faults: A line for each case that went wrong: the case, and what was seen.
    """

    part: str
    good: str
    tried: int = 0
    faults: list[str] = field(default_factory=list)

    def add(self, case: str, fault: str | None = None) -> None:
        """Count a case; `fault` is what was seen instead of a good end, None if there is nothing to say."""
        self.tried += 1
        if fault is not None:
            self.faults.append(f"{case}: {fault}")
            print(f"FAULT in {self.part}, {case}: {fault}", flush=True)

    def __str__(self) -> str:
        """One line: 200 kills, 200 identical without help."""
        return f"{self.tried:,} {self.part}, {self.tried - len(self.faults):,} {self.good}"
