"""The move engine: states, journal, steps, and whole moves in memory and in the lab."""
