"""Kubernetes access: the only package (outside the lab and the demo) that imports an HTTP library.

Callers see resources, plain objects and the errors of ``pointsman.errors``; never a library's types.
"""
