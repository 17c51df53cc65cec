"""`grounded evaluate`: the usual tables of report generation."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from grounded.cli.terminal import say


def evaluate(
    reports: Annotated[
        Path, typer.Argument(help="A folder of report.json files, JSON lines, CSV or Parquet.")
    ],
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
    urgency: Annotated[
        Path | None, typer.Option(help="A TOML table of how much an error on a finding counts.")
    ] = None,
    out: Annotated[Path | None, typer.Option("-o", "--out", help="Write JSON there too.")] = None,
) -> None:
    """Print the usual tables of report generation for reports and their references."""
    import json

    from grounded.evaluate.errors import Urgency
    from grounded.evaluate.tables import evaluate_files

    evaluation = evaluate_files(
        reports,
        reference,
        data=name,
        labeller=labeller,
        uncertain=uncertain,
        tokenizer=tokenizer,
        urgency=Urgency.open(urgency),
    )
    say(evaluation.text)
    if out is not None:
        out.write_text(json.dumps(evaluation.to_dict(), indent=2) + "\n", encoding="utf-8")
