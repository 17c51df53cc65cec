"""An exporter of one's own: a CSV table with one line a sentence. See docs/write_an_exporter.md."""

import csv
import io

from grounded import GroundedReport


def encode(report: GroundedReport) -> bytes:
    table = io.StringIO()
    writer = csv.writer(table)
    writer.writerow(["section", "sentence", "regions", "score"])
    for sentence in report.sentences:
        regions = "; ".join(sentence.regions)
        writer.writerow([sentence.section, sentence.text, regions, f"{sentence.score:.3f}"])
    return table.getvalue().encode("utf-8")
