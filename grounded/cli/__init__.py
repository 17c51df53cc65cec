"""The command line: `grounded report FILM -o out/` and its siblings; a file each command or group.

Heavy imports wait in the commands, so that `grounded --help` is quick.
"""

from grounded.cli.app import main

__all__ = ["main"]
