"""Who else writes an object, and do they put back what is changed there?

Argo CD, Flux, Helm, controllers of operators, autoscalers.
Everything is a pure function of objects, but for ``reading``, which looks them up. Nothing here changes anything, and
nothing here knows of moves, layers or edges: that is the caller's.
"""
