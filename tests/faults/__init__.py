"""What goes wrong, on purpose, while a model moves in the lab; one row of ``docs/faults.md`` each."""
