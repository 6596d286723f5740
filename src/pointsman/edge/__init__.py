"""The tenant edge: where an alias points, with which weights, and proof of it.

Knows LiteLLM; does not know serving layers, moves or the lab. Addresses come in as values.
"""
