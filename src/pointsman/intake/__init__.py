"""What comes from outside: files and YAML, read with a bound whatever they hold.

Not here: what a file means. Whoever reads one knows what to call it, and has the code of its errors.
"""
