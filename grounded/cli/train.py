"""`grounded train`: the networks, each from a configuration."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from grounded.cli.options import Trust
from grounded.cli.terminal import say, show_figures
from grounded.config import DEFAULT, load_unrated, locate
from grounded.errors import InvalidValueError

if TYPE_CHECKING:
    from grounded.train.confidence import Films

train = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="Train the models, each from a configuration."
)

_Data = Annotated[Path, typer.Option(help="The folder with the training films.")]
_Out = Annotated[Path, typer.Option("-o", "--out", help="The folder for weights and logs.")]


@train.command("detector")
def train_detector(
    config: Annotated[Path, typer.Argument(help="A TOML file, as in configs/train.")],
    data: _Data,
    out: _Out,
    start: Annotated[Path | None, typer.Option(help="A folder of weights to go on from.")] = None,
) -> None:
    """Train a detector of the regions."""
    from grounded.train.organs.from_file import train_from_file
    from grounded.train.screen import on_screen

    with on_screen("Training") as progress:
        figures = train_from_file(config, data, out, start, progress)
    show_figures(figures)
    say(f"{out / 'preset.toml'}: use it with --preset {out}")


@train.command("gate")
def train_film_gate(
    config: Annotated[Path, typer.Argument(help="A TOML file, as configs/train/gate.toml.")],
    data: _Data,
    out: _Out,
) -> None:
    """Train the check whether a picture is a frontal chest film, and how it lies."""
    from grounded.train.gate.run import GateConfig, train_gate
    from grounded.train.screen import on_screen

    read = GateConfig.read(config)
    with on_screen("Training") as progress:
        show_figures(train_gate(read, data, out, progress))


@train.command("sides")
def train_side_net(
    config: Annotated[Path, typer.Argument(help="A TOML file, as configs/train/sides.toml.")],
    data: _Data,
    out: _Out,
) -> None:
    """Train the check whether an upright film is mirrored, or its heart on the right."""
    from grounded.train.gate.sides import SidesConfig, train_sides
    from grounded.train.screen import on_screen

    read = SidesConfig.read(config)
    with on_screen("Training") as progress:
        show_figures(train_sides(read, data, out, progress))


@train.command("generator")
def train_sentence_generator(
    config: Annotated[Path, typer.Argument(help="A TOML file, as configs/train/generator.toml.")],
    out: _Out,
    data: Annotated[
        Path | None, typer.Option(help="The folder with films and report text, to train anew.")
    ] = None,
    table: Annotated[
        Path | None, typer.Option(help="A table of your own films, CSV or Parquet, to train on.")
    ] = None,
    start: Annotated[
        str, typer.Option(help="With --table: the preset to go on from, by name or path.")
    ] = DEFAULT,
) -> None:
    """Train the sentence generator: the findings of each region, then their words.

    With --table, a generator that is there is trained on with your own films; its words stay. Last,
    it is fitted how probable its sentences are right, as `grounded train confidence` does.
    """
    from grounded.train.confidence import risk_control, untrained_films
    from grounded.train.generator import GeneratorConfig, train_generator
    from grounded.train.own_films import OwnFilmsConfig, set_aside, train_on_own_films
    from grounded.train.screen import on_screen

    if (data is None) == (table is None):
        raise InvalidValueError("give --data to train anew, or --table to train on; one of them")
    risk_control()  # before anything is trained, it says if its library is missing
    with on_screen("Training") as progress:
        if table is not None:
            own = OwnFilmsConfig.read(config)
            preset = train_on_own_films(own, table, locate(start), out, progress)
            films = set_aside(own, table)
        elif data is not None:
            preset = train_generator(GeneratorConfig.read(config), data, out, progress)
            films = untrained_films(data)
    _fit_confidence(str(preset), films)
    say(f"{preset}: use it with --preset {preset.parent}")


@train.command("confidence")
def train_confidence(
    preset: Annotated[
        str, typer.Argument(help="A shipped preset by name, a TOML file, or a folder with one.")
    ],
    data: Annotated[Path, typer.Option(help="The folder that holds nih.")],
    out: Annotated[
        Path | None, typer.Option("-o", "--out", help="The file; else what the preset names.")
    ] = None,
    trust: Trust = False,
) -> None:
    """Fit how probable a preset's sentences are right, and from which score on they hold a level.

    It has to be done anew for new weights: the file is true of those alone that it was fitted on.
    """
    from grounded.train.confidence import untrained_films

    locate(preset)
    _fit_confidence(preset, untrained_films(data), out, trust)


def _fit_confidence(
    preset: str, films: Films, out: Path | None = None, trust: bool = False
) -> None:
    from grounded.preset import name_confidence
    from grounded.train.confidence import fit_confidence, lines
    from grounded.train.screen import on_screen

    reporter, named = load_unrated(preset, trust=trust)
    with on_screen("Fitting") as progress:
        made = fit_confidence(reporter, films, progress)
    path = out or named
    made.write(path)
    name_confidence(locate(preset), path)
    for line in lines(made):
        say(line)
    say(f"{path}: --at-most-wrong now withholds by it")


@train.command("rgrg")
def train_region_guided(
    config: Annotated[Path, typer.Argument(help="A TOML file, as configs/train/rgrg_1_….")],
    data: Annotated[Path, typer.Option(help="The folder with train.csv and valid.csv.")],
    out: Annotated[Path, typer.Option("-o", "--out", help="The folder for preset and logs.")],
    start: Annotated[
        Path | None, typer.Option(help="The folder of the stage before, or of converted weights.")
    ] = None,
    films: Annotated[
        Path | None, typer.Option(help="What the tables' film paths start from, if not --data.")
    ] = None,
) -> None:
    """Train a stage of the region-guided model of Tanida et al. (CVPR 2023)."""
    from grounded.train.rgrg.run import RGRGConfig, train_rgrg
    from grounded.train.screen import on_screen

    read = RGRGConfig.read(config)
    with on_screen("Training") as progress:
        train_rgrg(read, data, out, start_from=start, films=films, progress=progress)
