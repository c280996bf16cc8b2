"""Stores that fail, race or tell what was done to them."""

from collections.abc import Callable
from pathlib import Path

from mempipe.errors import StoreUnavailableError
from mempipe.storage import Commit, Store
from mempipe.storage.memory import MemoryStore


class Killed(BaseException):
    """The process ends here."""


class FaultyStore(MemoryStore):
    """Memory whose `create` number `fail_at` (over all its children) kills the publisher.

    Attributes:
        creations: keys of all creations, in order; shared with the children.
    """

    def __init__(
        self,
        name: str,
        prefix: str = "",
        *,
        fail_at: int | None = None,
        after: bool = False,
        creations: list[str] | None = None,
    ) -> None:
        super().__init__(name, prefix)
        self._args = (name, prefix)
        self._fail_at = fail_at
        self._after = after
        self.creations: list[str] = [] if creations is None else creations
        self.before_replace: Callable[[], None] | None = None

    def create(self, key: str, content: bytes | Path) -> Commit:
        """Fail before or after the object is written."""
        self.creations.append(key)
        dies = len(self.creations) - 1 == self._fail_at
        if dies and not self._after:
            raise Killed
        outcome = super().create(key, content)
        if dies:
            raise Killed
        return outcome

    def replace(self, key: str, content: bytes, *, generation: str | None) -> str:
        """Let somebody else act first."""
        if self.before_replace is not None:
            act, self.before_replace = self.before_replace, None
            act()
        return super().replace(key, content, generation=generation)

    def child(self, prefix: str) -> "FaultyStore":
        """Return a child that shares the faults."""
        name, own = self._args
        full = f"{own}/{prefix}" if own else prefix
        return FaultyStore(name, full, fail_at=self._fail_at, after=self._after, creations=self.creations)


class BrokenStore(MemoryStore):
    """Memory that cannot be reached."""

    def read(self, key: str) -> bytes:
        """Fail."""
        raise StoreUnavailableError(f"Object cannot be read: {self.uri}/{key}.", hint="try again.")


def objects(store: Store) -> dict[str, bytes]:
    """Return every object by key."""
    return {info.key: store.read(info.key) for info in store.list()}
