"""What Podium costs, against other ways to do the same work: ``python -m bench``, or ``make bench``."""
