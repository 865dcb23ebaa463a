"""What comes from outside, made fit to be shown in a terminal."""


def printable(text: str) -> str:
    """The text without what would steer a terminal: anything that cannot be printed but line ends."""
    return "".join(c if c.isprintable() or c == "\n" else "\ufffd" for c in text)
