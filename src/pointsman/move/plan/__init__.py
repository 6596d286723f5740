"""What a move would do, before it does it: may it, is there room, by which strategy, at which price and in what time.

Everything here reads and judges, and refuses when the world has changed. Nothing here changes the cluster: steps do.
"""
