"""Advice: which layer suits a model and why, whether it fits its accelerators, and what a move would change.

Nothing here decides for anybody and nothing here is measured: each reason names the fact it rests on and where that is
known from, each estimate its assumptions. What this is not: a benchmark, or a capacity plan; a gain from splitting
prefill and decode is never claimed, since only a measurement on the reader's own traffic could show it.
"""
