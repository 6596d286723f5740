"""What is installed into a fresh lab: KServe with its presets, the Gateway API, namespaces, a StorageClass.

The manifests are the projects' own; this package only leaves out what a lab has no use for (Deployments,
cert-manager objects, the local model cache), sets the options the lab needs and adds a handful of own objects.
"""
