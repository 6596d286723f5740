"""A world in memory: a cluster, engines, an edge and a clock that keep the same contracts as the real ones."""
