"""Is the target as good as was promised, and is the source rid of its tenants? What the steps rely on to go on.

It asks engines and the edge and gives a verdict with its reasons. It changes nothing and writes no record.
"""
