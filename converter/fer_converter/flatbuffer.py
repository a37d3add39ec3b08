"""Bounds-checked reading of FlatBuffers, in plain Python.

A table begins with the signed distance to its vtable, which holds for each field its distance
from the table, 0 where the field is absent. Strings, vectors and tables are reached by
unsigned distances. All numbers are little-endian (FlatBuffers' internals documentation).
"""

from __future__ import annotations

import struct
from typing import Final

MAX_ITEMS: Final = 100_000
"""Items of one list; an emotion network has some hundreds of tensors."""

DAMAGE: Final = (struct.error, IndexError, OverflowError, UnicodeDecodeError)
"""What reading a damaged file raises: an offset that leads out of it, or text that is none."""


class Bytes:
    """Bounds-checked little-endian reads; struct.error where one would leave the file."""

    def __init__(self, data: bytes) -> None:
        self.data = data

    def read(self, kind: str, position: int) -> int:
        """Return the number of `struct` kind `kind` at a position."""
        if position < 0:  # struct would count from the end
            raise IndexError(position)
        return int(struct.unpack_from("<" + kind, self.data, position)[0])

    def vector(self, position: int, item_bytes: int) -> tuple[int, int]:
        """Return where a vector's items begin and how many there are."""
        count = self.read("I", position)
        if position + 4 + count * item_bytes > len(self.data):
            raise IndexError(position)
        return position + 4, count


class Table:
    """One table: its fields by number."""

    def __init__(self, data: Bytes, position: int) -> None:
        self.data, self.position = data, position
        vtable = position - data.read("i", position)
        vtable_bytes = data.read("H", vtable)
        table_bytes = data.read("H", vtable + 2)
        if vtable_bytes < 4 or vtable_bytes % 2 or position + table_bytes > len(data.data):
            raise IndexError(vtable)
        offsets = [data.read("H", vtable + at) for at in range(4, vtable_bytes, 2)]
        if any(offset and not 4 <= offset < table_bytes for offset in offsets):
            raise IndexError(vtable)
        self.offsets, self.table_bytes = offsets, table_bytes

    def at(self, field: int) -> int:
        """Return a field's position, or 0 where it is absent."""
        offset = self.offsets[field] if field < len(self.offsets) else 0
        return self.position + offset if offset else 0

    def scalar(self, field: int, kind: str, default: int = 0) -> int:
        """Return a number stored in the table itself."""
        at = self.at(field)
        if at and at + struct.calcsize(kind) > self.position + self.table_bytes:
            raise IndexError(at)
        return self.data.read(kind, at) if at else default

    def _target(self, field: int) -> int:
        at = self.at(field)
        return at + self.data.read("I", at) if at else 0

    def table(self, field: int) -> Table | None:
        """Return a table that a field points to, or None."""
        target = self._target(field)
        return Table(self.data, target) if target else None

    def tables(self, field: int) -> list[Table]:
        """Return the tables of a list; empty where the field is absent."""
        target = self._target(field)
        if not target:
            return []
        start, count = self.data.vector(target, 4)
        if count > MAX_ITEMS:
            raise ValueError(f"expected at most {MAX_ITEMS} items, received {count}")
        places = range(start, start + 4 * count, 4)
        return [Table(self.data, at + self.data.read("I", at)) for at in places]

    def vector_length(self, field: int, item_bytes: int) -> int:
        """Check that a list lies in the file; return how many items it has."""
        target = self._target(field)
        return self.data.vector(target, item_bytes)[1] if target else 0

    def ints(self, field: int) -> tuple[int, ...]:
        """Return a list of int32."""
        target = self._target(field)
        if not target:
            return ()
        start, count = self.data.vector(target, 4)
        if count > MAX_ITEMS:
            raise ValueError(f"expected at most {MAX_ITEMS} items, received {count}")
        return struct.unpack_from(f"<{count}i", self.data.data, start)

    def text(self, field: int) -> str:
        """Return a string; empty where the field is absent."""
        target = self._target(field)
        if not target:
            return ""
        start, count = self.data.vector(target, 1)
        if self.data.read("B", start + count) != 0:  # interpreters read up to the NUL
            raise IndexError(start)
        return self.data.data[start : start + count].decode("utf-8")

    def name(self, field: int, what: str) -> str:
        """Return a string that must be there."""
        if not self.at(field):
            raise ValueError(f"{what}: expected a name, received none")
        return self.text(field)
