"""What the encoder sees in regions of training films, with what is known of each region."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from grounded.errors import InvalidValueError
from grounded.findings import VOCABULARY, Presence

_CODES: dict[Presence | None, int] = {
    None: 0,
    Presence.ABSENT: 1,
    Presence.UNCERTAIN: 2,
    Presence.PRESENT: 3,
}


@dataclass(frozen=True, slots=True, eq=False)
class Bank:
    """M regions of training films.

    vectors: (M, 16, D) half precision, the cells of a grid of 4 x 4 in each region's box, row by
    row. kinds: of the regions. findings: what is known of each. sizes, varieties: of a painted
    lesion, "" for none.
    """

    vectors: Tensor
    kinds: tuple[str, ...]
    findings: tuple[Mapping[str, Presence], ...]
    sizes: tuple[str, ...]
    varieties: tuple[str, ...]

    def __post_init__(self) -> None:
        lengths = {
            "vectors": len(self.vectors),
            "kinds": len(self.kinds),
            "findings": len(self.findings),
            "sizes": len(self.sizes),
            "varieties": len(self.varieties),
        }
        if len(set(lengths.values())) > 1:
            raise InvalidValueError(f"a bank's parts are of one length, got {lengths}")

    def __len__(self) -> int:
        return len(self.vectors)

    @property
    def features(self) -> int:
        """D, of the vectors."""
        return int(self.vectors.shape[2])


class Shelves:
    """A bank by kind of region, to find the regions of which something could be said."""

    def __init__(self, bank: Bank) -> None:
        self.bank = bank
        kinds = np.array(bank.kinds)
        self._rows = {kind: np.flatnonzero(kinds == kind) for kind in set(bank.kinds)}
        self._known = np.array(
            [[_CODES[known.get(label)] for label in VOCABULARY] for known in bank.findings]
        ).reshape(len(bank), len(VOCABULARY))

    def of(self, kind: str) -> NDArray[np.intp]:
        """The rows of the regions of a kind."""
        return self._rows.get(kind, np.empty(0, np.intp))

    def fitting(self, kind: str, findings: Mapping[str, Presence]) -> NDArray[np.intp]:
        """The rows in which what is said to be present is, and what is absent is not known to be.

        Nobody can see that something is uncertain: that fits whatever is known.
        """
        rows = self.of(kind)
        for label, presence in findings.items():
            known = self._known[rows, VOCABULARY.index(label)]
            if presence == "present":
                rows = rows[known == _CODES[Presence.PRESENT]]
            elif presence == "absent":
                rows = rows[known <= _CODES[Presence.ABSENT]]
        return rows
