"""Training code of one's own, in an image of one's own: training pods run it, and nothing else changes."""

import os
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from tests.cluster.estimates import DAG_ID, estimate
from tests.cluster.installation import OWN_IMAGE, Images, Installation
from tests.command import mempipe, run_folder, score_files

pytestmark = pytest.mark.cluster

EXAMPLE = Path(__file__).parents[2] / "images" / "own-trainer"
CHUNKS = 4


def spec() -> dict[str, Any]:
    """Return the example's spec, with trials so long that the test meets a pod at work."""
    example = yaml.safe_load((EXAMPLE / "spec.yaml").read_text())
    example["trainer"]["params"]["epochs"] = 60
    return example | {"trials": 40, "chunk_size": 10, "task_size": 2}


def release_of_one_machine(folder: Path) -> Path:
    """Return the release that the command line makes of the spec here."""
    (folder / "spec.yaml").write_text(yaml.safe_dump(spec()))
    done = mempipe("run", folder / "spec.yaml", "--store", folder / "store", "--workers", "1", timeout=600)
    return Path(done.stdout.splitlines()[-1])


def pods_with(airflow: Installation, image: str) -> set[str]:
    """Return the pods that ever started a container of an image, from the events of their namespace."""
    events = airflow.training.items("event")
    pulled = [event for event in events if event.get("reason") == "Pulled" and f'"{image}"' in event["message"]]
    return {event["involvedObject"]["name"] for event in pulled}


def test_a_killed_and_resumed_release_has_the_bytes_of_one_machine(
    airflow: Installation, images: Images, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with estimate(airflow, spec(), image=OWN_IMAGE) as started:
        killed = started.wait_for_pods(1)[0]["metadata"]["name"]
        airflow.training.delete("pod", killed, now=True)
        tasks = started.wait_for_training()
        assert [task.try_number for task in tasks] == [1, 1]
        assert sum(started.log(task).count("Replacing it within this try (1 of ") for task in tasks) == 1
        assert len(started.commits()) == CHUNKS
        assert started.wait() == "success"
        assert killed in started.pods_started()
        assert pods_with(airflow, images.own) == set(started.pods_started())  # no step but training

    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(EXAMPLE), *filter(None, [os.environ.get("PYTHONPATH")])]))
    expected = release_of_one_machine(tmp_path)
    run = started.run()
    shards = {path.name: path.read_bytes() for path in run_folder(tmp_path / "store").glob("shards/*.npz")}
    assert len(shards) == CHUNKS
    assert {name: run.store.read(f"shards/{name}") for name in shards} == shards
    release = airflow.store.store(f"store/releases/{spec()['name']}/{expected.name}")
    files = score_files(expected)
    assert {name: release.read(name) for name in files} == files


def test_an_image_that_the_chart_does_not_name_is_refused(airflow: Installation, images: Images) -> None:
    """Also one that the cluster could run."""
    with pytest.raises(httpx.HTTPStatusError) as error:
        airflow.api.trigger(DAG_ID, {"image": images.own})
    assert error.value.response.status_code in {400, 422}
    assert "is not one of ['default', 'digits-network']" in error.value.response.text
