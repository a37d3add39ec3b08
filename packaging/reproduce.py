"""Write an sdist anew with members in order, one owner and one time: the same bytes each time.

python packaging/reproduce.py SDIST.tar.gz      needs SOURCE_DATE_EPOCH

setuptools takes times and owners from the folder it builds in; wheels follow the variable
by themselves.
"""

from __future__ import annotations

import gzip
import io
import os
import sys
import tarfile
from pathlib import Path


def main(path: Path, epoch: int) -> None:
    """Replace `path`; `epoch` is the time of every member, in seconds since 1970."""
    raw = io.BytesIO()
    with (
        tarfile.open(path) as old,
        tarfile.open(fileobj=raw, mode="w", format=tarfile.GNU_FORMAT) as new,
    ):
        for member in sorted(old.getmembers(), key=lambda m: m.name):
            member.mtime, member.uid, member.gid, member.uname, member.gname = epoch, 0, 0, "", ""
            member.mode = 0o755 if member.isdir() or member.mode & 0o100 else 0o644
            member.pax_headers = {}
            new.addfile(member, old.extractfile(member) if member.isfile() else None)
    with open(path, "wb") as file, gzip.GzipFile("", "wb", 9, file, mtime=epoch) as packed:
        packed.write(raw.getvalue())


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(os.environ["SOURCE_DATE_EPOCH"]))
