"""Gives Airflow, which reads its configuration when it is imported, a folder of its own."""

import os
import tempfile

if "mempipe-airflow-" not in os.environ.get("AIRFLOW_HOME", ""):  # tests/dags may have been collected first
    for name in [name for name in os.environ if name.startswith(("AIRFLOW_", "MEMPIPE_"))]:
        if not name.startswith(("MEMPIPE_TEST_", "MEMPIPE_REQUIRE_")):  # these are about the tests, not about Airflow
            del os.environ[name]
    os.environ["AIRFLOW_HOME"] = tempfile.mkdtemp(prefix="mempipe-airflow-")
    os.environ["AIRFLOW__CORE__LOAD_EXAMPLES"] = "False"
