"""Further data sets, chosen by name, which no change to Podium was made for: ``python -m bench real --held-back``."""

from __future__ import annotations

from bench.real.sets import Rows

SETS = (
    Rows("carData/Arrests", "released"),
    Rows("carData/BEPS", "vote"),
    Rows("AER/HMDA", "deny"),
    Rows("AER/CreditCard", "card"),
    Rows("mosaicData/HELPrct", "substance"),
    Rows("modeldata/wa_churn", "churn"),
    Rows("modeldata/stackoverflow", "Remote"),
    Rows("modeldata/lending_club", "Class"),
    Rows("modeldata/scat", "Species"),
    Rows("modeldata/cells", "class"),
    Rows("modeldata/hpc_data", "class"),
    Rows("openintro/email", "spam"),
    Rows("openintro/resume", "received_callback"),
    Rows("plyr/baseball", "lg"),
    Rows("medicaldata/indo_rct", "outcome"),
    Rows("medicaldata/strep_tb", "improved"),
    Rows("Stat2Data/Hawks", "Species"),
    Rows("palmerpenguins/penguins_raw", "Species"),
    Rows("nycflights13/weather", "origin"),
    Rows("ggplot2movies/movies", "mpaa"),
)
