"""``fer-report``: what the CSV logs say, as numbers, pictures and one page.

The page and the plots need the extra ``report`` (pandas, matplotlib, scikit-learn), which a
kiosk does not: nothing here is imported by the daemon.

::

    logs.py      files -> Readings        tolerant reading, one file or a hundred
    runs.py      Readings -> Timeline     runs, faces, the time each row stands for
    numbers.py   Timeline -> Report       every figure the page shows; `--json` prints it
    figures.py   Report -> PNG bytes
    page.py      Report + PNGs -> HTML
    feedback.py  feedback file -> classification report, confusion matrix, participants
"""
