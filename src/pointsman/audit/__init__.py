"""Audit: what is still paid for or left behind though nobody uses it, whose it is, and what ends it.

It changes nothing. What belongs to a model that is declared or parked is not left behind: that it costs is told by
``pointsman.cost``. Not here: taking a layer away (``pointsman.leaving``).
"""
