"""Cost: what pods, volumes and load balancers take now, what of it is used, and in money where prices are given.

Reserved is what pods request on nodes, used is what engines counted, idle is the difference. They are never taken for
each other, and what nobody could read is told as not known. Not here: bills of a cloud, and what is left behind by
whom (``pointsman.audit``).
"""
