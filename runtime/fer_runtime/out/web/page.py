"""The live page: one document with its own style and script, and the policy that binds it."""

from __future__ import annotations

import base64
import hashlib
import json
from importlib.resources import files
from typing import Final

from ...labels import COLORS_BGR, EMOTIONS, NAMES

_PARTS: Final = ("page.css", "page.js")


class Page:
    """Puts the page together from the files beside this one.

    Attributes
    ----------
    html
        The whole document; it loads nothing further.
    policy
        Its Content-Security-Policy: this style, this script, this server, and no picture.
    """

    def __init__(self) -> None:
        folder = files(__package__)
        style, script = (folder.joinpath(name).read_text("utf-8") for name in _PARTS)
        # Names and colours of labels are the program's own.
        colors = {label: f"rgb({r},{g},{b})" for label, (b, g, r) in COLORS_BGR.items()}
        words = {"emotions": EMOTIONS, "names": NAMES, "colors": colors}
        script = script.replace("LABELS", json.dumps(words, ensure_ascii=False), 1)
        text = folder.joinpath("page.html").read_text("utf-8")
        self.html = text.replace("/*style*/", style).replace("/*script*/", script)
        self.policy = (
            f"default-src 'none'; style-src '{_hash(style)}'; script-src '{_hash(script)}'; "
            "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        )


def _hash(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return f"sha256-{base64.b64encode(digest).decode()}"
