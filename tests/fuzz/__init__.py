"""Bytes that nobody wrote, through everything that reads: ``make fuzz`` for all, a sample by seed in the tests."""
