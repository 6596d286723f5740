"""The lab's network: cluster names on loopback.

One process answers what a cluster's DNS, kube-proxy, ingress gateway and API server tunnel answer elsewhere:

- ``store`` keeps a live copy of what routing depends on; ``resolver`` turns a name into one ready endpoint;
- ``proxy`` is the forward proxy that pods and tenants use; ``exchange`` carries one HTTP exchange;
- ``tunnel`` and ``splice`` are ``CONNECT``, for the API server over a Unix socket and for the proxy's clients;
- ``gateway`` is a Gateway API controller with its data plane.

It is not a general proxy: nothing outside the lab is reachable through it.
"""
