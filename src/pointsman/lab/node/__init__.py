"""The lab's nodes: the kubelet's part, played for Pods that run as local processes.

It registers Nodes, runs the containers bound to them, probes them, keeps their volumes, answers for their logs,
and writes their status as a kubelet does. What it is not: a container runtime. There is no isolation; an image
is an entry in a catalogue of programs that are already on this machine, and mount paths are rewritten in words.
"""
