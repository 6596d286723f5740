"""Tenants for a demonstration: a load that never waits, a ledger of every request, and the show around three moves.

May know the lab and the HTTP library; nothing else in the package knows this one, save the command line.
"""
