"""Checks: what is known to cost people nights, called by a stable id before it bites.

One catalogue (``catalogue.CHECKS``) serves ``lint`` on files, ``doctor`` on a cluster, and the plan of a move. A check
is a function over a ``View``; everything that is said of it (level, cause, remedy, how sure, what it reads) is data.
What this is not: it changes nothing by itself (``adopt.mending`` does, when asked), and it asks a cluster nothing that
the view was not given.
"""
