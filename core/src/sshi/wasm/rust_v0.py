"""Names as rustc mangles them by now: `_R` and a path.

Printed as `rustc-demangle` prints them in its short form: crate disambiguators and the types of constants are left out, for the names
are for people.  Source: RFC 2603, and the rustc book, "v0 Symbol Format".
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

_NUMBER = re.compile(r"0|[1-9]\d*")
_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
_BASIC = {
    "b": "bool", "c": "char", "e": "str", "u": "()", "a": "i8", "s": "i16", "l": "i32", "x": "i64", "n": "i128", "i": "isize",
    "h": "u8", "t": "u16", "m": "u32", "y": "u64", "o": "u128", "j": "usize", "f": "f32", "d": "f64", "z": "!", "p": "_", "v": "...",
}  # fmt: skip
_SIZED = {"C3f16": "f16", "C4f128": "f128"}
"""Basic types that came after the letters ran out; they stand where a crate would."""
_UNSIGNED, _SIGNED = "htmyoj", "aslxni"
_ESCAPES = {"\0": r"\0", "\t": r"\t", "\r": r"\r", "\n": r"\n", "\\": r"\\"}
_ANY = "'_"
"""A lifetime that no binder declares."""
_LONGEST = 4_000
_DEEPEST = 100


class NotRust(Exception):
    """No such name after all."""


def demangle_v0(name: str) -> str:
    """The name for a person; NotRust when it is none."""
    try:
        reader = _Reader(name)
        text = reader.path(in_value=True)
        if reader.rest()[:1].isupper():
            reader.path(in_value=True)  # the crate that asked for this instance
    except (IndexError, ValueError, OverflowError) as error:
        raise NotRust from error
    if reader.rest()[:1] not in ("", "."):
        raise NotRust
    return text + reader.rest()


class _Reader:
    """A reader of one `_R` name; every method reads from where it stands."""

    def __init__(self, name: str) -> None:
        self._text = name[2:]
        self._at = 0
        self._depth = 0
        self._bound = 0
        """Lifetimes that the binders around here declare."""
        self._left = _LONGEST

    def rest(self) -> str:
        """What was not read."""
        return self._text[self._at :]

    def path(self, *, in_value: bool) -> str:
        """A path; where values stand, its arguments come after another `::`."""
        return self._nested(lambda: self._path(in_value=in_value))

    def _path(self, *, in_value: bool) -> str:
        match self._next():
            case "C":
                return self._identifier()[1]
            case "N":
                space = self._next()
                parent = self.path(in_value=in_value)
                number, name = self._identifier()
                if space.isupper():
                    kind = {"C": "closure", "S": "shim"}.get(space, space)
                    return f"{parent}::{{{kind}{':' + name if name else ''}#{number}}}"
                return f"{parent}::{name}" if name else parent
            case "M":
                self._impl_path()
                return f"<{self._type()}>"
            case "X":
                self._impl_path()
                return f"<{self._type()} as {self.path(in_value=False)}>"
            case "Y":
                return f"<{self._type()} as {self.path(in_value=False)}>"
            case "I":
                return f"{self.path(in_value=in_value)}{'::' * in_value}<{', '.join(self._until_end(self._argument))}>"
            case "B":
                return self._back(lambda: self.path(in_value=in_value))
            case _:
                raise NotRust

    def _impl_path(self) -> None:
        """Where the `impl` block stands, which its own name does not say."""
        self._disambiguator()
        self.path(in_value=False)

    # -- types ---------------------------------------------------------------------------------------------------------------------

    def _type(self) -> str:
        return self._nested(self._read_type)

    def _read_type(self) -> str:
        tag = self._next()
        if tag in _BASIC:
            return self._spend(_BASIC[tag])
        match tag:
            case "A":
                return f"[{self._type()}; {self._const(in_value=True)}]"
            case "S":
                return f"[{self._type()}]"
            case "T":
                return _tuple(self._until_end(self._type))
            case "R" | "Q":
                lifetime = self._lifetime() if self._skip("L") else _ANY
                return f"&{'' if lifetime == _ANY else lifetime + ' '}{'mut ' * (tag == 'Q')}{self._type()}"
            case "P" | "O":
                return f"*{'mut' if tag == 'O' else 'const'} {self._type()}"
            case "F":
                return self._within_binder(self._function)
            case "D":
                bounds = self._within_binder(lambda: " + ".join(self._until_end(self._bound_trait)))
                if not self._skip("L"):
                    raise NotRust
                lifetime = self._lifetime()
                return f"dyn {bounds}{'' if lifetime == _ANY else ' + ' + lifetime}"
            case "W":
                return f"{self._type()} is {self._pattern()}"
            case "B":
                return self._back(self._type)
            case _:
                self._at -= 1
                for word, name in _SIZED.items():
                    if self._skip(word):
                        return name
                return self.path(in_value=False)

    def _function(self) -> str:
        words = "unsafe " if self._skip("U") else ""
        if self._skip("K"):
            abi = "C" if self._skip("C") else self._identifier()[1]
            words += f'extern "{abi.replace("_", "-")}" '
        parameters = ", ".join(self._until_end(self._type))
        result = "" if self._skip("u") else f" -> {self._type()}"
        return f"{words}fn({parameters}){result}"

    def _bound_trait(self) -> str:
        trait, bindings = self._nested(self._open_path)
        while self._skip("p"):
            name = self._identifier()[1]
            bindings.append(f"{name} = {self._const(in_value=False) if self._skip('K') else self._type()}")
        return f"{trait}<{', '.join(bindings)}>" if bindings else trait

    def _open_path(self) -> tuple[str, list[str]]:
        """A path and its arguments apart: a trait's associated types are written with them."""
        if self._skip("B"):
            return self._back(self._open_path)
        if self._skip("I"):
            return self.path(in_value=False), self._until_end(self._argument)
        return self.path(in_value=False), []

    def _pattern(self) -> str:
        match self._next():
            case "R":
                return f"{self._const(in_value=False)}..={self._const(in_value=False)}"
            case "O":
                return " | ".join(self._until_end(lambda: self._nested(self._pattern)))
            case "N":
                return "!null"
            case _:
                raise NotRust

    def _argument(self) -> str:
        if self._skip("L"):
            return self._lifetime()
        return self._const(in_value=False) if self._skip("K") else self._type()

    # -- lifetimes -----------------------------------------------------------------------------------------------------------------

    def _within_binder(self, read: Callable[[], str]) -> str:
        count = self._base62() + 1 if self._skip("G") else 0
        if count > len(self._text):
            raise NotRust
        names = [_lifetime_name(self._bound + at) for at in range(count)]
        self._bound += count
        text = read()
        self._bound -= count
        return f"for<{', '.join(names)}> {text}" if names else text

    def _lifetime(self) -> str:
        """A lifetime by its number, counted from the innermost binder's last."""
        number = self._base62()
        if number > self._bound:
            raise NotRust
        return _lifetime_name(self._bound - number) if number else _ANY

    # -- constants -----------------------------------------------------------------------------------------------------------------

    def _const(self, *, in_value: bool) -> str:
        """A constant; one that is no literal stands in braces unless it is within another."""
        return self._nested(lambda: self._read_const(in_value=in_value))

    def _read_const(self, *, in_value: bool) -> str:
        tag = self._next()
        match tag:
            case "p":
                return "_"
            case "b":
                return {0: "false", 1: "true"}[int(self._hex() or "0", 16)]
            case "c":
                return _quoted("'", chr(int(self._hex() or "0", 16)))
            case "B":
                return self._back(lambda: self._const(in_value=in_value))
            case "R" if self._skip("e"):
                return self._string()
            case _ if tag in _UNSIGNED:
                return self._number()
            case _ if tag in _SIGNED:
                return f"{'-' * self._skip('n')}{self._number()}"
            case _:
                text = self._compound(tag)
                return text if in_value else f"{{{text}}}"

    def _compound(self, tag: str) -> str:
        match tag:
            case "e":
                return f"*{self._string()}"
            case "R" | "Q":
                return f"&{'mut ' * (tag == 'Q')}{self._const(in_value=True)}"
            case "A":
                return f"[{', '.join(self._until_end(lambda: self._const(in_value=True)))}]"
            case "T":
                return _tuple(self._until_end(lambda: self._const(in_value=True)))
            case "V":
                return self._variant()
            case _:
                raise NotRust

    def _variant(self) -> str:
        """A structure's or variant's value."""
        name = self.path(in_value=True)
        match self._next():
            case "U":
                return name
            case "T":
                return f"{name}({', '.join(self._until_end(lambda: self._const(in_value=True)))})"
            case "S":
                return f"{name} {{ {', '.join(self._until_end(self._field))} }}"
            case _:
                raise NotRust

    def _field(self) -> str:
        return f"{self._identifier()[1]}: {self._const(in_value=True)}"

    def _number(self) -> str:
        digits = self._hex().lstrip("0")
        return str(int(digits or "0", 16)) if len(digits) <= 16 else f"0x{digits}"

    def _string(self) -> str:
        return self._spend(_quoted('"', bytes.fromhex(self._hex()).decode()))

    def _hex(self) -> str:
        """Hexadecimal digits, up to an underscore."""
        end = self._text.index("_", self._at)
        digits = self._text[self._at : end]
        if digits.strip("0123456789abcdef"):
            raise NotRust
        self._at = end + 1
        return digits

    # -- identifiers and the cursor ------------------------------------------------------------------------------------------------

    def _identifier(self) -> tuple[int, str]:
        """An identifier and its disambiguator."""
        number = self._disambiguator()
        punycode = self._skip("u")
        digits = _NUMBER.match(self._text, self._at)
        if digits is None:
            raise NotRust
        self._at = digits.end() + (self._text[digits.end() : digits.end() + 1] == "_")
        name = self._text[self._at : self._at + int(digits[0])]
        self._at += int(digits[0])
        if self._at > len(self._text):
            raise NotRust
        if punycode:
            head, _, tail = name.rpartition("_")
            name = (f"{head}-{tail}" if head else tail).encode().decode("punycode")
        return number, self._spend(name)

    def _disambiguator(self) -> int:
        return self._base62() + 1 if self._skip("s") else 0

    def _base62(self) -> int:
        end = self._text.index("_", self._at)
        digits = self._text[self._at : end]
        self._at = end + 1
        value = 0
        for digit in digits:
            value = value * 62 + _DIGITS.index(digit)
        return value + 1 if digits else 0

    def _back(self, read: Callable[[], T]) -> T:
        """What was read before, from an earlier place of the name."""
        start = self._at - 1
        place = self._base62()
        if place >= start:
            raise NotRust
        here, self._at = self._at, place
        found = read()
        self._at = here
        return found

    def _until_end(self, read: Callable[[], str]) -> list[str]:
        found: list[str] = []
        while not self._skip("E"):
            found.append(read())
        return found

    def _nested(self, read: Callable[[], T]) -> T:
        if self._depth == _DEEPEST:
            raise NotRust
        self._depth += 1
        found = read()
        self._depth -= 1
        return found

    def _spend(self, text: str) -> str:
        """The text, as long as the whole stays readable: back references can make a short name enormous."""
        self._left -= len(text) + 1
        if self._left < 0:
            raise NotRust
        return text

    def _skip(self, word: str) -> bool:
        found = self._text.startswith(word, self._at)
        self._at += len(word) * found
        return found

    def _next(self) -> str:
        self._at += 1
        return self._text[self._at - 1]


def _tuple(parts: list[str]) -> str:
    return f"({', '.join(parts)}{',' * (len(parts) == 1)})"


def _lifetime_name(depth: int) -> str:
    return f"'{chr(ord('a') + depth)}" if depth < 26 else f"'_{depth}"


def _quoted(mark: str, text: str) -> str:
    escapes = {**_ESCAPES, mark: f"\\{mark}"}
    return mark + "".join(escapes.get(char, char if char.isprintable() else f"\\u{{{ord(char):x}}}") for char in text) + mark
