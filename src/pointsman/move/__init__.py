"""The move of a served model from one layer to another: steps, journal, runner.

It does not know layers or edges by name, opens no connection of its own and prints nothing: all of these come in
through ``pointsman.move.boundary`` and ``pointsman.report.contract``.
"""
