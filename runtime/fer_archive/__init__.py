"""What works on many clips or many kiosks: ``fer-batch`` and ``fer-collect``.

::

    clips.py      arguments -> clips        folders, suffixes, names of results
    analysis.py   clip -> CSV files         one clip, with the runtime's own loop
    frames.py     frame -> row              a row per frame, for ``--every-frame``
    index.py      clips -> index.csv        what is done, so that a killed batch goes on
    cluster.py    clips -> Dask             a local cluster, or one that exists
    batch.py      ``fer-batch``

    subscriber.py broker -> messages        acknowledged by hand
    record.py     messages -> records       what is none of ours is dropped
    spool.py      messages -> lines         safe on the disk, none twice
    parquet.py    lines -> Parquet          by device and day
    compact.py    small files -> one        once a day is over
    disk.py       fsync, and folders that change places
    collect.py    ``fer-collect``
"""
