"""What of a URL may be shown: user, password, query and tokens are for the camera only."""

from __future__ import annotations

import re
from typing import Final

_HIDDEN: Final = "..."
# Two letters at least: C:\clip.mp4 is a path.
_SCHEME: Final = re.compile(r"\s*([A-Za-z][A-Za-z0-9+.-]+):(//)?")
_HOST: Final = re.compile(r"(?:[\w.-]+|\[[0-9A-Fa-f:.]+(?:%[\w.-]+)?\])(?::(\d{1,5}))?")
_PLAIN: Final = re.compile(r"[A-Za-z0-9._-]{1,32}")
_TELLING: Final = re.compile(r"pass|pwd|user|usr|login|auth|token|secret|key", re.IGNORECASE)
# "cam/live?user=a&pwd=b" and "rtsp//a:b@cam" lack a scheme, and were meant as addresses.
_NO_FILE: Final = re.compile(r"[^/]:[^@]*@|\?.*=")
_URL: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://[^\s\"'<>]+")


def public_url(text: str) -> str:
    """Return a source with no more than its scheme, host, port and the path's first part.

    Parameters
    ----------
    text
        A URL, or a camera, file or folder, which is returned as it is unless it looks like an
        address whose scheme has been forgotten.

    Returns
    -------
    ``rtsp://cam:554/live/...`` for ``rtsp://user:password@cam:554/live/1?token=x``. Where it
    cannot be told what is host and what is password, as in ``rtsp://a:b/c@d``, only the scheme
    is left.
    """
    found = _SCHEME.match(text)
    if not found:
        return _HIDDEN if "://" not in text and _NO_FILE.search(text) else scrub(text)
    if not found[2]:  # "rtsp:user:password@cam" is no URL, but meant as one
        return f"{found[1]}:{_HIDDEN}"
    scheme, rest = f"{found[1]}://", text[found.end() :].rstrip()
    authority = re.split(r"[/?#\\]", rest, maxsplit=1)[0]
    tail = rest[len(authority) :]
    if "@" in tail and (":" in authority or "@" in authority):
        return scheme + _HIDDEN  # a password may hold any of /?#@
    host = authority.rpartition("@")[2]
    known = _HOST.fullmatch(host)
    if not known or int(known[1] or 0) > 65_535:
        return scheme + _HIDDEN
    if tail in ("", "/"):
        return scheme + host + tail
    first = re.split(r"[/?#\\]", tail[1:], maxsplit=1)[0] if tail[0] == "/" else ""
    more = tail[1 + len(first) :] if first else tail
    if not _is_word(first):
        return f"{scheme}{host}/{_HIDDEN}"
    return f"{scheme}{host}/{first}" + (f"/{_HIDDEN}" if more else "")


def _is_word(part: str) -> bool:
    """Return whether a part of a path is a name rather than a credential or a key."""
    if not _PLAIN.fullmatch(part) or _TELLING.search(part):
        return False
    # Some cameras have no password but a path that nobody can guess.
    kinds = (str.isupper, str.islower, str.isdigit)
    return (
        len(part) < 12
        or not part.isalnum()
        or not all(any(kind(c) for c in part) for kind in kinds)
    )


def scrub(text: str) -> str:
    """Return a message with `public_url` in place of each URL in it."""
    if "://" not in text:
        return text
    return _URL.sub(lambda found: _shown_in_text(found[0]), text)


def _shown_in_text(url: str) -> str:
    # What follows belongs to the sentence, but three dots may be our own.
    bare = url.rstrip(".,;:!?)]}")
    if url.startswith(bare + _HIDDEN):
        bare += _HIDDEN
    return public_url(bare) + url[len(bare) :]


def holds_secret(text: str) -> bool:
    """Return whether a source names a user, a password or anything else that is hidden."""
    return public_url(text) != text and ("@" in text or "=" in text)
