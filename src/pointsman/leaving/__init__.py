"""Leaving: what serves tenants is not taken away under them, be it by a gate, a group or a layer that goes.

Not here: what an Application's end takes along (``pointsman.root``), and moving tenants elsewhere (``pointsman.move``).
"""
