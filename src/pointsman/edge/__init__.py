"""The tenant edge: where an alias points, with which weights, and proof of it."""
