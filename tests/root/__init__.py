"""Applying a profile to a cluster."""
