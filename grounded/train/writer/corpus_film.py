"""What of a sentence of a report a single film can show.

Comparison with earlier films, technique, advice, other views, lengths and placeholders are cut out
where a whole sentence remains; otherwise the sentence goes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

_I = re.IGNORECASE

# Words of comparison that can be left out, for what they stand at is in the film as well.
_WITHOUT: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern, _I), replacement)
    for pattern, replacement in (
        (r"^[A-Z][\w ]{2,24}:\s*", ""),  # headings
        (r"^(?:specifically|otherwise|overall|additionally|in addition|also|however|again),? ", ""),
        (r"^(?:frontal|pa|ap|portable)[\w ,]* (?:show|demonstrate|reveal)s? ", ""),
        (r"\([^)]*\)", ""),
        (r"\bthere(?:'s| remains?| appears to be| also is| is also)\b", "there is"),
        (r"\b(is|are) (?:again |also |still |otherwise )+", r"\1 "),
        (r",? (?:is|are) again (?:noted|seen|demonstrated|identified)", ""),
        (r",? (?:once )?again (?:noted|seen|demonstrated|identified)", ""),
        (r"\bremain (?=clear|normal|enlarged)", "are "),
        (r"\bremains\b(?! in)", "is"),
        (r"\b(is|are|appears?) (?:stable|unchanged)(?:,| and| but) ", r"\1 "),
        (r",? (?:and|but)? ?(?:is |are |appears? )?(?:grossly |relatively |not significantly )?"
         r"(?:stable|unchanged|similar)(?: in [a-z]+)?"
         r"(?: (?:from|compared|since|to|when|as)\b.*)?(?=\.?$)", ""),
        (r",? (?:when |as )?compared (?:to|with)\b.*(?=\.?$)", ""),
        (r"\b(?:stable|unchanged|persistent|continued|continuous|chronic|chronically|residual|"
         r"redemonstrated|redemonstration of|similar|again|otherwise|still|visualized|associated|"
         r"acute|definite|definitive|convincing|frank|superimposed)\b,? (?!and\b|or\b|in\b)", ""),
        (r"(?:, |\(| with )?(?:left|right)(?:[- ]sided)? (?:greater|worse|more|larger) than"
         r"(?: on)?(?: the)? (?:left|right)(?: side)?,?", ""),
        (r",? (?:in|of) the (?:correct|appropriate|proper) clinical [a-z]+,?", ""),
        (r",? on (?:the )?(?:pa|ap|frontal)(?: view| projection| radiograph)?", ""),
        (r",? (?:on|in) (?:this|today's|the current) (?:exam(?:ination)?|study|film|view)", ""),
    )
)  # fmt: skip

_OUT = re.compile(
    "|".join((
        r"x{3,}|\d|\bcm\b|\bmm\b|:|\bdr\b",
        # other films and other times
        r"interval|\bprevious|\bprior|\bnew(?:ly)?\b|develop|increas\w* (?:since|in (?:size|the))|"
        r"\b(?:de|in)creas(?:ing|ed?)\b(?! (?:interstitial|lung|density|opacit|markings|heart))|"
        r"\bimprov|\bresol(?:v|ut)|\bremains?\b|\bclear(?:ed|ing)\b|compar|\bearlier\b|\bsince\b|\bnow\b|"
        r"no longer|unchanged|\bstable\b|\bchange[ds]?\b(?= (?:from|since|in))|\bno change|remov|"
        r"progress|worsen|\bpersist|continu|residual|current|today|\bagain\b|\bbaseline\b|"
        r"\blarger\b|\bsmaller\b|\bmore (?:prominent|pronounced|conspicuous)|redemonstrat|"
        r"\b(?:old|healed|healing|age)\b|history|known|post-?(?:op|surg)|status|surg|resect|"
        r"enlarging|reexpan|re-expan|evolv|advanc|withdraw|retract|repositi",
        # what is not to be seen in the film, or is not said of it
        r"recommend|correlat|follow|consider|advis|suggest (?:ct|chest)|\bct\b|tomograph|\bmri\b|"
        r"clinical|patient|symptom|evaluat|assess|discuss|notif|\bexam|\bstudy|\bstudies|"
        r"further|\bif\b|please|request|obtain|repeat|dedicated|indicat|question(?:ed|s)?\b(?! )",
        # technique and other views
        r"lateral(?:ly)? (?:view|project|film|radiograph|image)|on the lateral|\blateral only|"
        r"anterior|posterior|retrosternal|\bap\b|\bpa\b|inspir|expir|technique|rotat|portable|"
        r"project(?:ion|s)\b(?! over)|view|radiograph|exposure|penetrat|supine|upright|decubit|"
        r"poor|limit(?:ed|ing|ation)|suboptimal|motion|obscur|artifact|overlap|summation|image|"
        r"\bfilm|underexpand|accentuat|exaggerat|due to low|secondary to low|scan",
    )),
    _I,
)  # fmt: skip

_GUESS = re.compile(
    r",? (?:which |that |this |and )?(?:may|could|might|likely|possibly|probably|most likely|"
    r"presumably|suggest\w*|compatible|consistent|concerning|suspicious|worrisome|represent\w*|"
    r"secondary to|due to|related to|favor\w*|versus|vs|suspected|thought|felt)\b.*(?=\.$)",
    _I,
)
_MEANING = re.compile(
    r",? (?:which |that |this )?(?:may|could|might) (?:represent|reflect|indicate)\b.*(?=\.$)", _I
)
_VERB = re.compile(
    r"\b(?:is|are|was|were|has|have|shows?|noted|seen|may|could|might|appears?)\b", _I
)


def film_only(sentence: str) -> Iterator[str]:
    """The sentence as a single film supports it: none, one, or one more without its guess.

    "Right basilar opacity, which may represent pneumonia." also gives "Right basilar opacity."
    """
    text = sentence.strip().rstrip(".").strip() + "."
    for pattern, replacement in _WITHOUT:
        text = pattern.sub(replacement, text)
    text = re.sub(r"\s+([.,])", r"\1", " ".join(text.split())).strip(" ,-.") + "."
    if _OUT.search(text) or len(text) < 6:
        return
    yield text
    plain = _GUESS.sub("", text)
    if plain != text and len(plain) > 12 and not _OUT.search(plain):
        yield plain


def claim(text: str) -> str:
    """The sentence without what its finding "may represent"."""
    return _MEANING.sub("", text)


def has_verb(text: str) -> bool:
    """Whether the words make a sentence rather than a name of something."""
    return _VERB.search(text) is not None
