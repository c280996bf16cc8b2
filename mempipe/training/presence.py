"""Whether this machine has what a spec's trainer needs; loads neither TensorFlow nor code of the user."""

import os
import shutil
import sys
from importlib.machinery import ModuleSpec, PathFinder
from importlib.util import find_spec
from pathlib import Path

from mempipe.errors import InputError
from mempipe.spec import Own, Spec


def absence(spec: Spec) -> InputError | None:
    """Return what this machine lacks to train a spec's trials, or None."""
    trainer = spec.trainer
    if not isinstance(trainer, Own):
        if find_spec("tensorflow") and find_spec("keras"):
            return None
        return _error(spec, f"trainer.kind is {trainer.kind} and TensorFlow is missing", "pip install 'mempipe[train]'")
    if trainer.entry:
        package = trainer.entry.split(":")[0].split(".")[0]
        if _is_importable(package):
            return None
        hint = "install its package, or put the folder that holds it on PYTHONPATH"
        if package == "__main__":
            hint = "give the function itself: mempipe.run(spec, store=..., trainer=function)"
        elif PathFinder.find_spec(package, [str(Path.cwd())]):
            hint = "it is in the working folder, which is not searched; put PYTHONPATH=. before the command"
        return _error(spec, f"trainer.entry is {trainer.entry} and module {package} is missing", hint)
    program, *arguments = trainer.command
    if shutil.which(program) is None:
        hint = "give an absolute path, or put its folder on PATH"
        return _error(spec, f"trainer.command is {program}, which is missing or cannot be executed", hint)
    # The program runs in the trial's folder.
    for name in [program] * (os.sep in program) + arguments:
        if not Path(name).is_absolute() and Path(name).is_file():
            hint = f"give its absolute path, {Path(name).absolute()}"
            return _error(spec, f"trainer.command has {name}, which is not in the folder of a trial", hint)
    return None


def _is_importable(package: str) -> bool:
    """Return whether a process that does not look for modules in the working folder finds this one."""
    if package == "__main__":
        return False  # the script or notebook that runs here; in another process it is another one
    places = [str(Path(place).absolute()) for place in os.environ.get("PYTHONPATH", "").split(os.pathsep) if place]
    if PathFinder.find_spec(package, places):
        return True
    try:
        found = find_spec(package)
    except ValueError:  # a module of this process that was made without a file
        return False
    installed = sys.path if sys.flags.safe_path else sys.path[1:]
    return found is not None and (_folder(found) != Path.cwd() or str(Path.cwd()) in installed)


def _folder(found: ModuleSpec) -> Path | None:
    """Return the folder in which a module or package lies."""
    places = found.submodule_search_locations
    where = next(iter(places), None) if places else found.origin
    return Path(where).absolute().parent if where else None


def _error(spec: Spec, problem: str, hint: str) -> InputError:
    return InputError(
        f"Trainer cannot be started here: {spec.name} {problem}, expected it on this machine.", hint=f"{hint}."
    )
