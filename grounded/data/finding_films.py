"""Films with what is known of their regions: what findings are learned from and measured on.

The films of `chest_anatomy` are taken for clear of all findings but nodules (JSRT's own) and large
hearts (by their outlines). Those of `covid_films` are known by their notes, see `film_findings`;
what the notes do not say stays unknown.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from grounded.chest.names import HEART, LEFT_LUNG, RIGHT_LUNG
from grounded.data.chest_anatomy import chest_anatomy
from grounded.data.covid_films import covid_films
from grounded.data.film_findings import read_film_findings
from grounded.data.organs import OrganExample
from grounded.findings import Presence

NODULES = "JPCLN"  # JSRT's films with a lung nodule; those without one are JPCNN
LARGE, USUAL = 0.52, 0.48  # cardiothoracic ratios from which on there is no doubt
CLEAR_OF = ("Lung Opacity", "Pleural Effusion", "Pneumothorax", "Atelectasis", "Support Devices")

Known = Mapping[tuple[str, str], Presence]


@dataclass(frozen=True, slots=True, eq=False)
class FindingExample:
    """A film and its findings.

    known: presence by (region, label). clear_of: findings that are absent in every region. Lesions
    may be painted into a film that is clear of all of CLEAR_OF but devices.
    """

    organs: OrganExample
    known: Known = field(default_factory=dict)
    clear_of: frozenset[str] = frozenset()

    @property
    def paintable(self) -> bool:
        return set(CLEAR_OF) - {"Support Devices"} <= self.clear_of

    @property
    def real(self) -> bool:
        """Whether readers described what is to be seen in it."""
        return self.organs.source == "covid"


def finding_films(data: Path) -> list[FindingExample]:
    """All frontal films of `data` of which findings are known, ordered by name within a source.

    data: the folder that holds `chest_anatomy` and, if there is one, `covid_films`.
    """
    examples = [_clear_film(film) for film in chest_anatomy(data / "chest_anatomy")]
    folder = data / "covid_films"
    if folder.is_dir():
        said = read_film_findings()
        examples += [
            _described(film, said[film.name])
            for film in covid_films(folder)
            if film.name in said and not film.absent
        ]
    return examples


def _clear_film(film: OrganExample) -> FindingExample:
    clear = set(CLEAR_OF)
    if not film.name.startswith(NODULES):
        clear.add("Lung Lesion")
    known: dict[tuple[str, str], Presence] = {}
    ratio = _ratio(film)
    if not USUAL < ratio < LARGE:
        known[HEART, "Cardiomegaly"] = "present" if ratio >= LARGE else "absent"
    return FindingExample(film, known, frozenset(clear))


def _ratio(film: OrganExample) -> float:
    """The cardiothoracic ratio by readers, or else by the boxes of the outlines."""
    if film.cardiothoracic_ratio is not None:
        return film.cardiothoracic_ratio
    boxes = film.reference_boxes()
    heart, right, left = boxes[HEART], boxes[RIGHT_LUNG], boxes[LEFT_LUNG]
    return heart.width / (left.x1 - right.x0)


def _described(film: OrganExample, known: Known) -> FindingExample:
    """A film whose notes call both lungs clear is clear of all that lungs show."""
    lungs = {known.get((lung, "Lung Opacity")) for lung in (RIGHT_LUNG, LEFT_LUNG)}
    others = {presence for (_, label), presence in known.items() if label in CLEAR_OF[1:4]}
    clear = CLEAR_OF[:4] if lungs == {"absent"} and others <= {"absent"} else ()
    return FindingExample(film, known, frozenset(clear))
