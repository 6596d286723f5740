"""Serving layers: how a model looks on raw vLLM, KServe and llm-d.

Everything here is a pure function of a Model (and of live objects that the caller has read). Nothing here talks
to a cluster.
"""
