"""Clips over processes and machines with Dask (extra ``batch``)."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from fer_runtime.errors import ConfigError, FerError
from fer_runtime.settings.schema import Settings

from .analysis import Outcome, analyze_clip
from .clips import Clip


class ClusterError(FerError):
    """The scheduler cannot be reached, or has gone."""

    exit_code = 69


@contextmanager
def open_cluster(scheduler: str, jobs: int) -> Iterator[Any]:
    """Connect to a cluster, or start one on this machine; yield Dask's client.

    Parameters
    ----------
    scheduler
        Address such as ``tcp://host:8786``; empty for a local cluster.
    jobs
        Processes of the local cluster.

    Raises
    ------
    ConfigError
        If the extra is not installed.
    ClusterError
        If the scheduler does not answer within five seconds.
    """
    try:
        import dask
        from distributed import Client, LocalCluster
    except ImportError:
        raise ConfigError("fer-batch needs dask", "run: pip install 'fer-edge[batch]'") from None
    # Its log is for whoever runs the cluster; what concerns the batch is raised.
    for name in ("tornado", "asyncio", *logging.root.manager.loggerDict):
        if name.partition(".")[0] in ("distributed", "tornado", "asyncio"):
            logging.getLogger(name).setLevel(logging.CRITICAL + 1)
    settings = {
        "distributed.comm.timeouts.connect": "5s",
        "distributed.admin.tick.limit": "1h",
        # Dask has malloc give every freed frame back to the system (MALLOC_TRIM_THRESHOLD_), which
        # costs as much as the detector; and looks at the stack a hundred times a second.
        "distributed.nanny.pre-spawn-environ": {"OMP_NUM_THREADS": 1},
        "distributed.worker.profile.enabled": False,
    }
    with dask.config.set(settings):
        if scheduler:
            try:
                client = Client(scheduler, timeout=5)
            except (OSError, ValueError, TimeoutError) as error:
                raise ClusterError(
                    f"scheduler {scheduler}: cannot be reached: {error}",
                    "start one: dask scheduler; and workers: dask worker tcp://HOST:8786",
                ) from None
            with client:
                yield client
            return
        local = LocalCluster(
            n_workers=jobs,
            threads_per_worker=1,
            dashboard_address=None,
            # Without it the scheduler's web server opens port 8787, and says so if it is taken.
            scheduler_kwargs={"dashboard_address": "127.0.0.1:0"},
            silence_logs=logging.CRITICAL,
        )
        with local, Client(local) as client:
            yield client


def _work(clip: Clip, out: Path, settings: Settings, every_frame: bool) -> Outcome:
    """Analyse a clip in a worker, whose log nobody reads: what counts is in the outcome."""
    logging.getLogger("fer_runtime").setLevel(logging.ERROR)
    return analyze_clip(clip, out, settings, every_frame)


def analyze_all(
    client: Any, clips: Sequence[Clip], out: Path, settings: Settings, every_frame: bool
) -> Iterator[tuple[Clip, Outcome]]:
    """Have the cluster analyse `clips`; yield each as it is done.

    A worker that dies is replaced by another one; a clip that has brought down several is given
    up. The largest clips come first, so that no long one is left at the end.

    Raises
    ------
    ClusterError
        If the scheduler goes away.
    """
    from distributed import as_completed
    from distributed.scheduler import KilledWorker

    waiting = {}
    for clip in sorted(clips, key=lambda c: -c.size):
        future = client.submit(_work, clip, out, settings, every_frame, pure=False)
        waiting[future] = clip
    for future in as_completed(waiting):
        clip = waiting[future]
        if future.status == "finished":
            yield clip, future.result()
            continue
        error = None if future.cancelled() else future.exception()
        if isinstance(error, KilledWorker):
            yield clip, Outcome(clip.name, error="the processes that read it have died")
        elif error is None:
            raise ClusterError("the scheduler has gone", "run the same command again to go on")
        else:
            raise error
