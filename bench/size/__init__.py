"""Many rows: memory of several trainings at once, and what Podium adds to the time of the fits."""
