"""Is the target as good as the source? Statistics without I/O: counts in, verdict out. Why so: ADR 14."""
