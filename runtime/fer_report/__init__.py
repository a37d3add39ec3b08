"""``fer-report``: what the logs say, as numbers, pictures, one page, and in other formats.

It needs the extra ``report`` (DuckDB), which a kiosk does not: nothing here is
imported by the daemon.

::

    data/        files -> a table of readings in an engine
                 paths, repair (torn, gzipped), csv_logs, runs, engine (DuckDB, any Ibis backend)
    compute.py   queries -> Report        the same on every engine
    numbers.py   Report                   what the figures are; `--json` prints them
    page/        Report -> plots (SVG), HTML, PDF; two reports side by side
    feedback/    feedback file -> precision and recall, confusion matrix, participants
    export/      readings -> Parquet, ELAN, Praat TextGrid, BIDS
    metrics.py   counts -> precision, recall, Wilson's interval; the trainer uses it, too
    job.py, report.py, cli.py             wiring, and what the command line says
"""
