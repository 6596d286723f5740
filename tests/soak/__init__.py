"""Moves in the lab whose process is killed at every record of the journal."""
