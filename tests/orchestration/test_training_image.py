"""The image of training pods is chosen by name, from those that the settings allow, and for training alone."""

from types import SimpleNamespace

import pytest

pytest.importorskip("kubernetes")

from airflow.sdk import DAG
from airflow.sdk.definitions.mappedoperator import MappedOperator
from airflow.sdk.exceptions import ParamValidationError

from mempipe.orchestration.airflow_dags import Settings, estimate_scores, experiments, last_layer
from mempipe.orchestration.settings import Execution

USUAL, STEPS = "registry/mempipe-trainer:1.0", "registry/mempipe-steps:1.0"
OWN = {"torch": "registry/torch@sha256:" + "0" * 64, "jax": "registry:5000/team/jax:7"}


def settings(**changes: object) -> Settings:
    train = {"images": OWN} | changes
    return Settings(execution="kubernetes", image=USUAL, cpu={"image": STEPS}, train=train)


def images_of(dag: DAG, choice: str | None) -> dict[str, str]:
    """Return the images of the pods of a DAG run whose form has this choice, by task."""
    params = dag.params.dump() | ({"image": choice} if choice else {})
    images = {}
    for task in dag.tasks:
        pod = task.unmap({"arguments": ["train"]}) if isinstance(task, MappedOperator) else task
        if pod.task_type == "MempipePodOperator":
            context = {"params": params, "ti": SimpleNamespace(xcom_pull=lambda **_: {})}
            images[task.task_id] = pod.render_template(pod.image, context, dag.get_template_env())
    return images


@pytest.mark.parametrize(("choice", "image"), [(None, USUAL), ("default", USUAL), *OWN.items()])
def test_the_form_chooses_the_image_of_training_pods_alone(choice: str | None, image: str) -> None:
    dags = [estimate_scores(settings=settings()), experiments(settings=settings())["experiment_marginal_utility"]]
    for dag in dags:
        images = images_of(dag, choice)
        train = {task for task, found in images.items() if found != STEPS}
        assert train == {"train", "train_again"}
        assert {images[task] for task in train} == {image}


def test_the_usual_image_is_that_of_the_training_pool() -> None:
    dag = estimate_scores(settings=settings(image="registry/cuda:1.0"))
    assert images_of(dag, "default")["train"] == "registry/cuda:1.0"


@pytest.mark.parametrize("choice", ["registry/any:1", OWN["torch"], "", "Torch", None])
def test_no_other_image_can_be_chosen(choice: str | None) -> None:
    dag = estimate_scores(settings=settings())
    with pytest.raises(ParamValidationError):
        dag.params.get_param("image").resolve(choice)


def test_without_a_choice_there_is_no_field() -> None:
    """Nor where processes train: they have no image."""
    for setup in (settings(images={}), Settings(execution=Execution.LOCAL, train={"images": OWN})):
        assert "image" not in estimate_scores(settings=setup).params
    assert images_of(estimate_scores(settings=settings(images={})), None)["train"] == USUAL


def test_what_trains_nothing_or_only_built_in_models_has_no_field() -> None:
    dags = experiments(settings=settings())
    having = {dag_id for dag_id, dag in dags.items() if "image" in dag.params}
    assert having == {dag_id for dag_id, dag in dags.items() if dag.has_task("train")}
    assert "image" not in last_layer(settings=settings()).params
