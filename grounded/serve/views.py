"""A session as the page gets it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from typing import cast, get_args

from grounded.greys import Scale
from grounded.image import ImageInfo
from grounded.serve.agreement import RegionAgreement, Verdict
from grounded.serve.draft import Draft, Line, words_for
from grounded.serve.guarding import Warned
from grounded.serve.models import (
    ActState,
    Agreement,
    ComparedFinding,
    LineState,
    RegionCompared,
    RejectedLine,
    SessionFilm,
    SessionState,
    SessionStatus,
    Stage,
    Summary,
    Warning_,
)
from grounded.serve.store import Kept, SessionRow
from grounded.viz.document import document, film_for_page


def session_state(
    kept: Kept, draft: Draft | None, warned: Mapping[str, Sequence[Warned]]
) -> SessionState:
    """All of a session. draft: None before the regions are found."""
    row = kept.row
    undo, redo = _turns(kept, draft)
    shown = document(draft.report()) if draft else None
    return SessionState(
        id=row.id,
        revision=row.revision,
        name=row.name,
        created=row.created,
        changed=row.changed,
        status=cast(SessionStatus, row.status),
        stage=cast(Stage, row.stage),
        reason=row.reason,
        can_force=row.can_force,
        read_first=row.read_first,
        revealed=draft.revealed if draft else not row.read_first,
        film=film_state(row),
        document=shown,
        lines=[line_state(line, warned.get(line.id, ())) for line in draft.kept] if draft else [],
        rejected=[_rejected(line) for line in draft.rejected] if draft else [],
        set={region: dict(labels) for region, labels in draft.given.items()} if draft else {},
        undo=undo,
        redo=redo,
        history=[ActState(**asdict(act)) for act in draft.history] if draft else [],
        acceptance=draft.acceptance if draft else None,
    )


def film_state(row: SessionRow) -> SessionFilm:
    """What is known of a film; its pixels can be fetched before anything else is known."""
    scale = Scale.from_dict(json.loads(row.greys))
    film = film_for_page(ImageInfo.from_dict(json.loads(row.image)), scale)
    known = {field.name: getattr(film, field.name) for field in fields(film)}
    return SessionFilm(**known, id=row.film)


def summary(row: SessionRow) -> Summary:
    image = json.loads(row.image)
    return Summary(
        id=row.id,
        name=row.name,
        created=row.created,
        changed=row.changed,
        status=cast(SessionStatus, row.status),
        revision=row.revision,
        width=image["width"],
        height=image["height"],
        view=image["view"],
        headline=row.headline,
        counts=json.loads(row.counts),
    )


def line_state(line: Line, warned: Sequence[Warned]) -> LineState:
    return LineState(
        id=line.id,
        status=line.status,
        edited=line.edited,
        draft=line.draft.text if line.draft else None,
        reason=line.reason,
        by=line.by,
        at=line.at,
        early=line.early,
        warnings=warning_states(warned),
    )


def warning_states(warned: Sequence[Warned]) -> list[Warning_]:
    return [Warning_(**asdict(item)) for item in warned]


def agreement_state(found: Sequence[RegionAgreement]) -> Agreement:
    verdicts = [item.verdict for item in found]
    return Agreement(
        regions=[
            RegionCompared(
                region=item.region,
                verdict=item.verdict,
                reader=item.reader,
                draft=item.draft,
                findings=[ComparedFinding(**asdict(each)) for each in item.findings],
            )
            for item in found
        ],
        counts={verdict: verdicts.count(verdict) for verdict in get_args(Verdict)},
    )


def _rejected(line: Line) -> RejectedLine:
    sentence = line.sentence
    return RejectedLine(
        **line_state(line, ()).model_dump(),
        text=sentence.text,
        section=sentence.section,
        regions=list(sentence.regions),
    )


def _turns(kept: Kept, draft: Draft | None) -> tuple[str | None, str | None]:
    """What undo would take back, and what redo would do again."""
    if draft is None:
        return None, None
    at = kept.row.steps
    undo = kept.steps[at - 1].edit if at > kept.first_step else None
    redo = kept.steps[at].edit if at < len(kept.steps) else None
    return (words_for(undo, draft) if undo else None, words_for(redo, draft) if redo else None)
