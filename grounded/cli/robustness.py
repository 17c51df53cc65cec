"""`grounded robustness`: what a model says of films that get worse."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from grounded.cli.options import Device, Preset, Trust, listed
from grounded.cli.terminal import progress_bar, say
from grounded.config import DEFAULT, load
from grounded.errors import ConfigError, InvalidValueError

if TYPE_CHECKING:
    from grounded.evaluate.attack import Attack
    from grounded.reporter import Reporter


def robustness(
    films: Annotated[
        Path, typer.Argument(help="A table of films with findings, or with --reader a data set.")
    ],
    reader: Annotated[
        str, typer.Option(help="The data set that FILMS is: vindr-cxr, nih ...")
    ] = "",
    split: Annotated[
        str, typer.Option(help="The films of one part: train, calibration or held.")
    ] = "",
    alterations: Annotated[
        str, typer.Option(help="noise, blur, contrast, crop, JPEG, rotation, attack; all if empty.")
    ] = "",
    limit: Annotated[int, typer.Option(help="At most so many films, evenly over the set.")] = 100,
    out: Annotated[
        Path | None, typer.Option("-o", "--out", help="Write the result (JSON) there.")
    ] = None,
    page: Annotated[
        Path | None, typer.Option(help="Write a page with the curves (HTML) there.")
    ] = None,
    preset: Preset = DEFAULT,
    device: Device = "auto",
    trust: Trust = False,
) -> None:
    """Read films as they are and made worse, step by step, and draw how the reports change."""
    import json

    from grounded.data.film_table import film_table
    from grounded.data.readers import read_films
    from grounded.evaluate.altered import ALTERATIONS
    from grounded.evaluate.page import write_robustness
    from grounded.evaluate.robustness import Robustness, robustness

    known = (*ALTERATIONS, "attack")
    names = listed(alterations) or known
    if unknown := [name for name in names if name not in known]:
        raise InvalidValueError(
            f"no alteration {', '.join(unknown)}; there are: {', '.join(known)}"
        )
    chosen = read_films(reader, films, split) if reader else film_table(films)
    chosen = [film for film in chosen if not split or film.split == split]
    chosen = chosen[:: max(1, -(-len(chosen) // limit))]
    reporter = load(preset, device=device, trust=trust)
    data = f"{reader or films.name}{f', {split}' if split else ''}"
    plain = [ALTERATIONS[name] for name in names if name in ALTERATIONS]
    with progress_bar("alterations") as done:
        found = robustness(reporter, chosen, plain, data=data, done=done)
    if "attack" in names:
        attack, side = _attack(reporter)
        hit = robustness(reporter, chosen, [attack.alteration], data=data, side=side)
        found = Robustness(found.data, f"{found.by}; {attack.by}", (*found.points, *hit.points))
    say(found.text)
    if out is not None:
        out.write_text(json.dumps(found.to_dict(), indent=2) + "\n", encoding="utf-8")
    if page is not None:
        write_robustness(found, page)


def _attack(reporter: Reporter) -> tuple[Attack, int]:
    """On the network of a reporter whose findings are read from an encoder's map."""
    from grounded.detectors.organs.detector import OrganDetector
    from grounded.evaluate.attack import Attack
    from grounded.generators.neural.finding_net import FILM
    from grounded.generators.neural.generator import Neural
    from grounded.generators.neural.whole_film import WholeFilm

    detector, generator = reporter.detector, reporter.generator
    encoder = detector.encoder if isinstance(detector, OrganDetector) else None
    if encoder is None or not isinstance(generator, Neural):
        raise ConfigError(
            f"the preset {reporter.preset!r} reads no findings with a network that could be "
            f"attacked; leave the attack out of --alterations"
        )
    read = generator.reader
    labels = tuple(read.assessed) or read.labels
    known = [read.calibrations[label][FILM] for label in labels]
    net = WholeFilm(
        encoder.net,
        read.net,
        labels,
        tuple(item.slope for item in known),
        tuple(item.intercept for item in known),
    )
    return Attack(net, encoder.net.side), encoder.net.side
