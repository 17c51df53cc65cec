"""Sentences that differ in side or lung zone only, said as one: a small grammar of report English.

Its nouns are those that reports of the chest use; the paired regions of any other atlas are added
to them (`Nouns`). Which side a region lies on, and what it shares with the other side, is what the
atlas says. The grammar reads sides out of sentences only, where they are words.

"The right lung is clear." and "The left lung is clear." are "The lungs are clear."; an opacity in
the right mid and one in the right lower lung zone are "a hazy opacity in the right mid and lower
lung zones". Where no rule fits, there is no such sentence, and the sentences stay as they are.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache

from grounded.atlas import SIDES, Atlas, Side

ZONES = ("upper", "mid", "lower")
_ZONE = "lung zone"

# What a side is said of; its plural where that does not follow from the rule.
_PLACES = (
    *("lung base", "lung apex", "lung field", "lung", "apical zone", "upper lobe", "lower lobe"),
    *("costophrenic angle", "costophrenic sulcus", "hemidiaphragm", "hilar structures"),
    *("hilum", "hemithorax", "clavicle", "base", "apex"),
)
# What can be counted, so that both sides have several of it.
_COUNTED = (
    *("opacity", "density", "nodule", "mass", "lesion", "infiltrate", "effusion", "pneumothorax"),
    *("granuloma", "area", "band", "line", "tube", "catheter", "drain", "cavity", "shadow"),
    *("calcification", "consolidation", "fracture", "abnormality"),
)
# Of these, what is in one place only: in two zones there are two.
_DISCRETE = re.compile(
    r"\b(?:nodule|mass|lesion|granuloma|line|tube|catheter|drain|cavity|calcification|fracture)\b",
    re.IGNORECASE,
)
# What cannot be counted.
_UNCOUNTED = (
    *("atelectasis", "consolidation", "edema", "scarring", "thickening", "opacification"),
    *("disease", "haziness", "blunting", "fluid", "collapse", "congestion"),
)
_IRREGULAR = {
    "apex": "apices",
    "base": "bases",
    "hilum": "hila",
    "sulcus": "sulci",
    "structures": "structures",
    "hemithorax": "hemithoraces",
    "pneumothorax": "pneumothoraces",
    "is": "are",
    "was": "were",
    "has": "have",
    "appears": "appear",
    "shows": "show",
    "demonstrates": "demonstrate",
    "lies": "lie",
    "stands": "stand",
    "projects": "project",
}
_VERBS = "|".join(
    ("is", "was", "has", "appears", "shows", "demonstrates", "lies", "stands", "projects")
)
_MORE_VERBS = "are|were|have|appear|show|may|might|could|can|cannot"  # the same for one and many
_FUNCTION_WORDS = (
    r"(?:of|in|at|on|to|by|with|without|and|or|from|for|over|near|may|which|that|the|no|not"
    rf"|{_VERBS}|{_MORE_VERBS})"
)
_ADJECTIVES = rf"(?:(?!{_FUNCTION_WORDS}\b)[\w/-]+ ){{0,5}}?"


def _any(words: Sequence[str]) -> str:
    return "|".join(sorted(words, key=len, reverse=True))


_SIDE_WORD = re.compile(r"\b(?:right|left)\b", re.IGNORECASE)
_NO = re.compile(r"\b(?:no|not|without)\b", re.IGNORECASE)
_DENIED = re.compile(r"\b(?:no|not|without|free of)\b[^.,;:]*$", re.IGNORECASE)
_BEGINS_PHRASE = re.compile(
    rf"(?:^|[.,;:] |\b(?!{_FUNCTION_WORDS} $)[\w/-]+ |\bwith |^There (?:is|are) )$",
    re.IGNORECASE,
)
_WITH_ARTICLE = re.compile(
    rf"(?P<lead>|.*? )an? (?P<what>{_ADJECTIVES}(?:{_any(_COUNTED)}))(?P<rest>(?:[ .,;].*)?)",
    re.IGNORECASE,
)
_BARE = re.compile(
    rf"(?P<what> {_ADJECTIVES}(?:{_any((*_COUNTED, *_UNCOUNTED))}))\b", re.IGNORECASE
)
_PREPOSITION = re.compile(
    r".*\b(?:in|of|at|over|within|near|behind|along|throughout|involving|overlying) the ",
    re.IGNORECASE,
)
# What would have to agree with a subject or refers to one thing: too much for this grammar.
_ONE_THING = re.compile(
    rf"\b(?:an?|it|its|this|that|which|one|{_VERBS})\b|^ (?!as\b)\w+s\b", re.IGNORECASE
)
_ARTICLE = re.compile(r"\b([Aa])n? (?=([A-Za-z][\w-]*))")
_VOWEL = re.compile(r"(?!uni|use|usu|eu|one\b)[aeiou]")
_FIRST_LETTER = re.compile(r"[A-Za-z]")


@dataclass(frozen=True, slots=True)
class SideAndZone:
    """What fills the gap of a frame: the side, and the lung zone or ""."""

    side: Side
    zone: str = ""


@dataclass(frozen=True, slots=True)
class Frame:
    """A sentence with a gap for its side and zone.

    noun: what the side is said of in the singular, "lung zone" for any zone, "" where the side
    stands alone ("a right pleural effusion", "on the right"). nouns: its plural.
    """

    before: str
    noun: str
    after: str
    nouns: str = ""


@dataclass(frozen=True, slots=True)
class Nouns:
    """What a side can be said of, each with its plural; a noun that is plural already keeps it."""

    plurals: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, atlas: Atlas) -> Nouns:
        """The kinds of the regions that come in pairs."""
        return cls(
            {
                region.kind: region.kind if region.plural else plural(region.kind)
                for region in atlas
                if region.paired_side
            }
        )

    def plural(self, noun: str) -> str:
        return self.plurals.get(noun) or plural(noun)

    @property
    def said_of_both(self) -> tuple[str, ...]:
        """The plurals that can only mean both sides ("femurs", but not "carpal bones")."""
        return tuple(many for one, many in self.plurals.items() if many != one)


CHEST_NOUNS = Nouns()
"""Without the regions of an atlas: the nouns of reports of the chest alone."""


def frame(text: str, nouns: Nouns = CHEST_NOUNS) -> tuple[Frame, SideAndZone] | None:
    """The sentence with a gap and what fills it, or None if it does not name just one side."""
    gap = _gap(tuple(nouns.plurals)).search(text)
    if gap is None or len(_SIDE_WORD.findall(text)) != 1:
        return None
    zone = (gap["zone"] or "").lower()
    noun = _ZONE if zone else (gap["place"] or "").lower()
    before, after = text[: gap.start()], text[gap.end() :]
    many = nouns.plural(noun) if noun else ""
    return Frame(before, noun, after, many), SideAndZone(Side(gap["side"].lower()), zone)


@cache
def _gap(nouns: tuple[str, ...]) -> re.Pattern[str]:
    """A side, and the noun that it is said of where one of these stands behind it."""
    places = _any([re.escape(noun) for noun in {*_PLACES, *nouns}])
    return re.compile(
        rf"\b(?P<side>right|left)(?:-sided)?"
        rf"(?: (?P<place>(?P<zone>{'|'.join(ZONES)}) {_ZONE}|{places})"
        rf"(?=[.,;:]|$| (?:with|without|{_VERBS}|{_MORE_VERBS})\b))?(?![\w-])",
        re.IGNORECASE,
    )


def noun_of(region: str, atlas: Atlas) -> tuple[str, SideAndZone] | None:
    """The noun of a region that has a counterpart, with its side and zone; None for others."""
    side, kind = atlas.paired_side(region), atlas.kind(region)
    if not side:
        return None
    zone = kind.removesuffix(f" {_ZONE}")
    if zone != kind and zone in ZONES:
        return _ZONE, SideAndZone(side, zone)
    return kind, SideAndZone(side)


def fill(frame: Frame, places: Sequence[SideAndZone]) -> str | None:
    """One sentence for several places, or None where no rule fits.

    places: zones of one side, or what is said of one side and just so of the other.
    """
    sides = {place.side for place in places}
    zones = tuple(zone for zone in ZONES if any(place.zone == zone for place in places))
    if not frame.noun:
        text = _said_of_both(frame) if len(sides) == 2 else None
    elif frame.before in ("", "The "):
        text = _as_subject(frame, _name(frame.nouns, zones, sides))
    else:
        text = _after_preposition(frame, zones, sides)
    return text and polish(text)


def name_places(names: Sequence[str], atlas: Atlas) -> str:
    """Regions as a sentence names them: "the right mid and lower lung zones", "both lungs"."""
    nouns: dict[str, list[SideAndZone]] = {}
    others: list[str] = []
    for name in names:
        placed = noun_of(name, atlas)
        if placed is None:
            others.append(f"the {atlas.written(name)}")
        else:
            nouns.setdefault(placed[0], []).append(placed[1])
    plurals = Nouns.of(atlas)
    said = [
        phrase
        for noun, places in nouns.items()
        for phrase in _phrases(noun, plurals.plural(noun), places)
    ]
    return join([*said, *others])


def join(words: Sequence[str]) -> str:
    """ "upper, mid and lower"."""
    return " and ".join(filter(None, (", ".join(words[:-1]), *words[-1:])))


def plural(noun: str) -> str:
    """ "lung base" is "lung bases"; the last word changes."""
    *first, last = noun.split(" ")
    if last in _IRREGULAR:
        last = _IRREGULAR[last]
    elif re.search(r"[^aeiou]y$", last):
        last = f"{last[:-1]}ies"
    else:
        last += "es" if last.endswith(("s", "x", "ch", "sh")) else "s"
    return " ".join((*first, last))


def by_side(places: Sequence[SideAndZone]) -> list[list[SideAndZone]]:
    """The places that one phrase can name: both sides if they have the same zones, or each."""
    right, left = ([p for p in places if p.side == side] for side in SIDES)
    if right and {p.zone for p in right} == {p.zone for p in left}:
        return [[*right, *left]]
    return [side for side in (right, left) if side]


def _phrases(noun: str, nouns: str, places: Sequence[SideAndZone]) -> list[str]:
    phrases = []
    for group in by_side(places):
        sides = {place.side for place in group}
        zones = [zone for zone in ZONES if any(place.zone == zone for place in group)]
        if len(sides) == 1 and len(zones) < 2:
            phrases.append(f"the {' '.join((*sides, *zones, noun))}")
        elif len(sides) == 2:
            phrases.append(_both(noun, nouns, zones))
        else:
            phrases.append(f"the {_name(nouns, zones, sides)}")
    return phrases


def _name(nouns: str, zones: Sequence[str], sides: set[Side]) -> str:
    side = "" if len(sides) == 2 else next(iter(sides))
    return " ".join(filter(None, (side, join(zones), nouns)))


def _both(noun: str, nouns: str, zones: Sequence[str]) -> str:
    name = _name(nouns, zones, set(SIDES))
    one_a_side = len(zones) < 2 and nouns != noun
    return f"both {name}" if one_a_side else f"the {name} on both sides"


def _as_subject(frame: Frame, name: str) -> str | None:
    """ "The right lung is clear" is "The lungs are clear"."""
    rest = _several(_agreeing(frame.after))
    if rest is None or not re.match(r" \w", rest) or _ONE_THING.search(rest):
        return None
    return f"{frame.before}{name}{rest}"


def _after_preposition(frame: Frame, zones: Sequence[str], sides: set[Side]) -> str | None:
    """ "an opacity in the right lung" is "opacities in both lungs", "no opacity in the lungs"."""
    rest = re.sub(rf"^ (?:{_VERBS})\b", "", frame.after)
    if _PREPOSITION.fullmatch(frame.before) is None or _ONE_THING.search(rest):
        return None
    before = frame.before.removesuffix("the ")
    name = _name(frame.nouns, zones, sides)
    apart = len(sides) == 2 or _DISCRETE.search(before)
    if _DENIED.search(before) or not apart:
        return f"{before}the {name}{frame.after}"
    several = _several(before)
    after = frame.after if several == before else _agreeing(frame.after)
    place = _both(frame.noun, frame.nouns, zones) if len(sides) == 2 else f"the {name}"
    return several and f"{several}{place}{after}"


def _said_of_both(frame: Frame) -> str | None:
    """ "a right effusion" is "bilateral effusions", "no right effusion" is "no effusion"."""
    denied = _DENIED.search(frame.before)
    if frame.before.endswith(" on the ") and re.match(r"[.,;]|$", frame.after):
        before = frame.before.removesuffix("the ")
        side = "either side" if denied else "both sides"
        several = before if denied else _several(before)
        return several and f"{several}{side}{frame.after}"
    if not re.match(r" \w", frame.after):
        return None
    if denied:
        return f"{frame.before}{frame.after[1:]}"
    what = _BARE.match(frame.after)
    if what is None:
        return None
    with_article = _several(f"{frame.before}bilateral{frame.after}")
    bare = f"{frame.before}bilateral{frame.after}"
    return with_article if with_article != bare else _several_bare(frame, what)


def _several(text: str) -> str | None:
    """ "There is a hazy opacity" is "There are hazy opacities"; without an article the same.

    A single thing without an article ("Small nodule in") has no form.
    """
    if not re.search(r"\ban? ", text, re.IGNORECASE):
        single = _DISCRETE.search(text) and not _NO.search(text)
        return None if single else text
    match = _WITH_ARTICLE.fullmatch(text)
    if match is None:
        return None
    lead, rest = re.sub(r"^There is\b", "There are", match["lead"]), _agreeing(match["rest"])
    if _ONE_THING.search(lead) or _ONE_THING.search(rest):
        return None
    return f"{lead}{plural(match['what'])}{rest}"


def bilateral(noun: str) -> str:
    """ "pleural effusion" is "bilateral pleural effusions"; what cannot be counted stays so."""
    counted = noun.split()[-1].lower() not in _UNCOUNTED
    return f"bilateral {plural(noun) if counted else noun}"


def _several_bare(frame: Frame, what: re.Match[str]) -> str | None:
    """ "Small right effusion" is "Small bilateral effusions"; what cannot be counted stays so."""
    noun = what["what"].split()[-1].lower()
    rest = _agreeing(frame.after[what.end() :])
    if re.search(rf"\b(?:{_any(_COUNTED)})\b", rest) or not _BEGINS_PHRASE.search(frame.before):
        return None
    if noun in _UNCOUNTED:
        return f"{frame.before}bilateral{frame.after}"
    if _ONE_THING.search(frame.before) or _ONE_THING.search(rest):
        return None
    return f"{frame.before}bilateral{plural(what['what'])}{rest}"


def _agreeing(rest: str) -> str:
    """What follows a noun that became plural: a verb right behind it agrees."""
    return re.sub(rf"^ ({_VERBS})\b", lambda verb: f" {_IRREGULAR[verb[1]]}", rest)


def polish(text: str) -> str:
    """The sentence with single spaces, the articles that sound right, and a capital in front.

    A sentence that starts with a blank gets its capital when it is filled in.
    """
    text = _ARTICLE.sub(_article, " ".join(text.split()))
    if text.startswith("<"):
        return text
    return _FIRST_LETTER.sub(lambda match: match[0].upper(), text, count=1)


def _article(match: re.Match[str]) -> str:
    word = match[2]
    if len(word) > 1 and word.isupper():  # an NG tube, a PICC: as it was written
        return match[0]
    return f"{match[1]}{'n' if _VOWEL.match(word.lower()) else ''} "
