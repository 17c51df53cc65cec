"""Grounded reads a chest film and writes a report in which every sentence can be checked.

import grounded
reporter = grounded.load()             # the shipped preset
report = reporter("film.dcm")
report.save("report.html")
"""

from pathlib import Path as _Path

from grounded.atlas import Atlas, RegionSpec
from grounded.config import load
from grounded.errors import GroundedError
from grounded.evidence import Evidence, Heatmap, Line, Mask, Measurement
from grounded.findings import Finding, Findings, ReadFinding
from grounded.geometry import Box, Placement
from grounded.image import Image
from grounded.regions import Region, Regions
from grounded.report import GroundedReport, GroundedSentence, Sentence
from grounded.reporter import Reading, Reporter
from grounded.version import VERSION

__version__ = VERSION

# `python -m grounded` in a checkout finds this folder before the installed package; the folders
# beside it (detectors, generators, viz, configs) are then found beside it as well.
_checkout = _Path(__file__).resolve().parent.parent
if (_checkout / "pyproject.toml").is_file():
    __path__.append(str(_checkout))

__all__ = [
    "Atlas",
    "Box",
    "Evidence",
    "Finding",
    "Findings",
    "GroundedError",
    "GroundedReport",
    "GroundedSentence",
    "Heatmap",
    "Image",
    "Line",
    "Mask",
    "Measurement",
    "Placement",
    "ReadFinding",
    "Reading",
    "Region",
    "RegionSpec",
    "Regions",
    "Reporter",
    "Sentence",
    "load",
]
