"""What is measured on a real vLLM and real weights: ``make real`` and ``make real-fingerprint``.

``models`` and ``variants`` run in the real engine's own environment (it has torch), all else in the project's.
"""
