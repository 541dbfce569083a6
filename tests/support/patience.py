"""How long tests wait for what must happen."""

# Seconds after which a wait counts as endless: many times what any takes on a machine with other work to do.
PATIENCE = 300
