"""What can go wrong, as one tree. A message says what was got, what was expected, what to do.

GroundedError
├── InvalidValueError     a value breaks its own rules (also a ValueError)
├── ImageError            a file cannot be read as an image
│   ├── NotAFilmError          it is no picture at all: a text, an archive
│   └── UnsuitableImageError   it can, but it is no frontal chest film; `force` overrides
├── RegionError           a region that the atlas or the film does not have (also a KeyError)
├── ConfigError           a preset, an atlas or weights that cannot be used
├── DataError             a data set that is incomplete or misshapen
├── ReportError           a report that cannot be read, drawn or written
│   └── NothingToExportError   it holds nothing that this format is made for
├── ArchiveError          a PACS that cannot be reached, or refuses
└── MissingExtraError     an optional library is not installed (also an ImportError)
"""


class GroundedError(Exception):
    """Any error that Grounded raises on purpose. Its text is meant for the user."""


class InvalidValueError(GroundedError, ValueError):
    """A value that breaks its own rules."""


class ImageError(GroundedError):
    """A file that cannot be read as an image."""


class NotAFilmError(ImageError):
    """A file whose content is no picture that is read here: a text, an archive, another picture."""


class UnsuitableImageError(ImageError):
    """An image that is, by its own header, no frontal chest film."""


class RegionError(GroundedError, KeyError):
    """A region that the atlas does not name or that was not found in the film."""

    def __str__(self) -> str:  # KeyError would print the repr of the message
        return str(self.args[0]) if self.args else ""


class ConfigError(GroundedError):
    """A preset, an atlas or a weights folder that cannot be used."""


class DataError(GroundedError):
    """A data set that is incomplete or misshapen."""


class ReportError(GroundedError):
    """A report that cannot be read, drawn or written."""


class NothingToExportError(ReportError):
    """A report without what a format is made for: no heatmap, no critical finding."""


class ArchiveError(GroundedError):
    """A PACS that cannot be reached, or that refuses what it is asked for."""


class MissingExtraError(GroundedError, ImportError):
    """An optional library is missing; the message names the feature and the extra to install."""
