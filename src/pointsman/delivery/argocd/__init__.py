"""Argo CD through the Kubernetes API alone: Applications read, refreshed, synced, waited for (read from argo-cd 3.2.6).

What decides is pure (``application``, ``operation``, ``standing``, ``windows``, ``reservations``, ``verdict``); what
acts is thin (``refresh``, ``sync``, ``wait``).
"""
