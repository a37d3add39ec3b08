"""What computes: DuckDB inside this process, or any engine that Ibis reaches.

The queries are written once, in DuckDB's dialect. Ibis hands them to its backends (Spark,
ClickHouse, Snowflake, …) in their own; nothing of it is imported where DuckDB does the work, and
a report of one kiosk starts in a tenth of a second.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from fer_runtime.errors import ConfigError, DataError, FerError, OutputError
from fer_runtime.labels import EMOTIONS

from ..extra import need
from .impossible import check_types
from .parts import PART_ROWS, cut, quoted

Columns = dict[str, NDArray[Any]]
"""The columns of a result by name, each (n,)."""

MEMORY_MB: Final = 1200
"""What DuckDB takes before it goes to the disk; the process needs some hundred more."""

PARQUET: Final = (
    "run", "timestamp", "utc_offset_min", "elapsed_s", "frame", "face_id", "emotion",
    "confidence", *(f"p_{e}" for e in EMOTIONS), "model",
)  # fmt: skip
"""Columns without which Parquet is no log; ``device`` is one, too, or a folder's name."""

_MILLISECONDS: Final = {
    "duckdb": "epoch_ms(timestamp)",
    "pyspark": "unix_millis(timestamp)",
    "clickhouse": "toUnixTimestamp64Milli(toDateTime64(timestamp, 3))",
}
_ANY_MILLISECONDS: Final = "CAST(EXTRACT(EPOCH FROM timestamp) * 1000 AS BIGINT)"


class Unreadable(DataError):
    """What an engine says of data that it cannot compute."""


class Engine(Protocol):
    """Answers queries in DuckDB's dialect over a table ``readings``.

    Its columns: ``device, run, utc_ms, offset_min, elapsed_s, frame, face_id, emotion,
    confidence, p_angry … p_surprise, model``.
    """

    parts: Sequence[str]
    """Tables or views that together are ``readings``; no run is in two of them."""
    ran: Callable[[], None]
    """Called after each query."""

    def columns(self, query: str) -> Columns:
        """Return the answer to a query."""

    def keep(self, name: str, *queries: str) -> None:
        """Compute queries once, for later ones that ask for all their rows by `name`."""

    def read_parquet(self, files: Sequence[Path]) -> None:
        """Make ``readings`` of Parquet files."""

    def close(self) -> None:
        """Let go of it."""


class DuckEngine:
    """DuckDB, embedded.

    Parameters
    ----------
    scratch
        Folder for what does not fit into memory.
    """

    def __init__(self, scratch: Path) -> None:
        self.errors = need("duckdb").Error
        self.threads = os.cpu_count() or 1
        self.parts: Sequence[str] = ("readings",)
        self.ran: Callable[[], None] = lambda: None
        settings = {"threads": self.threads, "memory_limit": f"{MEMORY_MB}MB",
                    "temp_directory": str(scratch), "preserve_insertion_order": True}  # fmt: skip
        self.con = need("duckdb").connect(config=settings)
        self.con.execute("SET TimeZone = 'UTC'")

    def columns(self, query: str) -> Columns:
        """Return the answer to a query."""
        found = self._run(query).fetchnumpy()
        self.ran()
        # Of logs nothing is NULL; a figure of foreign Parquet that is none is NaN.
        return {
            n: np.asarray(v.filled(np.nan) if v.dtype.kind == "f" and hasattr(v, "filled") else v)
            for n, v in found.items()
        }

    def keep(self, name: str, *queries: str) -> None:
        """Compute queries once, for later ones that ask for all their rows by `name`."""
        for i, query in enumerate(queries):
            head = f"INSERT INTO {name}" if i else f"CREATE OR REPLACE TEMP TABLE {name} AS"
            self._run(f"{head} {query}")
            self.ran()

    def read_parquet(self, files: Sequence[Path]) -> None:
        """Make ``readings`` of Parquet files."""
        source = parquet_source(map(str, files))
        described = self._run(f"DESCRIBE SELECT * FROM {source}").fetchall()
        check_types(described, str(files[0]))
        names = [row[0] for row in described]
        query = _readings(names, source, "duckdb", str(files[0]))
        self._run(f"CREATE OR REPLACE VIEW readings AS {query}")
        device = "coalesce(device::VARCHAR, '')" if "device" in names else "''"
        counts = self._run(
            f"SELECT filename, {device}, run, count(*) "
            f"FROM {parquet_source(map(str, files), ', filename = true')} GROUP BY ALL"
        ).fetchall()
        # NULL is no run that could be told from others.
        if any(run is None for _, _, run, _ in counts) or sum(n for *_, n in counts) <= PART_ROWS:
            return
        found = cut(counts, PART_ROWS)
        for i, part in enumerate(found):
            own = _readings(names, parquet_source(part.files), "duckdb", str(files[0]))
            self._run(f"CREATE VIEW part_{i} AS SELECT * FROM ({own}) WHERE {part.condition}")
        self.parts = [f"part_{i}" for i in range(len(found))]

    def close(self) -> None:
        """Let go of it."""
        self.con.close()

    def _run(self, query: str) -> Any:
        try:
            # Order of rows costs memory; after reading, nothing here depends on it.
            self.con.execute("SET preserve_insertion_order = false")
            return self.con.execute(query)
        except self.errors as error:
            raise plain_error(error) from None


class IbisEngine:
    """Any backend of Ibis, by its URL.

    Parameters
    ----------
    url
        As `ibis.connect` takes it: ``pyspark://local[2]`` (what stands after ``://`` is Spark's
        master), ``clickhouse://user@host/database``, ``duckdb://file.duckdb``, …

    Raises
    ------
    ConfigError
        If there is no such backend or it cannot be reached.
    """

    def __init__(self, url: str) -> None:
        ibis = need("ibis", "engine")
        kind, _, rest = url.partition("://")
        try:
            self._con = _spark(ibis, rest) if kind == "pyspark" else ibis.connect(url)
        except FerError:
            raise
        except Exception as error:
            # Each backend has errors of its own, down to Java's.
            raise ConfigError(
                f"engine {url}: cannot be used: {_first_line(error)}",
                "give the URL of an Ibis backend that is there, such as pyspark://local[2], or "
                "leave --engine out",
            ) from None
        self.kind, self._url = kind, url
        self._kept: list[Any] = []
        self.parts: Sequence[str] = ("readings",)
        self.ran: Callable[[], None] = lambda: None

    def columns(self, query: str) -> Columns:
        """Return the answer to a query."""
        table = self._try(lambda: self._sql(query).to_pyarrow())
        self.ran()
        return {name: _array(table.column(name)) for name in table.column_names}

    def keep(self, name: str, *queries: str) -> None:
        """Compute queries once, for later ones that ask for all their rows by `name`."""

        def cached() -> None:
            kept = self._sql(" UNION ALL ".join(queries)).cache()
            self._kept.append(kept)  # it is dropped with its last reference
            self._con.create_view(name, kept, overwrite=True)

        self._try(cached)
        self.ran()

    def read_parquet(self, files: Sequence[Path]) -> None:
        """Make ``readings`` of Parquet files, which the engine must be able to reach."""
        paths = [str(f.resolve()) for f in files]

        def read() -> None:
            if self.kind == "pyspark":
                # The folder that holds them all, so that device=… and day=… become columns.
                base = os.path.commonpath([str(Path(p).parent) for p in paths])
                base = re.split(r"/(?=device=|day=)", base)[0]
                frame = self._con._session.read.option("basePath", base).parquet(*paths)
                frame.createOrReplaceTempView("parquet_files")
            else:
                self._con.read_parquet(paths, table_name="parquet_files")
            names = list(self._con.table("parquet_files").columns)
            query = _readings(names, "parquet_files", self.kind, paths[0])
            self._con.create_view("readings", self._con.sql(query), overwrite=True)

        self._try(read)

    def close(self) -> None:
        """Let go of it."""
        self._kept.clear()
        self._con.disconnect()

    def _sql(self, query: str) -> Any:
        return self._con.sql(query, dialect="duckdb")

    def _try(self, work: Any) -> Any:
        try:
            return work()
        except FerError:
            raise
        except Exception as error:
            raise Unreadable(
                f"engine {self._url}: cannot compute this: {_first_line(error)}",
                "see its own log, or leave --engine out",
            ) from None


def plain_error(error: Exception) -> FerError:
    """Return an error of DuckDB as one of ours."""
    text = _first_line(error)
    if "Out of Memory" in text:
        return DataError(
            f"the engine needs more memory than {MEMORY_MB} MB: {text}",
            "take fewer rows with --since and --until, or compute elsewhere with --engine",
        )
    if "temp_directory" in text or "No space left" in text or "write" in text.lower():
        return OutputError(
            f"the engine cannot write: {text}",
            "free some space, or name another folder with the variable TMPDIR",
        )
    return Unreadable(f"the engine cannot read: {text}", "copy the logs anew")


def parquet_source(files: Iterable[str], more: str = "") -> str:
    """Return what DuckDB reads Parquet files with, the names of their folders as columns."""
    listed = ", ".join(map(quoted, files))
    return f"read_parquet([{listed}], union_by_name = true, hive_partitioning = true{more})"


def _readings(names: Sequence[str], source: str, kind: str, shown: str) -> str:
    missing = [c for c in PARQUET if c not in names]
    if missing:
        raise DataError(
            f"log {shown}: expected Parquet with the columns {', '.join(missing[:4])}"
            f"{' …' if len(missing) > 4 else ''}, received {', '.join(names)[:60]}",
            "give what fer-report export --to parquet has written",
        )
    # NULL is no name, and a part would lose its rows.
    device = "coalesce(CAST(device AS VARCHAR(255)), '')" if "device" in names else "''"
    probabilities = ", ".join(f"p_{e}" for e in EMOTIONS)
    ms = _MILLISECONDS.get(kind, _ANY_MILLISECONDS)
    return (
        f"SELECT {device} AS device, run, {ms} AS utc_ms, utc_offset_min AS offset_min, "
        f"elapsed_s, frame, face_id, emotion, confidence, {probabilities}, model FROM {source}"
    )


def _spark(ibis: Any, master: str) -> Any:
    sql = need("pyspark.sql", "spark")
    session = (
        sql.SparkSession.builder.master(master or "local[*]").appName("fer-report")
        .config("spark.ui.enabled", "false").config("spark.sql.session.timeZone", "UTC")
        .config("spark.sql.ansi.enabled", "false")
        # The default of 200 is for a cluster: on one machine they are 200 tasks of nothing.
        .config("spark.sql.shuffle.partitions", "8" if master.startswith("local[") else "200")
    )  # fmt: skip
    spark = session.getOrCreate()
    spark.sparkContext.setLogLevel("OFF")
    return ibis.pyspark.connect(spark)


def _array(column: Any) -> NDArray[Any]:
    return np.asarray(column.to_numpy(zero_copy_only=False) if hasattr(column, "to_numpy")
                      else column.to_pylist())  # fmt: skip


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return (lines[0] if lines else type(error).__name__)[:300]
