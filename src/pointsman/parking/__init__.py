"""Cost actions: a layer of a model is parked, and brought back as it was. Tenants' alias is never touched.

Not here: parking as a step of a move (``pointsman.move.steps``), and taking a layer away (``pointsman.leaving``).
"""
