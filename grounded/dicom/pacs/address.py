"""Where a PACS is, and what it needs to let us in; secrets come from the environment alone."""

from __future__ import annotations

import os
import ssl
from dataclasses import dataclass
from urllib.parse import urlsplit

from grounded.errors import ConfigError

USER, PASSWORD, TOKEN = "GROUNDED_PACS_USER", "GROUNDED_PACS_PASSWORD", "GROUNDED_PACS_TOKEN"
AUTHORITY, CERTIFICATE, KEY = "GROUNDED_PACS_CA", "GROUNDED_PACS_CERT", "GROUNDED_PACS_KEY"
CALLING = "GROUNDED_AE_TITLE"
_FORMS = "dicom://AETITLE@host:port, dicoms://AETITLE@host:port (TLS) or https://host/dicom-web"
_LONGEST_TITLE = 16


@dataclass(frozen=True, slots=True)
class Address:
    """A PACS: over DIMSE with host, port and title, or over DICOMweb with its URL.

    secure: whether DIMSE goes through TLS.
    """

    url: str = ""
    host: str = ""
    port: int = 0
    title: str = ""
    secure: bool = False

    @classmethod
    def parse(cls, text: str) -> Address:
        """Raises ConfigError for what is no address, or one that holds a password."""
        parts = urlsplit(text)
        if parts.password:
            raise ConfigError(f"an address holds no password: set {USER} and {PASSWORD}")
        if parts.scheme in ("http", "https") and parts.hostname:
            if parts.username:
                raise ConfigError(f"an address holds no user: set {USER} and {PASSWORD}")
            return cls(url=text.rstrip("/"))
        try:
            port = parts.port
        except ValueError:
            port = None
        title = parts.username or ""
        known = parts.scheme in ("dicom", "dicoms") and parts.hostname and port
        if not known or not 1 <= len(title) <= _LONGEST_TITLE:
            raise ConfigError(f"a PACS is {_FORMS}; got {text!r}")
        return cls("", parts.hostname or "", port or 0, title, parts.scheme == "dicoms")

    def __str__(self) -> str:
        scheme = "dicoms" if self.secure else "dicom"
        return self.url or f"{scheme}://{self.title}@{self.host}:{self.port}"


def calling_title() -> str:
    """Our own application entity title."""
    return os.environ.get(CALLING, "GROUNDED")[:_LONGEST_TITLE]


def tls_context() -> ssl.SSLContext:
    """What DIMSE over TLS trusts, and our certificate where there is one. Raises ConfigError."""
    try:
        context = ssl.create_default_context(cafile=os.environ.get(AUTHORITY) or None)
        if certificate := os.environ.get(CERTIFICATE):
            context.load_cert_chain(certificate, os.environ.get(KEY) or None)
    except OSError as error:
        raise ConfigError(f"{AUTHORITY}, {CERTIFICATE} or {KEY}: {error}") from error
    return context
