"""`grounded evaluate`: counted errors and the usual tables of report generation."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from grounded.cli.options import listed
from grounded.cli.terminal import progress_bar, say

_Reports = Annotated[
    Path, typer.Argument(help="A folder of report.json files, JSON lines, CSV or Parquet.")
]
_Reference = Annotated[
    Path, typer.Argument(help="A table (CSV, JSON lines, Parquet), or a data set (--reader).")
]
_Reader = Annotated[
    str, typer.Option(help="The data set that REFERENCE is: padchest-gr, vindr-cxr ...")
]
_Split = Annotated[
    str, typer.Option(help="Of the data set: train, calibration or held; else for the heading.")
]
_Name = Annotated[str, typer.Option(help="The data set's name, for the heading.")]
_Labeller = Annotated[
    Literal["rules", "radeval"], typer.Option(help="Ours, or RadEval's if it is installed.")
]
_Metrics = Annotated[
    str, typer.Option(help="Metrics of RadEval beside, such as radgraph,radcliq,green.")
]
_Download = Annotated[bool, typer.Option("--download", help="Let RadEval download its weights.")]
_Uncertain = Annotated[
    Literal["present", "absent"], typer.Option(help="What uncertain findings count as.")
]
_Tokenizer = Annotated[
    Literal["words", "ptb"], typer.Option(help="Ours, or the Penn Treebank's (needs Java).")
]
_Urgency = Annotated[
    Path | None, typer.Option(help="A TOML table of how much an error on a finding counts.")
]
_Entailment = Annotated[
    str, typer.Option(help="Another entailment test of RadFact, as package.module:Class.")
]
_Against = Annotated[
    Path | None, typer.Option(help="The result file of another run on the same films.")
]
_Out = Annotated[
    Path | None, typer.Option("-o", "--out", help="Write the result file (JSON) there.")
]
_Page = Annotated[Path | None, typer.Option(help="Write a page with plots (HTML) there.")]


def evaluate(
    reports: _Reports,
    reference: _Reference,
    reader: _Reader = "",
    split: _Split = "",
    name: _Name = "",
    labeller: _Labeller = "rules",
    metrics: _Metrics = "",
    download: _Download = False,
    uncertain: _Uncertain = "present",
    tokenizer: _Tokenizer = "words",
    urgency: _Urgency = None,
    entailment: _Entailment = "",
    against: _Against = None,
    out: _Out = None,
    page: _Page = None,
) -> None:
    """Count the errors of reports against references, by urgency, with the usual tables beside."""
    import json

    from grounded.data.readers import read_films
    from grounded.evaluate.errors import Urgency
    from grounded.evaluate.evaluation import read_run
    from grounded.evaluate.grounding import load_entailment
    from grounded.evaluate.page import write_page
    from grounded.evaluate.reports import references_of
    from grounded.evaluate.tables import Judging, evaluate_files

    known = references_of(read_films(reader, reference, split)) if reader else reference
    other = read_run(against) if against is not None else None
    judging = Judging(
        labeller=labeller,
        metrics=listed(metrics),
        download=download,
        uncertain=uncertain,
        tokenizer=tokenizer,
        urgency=Urgency.open(urgency),
        entailment=load_entailment(entailment) if entailment else None,
    )
    with progress_bar("reports") as done:
        evaluation = evaluate_files(
            reports, known, data=name or reader, split=split, judging=judging, done=done
        )
    if other is not None:
        evaluation = evaluation.against(other)
    say(evaluation.text)
    if out is not None:
        out.write_text(json.dumps(evaluation.to_dict(), indent=2) + "\n", encoding="utf-8")
    if page is not None:
        write_page(evaluation, page)
