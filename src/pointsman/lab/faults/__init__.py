"""Bad days on purpose: what goes wrong between the program and a cluster, made to order and counted."""
