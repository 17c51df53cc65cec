"""Who may come in: the one who has the token, from the page that we serve, at our own address.

A page of another site in the same browser can send requests to this computer. Three things keep
it out: it does not know the token, and no cookie of ours goes along (SameSite=Strict); its Origin
is not ours; and a name that it makes point here (DNS rebinding) is not ours either.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterable
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qsl, urlencode, urlsplit

from starlette.types import ASGIApp, Message, Receive, Scope, Send

POLICY = "; ".join(
    (
        *("default-src 'none'", "script-src 'self'", "style-src 'self'", "font-src 'self'"),
        *("img-src 'self' data: blob:", "connect-src 'self'", "worker-src 'self'"),
        *("base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'"),
    )
)
_HEADERS = (
    (b"content-security-policy", POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
)
_LOCAL = ("127.0.0.1", "localhost", "[::1]")
_MOST_JSON = 1 << 20  # bytes of a request that is no film
_TAKES_FILMS = ("/api/films", "/api/read")
_SCRIPTED = (b"same-origin", b"none")  # Sec-Fetch-Site of our own page, and of an address typed in
_Answer = tuple[int, str, dict[str, str]]


class Door:
    """Lets requests to the application in, or says why not.

    hosts: the names, without a port, that this server is called by. most_bytes: of a film.
    """

    def __init__(
        self, app: ASGIApp, token: str, hosts: Iterable[str] = (), most_bytes: int = 1 << 28
    ) -> None:
        self._app = app
        self._token = token
        self._hosts = frozenset((*_LOCAL, *hosts))
        self._most_bytes = most_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            return  # there are no websockets here
        headers = dict(scope["headers"])
        answer = self._objection(scope, headers) or self._welcome(scope)
        answer = answer or self._stranger(headers)
        if answer is not None:
            await _say(answer, send)
            return
        limited = _Limited(receive, self._limit(scope))
        if limited.most < _length(headers):
            await _say(_too_large(limited.most), send)
            return
        try:
            await self._app(scope, limited, _guarded(send))
        except TooLargeError:
            await _say(_too_large(limited.most), send)
        except Exception:  # it was answered and logged; its words may quote a film's header
            return

    def _objection(self, scope: Scope, headers: dict[bytes, bytes]) -> _Answer | None:
        """Why this request is not for us, or not from our page."""
        host = headers.get(b"host", b"").decode("latin-1").lower()
        if _name(host) not in self._hosts:
            return 421, "this server is not called by that name", {}
        origin = headers.get(b"origin", b"").decode("latin-1").lower()
        if origin and urlsplit(origin).netloc != host:
            return 403, "this server takes requests from its own page alone", {}
        top = scope["path"] == "/" and scope["method"] == "GET"  # a link to us may be followed
        if headers.get(b"sec-fetch-site", b"none") not in _SCRIPTED and not top:
            return 403, "this server takes requests from its own page alone", {}
        return None

    def _welcome(self, scope: Scope) -> _Answer | None:
        """A cookie for the token in the address, and the address without it."""
        query = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
        given = dict(query).get("token")
        if scope["path"] != "/" or scope["method"] != "GET" or given is None:
            return None
        if not self._knows(given):
            return 401, _HOW, {}
        rest = urlencode([pair for pair in query if pair[0] != "token"])
        cookie = f"{self.cookie}={self._token}; HttpOnly; SameSite=Strict; Path=/"
        return 303, "", {"location": f"/?{rest}" if rest else "/", "set-cookie": cookie}

    def _stranger(self, headers: dict[bytes, bytes]) -> _Answer | None:
        scheme, _, given = headers.get(b"authorization", b"").decode("latin-1").partition(" ")
        if scheme.lower() == "bearer" and self._knows(given.strip()):
            return None
        try:
            cookies = SimpleCookie(headers.get(b"cookie", b"").decode("latin-1"))
        except CookieError:
            cookies = SimpleCookie()
        if self.cookie in cookies and self._knows(cookies[self.cookie].value):
            return None
        return 401, _HOW, {"www-authenticate": "Bearer"}

    @property
    def cookie(self) -> str:
        """Cookies know no ports, so that the name keeps two servers apart."""
        return f"grounded_{hashlib.sha256(self._token.encode()).hexdigest()[:8]}"

    def _knows(self, given: str) -> bool:
        return hmac.compare_digest(given.encode(), self._token.encode())

    def _limit(self, scope: Scope) -> int:
        films = scope["path"] in _TAKES_FILMS or scope["path"].startswith("/api/read/")
        return self._most_bytes if films else _MOST_JSON


class TooLargeError(Exception):
    """More came than may come."""


class _Limited:
    """The body of a request, up to so many bytes."""

    def __init__(self, receive: Receive, most: int) -> None:
        self._receive = receive
        self.most = most
        self._left = most

    async def __call__(self) -> Message:
        message = await self._receive()
        self._left -= len(message.get("body", b""))
        if self._left < 0:
            raise TooLargeError
        return message


_HOW = "open the address that `grounded serve` has printed; it holds the key"


def _too_large(most: int) -> _Answer:
    return 413, f"this is too large; at most {most / 1e6:.0f} million bytes are taken", {}


def _name(host: str) -> str:
    """A host without its port."""
    return host if host.endswith("]") else host.rpartition(":")[0] or host


def _length(headers: dict[bytes, bytes]) -> int:
    text = headers.get(b"content-length", b"")
    return int(text) if text.isdigit() else 0


def _guarded(send: Send) -> Send:
    """With the headers that keep a page from loading or being loaded from elsewhere."""

    async def guarded(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = [*message.get("headers", ()), *_HEADERS]
            if b"cache-control" not in {name.lower() for name, _ in headers}:
                headers.append((b"cache-control", b"no-store"))
            message = {**message, "headers": headers}
        await send(message)

    return guarded


async def _say(answer: _Answer, send: Send) -> None:
    status, words, headers = answer
    body = json.dumps({"detail": words}).encode() if words else b""
    send = _guarded(send)
    start = [(key.encode(), value.encode("latin-1")) for key, value in headers.items()]
    start += [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": status, "headers": start})
    await send({"type": "http.response.body", "body": body})
