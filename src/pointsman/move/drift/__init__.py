"""What others changed while a move runs, and the written rule for each such change.

Looking changes nothing; putting back what others changed is never done here.
"""
