"""What is said of a measured value. Each function says one thing of a film, or raises NotMeasurable
with the reason why it cannot."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from grounded.atlas import SIDES, Side
from grounded.chest import measures
from grounded.chest.measures import SHOWN, ReferenceRange, Verdict
from grounded.chest.names import HEART, LEFT_LUNG, RIGHT_LUNG
from grounded.chest.outline import NotMeasurable
from grounded.findings import Finding, Label, Presence, ScoreKind
from grounded.generators.measured.wording import Hidden, Said, Subject, percent, said, usual
from grounded.view import Projection

RATIO_WEIGHT = 20.0
LARGE, NOT_LARGE = 2.0, 0.5
"""Log-odds: what a ratio of one more would say for a large heart, and from where on a heart is
called enlarged, or not. Of NIH's films for calibration and Wingspan's, 83 of 90 large hearts are
called so, and 1 of 270 others."""


def heart_size(subject: Subject) -> Said:
    """Enlarged or not, by the cardiothoracic ratio; on AP films with the limit that holds there.

    Where a reader of the film has an opinion, it is weighed with the ratio, and a heart whose ratio
    is near the limit is judged by both; where they contradict each other nothing is. Where the
    ratio cannot be measured, a heart that the reader clearly takes for enlarged is called so
    without a number. Raises NotMeasurable.
    """
    try:
        _trusted(subject, HEART)
        on_ap = subject.view == "AP"
        reference = measures.CARDIOTHORACIC_RATIO_AP if on_ap else measures.CARDIOTHORACIC_RATIO
        ratio = measures.cardiothoracic_ratio(subject.chest, reference)
    except NotMeasurable as reason:
        if (subject.known.heart or 0.0) < LARGE:
            raise
        return _large_unmeasured(subject, str(reason))
    judged = _heart_judged(subject, ratio.value, reference)
    lead, short, impression = _HEART_WORDS[on_ap, judged.words]
    figure = f"cardiothoracic ratio {ratio.value:.2f}"
    parts = (_diameters(subject), _heart_limit(subject, judged.presence), subject.lengths.doubt)
    detail = "; ".join(part for part in parts if part)
    return Said(
        f"{lead}: {figure} ({detail}).",
        f"{short}{_shown(judged, ratio.value)}.",
        (ratio,),
        (Finding("Cardiomegaly", judged.presence, HEART, judged.score),),
        judged.score,
        f"{impression}." if impression else "",
        _heart_notes(subject, judged),
        judged.score_kind,
    )


@dataclass(frozen=True, slots=True)
class _HeartJudged:
    """words: the row of _HEART_WORDS."""

    presence: Presence
    score: float
    words: str
    score_kind: ScoreKind = ScoreKind.DISTANCE


def _shown(judged: _HeartJudged, ratio: float) -> str:
    """The ratio as a sentence gives it; a heart that the reading alone calls large is so despite
    it."""
    usual = round(ratio, SHOWN) <= measures.CARDIOTHORACIC_RATIO.normal[1]
    despite = judged.words == "appears" and usual
    return f", though the CTR is {ratio:.2f}" if despite else f" (CTR {ratio:.2f})"


def _heart_judged(subject: Subject, ratio: float, reference: ReferenceRange) -> _HeartJudged:
    """By the ratio alone, or together with a reader of the film.

    Raises NotMeasurable where the two contradict each other.
    """
    measured, score = _heart_verdict(ratio, subject.view == "AP")
    if subject.known.heart is None:
        return _HeartJudged(measured, score, measured)
    by_limit = reference.judge(ratio).presence
    log_odds = subject.known.heart + RATIO_WEIGHT * (ratio - reference.normal[1])
    large = 1 / (1 + math.exp(-log_odds))
    if log_odds >= LARGE and by_limit != Presence.ABSENT:
        words = "present" if round(ratio, SHOWN) > reference.normal[1] else "appears"
        return _HeartJudged(Presence.PRESENT, large, words, ScoreKind.PROBABILITY)
    if log_odds <= NOT_LARGE and by_limit != Presence.PRESENT:
        shown = round(ratio, SHOWN)
        words = "absent" if shown <= reference.normal[1] else "upper limit"
        if words == "absent" and shown > measures.CARDIOTHORACIC_RATIO.normal[1]:
            words = "absent on AP"
        return _HeartJudged(Presence.ABSENT, 1 - large, words, ScoreKind.PROBABILITY)
    if by_limit != Presence.UNCERTAIN:
        raise NotMeasurable(
            f"the measured ratio ({ratio:.2f}) and what the network reads of the heart do not agree"
        )
    score = max(large, 1 - large)
    return _HeartJudged(Presence.UNCERTAIN, score, "uncertain", ScoreKind.PROBABILITY)


def _large_unmeasured(subject: Subject, reason: str) -> Said:
    """What is said of a heart that is large, though it cannot be measured how large."""
    large = 1 / (1 + math.exp(-(subject.known.heart or 0.0)))
    text = "The heart appears enlarged"
    return Said(
        f"{text} (its size is unknown: {reason}).",
        f"{text}.",
        (),
        (Finding("Cardiomegaly", Presence.PRESENT, HEART, large),),
        large,
        f"{text}.",
        (f"the size was not measured: {reason}",),
        ScoreKind.PROBABILITY,
    )


_LEAST_LUNG = 0.5  # of the other lung's area: a smaller outline misses a part of its lung, often
_HEART_WORDS: dict[tuple[bool, str], tuple[str, str, str]] = {
    (False, "present"): ("The heart is enlarged", "The heart is enlarged", "Cardiomegaly"),
    (False, "uncertain"): (
        "The heart is of borderline size",
        "Borderline heart size",
        "Borderline heart size",
    ),
    (False, "absent"): ("The heart is not enlarged", "Heart size is normal", ""),
    (False, "appears"): (
        "The heart appears enlarged",
        "The heart appears enlarged",
        "The heart appears enlarged",
    ),
    (False, "upper limit"): (
        "The heart is at the upper limits of normal in size",
        "Heart size is at the upper limits of normal",
        "",
    ),
    (True, "present"): (
        "The heart is enlarged, also when the magnification of an AP film is allowed for",
        "The heart is enlarged, also for an AP film",
        "Cardiomegaly",
    ),
    (True, "uncertain"): (
        "Whether the heart is enlarged cannot be judged on this AP film, which magnifies it",
        "Possible cardiomegaly, not to be judged on an AP film",
        "Possible cardiomegaly",
    ),
    (True, "absent"): ("The heart is not enlarged", "Heart size is normal", ""),
    (True, "absent on AP"): (
        "The heart is not enlarged for an AP film",
        "Heart size is normal for an AP film",
        "",
    ),
    (True, "appears"): (
        "The heart appears enlarged",
        "The heart appears enlarged",
        "The heart appears enlarged",
    ),
    (True, "upper limit"): (
        "The heart is at the upper limits of normal in size for an AP film",
        "Heart size is at the upper limits of normal for an AP film",
        "",
    ),
}


def _trusted(subject: Subject, *borders: str) -> None:
    """Raises NotMeasurable if a border is hidden or a lung's outline leaves out a part of it."""
    subject.seen(*borders)
    right, left = subject.chest.lungs("lower")
    if min(right.area, left.area) < _LEAST_LUNG * max(right.area, left.area):
        raise NotMeasurable("the outline of one lung is less than half of the other's")


def _heart_notes(subject: Subject, judged: _HeartJudged) -> tuple[str, ...]:
    notes = []
    if subject.appears:
        notes.append(f"the film appears {subject.view}, by what the network reads")
    elif subject.view == "unknown" and judged.presence != "absent":
        notes.append("the limit holds for PA films, and the view of this one is not stated")
    if subject.lengths.doubt:
        notes.append(subject.lengths.doubt)
    return tuple(notes)


def _heart_verdict(ratio: float, on_ap: bool) -> tuple[Presence, float]:
    """On AP films: present above the AP limit, absent below that of PA films, else uncertain."""
    by_pa = measures.CARDIOTHORACIC_RATIO.judge(ratio)
    if not on_ap:
        return by_pa.presence, by_pa.score
    by_ap = measures.CARDIOTHORACIC_RATIO_AP.judge(ratio)
    if by_ap.presence == "present":
        return Presence.PRESENT, by_ap.score
    if by_pa.presence == "absent":
        return Presence.ABSENT, by_pa.score
    return Presence.UNCERTAIN, max(by_pa.score, by_ap.score)


def _diameters(subject: Subject) -> str:
    if not subject.lengths.known:
        return ""
    heart = subject.chest.organ(HEART).box.width
    thorax = measures.thoracic_diameter(subject.chest)
    lengths = subject.lengths
    return f"{lengths.across(heart)} / {lengths.across(thorax)}{lengths.note}"


def _heart_limit(subject: Subject, presence: Presence) -> str:
    view, low_limit = subject.view, measures.CARDIOTHORACIC_RATIO.normal[1]
    if view == Projection.AP:
        appears = "the film appears AP; " if subject.appears else ""
        return (
            f"{appears}normal up to {low_limit:.2f} on a PA film, which corresponds to "
            f"{measures.CARDIOTHORACIC_RATIO_AP.normal[1]:.2f} on an AP film from 1 m"
        )
    words = f"normal up to {low_limit:.2f}"
    if presence == "uncertain":
        words += f", measured to ± {measures.CARDIOTHORACIC_RATIO.tolerance:.2f}"
    if view == Projection.UNKNOWN and presence != "absent":
        words += "; that holds for PA films, and the view of this one is not stated"
    return words


def diaphragm(subject: Subject) -> Said:
    """Whether a hemidiaphragm stands higher than usual, from the heights of the lungs."""
    difference = measures.lung_height_difference(subject.chest)
    reference = measures.LUNG_HEIGHT_DIFFERENCE
    verdict = reference.judge(difference.value)
    side = Side.RIGHT if verdict.side == 1 else Side.LEFT
    _bases_seen(subject, verdict)
    lead, short, impression = {
        "present": (
            f"The {side} hemidiaphragm is elevated",
            f"The {side} hemidiaphragm is elevated",
            f"Elevated {side} hemidiaphragm",
        ),
        "uncertain": (
            f"The {side} hemidiaphragm stands a little higher than usual",
            f"The {side} hemidiaphragm may be elevated",
            f"Possible elevation of the {side} hemidiaphragm",
        ),
        "absent": (
            "Neither hemidiaphragm is elevated",
            "Neither hemidiaphragm is elevated",
            "",
        ),
    }[verdict.presence]
    sides = SIDES if verdict.presence == "absent" else (side,)
    text = f"{lead}: {_heights(subject, difference.value)} ({usual(reference)})."
    return said(text, short, (difference,), "Elevated Hemidiaphragm", verdict, impression, sides)


def _bases_seen(subject: Subject, verdict: Verdict) -> None:
    """Raises Hidden if what looks unusual may be what hides the borders of the lungs."""
    if subject.known.opaque and verdict.presence != "absent":
        raise Hidden(subject.known.opaque, "the lungs")


def _heights(subject: Subject, difference: float) -> str:
    more = "taller" if difference >= 0 else "shorter"
    compared = f"the left lung is {percent(abs(difference))} {more} than the right"
    lengths = subject.lengths
    if not lengths.known:
        return f"from apex to dome {compared}"
    right, left = (
        lengths.down(measures.lung_height(subject.chest, name).value)
        for name in (RIGHT_LUNG, LEFT_LUNG)
    )
    return f"{compared} from apex to dome, {left} against {right}{lengths.note}"


def lung_symmetry(subject: Subject) -> Said:
    """Whether one lung is small in relation to the other, by the area on the film."""
    share = measures.right_area_share(subject.chest)
    reference = measures.RIGHT_AREA_SHARE
    verdict = reference.judge(share.value)
    small, other = reversed(SIDES) if verdict.side == 1 else SIDES
    hidden = small is Side.LEFT and verdict.presence != "absent" and _is_large(subject)
    if hidden:
        verdict = replace(verdict, presence=Presence.UNCERTAIN)
    _bases_seen(subject, verdict)
    lead, short, impression = {
        "present": (
            f"The {small} lung is small in relation to the {other}",
            f"The {small} lung is small in relation to the {other}",
            f"Small {small} lung in relation to the {other}",
        ),
        "uncertain": (
            f"Less of the {small} lung is in sight than usual",
            f"The {small} lung may be small in relation to the {other}",
            f"Possibly small {small} lung",
        ),
        "absent": (
            "The lungs are of usual relative size",
            "The lungs are of usual relative size",
            "",
        ),
    }[verdict.presence]
    figure = f"the right has {percent(share.value)} of the area of both ({usual(reference)})"
    if hidden:
        figure += "; the heart hides a part of it"
    sides = SIDES if verdict.presence == "absent" else (small,)
    label: Label = "Lung Volume Asymmetry"
    return said(f"{lead}: {figure}.", short, (share,), label, verdict, impression, sides)


def _is_large(subject: Subject) -> bool:
    try:
        ratio = measures.cardiothoracic_ratio(subject.chest).value
    except NotMeasurable:
        return False
    return ratio > measures.CARDIOTHORACIC_RATIO.normal[1]


def mediastinal_position(subject: Subject) -> Said:
    """A shift is when heart and upper mediastinum both lie off to the same side.

    One of them alone is no shift: a long aortic arch moves the one, a funnel chest the other.
    """
    _trusted(subject, HEART, "upper mediastinum")
    heart = measures.heart_position(subject.chest)
    upper = measures.upper_mediastinum_position(subject.chest)
    verdict = _both(
        measures.HEART_POSITION.judge(heart.value),
        measures.UPPER_MEDIASTINUM_POSITION.judge(upper.value),
    )
    side = Side.LEFT if verdict.side == 1 else Side.RIGHT
    lead, impression = {
        "present": (
            f"The mediastinum is shifted to the {side}",
            f"Mediastinal shift to the {side}",
        ),
        "uncertain": (
            f"The mediastinum may be shifted to the {side}",
            f"Possible mediastinal shift to the {side}",
        ),
        "absent": ("The mediastinum as a whole is not shifted", ""),
    }[verdict.presence]
    short = lead.replace(" as a whole", "")
    places = (
        f"of the thoracic diameter, the heart lies {_offset(heart.value)} of the centre of the "
        f"chest ({usual(measures.HEART_POSITION)}) and the upper mediastinum "
        f"{_offset(upper.value)} ({usual(measures.UPPER_MEDIASTINUM_POSITION)})"
    )
    caution = "" if verdict.presence == "absent" else "; a rotated patient looks the same"
    text = f"{lead}: {places}{caution}."
    return said(text, short, (heart, upper), "Mediastinal Shift", verdict, impression)


def _both(first: Verdict, second: Verdict) -> Verdict:
    """Beyond only when both are, on the same side; the score is that of what decides."""
    inside = [verdict.score for verdict in (first, second) if verdict.presence == "absent"]
    lowest = min(first.score, second.score)
    if inside or first.side != second.side:
        return Verdict(Presence.ABSENT, max(inside, default=lowest), first.side)
    both = first.presence == second.presence == "present"
    return Verdict(Presence.PRESENT if both else Presence.UNCERTAIN, lowest, first.side)


def _offset(value: float) -> str:
    return f"{percent(abs(value))} {'left' if value >= 0 else 'right'}"


def mediastinal_width(subject: Subject) -> Said:
    """Whether the upper mediastinum is wide; on an AP film, which magnifies it, never for sure."""
    _trusted(subject, "upper mediastinum")
    width = measures.upper_mediastinum_width(subject.chest)
    reference = measures.UPPER_MEDIASTINUM_WIDTH
    verdict = reference.judge(width.value)
    if subject.view == Projection.AP and verdict.presence == "present":
        verdict = replace(verdict, presence=Presence.UNCERTAIN)
    lead, short, impression = {
        "present": (
            "The upper mediastinum is wide",
            "The upper mediastinum is widened",
            "Widened upper mediastinum",
        ),
        "uncertain": (
            "The upper mediastinum is a little wider than usual",
            "The upper mediastinum may be widened",
            "Possible widening of the upper mediastinum",
        ),
        "absent": (
            "The upper mediastinum is not widened",
            "The upper mediastinum is not widened",
            "",
        ),
    }[verdict.presence]
    if subject.view == Projection.AP and verdict.presence == "uncertain":
        lead = "The upper mediastinum is wide, which an AP film can make it"
        short = "The upper mediastinum may be widened, which an AP film can make it look"
    lengths = subject.lengths
    pixels = width.lines[0].length
    length = f"{lengths.across(pixels)}{lengths.note}, " if lengths.known else ""
    figure = f"{length}{percent(width.value)} of the thoracic diameter ({usual(reference)})"
    return said(
        f"{lead}: at the height of the aortic arch it measures {figure}.",
        short,
        (width,),
        "Enlarged Cardiomediastinum",
        verdict,
        impression,
    )
