"""What tenants felt: engines' counters kept beyond their pods, own requests told apart, the receipt made of both.

It counts and adds up; whether a number is good is a matter of ``judging``. What is not known is said to be unknown.
"""
