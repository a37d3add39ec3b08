"""Times on the command line of the report."""

from __future__ import annotations

from datetime import datetime

import click


def when(text: str) -> datetime:
    """Return the day, or the day and time, that a text names; ValueError where it names none."""
    return datetime.fromisoformat(text.strip().replace("Z", "+00:00"))


def moment(_: click.Context, option: click.Parameter, value: str | None) -> datetime | None:
    """Read the value of an option, see `when`; None where it is not given."""
    try:
        return when(value) if value else None
    except ValueError:
        raise click.BadParameter(
            f"expected a day or a time such as 2026-03-01 or 2026-03-01T14:00, received '{value}'",
            param=option,
        ) from None
