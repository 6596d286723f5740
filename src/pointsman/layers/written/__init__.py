"""Layers whose manifests people wrote: what they promise is read, and nothing of them is rendered.

Pure functions on objects, like the layers that render. Where the objects come from (a folder of the platform
repository) is nobody's business here; ``pointsman.adopt`` reads them.
"""
