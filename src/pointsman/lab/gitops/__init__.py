"""A lab with git in it: the real Argo CD, its Redis, and a bare repository that stands for a git host.

Only ``lab up --gitops`` builds and starts any of it. Argo CD runs under the service accounts of its own manifests, so
that what it may do here is what it may do in production.
"""
