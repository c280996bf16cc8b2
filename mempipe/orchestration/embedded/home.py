"""The embedded Airflow's folder: configuration, secrets and database, created at the first start."""

import configparser
import fcntl
import importlib.metadata
import json
import os
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from mempipe.errors import MempipeError, TransientError

_CORES: Final = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1

POOLS: Final = {"mempipe_train": _CORES, "mempipe_cpu": 2}
"""The DAGs' pools, with the number of concurrent tasks of each on this machine: a training task uses one core."""

_MIGRATED: Final = "migrated"
_LOCK: Final = "lock"


class EmbeddedAirflowError(MempipeError):
    """The embedded Airflow did not start, or ended early."""


class AlreadyRunningError(TransientError):
    """Another process runs an embedded Airflow in this folder."""


@dataclass(frozen=True)
class Home:
    """The folder of one embedded Airflow.

    Attributes:
        folder: `AIRFLOW_HOME`.
        dags: folder of the DAGs.
        specs: folder of the specs that the form suggests.
        store: default of the DAGs' form field `store`.
        port: port of the API server and the user interface, on this machine only.
        automatic: whether a new release starts the DAGs that are scheduled on it.
    """

    folder: Path
    dags: Path
    specs: Path
    store: str
    port: int
    automatic: bool = True

    @property
    def url(self) -> str:
        """URL of the user interface and the API."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def logs(self) -> Path:
        """Folder of the logs of tasks and components."""
        return self.folder / "logs"

    def environment(self) -> dict[str, str]:
        """Return the environment of Airflow's components: ours, without settings of another Airflow."""
        ours = {name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW_", "_AIRFLOW_"))}
        defaults = {"MEMPIPE_RETRY_DELAY_SECONDS": "5", "MEMPIPE_AUTOMATIC": str(self.automatic)}
        return (
            defaults
            | ours
            | {
                "AIRFLOW_HOME": str(self.folder),
                "MEMPIPE_EXECUTION": "local",
                "MEMPIPE_STORE": self.store,
                "MEMPIPE_SPECS_FOLDER": str(self.specs),
            }
        )

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Lock the folder for one embedded Airflow; `AlreadyRunningError` if another holds the lock."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / _LOCK).open("a+") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                lock.seek(0)
                raise AlreadyRunningError(
                    f"Embedded Airflow runs already: {self.folder} is held by {lock.read().strip() or 'another'}.",
                    hint="end that one, or trigger the DAG in its user interface.",
                ) from None
            lock.truncate(0)
            lock.write(f"process {os.getpid()} at {self.url}\n")
            lock.flush()
            yield

    def prepare(self) -> bool:
        """Write the configuration; return whether the database must be created or upgraded (then call `migrated`)."""
        self._write_configuration()
        marker = self.folder / _MIGRATED
        return not (marker.exists() and marker.read_text() == _version() and (self.folder / "airflow.db").exists())

    def migrated(self) -> None:
        """Record that the database has the version of the installed Airflow."""
        (self.folder / _MIGRATED).write_text(_version())

    def _write_configuration(self) -> None:
        path = self.folder / "airflow.cfg"
        old = configparser.ConfigParser(interpolation=None)
        old.read(path)
        config = configparser.ConfigParser(interpolation=None)
        config.read_dict(self._options(old))
        path.touch(mode=0o600, exist_ok=True)
        path.chmod(0o600)
        with path.open("w") as file:
            file.write("# Written by mempipe.orchestration.embedded at each start; holds secrets, do not share it.\n")
            config.write(file)

    def _options(self, old: configparser.ConfigParser) -> dict[str, dict[str, str]]:
        """Return Airflow's options, with the secrets of the first start.

        Intervals are short, because a user waits for each step. The pools, not the workers, bound concurrent tasks.
        """

        def secret(section: str, option: str, n_bytes: int) -> str:
            return old.get(section, option, fallback=None) or urlsafe_b64encode(secrets.token_bytes(n_bytes)).decode()

        return {
            "core": {
                "executor": "LocalExecutor",
                "dags_folder": str(self.dags),
                "plugins_folder": str(self.folder / "plugins"),
                "load_examples": "False",
                "parallelism": str(sum(POOLS.values())),
                "dags_are_paused_at_creation": "False",
                "simple_auth_manager_all_admins": "True",  # only this machine can connect, see [api] host
                "hostname_callable": "socket.gethostname",  # needs no name server
                "execution_api_server_url": f"{self.url}/execution/",
                "fernet_key": secret("core", "fernet_key", 32),
            },
            "database": {"sql_alchemy_conn": f"sqlite:///{self.folder / 'airflow.db'}", "check_migrations": "False"},
            "api": {
                "host": "127.0.0.1",
                "port": str(self.port),
                "base_url": self.url,
                "workers": "1",
                "secret_key": secret("api", "secret_key", 64),
            },
            "api_auth": {"jwt_secret": secret("api_auth", "jwt_secret", 64)},
            # A worker may notice the end of its task only at its next heartbeat.
            "workers": {"min_heartbeat_interval": "1"},
            "logging": {"base_log_folder": str(self.logs), "colored_console_log": "False"},
            "scheduler": {"scheduler_idle_sleep_time": "0.2"},
            "dag_processor": {
                "dag_bundle_config_list": json.dumps(
                    [
                        {
                            "name": "mempipe",
                            "classpath": "airflow.dag_processing.bundles.local.LocalDagBundle",
                            "kwargs": {"path": str(self.dags)},
                        }
                    ]
                ),
                "parsing_processes": "1",
                "bundle_refresh_check_interval": "1",
            },
        }


def _version() -> str:
    return importlib.metadata.version("apache-airflow-core")
