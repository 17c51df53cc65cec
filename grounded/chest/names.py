"""The names of the chest atlas: its 29 regions, and the organs that networks outline.

What is trained on chests asks here for the side and the kind of a region; what works with any atlas
asks the atlas of its detector.
"""

from __future__ import annotations

from functools import cache

from grounded.atlas import SIDES, Atlas, PairedSide

ATLAS = "chest29"
RIGHT_LUNG, LEFT_LUNG, HEART = "right lung", "left lung", "cardiac silhouette"
RIGHT_CLAVICLE, LEFT_CLAVICLE = "right clavicle", "left clavicle"
LUNGS = (RIGHT_LUNG, LEFT_LUNG)
OUTWARD = {RIGHT_LUNG: -1, LEFT_LUNG: 1}
"""Where the chest wall beside a lung lies in the picture: -1 to the left, 1 to the right."""
HEMIDIAPHRAGMS = ("right hemidiaphragm", "left hemidiaphragm")
ORGANS = (*LUNGS, HEART, RIGHT_CLAVICLE, LEFT_CLAVICLE)
"""In the order of the outputs of the network that outlines them."""
REGIONS = (
    *(
        f"{side} {part}"
        for side in SIDES
        for part in (
            "lung",
            "upper lung zone",
            "mid lung zone",
            "lower lung zone",
            "hilar structures",
            "apical zone",
            "costophrenic angle",
            "hemidiaphragm",
        )
    ),
    "trachea",
    "spine",
    "right clavicle",
    "left clavicle",
    "aortic arch",
    "mediastinum",
    "upper mediastinum",
    "svc",
    "cardiac silhouette",
    "cavoatrial junction",
    "right atrium",
    "carina",
    "abdomen",
)
"""The 29 regions in the order of Chest ImaGenome's tables and of RGRG's classes (1 to 29 there)."""


@cache
def chest_atlas() -> Atlas:
    """The shipped atlas of the chest."""
    return Atlas.open(ATLAS)


def side_of(region: str) -> PairedSide:
    """The side that tells a region of the chest from its counterpart, "" for one without."""
    return chest_atlas().paired_side(region)


def kind_of(region: str) -> str:
    """What right and left regions of the chest share; a name of no region is its own kind."""
    return chest_atlas().kind(region)
