"""The version of the package, which every report carries."""

VERSION = "0.1.0"
