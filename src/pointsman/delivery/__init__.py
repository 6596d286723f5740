"""Delivery: how what stands in git comes into the cluster, and when it is there.

``argocd`` syncs Applications and waits for them through the Kubernetes API alone; ``ancestry`` asks a local git
repository; ``workloads`` judges what was delivered by its own status. ``git`` commits and pushes changes. Nothing here
renders or moves tenants.
"""
