"""What a move would do, before it does it: a plan to be read, kept, and refused when the world has changed."""
