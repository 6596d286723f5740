"""Who may change something now: the model's lock, the fence around late writes, work that ends with the lock.

It does not know what the work is, and it keeps no state of a move: that is the journal's.
"""
