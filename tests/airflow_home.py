"""Gives Airflow, which reads its configuration when it is imported, a folder of its own; import this before Airflow."""

import atexit
import os
import shutil
import tempfile

for _name in [name for name in os.environ if name.startswith(("AIRFLOW_", "MEMPIPE_"))]:
    if not _name.startswith(("MEMPIPE_TEST_", "MEMPIPE_REQUIRE_")):  # these are about the tests, not about Airflow
        del os.environ[_name]
_folder = tempfile.mkdtemp(prefix="mempipe-airflow-")
atexit.register(shutil.rmtree, _folder, ignore_errors=True)
os.environ["AIRFLOW_HOME"] = _folder
os.environ["AIRFLOW__CORE__LOAD_EXAMPLES"] = "False"
