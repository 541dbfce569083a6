"""The Airflow pool in which promotions wait for each other."""

from __future__ import annotations

from contextlib import suppress

POOL = "promotion"


def create() -> None:
    """Create the pool of the promotions if it does not exist: Airflow never starts a task whose pool is missing."""
    from airflow.models.pool import Pool
    from airflow.utils.session import create_session
    from sqlalchemy.exc import IntegrityError

    description = "Promotions run one after the other."
    # Another scheduler may be faster. The scheduler's own transaction must not be touched.
    with suppress(IntegrityError), create_session(scoped=False) as session:
        if Pool.get_pool(POOL, session=session) is None:
            session.add(Pool(pool=POOL, slots=1, description=description, include_deferred=False))
