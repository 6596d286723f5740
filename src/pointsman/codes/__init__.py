"""Every code of an error or a warning, as data: what it means, what to do, and how the program leaves with it.

The tables of ``docs/errors.md`` are written from it, and ``pointsman explain`` answers from it. Not here: the checks,
which say themselves what they are (``pointsman.checks.catalogue``).
"""
