"""A vLLM that needs no GPU: the `vllm` command, its server, and the programs that llm-d and KServe put around it.

What a tenant, a probe, a proxy or an operator can observe of vLLM is kept: routes, arguments, keys, errors,
metrics, the shape of a stream, queueing, the phases of a start and of a shutdown. What needs a GPU is not: the text
is made up, but it is a pure function of the weights and the prompt, so that two layers can be compared.

This package is not an inference engine, and its timings say nothing about a real one.
"""

from __future__ import annotations

__all__ = ["VLLM_VERSION"]

VLLM_VERSION = "0.23.0"
