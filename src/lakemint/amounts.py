"""Amounts as people read them."""

_EIGHTHS = " ▏▎▍▌▋▊▉"


def bar(share: float, width: int) -> str:
    """A bar of `width` characters for a share of 1, to the eighth of a character."""
    eighths = round(max(0.0, min(1.0, share)) * width * 8)
    full, rest = divmod(eighths, 8)
    return ("█" * full + (_EIGHTHS[rest] if rest else "")).ljust(width)


def size(count: int) -> str:
    """Bytes, to two digits at least: `950 B`, `9.5 kB`, `812 MB`, `1,234 GB`."""
    for unit, one in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if count >= one:
            return f"{count / one:,.{0 if count >= 10 * one else 1}f} {unit}"
    return f"{count} B"
