"""The platform repository that ``pointsman init`` writes: what is in it, and how it gets onto a disk as a whole.

Its files are data in ``files``, with ``@WORD@`` where a choice goes; manifests of the serving layers are rendered, and
the groups file is resolved, by what renders and resolves everywhere else. Not here: reading a repository
(``pointsman.catalog``), and anything about a cluster.
"""
