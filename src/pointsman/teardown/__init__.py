"""Teardown: a whole model, a layer of every model, or everything goes, in order, journaled, and looked at again.

Not here: one layer of one model, which nobody is served from (``pointsman.leaving``), and the form of the journal
(``pointsman.move.journal.teardowns``).
"""
