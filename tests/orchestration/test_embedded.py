"""The embedded Airflow's folder, ports, processes and views, without starting an Airflow."""

import configparser
import multiprocessing
import os
import socket
import stat
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from rich.console import Console

from mempipe.orchestration.embedded.api import Api, TaskState
from mempipe.orchestration.embedded.components import Component, Components, free_port, wait_for
from mempipe.orchestration.embedded.demo import log_lines, log_path
from mempipe.orchestration.embedded.home import AlreadyRunningError, EmbeddedAirflowError, Home
from mempipe.orchestration.embedded.progress import RunView, summarize


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(folder=tmp_path / "airflow", dags=tmp_path / "dags", specs=tmp_path / "specs", store="/s", port=1)


def configuration(home: Home) -> configparser.ConfigParser:
    config = configparser.ConfigParser(interpolation=None)
    config.read(home.folder / "airflow.cfg")
    return config


def test_the_package_imports_no_airflow():
    program = "import sys, mempipe.orchestration.embedded.__main__; print('airflow' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False"]


def test_secrets_are_made_once_and_kept_private(home: Home):
    with home.locked():
        home.prepare()
        first = configuration(home)
        home.prepare()
    assert stat.S_IMODE((home.folder / "airflow.cfg").stat().st_mode) == 0o600
    secrets = [("core", "fernet_key"), ("api", "secret_key"), ("api_auth", "jwt_secret")]
    values = [first.get(*option) for option in secrets]
    assert len(set(values)) == 3
    assert all(len(value) >= 44 for value in values)
    assert values == [configuration(home).get(*option) for option in secrets]


def test_only_this_machine_can_reach_it(home: Home):
    with home.locked():
        home.prepare()
    config = configuration(home)
    assert config["api"]["host"] == "127.0.0.1"
    assert config["api"]["base_url"] == "http://127.0.0.1:1"
    assert config["core"]["load_examples"] == "False"


def test_the_database_is_made_once(home: Home):
    with home.locked():
        assert home.prepare()
        assert home.prepare()  # it was not confirmed
        (home.folder / "airflow.db").touch()
        home.migrated()
        assert not home.prepare()
        (home.folder / "migrated").write_text("3.0.0")
        assert home.prepare()  # another version of Airflow


def test_another_airflow_has_no_influence(home: Home, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AIRFLOW__CORE__EXECUTOR", "KubernetesExecutor")
    monkeypatch.setenv("AIRFLOW_CONFIG", "/etc/airflow.cfg")
    monkeypatch.setenv("MEMPIPE_EXECUTION", "kubernetes")
    monkeypatch.setenv("MEMPIPE_CACHE", "/cache")
    environment = home.environment()
    assert [name for name in environment if name.startswith("AIRFLOW")] == ["AIRFLOW_HOME"]
    assert environment["MEMPIPE_EXECUTION"] == "local"
    assert environment["MEMPIPE_CACHE"] == "/cache"
    assert environment["MEMPIPE_STORE"] == "/s"
    assert environment["MEMPIPE_AUTOMATIC"] == "True"
    assert replace(home, automatic=False).environment()["MEMPIPE_AUTOMATIC"] == "False"  # the demo ends before them


def hold(home: Home, held: "multiprocessing.synchronize.Event", over: "multiprocessing.synchronize.Event") -> None:
    with home.locked():
        held.set()
        over.wait(20)


def test_one_at_a_time(home: Home):
    spawn = multiprocessing.get_context("spawn")
    held, over = spawn.Event(), spawn.Event()
    other = spawn.Process(target=hold, args=(home, held, over))
    other.start()
    assert held.wait(20)
    with pytest.raises(AlreadyRunningError, match=rf"process {other.pid} at http://127.0.0.1:1"), home.locked():
        pass
    over.set()
    other.join(20)
    with home.locked():
        pass


def test_a_port_that_is_taken_is_avoided():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        assert free_port(port) != port
    assert free_port(port) == port


def component(tmp_path: Path, program: str) -> Component:
    log = tmp_path / "scheduler.log"
    with log.open("wb") as output:
        process = subprocess.Popen([sys.executable, "-c", program], stdout=output, start_new_session=True)
    return Component("scheduler", log, process)


def test_a_component_that_ends_with_an_error_is_told(tmp_path: Path):
    components = Components([component(tmp_path, "print('no database'); raise SystemExit(3)")])
    with pytest.raises(EmbeddedAirflowError, match=r"(?s)scheduler ended with code 3:.*no database"):
        wait_for(lambda: False, components, what="starting", seconds=20)
    components.stop()


def test_waiting_has_an_end(tmp_path: Path):
    components = Components([component(tmp_path, "import time; time.sleep(60)")])
    with pytest.raises(EmbeddedAirflowError, match="starting took more than 0 s"):
        wait_for(lambda: False, components, what="starting", seconds=0.2)
    components.stop()
    assert components.running[0].process.returncode is not None


def test_stopping_ends_what_the_components_started(tmp_path: Path):
    program = (
        "import subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'], start_new_session=True)\n"
        "print(child.pid, flush=True)\n"
        "time.sleep(60)"
    )
    components = Components([component(tmp_path, program)])
    log = components.running[0].log
    wait_for(lambda: bool(log.read_text().strip()), components, what="its child", seconds=20)
    child = int(log.read_text())
    assert components.memory() > 0
    components.stop()
    with pytest.raises(ProcessLookupError):
        os.kill(child, 0)
    assert components.peak_bytes > 0


TASK = TaskState("train", 0, "0:100", "failed", 2, datetime.now(UTC), 3.0)


def test_the_log_of_a_task_is_found_and_read(home: Home):
    path = log_path(home, "run", TASK)
    assert path == home.logs / "dag_id=estimate_scores/run_id=run/task_id=train/map_index=0/attempt=2.log"
    assert log_lines(path) == []
    path.parent.mkdir(parents=True)
    path.write_text('{"event": "Error: no space", "level": "info"}\nplain text\n{"other": 1}\n')
    assert log_lines(path) == ["Error: no space", "plain text", '{"other": 1}']
    assert "map_index" not in str(log_path(home, "run", replace(TASK, map_index=-1)))


@pytest.mark.parametrize("n_tasks", [0, 100, 230])
def test_the_tasks_of_a_large_run_are_read_page_by_page(n_tasks: int):
    """Airflow gives at most 100 at once."""
    item = {"task_id": "train", "rendered_map_index": None, "state": None, "try_number": 0}
    items = [item | {"map_index": index, "start_date": None, "duration": None} for index in range(n_tasks)]
    urls: list[httpx.URL] = []

    def answer(request: httpx.Request) -> httpx.Response:
        urls.append(request.url)
        begin, limit = int(request.url.params["offset"]), min(100, int(request.url.params["limit"]))
        return httpx.Response(200, json={"task_instances": items[begin : begin + limit], "total_entries": n_tasks})

    tasks = Api("http://airflow", transport=httpx.MockTransport(answer)).tasks("estimate_scores", "run")
    assert [task.map_index for task in tasks] == list(range(n_tasks))
    assert {url.path for url in urls} == {"/api/v2/dags/estimate_scores/dagRuns/run/taskInstances"}
    assert len(urls) == max(1, -(-n_tasks // 100))


def test_states_in_words():
    assert summarize(["success"]) == "success"
    assert summarize([None]) == "waiting"
    assert summarize(["success", "success", "running"]) == "2 success, 1 running"


@pytest.mark.parametrize("terminal", [False, True])
def test_progress_is_shown_once_a_change(terminal: bool):
    with (
        Console(record=True, width=100, force_terminal=terminal, file=Path(os.devnull).open("w")) as console,
        RunView(console, ("plan", "train", "announce"), trials=200) as view,
    ):
        for _ in range(3):
            view.update([replace(TASK, state="running"), replace(TASK, map_index=1, state=None)], 100)
        view.update([replace(TASK, state="success"), replace(TASK, map_index=1, state="running")], 150)
    text = console.export_text()
    console.file.close()
    assert "150 of 200 committed" in text
    if not terminal:
        lines = [line.split("s  ")[1] for line in text.splitlines()]
        assert lines == [
            "train: 1 running, 1 waiting",
            "trials: 100 of 200 committed",
            "train: 1 success, 1 running",
            "trials: 150 of 200 committed",
        ]
