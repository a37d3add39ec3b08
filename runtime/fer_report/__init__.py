"""``fer-report``: what the CSV logs say, as numbers, pictures and one page.

The page and the plots need the extra ``report`` (pandas, matplotlib, scikit-learn), which a
kiosk does not: nothing here is imported by the daemon.

::

    blocks.py    files -> whole lines     gzip, NUL tails, torn ends
    logs.py      lines -> Readings        one file or a hundred; bad rows dropped and counted
    runs.py      Readings -> Timeline     runs, faces, the time each row stands for
    compute.py   Timeline -> Report       every figure the page shows
    numbers.py   Report                   what they are; `--json` prints them
    figures.py   Report -> PNG bytes
    page.py      Report + PNGs -> HTML
    feedback.py  feedback file -> classification report, confusion matrix, participants
"""
