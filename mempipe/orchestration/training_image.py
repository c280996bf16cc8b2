"""The image of a DAG run's training pods: its form chooses one of the images that the settings name."""

import json
from typing import Any, Final

from airflow.sdk import Param

from mempipe.orchestration.settings import DEFAULT_IMAGE, Execution, Settings

_FIELD: Final = "image"


def image_params(settings: Settings) -> dict[str, Param]:
    """Return the form's field `image`; none where there is nothing to choose from.

    The field takes names, not images: whoever may trigger a DAG run may not run any image for that reason.
    """
    if not _choices(settings):
        return {}
    text = (
        f"Image of the training pods, for a trainer of your own. {DEFAULT_IMAGE}: the installation's. "
        "An administrator adds others (chart: images.own)."
    )
    names = [DEFAULT_IMAGE, *sorted(settings.train.images)]
    return {_FIELD: Param(DEFAULT_IMAGE, type="string", enum=names, title="Training image", description=text)}


def image_options(settings: Settings) -> dict[str, Any]:
    """Return the arguments of a training task that give its pods the image of the form's choice; templated."""
    choices = _choices(settings)
    if not choices:
        return {}
    images = {DEFAULT_IMAGE: settings.train.image or settings.image, **choices}
    return {"image": f"{{{{ {json.dumps(images)}[params.{_FIELD}] }}}}"}


def _choices(settings: Settings) -> dict[str, str]:
    """Return the images by name; a local process has none."""
    return settings.train.images if settings.execution is Execution.KUBERNETES else {}
