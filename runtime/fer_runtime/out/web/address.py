"""Where the web interface listens, and which hosts and origins it answers."""

from __future__ import annotations

import ipaddress
import re
from typing import Final, NamedTuple

from ...errors import ConfigError

_NAME: Final = r"[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?"
_HOST: Final = re.compile(rf"({_NAME}|\[[0-9a-f:.]+\])(?::([0-9]{{1,5}}))?")
_ORIGIN: Final = re.compile(rf"(https?)://({_NAME}|\[[0-9a-f:.]+\])(?::([0-9]{{1,5}}))?")
_DEFAULT_PORT: Final = {"http": 80, "https": 443}
_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})


class Address(NamedTuple):
    """An IP address and a TCP port."""

    host: str
    port: int

    @property
    def loopback(self) -> bool:
        """Whether only this machine reaches it."""
        return ipaddress.ip_address(self.host).is_loopback

    @property
    def url(self) -> str:
        """As a browser writes it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}/"


def parse_listen(text: str) -> Address:
    """Return the address that ``web.listen`` names; ConfigError where it names none.

    A name other than ``localhost`` is refused: what it means is decided elsewhere, and may
    change.
    """
    bad = ConfigError(
        f"web.listen: expected an address and a port, received {text!r}",
        "127.0.0.1:8765 or [::1]:8765; 0.0.0.0:8765 opens it to the network",
    )
    found = _HOST.fullmatch(text.strip().lower())
    if found is None or found[2] is None or not 1 <= int(found[2]) <= 65_535:
        raise bad
    host = "127.0.0.1" if found[1] == "localhost" else found[1].strip("[]")
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        raise bad from None
    if (address.version == 6) != found[1].startswith("["):
        raise bad
    return Address(str(address), int(found[2]))


def parse_origins(text: str) -> frozenset[str]:
    """Return the origins that ``web.origins`` allows, normal form; ConfigError where one is none.

    ``null`` is refused, as every page can have that origin, and ``*``, as it means everybody.
    """
    origins = set()
    for part in filter(None, (p.strip() for p in text.split(","))):
        origin = normal_origin(part)
        if origin is None:
            raise ConfigError(
                f"web.origins: expected scheme and host of pages, received {part!r}",
                "https://kiosk.example or http://192.0.2.7:8080, without a path; "
                "several with commas between them",
            )
        origins.add(origin)
    return frozenset(origins)


def normal_origin(text: str) -> str | None:
    """Return an origin in lower case and without its scheme's own port; None where it is none."""
    found = _ORIGIN.fullmatch(text.lower())
    if found is None:
        return None
    scheme, host, port = found[1], found[2], found[3]
    if port is not None and not 1 <= int(port) <= 65_535:
        return None
    own = port is None or int(port) == _DEFAULT_PORT[scheme]
    return f"{scheme}://{host}" + ("" if own else f":{int(port)}")


def host_is_ours(host: str, local: str, origins: frozenset[str]) -> bool:
    """Return whether a request's Host names this server.

    A page whose name was bent to our address (DNS rebinding) sends its own name, and nobody can
    bend an address or ``localhost``.

    Parameters
    ----------
    host
        The header's value. Its port may be a tunnel's, and is not looked at for addresses.
    local
        The IP address at which the connection has arrived.
    origins
        As `parse_origins` returns them; their hosts are names of this server too, as of a kiosk
        that other machines know as ``http://kiosk.lan:8765``.
    """
    found = _HOST.fullmatch(host.lower())
    if found is None:
        return False
    name = found[1].strip("[]")
    try:
        here = ipaddress.ip_address(local)
        if found[1].startswith("[") or name.replace(".", "").isdigit():
            named = ipaddress.ip_address(name)
            if named == here:
                return True
    except ValueError:
        return False
    if here.is_loopback and name in _LOOPBACK:
        return True
    ours = {normal_origin(f"{scheme}://{host}") for scheme in _DEFAULT_PORT}
    return not ours.isdisjoint(origins)
