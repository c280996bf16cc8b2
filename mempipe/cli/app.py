"""The commands and their options; DAGs, scripts and documents rely on their names."""

from pathlib import Path
from typing import Annotated, Any, Final, Optional

import typer.main

import mempipe
from mempipe.cli.groups import CommandGroup
from mempipe.cli.options import (
    EstimatorOption,
    JsonOption,
    NameOption,
    ReleaseArgument,
    RequestOption,
    RunArgument,
    SpecArgument,
    StoreOption,
    TrialsOption,
)
from mempipe.cli.spans import parse_span
from mempipe.spans import Span
from mempipe.spec import MAX_TRIALS
from mempipe.spec.folder import spec_files
from mempipe.steps.progress import reporter

_EXPERIMENT: Final = "experiment"


class _Commands(CommandGroup):
    """The commands of this module, and the experiments' commands, which are loaded on first use."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Return the names of the commands."""
        return [*super().list_commands(ctx), _EXPERIMENT]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Return the command of this name, or None."""
        if cmd_name != _EXPERIMENT:
            return super().get_command(ctx, cmd_name)
        from mempipe.cli.experiment import experiments

        return typer.main.get_command(experiments)


app = typer.Typer(
    name="mempipe",
    cls=_Commands,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Memorization and influence scores of neural networks (Feldman & Zhang 2020), computed and published.",
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


def _print_version(value: bool) -> None:
    if value:
        print(f"mempipe {mempipe.__version__}")
        raise typer.Exit


@app.callback()
def global_options(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Parse the options before the command."""


@app.command()
def specs() -> None:
    """List the specs that come with mempipe, to run by name or to copy: each name and its file."""
    files = spec_files()
    width = max(map(len, files), default=0)
    for name, path in files.items():
        print(f"{name:{width}}  {path}")


@app.command()
def run(
    spec: SpecArgument,
    store: StoreOption,
    trials: TrialsOption = None,
    workers: Annotated[
        Optional[int],  # noqa: UP045
        typer.Option(min=1, metavar="N", help="Training processes at once; one for each core by default."),
    ] = None,
    name: NameOption = None,
) -> None:
    """Run the whole pipeline on this machine; the release's URI is the last line. Run it again to resume or extend."""
    from mempipe.steps.pipeline import run_pipeline

    print(run_pipeline(spec, store, trials=trials, n_workers=workers, name=name, reporter=reporter()))


@app.command()
def check(
    spec: SpecArgument,
    trials: TrialsOption = None,
    workers: Annotated[
        Optional[int],  # noqa: UP045
        typer.Option(min=1, metavar="N", help="Training processes to estimate for; one for each core by default."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Try a spec with a few tiny trials before it is run: is its trainer right, and what will the run take?"""
    from mempipe.cli.check import print_check

    print_check(spec, trials=trials, n_workers=workers, as_json=as_json)


@app.command()
def plan(
    spec: SpecArgument,
    store: StoreOption,
    trials: TrialsOption = None,
    add_trials: Annotated[
        Optional[int],  # noqa: UP045
        typer.Option(min=1, max=MAX_TRIALS, metavar="N", help="Instead of --trials: N more trials than are committed."),
    ] = None,
    chunk_size: Annotated[
        Optional[int],  # noqa: UP045
        typer.Option(min=1, metavar="C", help="Trials in a shard, for a new run."),
    ] = None,
    task_size: Annotated[
        Optional[int],  # noqa: UP045
        typer.Option(min=1, metavar="K", help="Chunks that one task trains."),
    ] = None,
    request: RequestOption = None,
) -> None:
    """Record a run and plan its missing trials; prints the run's URI."""
    from mempipe.steps.plan import PlanOptions
    from mempipe.steps.plan import plan as make_plan

    options = PlanOptions(trials, add_trials, chunk_size, task_size, request)
    print(make_plan(spec, store, options, reporter()).run.uri)


@app.command()
def train(
    run: RunArgument,
    trials: Annotated[
        Span, typer.Option(parser=parse_span, metavar="A:B", help="Train the missing trials among A to B - 1.")
    ],
) -> None:
    """Train missing trials of a run and commit their shards."""
    from mempipe.steps.train import train as train_span

    train_span(run, trials, reporter())


@app.command()
def validate(run: RunArgument, trials: TrialsOption = None) -> None:
    """Check every shard, move corrupt ones aside, plan their trials again; prints the report's URI."""
    from mempipe.runs import goal_of
    from mempipe.steps.validate import validate as validate_shards

    (report,) = validate_shards([goal_of(run, trials)], reporter())
    print(report.uri)


@app.command()
def aggregate(run: RunArgument, trials: TrialsOption = None) -> None:
    """Count the validated shards into exact integer tallies; prints their URI."""
    from mempipe.steps.aggregate import aggregate as count

    print(count(run, trials, reporter()))


@app.command()
def publish(
    run: RunArgument,
    name: NameOption = None,
    trials: TrialsOption = None,
    request: RequestOption = None,
    estimator: EstimatorOption = None,
) -> None:
    """Estimate the scores and publish them as an immutable release; prints its URI."""
    from mempipe.steps.publish import publish as publish_scores

    print(publish_scores(run, trials, name, reporter(), request=request, estimators=estimator or ()))


@app.command()
def score(
    subset_mask: Annotated[Path, typer.Option(metavar="M.npy", help="bool [trial, train]: which examples each saw.")],
    train_correct: Annotated[Path, typer.Option(metavar="C.npy", help="bool [trial, train]: correctness on train.")],
    test_correct: Annotated[Path, typer.Option(metavar="D.npy", help="bool [trial, test]: correctness on test.")],
    train_labels: Annotated[Path, typer.Option(metavar="L.npy", help="int [train].")],
    test_labels: Annotated[Path, typer.Option(metavar="K.npy", help="int [test].")],
    name: Annotated[str, typer.Option(help="Name of the release.")],
    out: Annotated[Path, typer.Option(metavar="DIR", help="A new folder, which becomes the release.")],
    influence: Annotated[str, typer.Option(help="`class`: pairs of one class; `full`: all pairs.")] = "class",
    estimator: EstimatorOption = None,
) -> None:
    """Score predictions of other software (PyTorch, JAX, …): writes a release to DIR."""
    from mempipe.steps.predictions import ScoreInputs
    from mempipe.steps.score import score as score_predictions

    inputs = ScoreInputs(subset_mask, train_correct, test_correct, train_labels, test_labels)
    estimators = estimator or ()
    print(
        score_predictions(inputs, name=name, out=out, influence=influence, estimators=estimators, reporter=reporter())
    )


@app.command()
def merge(
    releases: Annotated[list[str], typer.Argument(metavar="RELEASE...", help="Folders or URIs, two or more.")],
    name: Annotated[str, typer.Option(help="Name of the merged release.")],
    out: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(metavar="DIR", help="A new folder, which becomes the release."),
    ] = None,
    store: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(metavar="URI", help="Or the store that it is published in."),
    ] = None,
) -> None:
    """Merge releases that count different trials of one run, or of one data set; prints the merged one's URI."""
    from mempipe.steps.merge import merge_releases

    print(merge_releases(releases, name=name, out=out, store=store, reporter=reporter()))


@app.command()
def pairs(
    release: ReleaseArgument,
    mem: Annotated[float, typer.Option(min=-1, max=1, help="Least memorization of the train example.")] = 0.25,
    infl: Annotated[float, typer.Option(min=-1, max=1, help="Least influence on the test example.")] = 0.15,
    any_label: Annotated[bool, typer.Option("--any-label", help="Also pairs of different labels.")] = False,
    csv: Annotated[bool, typer.Option("--csv", help="Print comma-separated values.")] = False,
) -> None:
    """List the high-influence pairs of a release, or of a folder with the authors' npz files, at any thresholds."""
    from mempipe.cli.show import print_pairs

    print_pairs(release, mem=mem, infl=infl, same_label=not any_label, csv=csv)


@app.command()
def show(
    release: ReleaseArgument,
    top: Annotated[int, typer.Option(min=1, help="How many of the most memorized examples.")] = 10,
) -> None:
    """Show what a release, or a folder with the authors' npz files, holds, and its most memorized examples."""
    from mempipe.cli.show import print_summary

    print_summary(release, top=top)


@app.command()
def report(
    release: ReleaseArgument,
    out: Annotated[str, typer.Option(metavar="DIR", help="A new folder, which becomes the website; or a store's URI.")],
    data: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(
            metavar="PATH", help="Path or URI of the images (or a spec that names them); the release's by default."
        ),
    ] = None,
    images: Annotated[bool, typer.Option(help="Show images or texts of the examples; otherwise their numbers.")] = True,
    experiments: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(
            metavar="URI", help="Folder with results of the release's experiments; those in its store by default."
        ),
    ] = None,
) -> None:
    """Make a static website of a release, or of a folder with the authors' npz files; prints its first page."""
    from mempipe.report.upload import report_to

    print(report_to(release, out, data=data, images=images, experiments=experiments, reporter=reporter()))


@app.command()
def ls(
    store: Annotated[str, typer.Argument(metavar="STORE", help="Folder or gs:// URI of a store.")],
    as_json: JsonOption = False,
) -> None:
    """List the runs, releases and experiments' results of a store."""
    from mempipe.cli.catalog import print_store

    print_store(store, as_json=as_json)


@app.command()
def status(run: RunArgument, as_json: JsonOption = False) -> None:
    """Show the progress of a run: trials done and missing, rate, estimated end."""
    from mempipe.cli.catalog import print_status

    print_status(run, as_json=as_json)
