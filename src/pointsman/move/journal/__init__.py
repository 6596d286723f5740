"""The record of a move: what is written, how it folds into a state, and where it lies in the cluster.

``journal`` folds records, ``states`` is the table of states, ``readings`` what engines counted as records keep it,
``tally`` the allowances for own requests beside them, ``ledger`` the ConfigMaps, ``requests`` the notes of other
processes. It decides nothing: it does not know steps, layers or the edge, and it asks no engine.
"""
