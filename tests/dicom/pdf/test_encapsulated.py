"""The report as a document to print."""

import pydicom
import pytest


def test_the_document_stands_in_an_object_of_the_study(reported, tmp_path, valid) -> None:
    reported.save(tmp_path / "film.pdf.dcm")
    valid(tmp_path / "film.pdf.dcm")
    made = pydicom.dcmread(tmp_path / "film.pdf.dcm")
    assert made.EncapsulatedDocument.startswith(b"%PDF")
    assert 0 <= len(made.EncapsulatedDocument) - made.EncapsulatedDocumentLength <= 1
    assert made.PatientName == "Doe^Jane"
    assert made.SourceInstanceSequence[0].ReferencedSOPInstanceUID == "1.3.6.1.4.1.99999.77.3"


def test_a_plain_document_needs_no_dicom(report, tmp_path) -> None:
    report.save(tmp_path / "report.pdf")
    assert (tmp_path / "report.pdf").read_bytes().startswith(b"%PDF")


def test_the_document_says_how_sure_its_sentences_are(reported, tmp_path) -> None:
    pdfium = pytest.importorskip("pypdfium2")
    reported.save(tmp_path / "report.pdf")
    pages = list(pdfium.PdfDocument(tmp_path / "report.pdf"))
    words = " ".join(" ".join(page.get_textpage().get_text_range().split()) for page in pages)
    assert "0.87 There is a small right pleural effusion. (films of a test, PA)" in words
    assert "not measured The heart is not enlarged." in words
    assert "(Lung Opacity: no score holds it)" in words
