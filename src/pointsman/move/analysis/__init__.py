"""Is the target as good as the source? Statistics alone: counts in, verdict out. Why so: ADR 14.

It asks nobody and knows no engine, step or edge; ``probes`` fill its samples and ``judging`` decides on its verdicts.
"""
