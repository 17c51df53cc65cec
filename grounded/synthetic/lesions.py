"""Controlled lesions: findings painted into clean real films, at places that are then known.

They are painted to look as a radiologist knows them and to vary widely, so that what is learnt from
them holds on real films. Sizes follow the lungs' sizes, so a film may have any resolution.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from grounded.chest.names import HEART
from grounded.errors import InvalidValueError
from grounded.synthetic.devices import devices
from grounded.synthetic.heart import cardiothoracic_ratio, widened
from grounded.synthetic.opacities import consolidation, linear_atelectasis, nodules
from grounded.synthetic.painting import LUNG_NAMES, LungCanvas, Paint, Plane, lung_of, sides_present
from grounded.synthetic.pleura import effusion, pneumothorax

LABELS: Mapping[str, tuple[str, ...]] = {
    "consolidation": ("Lung Opacity",),
    "effusion": ("Pleural Effusion",),
    "pneumothorax": ("Pneumothorax",),
    "nodule": ("Lung Lesion",),
    "linear atelectasis": ("Atelectasis",),
    "cardiomegaly": ("Cardiomegaly",),
    "tubes": ("Support Devices",),
}
KINDS: tuple[str, ...] = tuple(LABELS)

_IN_A_LUNG = {
    "consolidation": consolidation,
    "effusion": effusion,
    "pneumothorax": pneumothorax,
    "nodule": nodules,
    "linear atelectasis": linear_atelectasis,
}
# where "moderate" and "large" begin: part of the lung that is covered
_LIMITS = {
    "consolidation": (0.10, 0.30),
    "effusion": (0.1, 0.3),
    "pneumothorax": (0.10, 0.30),
    "nodule": (0.006, 0.018),
    "linear atelectasis": (0.012, 0.03),
    "tubes": (0.05, 0.12),
}
_RATIO_LIMITS = (0.57, 0.62)
_SEEN, _TRIES = 0.05, 4  # the least mean change that shows, of the contrast of lung and tissue


@dataclass(frozen=True, slots=True, eq=False)
class Lesion:
    """What was painted, and where.

    labels: findings of the vocabulary. kind: one of KINDS. area: (H, W) 0..1, the lesion's true
    place, in the film's frame; 0 where the film is as it was, except that the lung beside a
    pneumothorax gets a little denser, and that the place of cardiomegaly is the new heart, while
    the film is warped around it. side: the patient's, "right" or "left", or "" for cardiomegaly and
    devices of the midline. size: "small", "moderate" or "large" by the part of the lung (of that
    side, or of both) that is covered: consolidation from 0.10 and 0.30, effusion 0.10 and 0.30,
    pneumothorax 0.10 and 0.30, nodules 0.006 and 0.018 (12 and 20 mm), atelectasis 0.012 and 0.03,
    devices 0.05 and 0.12; cardiomegaly by its cardiothoracic ratio, 0.57 and 0.62. variety: the
    kind of opacity or device, "layering" for an effusion of the supine, else "".
    """

    labels: tuple[str, ...]
    kind: str
    area: NDArray[np.float32]
    side: str
    size: str
    variety: str


def paint(
    film: Plane,
    masks: Mapping[str, Plane],
    kind: str,
    rng: Generator,
    *,
    side: str = "",
    strength: float | None = None,
) -> tuple[Plane, dict[str, Plane], Lesion]:
    """The film with one lesion, the masks after it, and the lesion; nothing is changed in place.

    film: (H, W) 0..1, air dark. masks: "right lung", "left lung", "cardiac silhouette", each (H, W)
    0..1, those that are known; only cardiomegaly changes them. side: the patient's, drawn if ""
    from the lungs that are there. strength: 0..1, how plain the lesion is (its contrast; for
    effusion, pneumothorax and cardiomegaly its extent), drawn if None. The same state of rng gives
    the same lesion. Raises InvalidValueError for an unknown kind or side, a film and masks that do
    not fit, and when the lung or the heart that the lesion needs is missing.
    """
    _check(film, masks, kind, side, strength)
    plain = float(rng.beta(1.2, 1.2)) if strength is None else float(strength)
    whole = np.ascontiguousarray(film, dtype=np.float32)
    if kind == "cardiomegaly":
        return _enlarged(whole, masks, rng, plain)
    sides = [side] if side else sides_present(masks)
    if not sides or (side and side not in sides_present(masks)):
        raise InvalidValueError(
            f"{kind!r} needs {LUNG_NAMES.get(side, 'a lung')!r}, which is missing or empty; "
            f"the masks have: {sorted(masks)}"
        )
    if kind == "tubes":
        painted, lies = devices(whole, masks, sides, rng, plain)
    else:
        lies = str(rng.choice(sides))
        painted = _in_a_lung(whole, lung_of(whole, masks, lies), kind, rng, plain)
    lesion = Lesion(
        LABELS[kind], kind, painted.area, lies, _size(kind, painted, masks, lies), painted.variety
    )
    return painted.film, dict(masks), lesion


def _check(
    film: Plane, masks: Mapping[str, Plane], kind: str, side: str, strength: float | None
) -> None:
    if kind not in LABELS:
        raise InvalidValueError(f"no kind of lesion {kind!r}; there are: {', '.join(KINDS)}")
    if side not in ("", "right", "left"):
        raise InvalidValueError(f"a side is 'right', 'left' or '' (either), got {side!r}")
    if film.ndim != 2:
        raise InvalidValueError(f"a film is a plane (H, W), got the shape {film.shape}")
    if strength is not None and not 0 <= strength <= 1:
        raise InvalidValueError(f"a strength lies in 0..1, got {strength}")
    for name, mask in masks.items():
        if mask.shape != film.shape:
            raise InvalidValueError(
                f"the mask of {name!r} has the shape {mask.shape}, the film {film.shape}; "
                "resize it to the film"
            )


def _in_a_lung(film: Plane, lung: LungCanvas, kind: str, rng: Generator, strength: float) -> Paint:
    """A lesion that can be seen: one that is lost in the film is painted anew, more plainly."""
    for _ in range(_TRIES):
        painted = _IN_A_LUNG[kind](film, lung, rng, strength)
        change = abs(painted.film - film)[painted.area > 0.5]
        if change.size and float(change.mean()) > _SEEN * (lung.tissue - lung.dark):
            break
        strength = min(1.0, strength + 0.25)
    return painted


def _enlarged(
    film: Plane, masks: Mapping[str, Plane], rng: Generator, strength: float
) -> tuple[Plane, dict[str, Plane], Lesion]:
    warped, moved = widened(film, masks, rng, strength)
    ratio = cardiothoracic_ratio(moved)
    size = _named(ratio, _RATIO_LIMITS)
    area = moved[HEART].copy()
    return warped, moved, Lesion(LABELS["cardiomegaly"], "cardiomegaly", area, "", size, "")


def _size(kind: str, painted: Paint, masks: Mapping[str, Plane], side: str) -> str:
    lungs = [LUNG_NAMES[side]] if side else [LUNG_NAMES[s] for s in sides_present(masks)]
    room = sum(float(masks[name].sum()) for name in lungs)
    return _named(float(painted.area.sum()) / room, _LIMITS[kind])


def _named(value: float, limits: tuple[float, float]) -> str:
    return ("small", "moderate", "large")[int(value >= limits[0]) + int(value >= limits[1])]
