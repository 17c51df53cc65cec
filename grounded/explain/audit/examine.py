"""The audit of one film's report: every claim under every condition, then a verdict a sentence.

Conditions of a claim that was read (names as they stand in the report's JSON):

film                     the film as it is
own, <way>               its own region hidden: "smooth", "tissue". What is denied cannot be hidden;
                         something like it is put there instead: "haze", "fluid", or "air"
other, <way>             a matched other region altered in the same way
own half, <way>          of a finding that is there on one side: that half of the film hidden
other half, <way>        the half across hidden
rest, <way>              everything but its own region hidden
mirrored                 the film turned over, the claim asked of the other side
mirrored, same side      the film turned over, the claim asked of the side it was made of
across, <condition>      the same claim of the other side, under any of those; "across" of the film
other patient, same finding / other patient, without it     films of the pool
noise, blank             no film at all

Of a claim that points at no place, only whole films are exchanged. All conditions that leave the
regions where they are go through the generator in one batch, and a region that is hidden for one
claim serves as the other region of the next.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from grounded.audit import Answer, Audit, Check, SentenceAudit, Verdict
from grounded.explain.audit.altering import (
    Alteration,
    Blank,
    Donor,
    Noise,
    Painted,
    Place,
    Smooth,
    Tissue,
    half_of,
    mirrored_image,
)
from grounded.explain.audit.borders import check_borders
from grounded.explain.audit.pool import PoolFilm
from grounded.explain.audit.subjects import Claim, Said, Subject
from grounded.explain.audit.verdicts import SAME, WITHOUT, checked, hiding_effects, measures
from grounded.findings import Presence
from grounded.geometry import Box, union
from grounded.image import Image

EDGE = 0.06  # of a film's width and height: what a hidden half keeps, to be filled from around
APART = 0.1  # the part of a place that may lie in the other place
PAINTING = ("haze", "fluid")
OF_AIR = {"Pneumothorax": ("air",), "Emphysema": ("air",)}


@dataclass(frozen=True, slots=True, eq=False)
class Asked:
    """A claim, the same of the other side, its own place and the one that it is compared with.

    places: both; None for a claim that points at no place. halves: of the film, its own and the
    other, where they are hidden for it.
    """

    claim: Claim
    swapped: Claim
    places: tuple[Place, Place] | None
    halves: tuple[Place, ...] = ()


def audit(image: Image, subject: Subject, pool: Sequence[PoolFilm] = ()) -> Audit:
    """Audit what a subject says of a film.

    pool: films of other patients; the film itself is left out of it. Without one, no place is
    hidden by tissue, and no other patient is asked about.
    """
    pool = [film for film in pool if film.image.info.sha256 != image.info.sha256]
    said = subject.said(image)
    asked = [a for claim in said.claims if (a := _asked(claim, said, image, subject)) is not None]
    rows = _answers(image, subject, said, asked, pool)
    by_claim = {
        id(item.claim): checked(item.claim, row) for item, row in zip(asked, rows, strict=True)
    }
    borders = [claim for claim in said.claims if claim.measurement is not None]
    for claim, check in zip(borders, check_borders(image, borders, subject), strict=True):
        by_claim[id(claim)] = check
    return Audit(
        subject.name,
        tuple(
            SentenceAudit(text, tuple(_checks(number, said.claims, by_claim)))
            for number, text in enumerate(said.sentences)
        ),
        measures([(item.claim, row) for item, row in zip(asked, rows, strict=True)]),
        hiding_effects(rows),
        tuple(_notes(asked, pool)),
    )


def _notes(asked: Sequence[Asked], pool: Sequence[PoolFilm]) -> Iterator[str]:
    if not pool:
        yield "no pool of other films: no tissue, and no other patient"
    if nowhere := [item.claim.words for item in asked if item.places is None]:
        yield f"neither boxes nor a side, only whole films were exchanged: {', '.join(nowhere)}"


def _checks(number: int, claims: Sequence[Claim], by_claim: Mapping[int, Check]) -> Iterator[Check]:
    for claim in claims:
        if claim.sentence == number:
            yield by_claim.get(id(claim)) or Check(claim.words, Verdict.OPEN)


def _asked(claim: Claim, said: Said, image: Image, subject: Subject) -> Asked | None:
    """None for a claim that was measured, or that states no finding."""
    if claim.measurement is not None or not (claim.label or claim.place):
        return None
    swapped = subject.mirrored(claim)
    if claim.place is None:
        return Asked(claim, swapped, None)
    places = claim.place, _other(claim.place, swapped.region, said, image)
    return Asked(claim, swapped, places, _halves(claim, swapped, image))


def _halves(claim: Claim, swapped: Claim, image: Image) -> tuple[Place, ...]:
    """The half of the film in which a claim's side lies, and the other half.

    Empty for a claim without another side, and for what is denied: what is painted in a place has
    no surroundings.
    """
    if not swapped.side or claim.presence == Presence.ABSENT:
        return ()
    sides = ("right", "left") if swapped.side == "left" else ("left", "right")
    wide, high = image.info.frame.x1, image.info.frame.y1
    inner = Box(EDGE * wide, EDGE * high, (1 - EDGE) * wide, (1 - EDGE) * high)
    return tuple(Place(f"{side} half", (half_of(image, side).clip(inner),)) for side in sides)


def _place_of(name: str, said: Said) -> Place:
    region = said.regions[name]
    return Place(name, (region.mask or region.box,), (name,))


def _other(place: Place, across: str, said: Said, image: Image) -> Place:
    """A like place elsewhere: the region across, of an outline its mirror image.

    Where that is the same place, one as large where least of it lies.
    """
    if place.regions and across in said.regions:
        other = _place_of(across, said)
    else:
        other = place.mirrored(image.info.width)
    if _shared(place, other, image) <= APART:
        return other
    frame = image.info.frame
    box = union(part if isinstance(part, Box) else part.extent for part in place.parts)
    moves = [
        place.moved(x - box.x0, y - box.y0)
        for y in (frame.y1 - box.height, (frame.y1 - box.height) / 2, 0.0)
        for x in (0.0, frame.x1 - box.width, (frame.x1 - box.width) / 2)
    ]
    return min(moves, key=lambda moved: _shared(place, moved, image))


def _shared(place: Place, other: Place, image: Image) -> float:
    """The part of a place that lies in another one."""
    shape, frame = (64, 64), image.info.frame
    own, there = (each.on(shape, frame) >= 0.5 for each in (place, other))
    return float((own & there).sum() / max(own.sum(), 1))


def _answers(
    image: Image, subject: Subject, said: Said, asked: Sequence[Asked], pool: Sequence[PoolFilm]
) -> list[dict[str, Answer]]:
    """The answers to each claim, by condition."""
    if not asked:
        return []
    plans = [dict(_conditions(item, said, pool, subject)) for item in asked]
    # alterations by what they do, so that two claims that need the same one share it
    shared = {_key(made): made for plan in plans for made in plan.values()}
    claims, swapped = [item.claim for item in asked], [item.swapped for item in asked]
    both, count = [*claims, *swapped], len(claims)
    answers = subject.ask_altered(image, list(shared.values()), both)
    altered = dict(zip(shared, answers, strict=True))
    film, turned = subject.ask([image, mirrored_image(image)], both)
    others = subject.ask([each.image for each in pool], claims) if pool else []
    rows: list[dict[str, Answer]] = []
    for at, (item, plan) in enumerate(zip(asked, plans, strict=True)):
        row = {"film": film[at]}
        row |= {name: altered[_key(made)][at] for name, made in plan.items()}
        row |= {"mirrored": turned[count + at], "mirrored, same side": turned[at]}
        if item.places and item.swapped.region != item.claim.region:
            row["across"] = film[count + at]
            row |= {
                f"across, {name}": altered[_key(made)][count + at] for name, made in plan.items()
            }
        for each, told in zip(pool, others, strict=True):
            row.setdefault(SAME if item.claim.label in each.findings else WITHOUT, told[at])
        rows.append(row)
    return rows


def _conditions(
    item: Asked, said: Said, pool: Sequence[PoolFilm], subject: Subject
) -> Iterator[tuple[str, Alteration]]:
    """The conditions of a claim under which the film's regions stay where they are."""
    yield "noise", Noise()
    yield "blank", Blank()
    if item.places is None:
        return
    own, other = item.places
    yield "rest, smooth", Smooth(own, rest=True)
    for what, place in (("own", own), ("other", other)):
        for made in _ways(item.claim, place, said, pool, subject):
            yield f"{what}, {made.name}", made
    for what, place in zip(("own half", "other half"), item.halves, strict=False):
        yield f"{what}, smooth", Smooth(place)


def _ways(
    claim: Claim, place: Place, said: Said, pool: Sequence[PoolFilm], subject: Subject
) -> Iterator[Alteration]:
    """The ways in which a place is altered for a claim."""
    if claim.presence == Presence.ABSENT:
        yield from (Painted(place, way) for way in OF_AIR.get(claim.label, PAINTING))
        return
    yield Smooth(place)
    donor = next((film for film in pool if claim.label not in film.findings), None)
    if donor is not None:
        lent = Donor(donor.image, subject.regions(donor.image))
        yield Tissue(place, said.regions, lent)


def _key(alteration: Alteration) -> tuple[object, ...]:
    """Equal for alterations that do the same."""
    place, rest = alteration.place, getattr(alteration, "rest", False)
    parts: tuple[object, ...] = ()
    if place is not None:
        parts = place.regions or tuple(p if isinstance(p, Box) else id(p) for p in place.parts)
    donor = getattr(alteration, "donor", None)
    return alteration.name, rest, parts, donor.image.info.sha256 if donor else ""
