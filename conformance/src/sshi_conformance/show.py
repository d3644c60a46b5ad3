"""Values of a comparison as a person reads them: short, text where it is text, with the place where they part."""

from __future__ import annotations

from collections.abc import Mapping

from sshi.host.outcome import Exhausted, Outcome, Rejected, Returned, Reverted, Trapped

_SHOWN = 48


def outcome_text(outcome: Outcome) -> str:
    """An outcome in the interface's notation."""
    match outcome:
        case Returned(data):
            return f"returned {bytes_text(data)}" if data else "returned"
        case Reverted(message):
            return "reverted (no text)" if message is None else f"reverted {message!r}"
        case Trapped(trap, among, detail):
            kinds = f": {' or '.join(among)}" if among else ""
            return f"trapped({trap}{kinds})" + (f" [{detail[:120]}]" if detail else "")
        case Exhausted(what, detail):
            return f"exhausted({what})" + (f" [{detail[:120]}]" if detail else "")
        case Rejected(reason, detail):
            return f"rejected({reason})" + (f" [{detail[:120]}]" if detail else "")


def plain(text: str) -> str:
    """Text that a contract or a chain may have written, without anything that a terminal would obey."""
    return "".join(each if each.isprintable() else " " if each == "\n" else "\N{REPLACEMENT CHARACTER}" for each in text)


def bytes_text(data: bytes, at: int = 0) -> str:
    """Bytes as text when they are printable, else hexadecimal; a window around `at` when they are many."""
    start = max(0, at - 8) if len(data) > _SHOWN else 0
    part = data[start : start + _SHOWN]
    plain = bool(part) and part.isascii() and part.decode("ascii").isprintable()
    body = f"utf8:{part.decode('ascii')}" if plain else f"hex:{part.hex()}"
    before, after = "…" if start else "", "…" if start + _SHOWN < len(data) else ""
    return f"{before}{body}{after}" + (f" ({len(data):,} bytes)" if before or after else "")


def value_text(value: bytes | None) -> str:
    """A stored value."""
    return "absent" if value is None else bytes_text(value)


def topics_text(events: tuple[tuple[str, bytes], ...]) -> str:
    """How many events, and their topics."""
    return f"{len(events)}: {', '.join(topic for topic, _ in events[:8])}{', …' if len(events) > 8 else ''}" if events else "none"


def transfers_text(transfers: tuple[tuple[str, int], ...]) -> str:
    """Amounts and recipients."""
    return ", ".join(f"{number:,} to {name}" for name, number in transfers) or "none"


def balances_text(balances: Mapping[str, int]) -> str:
    """Signed changes by name."""
    return ", ".join(f"{name} {change:+,}" for name, change in sorted(balances.items())) or "none"
