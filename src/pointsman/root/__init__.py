"""Applying a profile: what would appear and vanish in the cluster, what a deletion would take along, and the applying.

Not here: the repository (``pointsman.catalog``), and anything that Argo CD does afterwards by itself.
"""
