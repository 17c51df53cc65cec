"""The command line: `grounded report FILM -o out/` and its siblings. Heavy imports wait."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from grounded.atlas import Atlas
from grounded.config import DEFAULT, load, locate, presets, purpose
from grounded.errors import GroundedError, InvalidValueError
from grounded.findings import Presence
from grounded.geometry import Box
from grounded.image import Image
from grounded.version import VERSION

if TYPE_CHECKING:
    from grounded.batch.plan import Plan
    from grounded.batch.run import Options, Outcome
    from grounded.reporter import Reporter

app = typer.Typer(
    name="grounded",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Draft reports of chest films in which every sentence can be checked. "
    "For review by a qualified reader; not a medical device.",
    epilog="Exit status: 0 all done; 1 an error, or films without a report; 2 wrong usage; "
    "130 stopped with Ctrl-C.",
)
train = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="Train the models, each from a configuration."
)
convert = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Convert weights.")
data = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Make training tables.")
app.add_typer(train, name="train")
app.add_typer(convert, name="convert")
app.add_typer(data, name="data")

FilmView = Annotated[
    str, typer.Option("--view", help="PA or AP, where the header does not say it or says it wrong.")
]
LogLevel = Literal["debug", "info", "warning", "error"]
Preset = Annotated[
    str, typer.Option(help="A shipped preset by name, a TOML file, or a folder with preset.toml.")
]
Force = Annotated[
    bool, typer.Option("--force", help="Read films that their header says are no chest films.")
]
Device = Annotated[
    str, typer.Option(help="Where the networks compute: auto, cpu, cuda, cuda:1, mps.")
]
Trust = Annotated[
    bool, typer.Option("--trust", help="Let a preset use classes from outside of this package.")
]


def _print_version(wanted: bool) -> None:
    if wanted:
        _say(f"grounded {VERSION}")
        raise typer.Exit()


@app.callback()
def settings(
    version: Annotated[
        bool,
        typer.Option(
            "--version", help="Print the version and stop.", is_eager=True, callback=_print_version
        ),
    ] = False,
    log_level: Annotated[
        LogLevel, typer.Option(help="What the package logs to standard error.")
    ] = "warning",
) -> None:
    """Draft reports of chest films in which every sentence can be checked."""
    logging.basicConfig(level=log_level.upper(), format="%(levelname)s %(name)s: %(message)s")


@app.command()
def report(
    films: Annotated[
        list[Path],
        typer.Argument(
            help="DICOM, PNG, JPEG or TIFF files, or folders of them; - for standard input."
        ),
    ],
    out: Annotated[
        Path, typer.Option("-o", "--out", help="The folder to write to; - for standard output.")
    ],
    preset: Preset = DEFAULT,
    view: FilmView = "",
    device: Device = "auto",
    force: Force = False,
    trust: Trust = False,
    pictures: Annotated[
        bool, typer.Option(help="Without pictures is the same as --format json,txt.")
    ] = True,
    format: Annotated[
        str, typer.Option(help="What to write, such as json,txt,html,png; see the exporters.")
    ] = "",
    batch_size: Annotated[int, typer.Option(help="Films that are read at once.")] = 4,
    resume: Annotated[
        bool, typer.Option(help="Leave films that the output's manifest says are done.")
    ] = False,
    in_place: Annotated[
        bool, typer.Option("--in-place", help="Let reports be written where the films lie.")
    ] = False,
    anonymous: Annotated[
        bool, typer.Option("--anonymous", help="Leave file names and identifiers out of all files.")
    ] = False,
    quiet: Annotated[bool, typer.Option("-q", "--quiet", help="Print errors only.")] = False,
) -> None:
    """Write the report of one film to a folder, or of many films to a folder each.

    Many films keep the folders that they lie in. manifest.csv and manifest.jsonl in the output say
    what became of each. One film can come from standard input, and its report can go to standard
    output in one format (text, unless --format says another).
    """
    from grounded.batch.plan import plan
    from grounded.batch.run import Options

    if out == Path("-") and not format:
        format = "txt"
    options = Options(_formats(format, pictures), force, anonymous, batch_size, view)
    if Path("-") in (*films, out):
        _report_stream(films, out, options, load(preset, device=device, trust=trust))
        return
    planned = plan(films, out, in_place=in_place)
    reporter = load(preset, device=device, trust=trust)
    _report_many(planned, out, options, reporter, resume=resume, quiet=quiet)


@app.command("presets")
def list_presets() -> None:
    """List the presets that ship, with what each is made for."""
    for name in presets():
        _say(f"{name:10} {purpose(name)}")


@app.command("regions")
def list_regions(
    atlas: Annotated[str, typer.Argument(help="An atlas by name, or a TOML file.")] = "chest29",
) -> None:
    """List the regions of an atlas, with their side and the other names that they have."""
    for region in Atlas.open(atlas):
        others = f"  (also: {', '.join(region.aliases)})" if region.aliases else ""
        _say(f"{region.name:30} {region.side:8}{others}")


@app.command(context_settings={"ignore_unknown_options": True})  # a box may begin with a minus
def describe(
    film: Annotated[Path, typer.Argument(help="A DICOM, PNG, JPEG or TIFF file.")],
    region: Annotated[
        str, typer.Argument(help='A region by name ("left lung"), or a box as x0,y0,x1,y1 pixels.')
    ],
    finding: Annotated[
        list[str] | None,
        typer.Option(help='What you see there, as "Pleural Effusion=present"; may be repeated.'),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("-o", "--out", help="A file for the answer; its ending chooses the format."),
    ] = None,
    preset: Preset = DEFAULT,
    view: FilmView = "",
    device: Device = "auto",
    force: Force = False,
    trust: Trust = False,
) -> None:
    """Say what is to be seen in one region or box of a film."""
    target = _box(region) if "," in region else region
    findings = dict(map(_finding, finding or []))
    reading = load(preset, device=device, trust=trust).read(
        Image.open(film, view=view, force=force)
    )
    answer = reading.answer(target, findings=findings)
    if out is not None:
        answer.save(out)
    for sentence in answer.section("findings"):
        _say(sentence.text)
        for note in sentence.notes:
            _say(f"  ({note})")
        for item in sentence.measurements:
            _say(f"  {item.name}: {item.value:.3g} {item.unit}")


@train.command("detector")
def train_detector(
    config: Annotated[Path, typer.Argument(help="A TOML file, as in configs/train.")],
    data: Annotated[Path, typer.Option(help="The folder with the training films.")],
    out: Annotated[Path, typer.Option("-o", "--out", help="The folder for weights and logs.")],
    start: Annotated[Path | None, typer.Option(help="A folder of weights to go on from.")] = None,
) -> None:
    """Train a detector of the regions."""
    from grounded.train.organs.from_file import train_from_file
    from grounded.train.screen import on_screen

    with on_screen("Training") as progress:
        figures = train_from_file(config, data, out, start, progress)
    _show_figures(figures)
    typer.echo(f"{out / 'preset.toml'}: use it with --preset {out}")


@train.command("gate")
def train_film_gate(
    config: Annotated[Path, typer.Argument(help="A TOML file, as configs/train/gate.toml.")],
    data: Annotated[Path, typer.Option(help="The folder with the training films.")],
    out: Annotated[Path, typer.Option("-o", "--out", help="The folder for weights and logs.")],
) -> None:
    """Train the check whether a picture is a frontal chest film, and how it lies."""
    from grounded.train.gate.run import GateConfig, train_gate
    from grounded.train.screen import on_screen

    read = GateConfig.read(config)
    with on_screen("Training") as progress:
        _show_figures(train_gate(read, data, out, progress))


@train.command("generator")
def train_sentence_generator(
    config: Annotated[Path, typer.Argument(help="A TOML file, as configs/train/generator.toml.")],
    out: Annotated[Path, typer.Option("-o", "--out", help="The folder for weights and logs.")],
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

    With --table, a generator that is there is trained on with your own films; its words stay.
    """
    from grounded.train.generator import GeneratorConfig, train_generator
    from grounded.train.own_films import OwnFilmsConfig, train_on_own_films
    from grounded.train.screen import on_screen

    if (data is None) == (table is None):
        raise InvalidValueError("give --data to train anew, or --table to train on; one of them")
    with on_screen("Training") as progress:
        if table is not None:
            own = OwnFilmsConfig.read(config)
            preset = train_on_own_films(own, table, locate(start), out, progress)
        elif data is not None:
            preset = train_generator(GeneratorConfig.read(config), data, out, progress)
    _say(f"{preset}: use it with --preset {preset.parent}")


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


@convert.command("rgrg")
def convert_region_guided(
    checkpoint: Annotated[Path, typer.Argument(help="The published file, full_model.pt.")],
    out: Annotated[Path, typer.Option("-o", "--out", help="The folder to write the preset to.")],
    dtype: Annotated[
        Literal["float32", "bfloat16"], typer.Option(help="Exact, or fast and half as large.")
    ] = "float32",
    mode: Annotated[
        Literal["faithful", "grounded"],
        typer.Option(help="Features of the proposal, as published, or of the box that is shown."),
    ] = "faithful",
    tokenizer: Annotated[
        Path | None, typer.Option(help="A folder with GPT-2's tokenizer files, to be copied.")
    ] = None,
) -> None:
    """Convert the published RGRG checkpoint to a preset."""
    from grounded.convert.rgrg import convert_rgrg

    preset = convert_rgrg(checkpoint, out, dtype=dtype, mode=mode, tokenizer=tokenizer)
    _say(f"{preset}: use it with --preset {preset.parent}")


@data.command("chest-imagenome")
def chest_imagenome(
    imagenome: Annotated[Path, typer.Argument(help="Your copy of Chest ImaGenome.")],
    mimic: Annotated[Path, typer.Argument(help="Your copy of MIMIC-CXR-JPG.")],
    out: Annotated[Path, typer.Option("-o", "--out", help="The folder for the tables.")],
    reports: Annotated[
        Path | None, typer.Option(help="The folder with the reports' `files`; else train only.")
    ] = None,
    limit: Annotated[int | None, typer.Option(help="The first films of each split only.")] = None,
) -> None:
    """Build the training tables from Chest ImaGenome and MIMIC-CXR-JPG."""
    from rich.progress import track

    from grounded.data.chest_imagenome import SPLITS, build_tables

    splits = SPLITS if reports else ("train",)
    built = build_tables(
        imagenome, mimic, out, reports=reports, splits=splits, limit=limit, track=track
    )
    _say(built.text)
    if not built.complete:
        raise typer.Exit(1)


@data.command("phantom")
def phantom(
    out: Annotated[Path, typer.Argument(help="The folder for films and tables.")],
    films: Annotated[int, typer.Option(help="Films to train on.")] = 240,
    held: Annotated[int, typer.Option(help="Films to measure with.")] = 40,
    seed: Annotated[int, typer.Option(help="Another seed makes other films.")] = 0,
) -> None:
    """Make synthetic films with known regions, and reports: all that `grounded train` reads."""
    from grounded.synthetic.collection import write_phantom_data

    write_phantom_data(out, films, held, seed=seed)
    _say(
        f"{films} films to train on and {held} to measure with in {out}, for `train rgrg`; as many "
        f"in {out / 'chest_anatomy'} and reports in {out / 'iu_text'}, for `train detector` and "
        f"`train generator`"
    )


@app.command()
def evaluate(
    reports: Annotated[Path, typer.Argument(help="A folder of report.json files, or JSON lines.")],
    reference: Annotated[Path, typer.Argument(help="A CSV table with reference_report, or JSON.")],
    name: Annotated[str, typer.Option(help="Data set and split, for the heading.")] = "",
    labeller: Annotated[
        Literal["rules", "radeval"], typer.Option(help="Ours, or RadEval's if it is installed.")
    ] = "rules",
    uncertain: Annotated[
        Literal["present", "absent"], typer.Option(help="What uncertain findings count as.")
    ] = "present",
    tokenizer: Annotated[
        Literal["words", "ptb"], typer.Option(help="Ours, or the Penn Treebank's (needs Java).")
    ] = "words",
    out: Annotated[Path | None, typer.Option("-o", "--out", help="Write JSON there too.")] = None,
) -> None:
    """Print the usual tables of report generation for reports and their references."""
    import json

    from grounded.evaluate.tables import evaluate_files

    evaluation = evaluate_files(
        reports,
        reference,
        data=name,
        labeller=labeller,
        uncertain=uncertain,
        tokenizer=tokenizer,
    )
    _say(evaluation.text)
    if out is not None:
        out.write_text(json.dumps(evaluation.to_dict(), indent=2) + "\n", encoding="utf-8")


def main() -> None:
    """Run the command line; a user's mistake ends in one line and exit status 1."""
    try:
        app()
    except GroundedError as error:
        _say(f"error: {error}", err=True)
        raise SystemExit(1) from None


def _say(text: str, *, err: bool = False) -> None:
    """Print text in which names from files cannot steer the terminal: they are shown escaped."""
    shown = "".join(c if c.isprintable() or c in "\n\t" else _escaped(c) for c in text)
    typer.echo(shown, err=err)


def _escaped(character: str) -> str:
    return character.encode("unicode_escape", "surrogatepass").decode("ascii")


def _say_outcome(outcome: Outcome, quiet: bool) -> None:
    entry = outcome.entry
    if entry.reason:
        failed = entry.status == "failed"
        if failed or not quiet:
            _say(f"{'error' if failed else entry.status}: {entry.reason}", err=True)
    elif not quiet:
        before = " (done before)" if outcome.skipped else ""
        _say(f"{outcome.job.film} -> {outcome.job.folder}{before}")


@contextmanager
def _progress(what: str, *, shown: bool = True) -> Iterator[Callable[[int, int], None]]:
    """A bar with the time left; what is yielded takes what was done so far and of how much."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    columns = (TextColumn(what), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    with Progress(
        *columns,
        console=console,
        transient=True,
        disable=not shown,
        redirect_stdout=sys.stdout.isatty(),
    ) as progress:
        task = progress.add_task(what, total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)


def _report_many(
    planned: Plan, out: Path, options: Options, reporter: Reporter, *, resume: bool, quiet: bool
) -> None:
    """Report the films of a plan, a line each; exit status 1 where one has no report."""
    from grounded.batch.ledger import Status
    from grounded.batch.run import report_films

    total, done, failed = len(planned.jobs), 0, 0
    with _progress("Reporting", shown=not quiet) as show:
        try:
            for outcome in report_films(reporter, planned.jobs, out, options, resume=resume):
                done += 1
                failed += outcome.entry.status is Status.FAILED
                _say_outcome(outcome, quiet)
                show(done, total)
        except KeyboardInterrupt:
            _say(f"stopped: {done} of {total} films are done; --resume goes on", err=True)
            raise typer.Exit(130) from None
    for folder, reason in planned.unreadable.items():
        _say(f"error: {folder}: {reason}", err=True)
    if failed:
        _say(f"{failed} of {total} films have no report", err=True)
    if failed or planned.unreadable:
        raise typer.Exit(1)


def _report_stream(films: list[Path], out: Path, options: Options, reporter: Reporter) -> None:
    """One film from standard input or a file, its report to standard output or a folder."""
    from grounded.export.exporters import exporter, save_all

    formats = options.formats
    if len(films) != 1 or (out == Path("-") and len(formats) != 1):
        raise InvalidValueError(
            f"standard input and output take one film and one format, got {len(films)} and "
            f"{len(formats)}; name one with --format, or a folder with --out"
        )
    [film] = films
    source = sys.stdin.buffer.read() if film == Path("-") else film
    image = Image.open(source, view=options.view, force=options.force)
    report = reporter(image.anonymous() if options.anonymous else image)
    if out != Path("-"):
        save_all(report, out, formats)
        return
    sys.stdout.buffer.write(exporter(formats[0])(report))
    sys.stdout.buffer.flush()


def _formats(names: str, pictures: bool) -> tuple[str, ...]:
    from grounded.export.exporters import DATA, EVERYTHING, exporter

    if not names:
        return EVERYTHING if pictures else DATA
    chosen = tuple(dict.fromkeys(name.strip().lstrip(".") for name in names.split(",")))
    for name in chosen:
        exporter(name)  # an unknown one is an error before anything is read
    return chosen


def _show_figures(figures: Mapping[str, float]) -> None:
    """A table of what was measured on the films held out."""
    from rich.console import Console
    from rich.table import Table

    table = Table("on the films held out", "value")
    for name, value in figures.items():
        table.add_row(name, f"{value:.4f}")
    Console().print(table)


def _finding(text: str) -> tuple[str, Presence]:
    label, _, presence = text.partition("=")
    for known in Presence:
        if presence.strip() == known:
            return label.strip(), known
    raise InvalidValueError(
        f"expected a finding as NAME=present, NAME=absent or NAME=uncertain, got {text!r}"
    )


def _box(text: str) -> Box:
    try:
        x0, y0, x1, y1 = (float(number) for number in text.split(","))
    except ValueError:
        raise InvalidValueError(f"expected a box as x0,y0,x1,y1 in pixels, got {text!r}") from None
    return Box(x0, y0, x1, y1)
