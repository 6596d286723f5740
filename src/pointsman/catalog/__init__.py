"""The platform repository as data: features turn groups on, groups hold Applications, ApplicationSets make them.

Not here: anything about a cluster. What is in one, and what a change would take out of it, is ``pointsman.root``'s.
"""
