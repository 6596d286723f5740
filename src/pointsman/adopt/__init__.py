"""Reading a platform that others wrote: its Applications, what they deploy, and the roads from an alias to an engine.

Nothing of the repository is run, and nothing outside it is read. What cannot be told from files is listed, with its
line, instead of guessed. Not here: serving what was found; that is a Model's, whose layers refer to the manifests.
"""
