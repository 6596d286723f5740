"""A Gateway API implementation for the lab: a controller that writes status, and the data plane behind it.

Supported: Gateway with HTTP listeners, HTTPRoute (host, path, header, query and method matches; URLRewrite, header
modifiers and redirects; weights; timeouts), backends Service and InferencePool of the route's own namespace.
Not supported, and said so in status: TLS listeners, request mirroring, extension filters, ReferenceGrant.
"""
