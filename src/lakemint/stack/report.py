"""How `up` and `down` tell what they do. This one is silent; the command line draws."""


class Report:
    """Called from several threads."""

    def begin(self, step: str) -> None:
        """A step starts."""

    def note(self, step: str, note: str) -> None:
        """What the step is waiting for."""

    def advance(self, step: str, done: int, total: int) -> None:
        """How far a download is, in bytes."""

    def end(self, step: str, result: str) -> None:
        """The step is done."""
