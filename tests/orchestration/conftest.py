"""Tests that import Airflow."""

import tests.airflow_home  # noqa: F401
