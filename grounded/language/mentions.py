"""What the words of a sentence mention: a side of the patient, or a prior study.

A single film knows no earlier one. What it shows of the past is no comparison: "an old fracture",
"chronic changes", "prior granulomatous disease", "status post sternotomy".
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache

from grounded.atlas import Side

_DIRECTION = re.compile(  # says where something points to, not where it is
    r"\b(?:to|towards?) (?:the |patient's )?(?:right|left)(?= (?:to|and|of)\b|\W*$|[.,;:)])"
    r"|\b(?:right|left)wards?\b|\b(?:right|left) (?:to|of)\b"
)
_NAMES_OF_SIDES = {
    Side.RIGHT: re.compile(
        r"(?<![\w-])(?:right|rul|rml|rll|middle lobe|(?:minor|horizontal) fissure)(?!\w)"
    ),
    Side.LEFT: re.compile(r"(?<![\w-])(?:left|lul|lll|lingula\w*)(?!\w)"),
}
_BOTH = re.compile(
    r"(?<![\w-])(?:bilateral(?:ly)?|biapical(?:ly)?|bibasilar|bibasal|bilobar|lungs|lung fields"
    r"|either (?:lung|side)|neither)(?!\w)"
)
# Both sides, unless the sentence names its side: "both the mid and lower zone on the right".
_BOTH_ALONE = re.compile(
    r"(?<![\w-])(?:both|hila|(?:peri)?hilar regions|(?:hemi)?diaphragms|hemithoraces|clavicles"
    r"|apices|(?:lung )?bases|(?:upper|mid|lower)(?: lung)? (?:zones|lobes)"
    r"|(?:costophrenic|cp) (?:angles|sulci|recesses))(?!\w)"
)


def sides_named(text: str) -> frozenset[Side]:
    """The sides that the words name; "shifted to the left" is a direction."""
    plain = _DIRECTION.sub(" ", " ".join(text.lower().split()))
    return frozenset(side for side, pattern in _NAMES_OF_SIDES.items() if pattern.search(plain))


def names_a_side(text: str) -> bool:
    """Whether the words tell right from left at all, a direction among them."""
    plain = " ".join(text.lower().split())
    named = any(pattern.search(plain) for pattern in _NAMES_OF_SIDES.values())
    return named or _DIRECTION.search(plain) is not None


def words_for_both(text: str, plurals: Sequence[str] = ()) -> str:
    """The words that speak of both sides ("bilateral", "the lungs"), "" if none do.

    plurals: of what has a right and a left one, beside what reports of the chest speak of.
    """
    plain = " ".join(text.lower().split())
    found = _BOTH.search(plain)
    if found is None and not sides_named(text):
        found = _BOTH_ALONE.search(plain) or _any_of(tuple(plurals)).search(plain)
    return found[0] if found else ""


@cache
def _any_of(nouns: tuple[str, ...]) -> re.Pattern[str]:
    """Any of the nouns as whole words; without nouns, nothing."""
    words = "|".join(re.escape(noun.lower()) for noun in nouns)
    return re.compile(rf"(?<![\w-])(?:{words})(?!\w)" if nouns else r"(?!)")


_SIDE = r"(?:left|right|opposite|contralateral|other|normal)\b"
_FILM = (
    r"(?:stud(?:y|ies)|exam\w*|films?|radiograph\w*|x-?rays?|images?|imaging|ct|scans?|chest"
    r"|reports?|comparisons?|dates?|tracings?|portables?|radiolog\w*)"
)
_CHANGED = (
    r"(?:changed|improved|worsened|progressed|resolved|cleared|developed|appeared|disappeared"
    r"|increased|decreased|enlarged|diminished|regressed|grown|moved|migrated|removed|retracted"
    r"|repositioned|advanced|withdrawn|exchanged|replaced|extubated|regained|re-?expanded)"
)
_DEGREE = (
    r"(?:significant|substantial|definite|appreciable|obvious|evident|discrete|gross|interval"
    r"|interim|large|major|great|overall|detrimental|further|other)"
)

_PHRASES = (
    # nothing has changed
    r"unchanged|unaltered|stably|(?<!hemodynamically )(?<!clinically )stable",
    r"(?<!assess )(?<!confirm )(?<!document )(?<!establish )(?<!ensure )stability",
    r"changed",
    rf"(?:no|without) (?:\w+ or )?(?:{_DEGREE},? )*changes? (?:in|from|since|compared|to|seen)",
    rf"(?:no|without) (?:\w+ or )?(?:{_DEGREE},? )+changes?",
    r"(?:no|without|little|minimal) change(?=\W*$|[.,;])",
    r"change (?:from|since)|changes since",
    r"change in (?:the )?(?:size|appearance|position|extent|configuration)",
    r"remain(?:s|ed)?|static|(?<!concern )(?<!symptoms )persist(?:s|ed|ent|ently|ence|ing)?",
    r"continue[sd]? to (?:be|demonstrate|show|have|improve|decrease|increase|clear|progress)",
    r"continued(?! (?:clinical )?(?:concern|suspicion))|continuing",
    # something has
    r"(?<!short )(?<!follow-up )(?<!followup )interval(?! follow)(?!s)|interim",
    r"new|newly",
    r"improv(?:ed|es|ing|ement)|better (?:than|aerat\w+|expan\w+|inflat\w+|seen than)",
    rf"(?<!left )(?<!right )(?<!lower )worse(?! (?:than|on|in|at) (?:the )?{_SIDE})(?! on)"
    r"|worsen(?:ed|s|ing)|progress(?:ed|es|ing|ion|ive|ively)|deteriorat\w+",
    rf"(?:has|have|had) (?:\w+ ){{0,2}}?(?:been (?:\w+ )?)?{_CHANGED}",
    r"(?:is|are|was|were) (?:\w+ )?(?:removed|resolved|repositioned|extubated|exchanged)",
    r"(?:in|de)creased (?:since|from|compared|when compared|relative to (?:the )?prior)",
    r"(?:in|de)creased in (?:the )?(?:size|extent|number|volume|amount|prominence|conspicuity)",
    r"(?:in|de)crease in (?:the )?(?:size|extent|number|volume|amount|prominence|conspicuity)",
    r"(?:in|de)creasing(?:ly)?|enlarging|growing|growth|evolving|waxing|waning",
    r"developing|(?:has|have) been (?:\w+ )?development|resolving",
    r"(?:near|complete|partial|interval|completely|nearly|almost|partially) resol\w+",
    r"resolved|(?<!document )(?<!high )(?<!ensure )(?<!to )resolution of",
    r"removal of|no longer|now|re-?accumulat\w+|re-?expan\w+|re-?develop\w+|recurrent|recurrence",
    # it was seen before
    r"again|re-?demonstrat\w+|re-?identif\w+|re-?visuali[sz]ed|re-?imaged",
    rf"(?:when |as )?compared? (?:to|with|from)(?! (?:the )?{_SIDE})|comparisons?|by comparison",
    rf"(?:prior|previous|earlier|old|older|last|recent|preceding|initial|outside|remote)"
    rf" (?:\w+ ){{0,3}}?{_FILM}",
    r"(?:from|since|than|on|with|to|of|like) (?:the |a |an |her |his )?(?:\w+ )?"
    r"(?:prior|previous|priors)(?=\W*$|[.,;)]| (?:and|but|with|on|from|at|x{3,}))",
    r"priors|earlier|as before|than before|seen before|since",
    r"previously(?! (?:healed|fractured|operated|resected|treated))",
    r"(?:from|to|at) (?:\w+ )?baseline|baseline",
    r"similar (?:in |appearance|appearing)",
    r"similar to (?:the |that )?(?:\w+ )?(?:prior|previous|earlier|x{3,})",
    r"(?:is|are|appears?|appearing|looks?|overall|very|grossly|relatively) similar(?! to)",
    r"similarly|grossly the same|same as|follow-?up of",
    r"residual (?:\w+ ){0,2}?(?:pneumothora\w+|effusions?|opacit\w+|infiltrat\w+|edema"
    r"|consolidation|airspace disease|pneumonia|atelectasis)",
)
_FIRST_WORDS = r"similar(?! to)|(?:no|without) change(?! of)"  # of the sentence
_WORDS = re.compile(
    "|".join(
        (rf"^(?:{_FIRST_WORDS})\b", *(rf"(?<![\w-])(?:{phrase})(?![\w-])" for phrase in _PHRASES))
    )
)


def words_of_comparison(text: str) -> tuple[str, ...]:
    """The words in a sentence that refer to an earlier film, each once, in lower case."""
    said = (match[0] for match in _WORDS.finditer(" ".join(text.lower().split())))
    return tuple(dict.fromkeys(said))
