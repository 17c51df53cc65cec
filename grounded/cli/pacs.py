"""`grounded send` and `grounded fetch`: objects to a PACS, films from it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from grounded.cli.terminal import say
from grounded.errors import InvalidValueError

Pacs = Annotated[
    str,
    typer.Argument(
        help="dicom://AETITLE@host:port, dicoms:// (TLS), or https://host/dicom-web. User and "
        "password, or a token, come from GROUNDED_PACS_USER, _PASSWORD and _TOKEN."
    ),
]


def send(
    pacs: Pacs,
    files: Annotated[list[Path], typer.Argument(help="DICOM files, or folders with *.dcm.")],
) -> None:
    """Store DICOM files in a PACS: films, or the objects that a report was written as."""
    from grounded.dicom.pacs.address import Address
    from grounded.dicom.pacs.reach import archive

    found = [path for named in files for path in _dicom_files(named)]
    if not found:
        raise InvalidValueError(f"there is no DICOM file in {', '.join(map(str, files))}")
    archive(Address.parse(pacs)).send([path.read_bytes() for path in found])
    say(f"{len(found)} objects are in {pacs}")


def fetch(
    pacs: Pacs,
    out: Annotated[Path, typer.Option("-o", "--out", help="The folder for the films.")],
    study: Annotated[str, typer.Option(help="A study by its UID.")] = "",
    patient: Annotated[str, typer.Option(help="All studies of a patient, by id.")] = "",
    accession: Annotated[str, typer.Option(help="The study of an accession number.")] = "",
    date: Annotated[str, typer.Option(help="A day, or a range: 20260101-20260131.")] = "",
    modality: Annotated[str, typer.Option(help="Only of this modality, such as DX or CR.")] = "",
) -> None:
    """Fetch films from a PACS into a folder, a file each, named by its instance UID."""
    from grounded.dicom.pacs.address import Address
    from grounded.dicom.pacs.reach import archive
    from grounded.export.exporters import write_whole

    wanted = {
        "StudyInstanceUID": study,
        "PatientID": patient,
        "AccessionNumber": accession,
        "StudyDate": date,
        "Modality": modality,
    }
    asked = {key: value for key, value in wanted.items() if value}
    if not asked:
        raise InvalidValueError("say which: --study, --patient, --accession, --date, --modality")
    source, count = archive(Address.parse(pacs)), 0
    for instance in source.find(asked):
        if modality and instance.modality and instance.modality != modality:
            continue
        for data in source.fetch(instance):
            write_whole(out / f"{instance.instance_uid}.dcm", data)
            count += 1
    say(f"{count} files in {out}")


def _dicom_files(path: Path) -> list[Path]:
    return sorted(path.rglob("*.dcm")) if path.is_dir() else [path]
