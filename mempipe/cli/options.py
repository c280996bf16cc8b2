"""Arguments and options that several commands have."""

from typing import Annotated, Optional

import typer

from mempipe.cli.spans import parse_span
from mempipe.spans import Span

SpecArgument = Annotated[
    str, typer.Argument(metavar="SPEC", help="Path or URI of a spec (YAML), or a name that `mempipe specs` lists.")
]
RunArgument = Annotated[str, typer.Argument(metavar="RUN", help="The run's URI, as `mempipe plan` printed it.")]
ReleaseArgument = Annotated[str, typer.Argument(metavar="RELEASE", help="Folder or URI of a release, or of its name.")]
StoreOption = Annotated[str, typer.Option("--store", metavar="URI", help="Folder or gs:// URI that keeps everything.")]
TrialsOption = Annotated[
    Optional[Span],  # noqa: UP045 - typer reads the annotation
    typer.Option(
        "--trials",
        parser=parse_span,
        metavar="T|A:B",
        help="The first T trials, or A to B - 1; the spec's (or the plan's) by default.",
    ),
]
NameOption = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option("--name", help="Name of the release; the spec's by default."),
]

RequestOption = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option(metavar="ID", help="Remember the answer as requests/ID.json in the store."),
]

EstimatorOption = Annotated[
    Optional[list[str]],  # noqa: UP045
    typer.Option("--estimator", metavar="NAME", help="Score also with this estimator; may be given several times."),
]

JsonOption = Annotated[bool, typer.Option("--json", help="Print a JSON document.")]
