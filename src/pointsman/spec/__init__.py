"""The Model: what tenants are promised and what serving it needs, read from a file people write.

Not here: anything about a cluster, and anything about how a layer renders the promise.
"""
