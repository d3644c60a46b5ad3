"""Rust's and C++'s mangled names as their authors wrote them; any other name, or a broken one, comes back as it is.

Hashes, lifetimes and crate disambiguators of Rust's are left out: the names are for people.  Rust's first mangling looks like a C++
name and tells itself apart by the hash at its end.
Sources: rustc's `symbol_names/legacy.rs`, and RFC 2603 for the grammar of `_R` names.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache

from sshi.wasm.itanium import NotCxx, demangle_cxx

_LEGACY = re.compile(r"_ZN\d\S*17h[0-9a-f]{16}E(\.\w+)*$")
_NUMBER = re.compile(r"0|[1-9]\d*")
_ESCAPES = {"SP": "@", "BP": "*", "RF": "&", "LT": "<", "GT": ">", "LP": "(", "RP": ")", "C": ","}
_BASIC = {
    "b": "bool", "c": "char", "e": "str", "u": "()", "a": "i8", "s": "i16", "l": "i32", "x": "i64", "n": "i128", "i": "isize",
    "h": "u8", "t": "u16", "m": "u32", "y": "u64", "o": "u128", "j": "usize", "f": "f32", "d": "f64", "z": "!", "p": "_", "v": "...",
}  # fmt: skip
_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
_LONGEST = 2_000
_DEEPEST = 60


@lru_cache(4096)
def demangle(name: str) -> str:
    """The name for a person."""
    try:
        if name.startswith("_R"):
            return _V0(name).path()
        if _LEGACY.match(name):
            return _legacy(name)
        if name.startswith("_Z"):
            return demangle_cxx(name)
    except (_Malformed, NotCxx, IndexError, ValueError):
        pass
    return name


class _Malformed(Exception):
    """Not a mangled name after all."""


def _legacy(name: str) -> str:
    parts: list[str] = []
    at = 3
    while name[at] != "E":
        digits = _NUMBER.match(name, at)
        if digits is None:
            raise _Malformed
        at = digits.end() + int(digits[0])
        parts.append(name[digits.end() : at])
    return "::".join(map(_unescaped, parts[:-1]))


def _unescaped(part: str) -> str:
    def escape(found: re.Match[str]) -> str:
        code = found[1]
        return chr(int(code[1:], 16)) if code.startswith("u") else _ESCAPES.get(code, found[0])

    plain = part[1:] if part.startswith("_$") else part
    return re.sub(r"\$(\w+)\$", escape, plain).replace("..", "::")


class _V0:
    """A reader of one `_R` name."""

    def __init__(self, name: str) -> None:
        self._text = name[2:]
        self._at = 0
        self._depth = 0
        self._left = _LONGEST

    def path(self) -> str:
        """A path, from where the reader stands."""
        tag = self._next()
        match tag:
            case "C":
                return self._spend(self._identifier()[1])
            case "N":
                space = self._next()
                parent = self._nested(self.path)
                number, name = self._identifier()
                if space.isupper():
                    kind = {"C": "closure", "S": "shim"}.get(space, space)
                    return f"{parent}::{{{kind}{':' + name if name else ''}#{number}}}"
                return f"{parent}::{name}" if name else parent
            case "M":
                self._impl_path()
                return f"<{self._nested(self._type)}>"
            case "X":
                self._impl_path()
                return f"<{self._nested(self._type)} as {self._nested(self.path)}>"
            case "Y":
                return f"<{self._nested(self._type)} as {self._nested(self.path)}>"
            case "I":
                return f"{self._nested(self.path)}<{', '.join(arg for arg in self._until_end(self._argument) if arg)}>"
            case "B":
                return self._back(self.path)
            case _:
                raise _Malformed

    def _type(self) -> str:
        tag = self._next()
        if tag in _BASIC:
            return self._spend(_BASIC[tag])
        match tag:
            case "A":
                return f"[{self._nested(self._type)}; {self._nested(self._const)}]"
            case "S":
                return f"[{self._nested(self._type)}]"
            case "T":
                inside = self._until_end(self._type)
                return f"({', '.join(inside)}{',' if len(inside) == 1 else ''})"
            case "R" | "Q":
                if self._peek() == "L":
                    self._argument()
                return f"&{'mut ' if tag == 'Q' else ''}{self._nested(self._type)}"
            case "P" | "O":
                return f"*{'mut' if tag == 'O' else 'const'} {self._nested(self._type)}"
            case "F":
                return self._function()
            case "D":
                self._binder()
                bounds = self._until_end(self._bound)
                self._argument()
                return f"dyn {' + '.join(bounds)}"
            case "B":
                return self._back(self._type)
            case _:
                self._at -= 1
                return self._nested(self.path)

    def _function(self) -> str:
        self._binder()
        if self._peek() == "U":
            self._next()
        if self._peek() == "K":
            self._next()
            if self._peek() == "C":
                self._next()
            else:
                self._identifier()
        parameters = self._until_end(self._type)
        result = self._nested(self._type)
        return f"fn({', '.join(parameters)}){'' if result == '()' else ' -> ' + result}"

    def _bound(self) -> str:
        bound = self._nested(self.path)
        while self._peek() == "p":
            self._next()
            self._identifier()
            self._nested(self._type)
        return bound

    def _const(self) -> str:
        if self._peek() == "B":
            self._next()
            return self._back(self._const)
        if self._peek() == "p":
            self._next()
            return "_"
        of = self._next()
        negative = self._peek() == "n"
        end = self._text.index("_", self._at)
        digits = self._text[self._at + negative : end]
        self._at = end + 1
        value = int(digits or "0", 16)
        if of == "b":
            return "true" if value else "false"
        return repr(chr(value)) if of == "c" else f"{'-' if negative else ''}{value}"

    def _argument(self) -> str:
        """A generic argument; empty for a lifetime."""
        if self._peek() == "L":
            self._next()
            self._base62()
            return ""
        if self._peek() == "K":
            self._next()
            return self._nested(self._const)
        return self._nested(self._type)

    def _impl_path(self) -> None:
        if self._peek() == "s":
            self._next()
            self._base62()
        self._nested(self.path)

    def _binder(self) -> None:
        if self._peek() == "G":
            self._next()
            self._base62()

    def _identifier(self) -> tuple[int, str]:
        """An identifier and its disambiguator."""
        number = 0
        if self._peek() == "s":
            self._next()
            number = self._base62() + 1
        punycode = self._peek() == "u"
        self._at += punycode
        digits = _NUMBER.match(self._text, self._at)
        if digits is None:
            raise _Malformed
        self._at = digits.end() + (self._text[digits.end() : digits.end() + 1] == "_")
        name = self._text[self._at : self._at + int(digits[0])]
        self._at += int(digits[0])
        if self._at > len(self._text):
            raise _Malformed
        if punycode:
            head, _, tail = name.rpartition("_")
            name = (f"{head}-{tail}" if head else tail).encode().decode("punycode")
        return number, self._spend(name)

    def _base62(self) -> int:
        end = self._text.index("_", self._at)
        digits = self._text[self._at : end]
        self._at = end + 1
        value = 0
        for digit in digits:
            value = value * 62 + _DIGITS.index(digit)
        return value + 1 if digits else 0

    def _back(self, read: Callable[[], str]) -> str:
        """What was read before, from an earlier place of the name."""
        start = self._at - 1
        place = self._base62()
        if place >= start:
            raise _Malformed
        here, self._at = self._at, place
        found = self._nested(read)
        self._at = here
        return found

    def _until_end(self, read: Callable[[], str]) -> list[str]:
        found: list[str] = []
        while self._peek() != "E":
            found.append(self._nested(read))
        self._next()
        return found

    def _nested(self, read: Callable[[], str]) -> str:
        if self._depth == _DEEPEST:
            raise _Malformed
        self._depth += 1
        found = read()
        self._depth -= 1
        return found

    def _spend(self, text: str) -> str:
        """The text, as long as the whole stays readable: back references can make a short name enormous."""
        self._left -= len(text) + 1
        if self._left < 0:
            raise _Malformed
        return text

    def _peek(self) -> str:
        return self._text[self._at]

    def _next(self) -> str:
        self._at += 1
        return self._text[self._at - 1]
