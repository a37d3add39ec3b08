"""What the commands of the report have in common on the command line."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

import click

CONTEXT: Final[dict[str, Any]] = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


def moment(_: click.Context, option: click.Parameter, value: str | None) -> datetime | None:
    """Read a day, or a day and a time."""
    try:
        return datetime.fromisoformat(value.strip().replace("Z", "+00:00")) if value else None
    except ValueError:
        raise click.BadParameter(
            f"expected a day or a time such as 2026-03-01 or 2026-03-01T14:00, received '{value}'",
            param=option,
        ) from None
