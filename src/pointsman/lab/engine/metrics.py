"""vLLM's metrics in Prometheus text, under their V1 names.

Written by hand: a scrape of a few counters does not need a client library, and every engine of a lab would pay for
importing one. The counter of finished requests is exact: ``stop`` and ``length`` together are the answers that were
given in full, ``abort`` those that the engine gave up. As in vLLM 0.32 (measured: ``make real``), a request whose
client left is in none of them, and counts as an HTTP answer 2xx.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

__all__ = ["CONTENT_TYPE", "EngineMetrics", "Histogram", "HttpMetrics", "labels"]

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_SECONDS = (1.0, 2.5, 5.0, 7.5, 10.0, 20.0, 40.0, 80.0)
_TTFT = (0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, *_SECONDS, 160.0, 640.0, 2560.0)
_ITL = (0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, *_SECONDS)
_MINUTES = (60.0, 120.0, 240.0, 480.0, 960.0, 1920.0, 7680.0)
_LATENCY = (0.3, 0.5, 0.8, 1.0, 1.5, 2.0, 2.5, 5.0, 10.0, 15.0, 20.0, 30.0, 40.0, 50.0, *_MINUTES)
_TOKENS = tuple(float(step * 10**power) for power in range(5) for step in (1, 2, 5))
_HTTP = (0.1, 0.5, 1.0)
_REASONS = ("stop", "length", "abort", "error", "repetition")


def labels(**pairs: str) -> str:
    """Label pairs as Prometheus writes them."""
    escaped = (
        (name, value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")) for name, value in pairs.items()
    )
    return ",".join(f'{name}="{value}"' for name, value in escaped)


class Histogram:
    """A histogram: counts per bucket, not yet cumulative."""

    __slots__ = ("buckets", "counts", "total")

    def __init__(self, buckets: Sequence[float]) -> None:
        self.buckets = buckets
        self.counts = [0] * (len(buckets) + 1)
        self.total = 0.0

    def add(self, value: float, times: int = 1) -> None:
        """Observe a value, or the same value several times."""
        self.counts[bisect_left(self.buckets, value)] += times
        self.total += value * times

    def lines(self, name: str, said: str) -> Iterator[str]:
        """The samples of one label set."""
        seen = 0
        for bound, here in zip((*map(repr, self.buckets), "+Inf"), self.counts, strict=True):
            seen += here
            yield f'{name}_bucket{{{said},le="{bound}"}} {seen}.0'
        yield f"{name}_count{{{said}}} {seen}.0"
        yield f"{name}_sum{{{said}}} {self.total!r}"


@dataclass(slots=True)
class EngineMetrics:
    """What the engine counts."""

    model_name: str
    lora: bool = False
    """Are LoRA adapters switched on? vLLM has a metric more then."""
    running: int = 0
    waiting: int = 0
    tokens_held: int = 0
    capacity: int = 65536
    prefix_queries: int = 0
    prefix_hits: int = 0
    prompt_tokens: int = 0
    generation_tokens: int = 0
    success: dict[str, int] = field(default_factory=lambda: dict.fromkeys(_REASONS, 0))
    ttft: Histogram = field(default_factory=lambda: Histogram(_TTFT))
    itl: Histogram = field(default_factory=lambda: Histogram(_ITL))
    e2e: Histogram = field(default_factory=lambda: Histogram(_LATENCY))
    queue: Histogram = field(default_factory=lambda: Histogram(_LATENCY))
    inference: Histogram = field(default_factory=lambda: Histogram(_LATENCY))
    prefill: Histogram = field(default_factory=lambda: Histogram(_LATENCY))
    decode: Histogram = field(default_factory=lambda: Histogram(_LATENCY))
    request_prompt: Histogram = field(default_factory=lambda: Histogram(_TOKENS))
    request_generation: Histogram = field(default_factory=lambda: Histogram(_TOKENS))

    @property
    def cache_usage(self) -> float:
        """Share of the KV cache in use."""
        return min(1.0, self.tokens_held / self.capacity)

    def lines(self) -> Iterator[str]:
        """Every sample with its HELP and TYPE."""
        said = labels(engine="0", model_name=self.model_name)
        yield from _plain("gauge", said, self._gauges())
        yield from _plain("counter", said, self._counters())
        if self.lora:
            yield "# HELP vllm:lora_requests_info Running stats on lora requests."
            yield "# TYPE vllm:lora_requests_info gauge"
        yield "# HELP vllm:request_success_total Count of successfully processed requests."
        yield "# TYPE vllm:request_success_total counter"
        for reason, number in self.success.items():
            yield f'vllm:request_success_total{{{said},finished_reason="{reason}"}} {number}.0'
        for name, text, histogram in self._histograms():
            yield f"# HELP {name} {text}"
            yield f"# TYPE {name} histogram"
            yield from histogram.lines(name, said)

    def _gauges(self) -> tuple[tuple[str, str, float], ...]:
        return (
            ("vllm:num_requests_running", "Number of requests in model execution batches.", self.running),
            ("vllm:num_requests_waiting", "Number of requests waiting to be processed.", self.waiting),
            ("vllm:kv_cache_usage_perc", "KV-cache usage. 1 means 100 percent usage.", self.cache_usage),
        )

    def _counters(self) -> tuple[tuple[str, str, float], ...]:
        return (
            ("vllm:prefix_cache_queries_total", "Prefix cache queries, in tokens.", self.prefix_queries),
            ("vllm:prefix_cache_hits_total", "Prefix cache hits, in tokens.", self.prefix_hits),
            ("vllm:num_preemptions_total", "Cumulative number of preemption from the engine.", 0),
            ("vllm:prompt_tokens_total", "Number of prefill tokens processed.", self.prompt_tokens),
            ("vllm:generation_tokens_total", "Number of generation tokens processed.", self.generation_tokens),
        )

    def _histograms(self) -> tuple[tuple[str, str, Histogram], ...]:
        return (
            ("vllm:time_to_first_token_seconds", "Histogram of time to first token in seconds.", self.ttft),
            ("vllm:inter_token_latency_seconds", "Histogram of inter-token latency in seconds.", self.itl),
            ("vllm:e2e_request_latency_seconds", "Histogram of e2e request latency in seconds.", self.e2e),
            ("vllm:request_queue_time_seconds", "Time spent in WAITING phase for request.", self.queue),
            ("vllm:request_inference_time_seconds", "Time spent in RUNNING phase for request.", self.inference),
            ("vllm:request_prefill_time_seconds", "Time spent in PREFILL phase for request.", self.prefill),
            ("vllm:request_decode_time_seconds", "Time spent in DECODE phase for request.", self.decode),
            ("vllm:request_prompt_tokens", "Number of prefill tokens processed.", self.request_prompt),
            ("vllm:request_generation_tokens", "Generation tokens processed.", self.request_generation),
        )


class HttpMetrics:
    """What the web server counts, as prometheus-fastapi-instrumentator does; probes and scrapes are left out."""

    def __init__(self) -> None:
        self._requests: dict[tuple[str, str, str], int] = {}
        self._seconds: dict[tuple[str, str], Histogram] = {}

    def count(self, handler: str, method: str, status: int, seconds: float) -> None:
        """One request answered, or given up on."""
        key = (handler, method, f"{status // 100}xx")
        self._requests[key] = self._requests.get(key, 0) + 1
        self._seconds.setdefault((handler, method), Histogram(_HTTP)).add(seconds)

    def lines(self) -> Iterator[str]:
        """Every sample with its HELP and TYPE."""
        yield "# HELP http_requests_total Total number of requests by method, status and handler."
        yield "# TYPE http_requests_total counter"
        for (handler, method, status), number in self._requests.items():
            said = labels(handler=handler, method=method, status=status)
            yield f"http_requests_total{{{said}}} {number}.0"
        yield "# HELP http_request_duration_seconds Latency by handler, in few buckets."
        yield "# TYPE http_request_duration_seconds histogram"
        for (handler, method), histogram in self._seconds.items():
            yield from histogram.lines("http_request_duration_seconds", labels(handler=handler, method=method))


def _plain(kind: str, said: str, samples: Sequence[tuple[str, str, float]]) -> Iterator[str]:
    for name, text, value in samples:
        yield f"# HELP {name} {text}"
        yield f"# TYPE {name} {kind}"
        yield f"{name}{{{said}}} {float(value)!r}"
