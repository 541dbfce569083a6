"""Write churn.csv: invented customers of an invented provider, numbers and text mixed, some values missing.

The rows are drawn at random from a fixed seed; whether a customer leaves follows a logistic model of the columns, so
that there is something to learn and something that cannot be known.
"""

from pathlib import Path

import numpy as np
import pandas as pd

ROWS = 600
PLANS = {"basic": 19.0, "family": 39.0, "business": 59.0}
REGIONS = ("north", "south", "east", "west")
PAYMENTS = ("card", "transfer", "invoice")


def main() -> None:
    """Draw the customers and write them beside this script."""
    rng = np.random.default_rng(20)
    plan = rng.choice(list(PLANS), ROWS, p=[0.5, 0.3, 0.2])
    tenure = rng.gamma(2.0, 14.0, ROWS).round()
    calls = rng.poisson(1.3, ROWS)
    fee = np.array([PLANS[name] for name in plan]) * rng.normal(1, 0.12, ROWS)
    payment = rng.choice(PAYMENTS, ROWS, p=[0.55, 0.3, 0.15])
    region = rng.choice(REGIONS, ROWS)
    leaning = (
        -0.6
        - 0.055 * tenure
        + 0.75 * calls
        + 0.02 * fee
        + np.where(payment == "invoice", 0.9, 0)
        + np.where(plan == "family", -0.9, 0)
        + np.where((region == "east") & (calls > 1), 1.2, 0)
    )
    churned = rng.random(ROWS) < 1 / (1 + np.exp(-leaning))
    frame = pd.DataFrame(
        {
            "plan": plan,
            "region": region,
            "payment": pd.Series(payment).mask(rng.random(ROWS) < 0.05),
            "tenure_months": pd.Series(tenure).mask(rng.random(ROWS) < 0.04),
            "monthly_fee": fee.round(2),
            "support_calls": calls,
            "churned": np.where(churned, "yes", "no"),
        }
    )
    frame.to_csv(Path(__file__).with_name("churn.csv"), index=False)


if __name__ == "__main__":
    main()
