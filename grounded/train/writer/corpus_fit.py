"""Which sentences are whole, say one thing, and can be said of which kind of region."""

from __future__ import annotations

import re
from collections.abc import Mapping

from grounded.language.templates import REGION, SIDE
from grounded.train.writer.corpus_place import LUNG, ZONES

_I = re.IGNORECASE

SPECIFIC = ("Nodule", "Mass", "Pleural Thickening")
"""What the labeller reads beside "Lung Lesion" and "Pleural Other", of which they are kinds."""
_OF_LUNG = frozenset({
    "Lung Lesion", "Lung Opacity", "Edema", "Consolidation", "Pneumonia", "Atelectasis",
    "Pneumothorax", "Pleural Effusion", "Pleural Other", "Support Devices", *SPECIFIC,
})  # fmt: skip
BELONGS: Mapping[str, frozenset[str]] = {
    **dict.fromkeys(LUNG, _OF_LUNG),
    "hilar structures": frozenset({"Lung Lesion", "Nodule", "Mass", "Lung Opacity", "Edema"}),
    "costophrenic angle": frozenset(
        {"Pleural Effusion", "Pleural Other", "Pleural Thickening", "Atelectasis"}
    ),
    "hemidiaphragm": frozenset({"Elevated Hemidiaphragm"}),
    "cardiac silhouette": frozenset({"Cardiomegaly", "Support Devices"}),
    "mediastinum": frozenset({"Enlarged Cardiomediastinum", "Support Devices"}),
    "upper mediastinum": frozenset({"Enlarged Cardiomediastinum", "Support Devices"}),
    "trachea": frozenset({"Support Devices"}),
    "svc": frozenset({"Support Devices"}),
    "abdomen": frozenset({"Support Devices"}),
    "clavicle": frozenset({"Fracture"}),
    "spine": frozenset({"Fracture"}),
}
"""The findings that a sentence on a kind of region may speak of."""

UNPAIRED = frozenset({
    "cardiac silhouette", "mediastinum", "upper mediastinum", "trachea", "svc", "abdomen", "spine",
})  # fmt: skip

_PLURAL = {"hilar structures"}
_SINGULAR_VERB = re.compile(rf"{REGION} (?:is|shows|appears)\b")
_LONGEST = 22  # words
_LEFT_OVER = re.compile(  # of another place, or of another sentence
    r"\b(?:right|left|bilateral\w*|both|lungs?(?! (?:opacit|nodul|lesion|mass))|lobes?|lobar|"
    r"bases?|basilar|basal|bibasilar|apex|apices|biapical|lingula\w*|hila|hilum|sides?|unilateral|"
    r"middle|upper lung|hemithora\w+|diaphragm|hemidiaphragms?|elsewhere|above|below|"
    r"aforementioned|these|this|those|such|other|another|surrounding|adjacent|additional|"
    r"concomitant|remainder|likewise|also|as well|rest|tips?|terminat\w*|position\w*|level|"
    r"which is|identified \w+ lesion|two)\b",
    _I,
)
_DANGLING = re.compile(  # what is left where too much was cut
    r"\b(?:which|that|is|are|was|most|highly|to|the|an?|and|or|with|in|of|as|compatible|may|could|"
    r"be|at|from|for|by|mostly|there|where|probably|appearing|associated)\.$"
    r"|^(?:clear|grossly|appears?|no heart|of|two|could|may|if|and|or|with|to|which|the be|be|is|"
    r"are)\b|no the\b|\ban? and\b|\bthe present|(?<!air )(?<!air-)\bspace|air airspace|"
    r"appear to be|pulmonary <|grossly (?!clear|normal|unremarkable|within|enlarged)|> ?/|"
    r"^there (?:no|a|the)\b|"
    r"^there (?:is|are) (?:(?!\bwhich|\bthat|\band|,)[^.])* (?:is|are)\b|"
    r"^(?:heart|cardiac|the heart|the cardiac)\b[^.;,]* is\b[^.;,]* is\b|mildly heart|is with\b|"
    r"^crowding|^seen\b|^appearance|region of|and is\b|opacity (?:subsegmental )?atelec|"
    r"nodule mass|which represent\b|, edema\.|in which may|and in the|normal and\b|"
    r"(?<!suspicious )\bappearing\b|^there are (?:\w+ )?prominence|within normal in|"
    r"silhouettes are|"
    r"^the (?!<region>)(?:(?!\b(?:is|are|appears?|shows?|has|may|could)\b)[^.])*\.$",
    _I,
)
_NOT_OF_A_ZONE = (
    r"central|diffuse\w*|multilobar|multifocal|perihilar|heart|mediast\w+|cardi\w+|costophrenic"
)
_OF_ANOTHER_KIND = {
    kind: re.compile(rf"\b(?:{words})\b", _I)
    for kind, words in {
        **dict.fromkeys(ZONES, _NOT_OF_A_ZONE + "|cap|capping"),
        "apical zone": _NOT_OF_A_ZONE,
        "lung": r"cap|capping|heart|mediast\w+|cardi\w+|costophrenic|hilar|perihilar",
        "cardiac silhouette": r"mediast\w+|hilar|pulmonary|vascular\w*|vasculature|lungs?",
        "mediastinum": r"heart|cardi\w+|hilar|pulmonary|perihilar|upper",
        "upper mediastinum": r"heart|cardi\w+|hilar|pulmonary|perihilar",
    }.items()
}
_NEUTRAL = {
    "Lung Opacity": re.compile(
        r"an?|are|be|cannot|dense|densit(?:y|ies)|excluded|extensive|faint|ground-glass|hazy|"
        r"ill-defined|in|interstitial|is|large|linear|may|mild(?:ly)?|minimal|moderate|noted|of|opacification|"
        r"opacit(?:y|ies)|patchy|possibl[ey]|present|question(?:able)?|reticular|"
        r"scattered|seen|shows|slight|small|some|streaky|subtle|suspected|the|there|vague|within|"
        r"lung|<region>|<side>"
    ),
    "Support Devices": re.compile(
        r"a|abdomen|be|cava|heart|in|is|lies|line|may|mediastinum|no|or|over(?:lies?)?|possible|"
        r"seen|superior|the|there|trachea|tube|upper|vena|<region>"
    ),
}
"""The words that say of a finding that it is there, or may be, and not what it may be."""
# "no large effusion" leaves room for a small one
_SIZED_DENIAL = re.compile(r"\b(?:large|moderate|massive|sizable|significant|big)\b", _I)
_OTHER_TOPIC = re.compile(
    r"granulom|calcif|\bclips?\b|hernia|spine|spinal|spondyl|scolio|kypho|osteo|degenerat|bone|"
    r"bony|osseous|\bribs?\b|aort|tortuo|athero|emphys|copd|hyperinfl|hyperexp|low lung|volumes?|"
    r"air trapping|bulla|bleb|fibrosis|sarcoid|tubercul|cancer|carcinoma|malig|metast|lymph|"
    r"adenopathy|joint|knee|liver|esophag|stomach|bowel|colon|gallb|shoulder|humer|scapul|"
    r"vertebr|soft tissue|breast|nipple|bullet|shrapnel|wire|sternotomy|cabg|"
    r"arter(?:y|ies)|atri|ventric|congenital|granular|lucen|free (?:intra)?(?:peritoneal )?air|"
    r"eventrat|pericard|thyroid|goiter|"
    r"cardiopulmonary|process in|abnormal (?:findings|process)|pleural spaces?|trauma|hardware|"
    r"contusion|injur|mucus|bronchiect|bronchi(?:tis|al)|airway|asthma|viral|aspirat|atypical|"
    r"tumou?r|neoplas|primary|healing|sequela|inflammat|obvious cause|detail|describ|note[sd]?:",
    _I,
)


def fits(text: str, kind: str) -> bool:
    """Whether the sentence with its blanks is whole and speaks of that kind of region alone."""
    blanks = text.count(REGION) + text.count(SIDE)
    plain = text.replace(REGION, "").replace(SIDE, "")
    return (
        (blanks == 0 if kind in UNPAIRED else blanks == 1)
        and text.endswith(".")
        and text.count(".") == 1
        and len(text.split()) <= _LONGEST
        and not (kind in _PLURAL and _SINGULAR_VERB.search(text))
        and not _LEFT_OVER.search(plain)
        and not _DANGLING.search(text)
        and not (kind in _OF_ANOTHER_KIND and _OF_ANOTHER_KIND[kind].search(plain))
        and not (kind != "spine" and _OTHER_TOPIC.search(plain))
    )


def sized_denial(text: str) -> bool:
    """Whether a denial leaves room for less of the same."""
    return _SIZED_DENIAL.search(text) is not None


def says_no_more(text: str, findings: Mapping[str, str]) -> bool:
    """Whether the words name a finding that is there, by itself, and not what it may be."""
    if len(findings) != 1:
        return True
    [(label, presence)] = findings.items()
    if presence == "absent" or label not in _NEUTRAL:
        return True
    return all(map(_NEUTRAL[label].fullmatch, re.findall(r"[a-z<>-]+", text.lower())))
