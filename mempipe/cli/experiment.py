"""`mempipe experiment`: one command for each experiment of the registry, with the options of its `Params`."""

import inspect
from collections.abc import Callable
from typing import Annotated, Any, Final, Optional, get_origin

import typer.main
import yaml
from pydantic import BaseModel

from mempipe.cli.groups import CommandGroup
from mempipe.errors import InputError
from mempipe.experiments.registry import experiment, loadable
from mempipe.spec import MAX_TRIALS
from mempipe.steps.progress import reporter


class _Experiments(CommandGroup):
    """The steps, and a command for each experiment, which is made on first use."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Return the names of the steps, then of the experiments."""
        return [*super().list_commands(ctx), *loadable()]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Return a command.

        Raises:
            InputError: there is no step and no experiment of this name.
        """
        return super().get_command(ctx, cmd_name) or _experiment_command(cmd_name)


experiments = typer.Typer(
    name="experiment",
    cls=_Experiments,
    help="The paper's experiments on a release; each prints the URI of its result, which the report then shows.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
)

Release = Annotated[
    str,
    typer.Argument(
        metavar="RELEASE",
        help="Folder or URI of a release, or of its name; a folder of the authors' files where no model is trained.",
    ),
]
Store = Annotated[
    Optional[str],  # noqa: UP045 - typer reads the annotation
    typer.Option("--store", metavar="URI", help="Keeps runs and results; the store of the release by default."),
]
Data = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option("--data", metavar="YAML", help="Where the data set lies now: the `data` of a spec, as YAML."),
]
Workers = Annotated[
    Optional[int],  # noqa: UP045
    typer.Option("--workers", min=1, metavar="N", help="Training processes at once; one for each core by default."),
]
_COMMON: Final = {"release": Release, "store": Store, "data": Data, "workers": Workers}


@experiments.command()
def plan(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Which experiment.")],
    release: Release,
    params: Annotated[str, typer.Option(metavar="YAML", help="Its parameters, as a mapping.")] = "{}",
    store: Store = None,
    data: Data = None,
    request: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(metavar="ID", help="Remember where the plan is as requests/ID.json in the store."),
    ] = None,
) -> None:
    """Plan the runs that an experiment needs, for training elsewhere; prints the plan's URI."""
    from mempipe.steps.experiment import ExperimentConfig, plan_experiment

    config = ExperimentConfig(name, release, _mapping("--params", params), store, _optional_mapping("--data", data))
    print(plan_experiment(config, reporter(), request=request))


@experiments.command()
def validate(plan: Annotated[str, typer.Argument(metavar="PLAN", help="URI that `plan` printed.")]) -> None:
    """Check its runs' shards, move corrupt ones aside, plan their trials again; prints the number of missing trials."""
    from mempipe.steps.experiment import validate_experiment

    print(validate_experiment(plan, reporter()))


@experiments.command()
def finish(
    plan: Annotated[str, typer.Argument(metavar="PLAN", help="URI that `plan` printed.")],
    request: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(metavar="ID", help="Remember where the result is as requests/ID.json in the store."),
    ] = None,
) -> None:
    """Compute the result of a planned experiment from its trained runs; prints the result's URI."""
    from mempipe.steps.experiment import finish_experiment

    print(finish_experiment(plan, reporter(), request=request))


@experiments.command()
def features(
    release: Release,
    trials: Annotated[
        Optional[int],  # noqa: UP045
        typer.Option(min=1, max=MAX_TRIALS, metavar="T", help="Linear models; as many as the release has by default."),
    ] = None,
    epochs: Annotated[int, typer.Option(min=1, metavar="E", help="Epochs of each linear model.")] = 40,
    trial: Annotated[
        int, typer.Option(min=0, max=MAX_TRIALS - 1, metavar="K", help="The trial whose seeds the model has.")
    ] = 0,
    store: Store = None,
    data: Data = None,
    request: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(metavar="ID", help="Remember where the spec is as requests/ID.json in the store."),
    ] = None,
) -> None:
    """Train one model on all examples and store its last layer's inputs; prints the URI of a spec of linear models."""
    from mempipe.steps.features import FeatureOptions, write_features

    options = FeatureOptions(trial, trials, epochs, store, _optional_mapping("--data", data), request)
    print(write_features(release, options, reporter()))


def _experiment_command(name: str) -> Any:
    kind = experiment(name)
    single = typer.Typer(add_completion=False, rich_markup_mode=None)
    single.command(name, help=f"{kind.TITLE} ({kind.PAPER}).")(_function(name, kind.Params))
    return typer.main.get_command(single)


def _function(name: str, params: type[BaseModel]) -> Callable[..., None]:
    """Return a function whose signature, which typer reads, has one option for each parameter."""
    lists = {key for key, field in params.model_fields.items() if get_origin(field.annotation) is tuple}

    def run(release: str, store: str | None, data: str | None, workers: int | None, **options: str | None) -> None:
        from mempipe.steps.experiment import ExperimentConfig, run_experiment

        values = {key: _value(key, text, many=key in lists) for key, text in options.items() if text is not None}
        config = ExperimentConfig(name, release, values, store, _optional_mapping("--data", data))
        print(run_experiment(config, reporter(), n_workers=workers))

    annotations: dict[str, Any] = dict(_COMMON)
    for key, field in params.model_fields.items():
        help_text = f"{field.description} Default: {_to_yaml(field.get_default(call_default_factory=True))}."
        annotations[key] = Annotated[Optional[str], typer.Option(_option(key), metavar="YAML", help=help_text)]  # noqa: UP045
    positional = inspect.Parameter.POSITIONAL_OR_KEYWORD
    run.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [
            inspect.Parameter(
                key,
                positional,
                annotation=annotation,
                default=inspect.Parameter.empty if key == "release" else None,
            )
            for key, annotation in annotations.items()
        ]
    )
    run.__annotations__ = annotations
    return run


def _option(key: str) -> str:
    return "--" + key.replace("_", "-")


def _to_yaml(value: Any) -> str:
    plain = list(value) if isinstance(value, tuple) else value
    return yaml.safe_dump(plain, default_flow_style=True, width=2**20).split("\n")[0]


def _value(key: str, text: str, *, many: bool) -> Any:
    """Return an option's value; a list may be YAML, values with commas between them (`0.1,0.2`), or one value."""
    try:
        value = yaml.safe_load(text)
        if many and isinstance(value, str):
            value = [yaml.safe_load(part) for part in value.split(",")]
        elif many and not isinstance(value, list):
            value = [value]
    except yaml.YAMLError as error:
        raise InputError(
            f"Option cannot be read: {_option(key)} is {text!r}, expected a value or a list in YAML.",
            hint="write numbers as 0.5, lists as 0.1,0.2 or '[0.1, 0.2]'.",
        ) from error
    return value


def _optional_mapping(option: str, text: str | None) -> dict[str, Any] | None:
    return None if text is None else _mapping(option, text)


def _mapping(option: str, text: str) -> dict[str, Any]:
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError:
        value = None
    if not isinstance(value, dict):
        raise InputError(
            f"Option cannot be read: {option} is {text!r}, expected a mapping in YAML.",
            hint="write it as '{name: mnist, path: /data/mnist.npz}'.",
        )
    return value
