"""What C++'s mangled names are made of: the ABI's letters, and a type as it is printed around a name.

Source: Itanium C++ ABI, 5.1.3 (Operator Encodings), 5.1.5 (Type Encodings), 5.1.10 (Compression).
"""

from __future__ import annotations

from dataclasses import dataclass

BUILTIN = {
    "v": "void", "w": "wchar_t", "b": "bool", "c": "char", "a": "signed char", "h": "unsigned char", "s": "short", "t": "unsigned short",
    "i": "int", "j": "unsigned int", "l": "long", "m": "unsigned long", "x": "long long", "y": "unsigned long long", "n": "__int128",
    "o": "unsigned __int128", "f": "float", "d": "double", "e": "long double", "g": "__float128", "z": "...",
    "Dd": "decimal64", "De": "decimal128", "Df": "decimal32", "Dh": "half", "Di": "char32_t", "Ds": "char16_t", "Du": "char8_t",
    "Da": "auto", "Dc": "decltype(auto)", "Dn": "std::nullptr_t",
}  # fmt: skip
OPERATORS = {
    "nw": "new", "na": "new[]", "dl": "delete", "da": "delete[]", "ps": "+", "ng": "-", "ad": "&", "de": "*", "co": "~", "pl": "+",
    "mi": "-", "ml": "*", "dv": "/", "rm": "%", "an": "&", "or": "|", "eo": "^", "aS": "=", "pL": "+=", "mI": "-=", "mL": "*=",
    "dV": "/=", "rM": "%=", "aN": "&=", "oR": "|=", "eO": "^=", "ls": "<<", "rs": ">>", "lS": "<<=", "rS": ">>=", "eq": "==",
    "ne": "!=", "lt": "<", "gt": ">", "le": "<=", "ge": ">=", "ss": "<=>", "nt": "!", "aa": "&&", "oo": "||", "pp": "++", "mm": "--",
    "cm": ",", "pm": "->*", "pt": "->", "cl": "()", "ix": "[]", "aw": "co_await",
}  # fmt: skip
STANDARD = {
    "t": "std", "a": "std::allocator", "b": "std::basic_string", "s": "std::string", "i": "std::istream", "o": "std::ostream",
    "d": "std::iostream",
}  # fmt: skip
OBJECTS = ("guard variable for ", "thread-local wrapper routine for ", "thread-local initialization routine for ")
"""What stands before an object's name; the rest of `SPECIAL` stands before a type."""
SPECIAL = {
    "TV": "vtable for ", "TT": "VTT for ", "TI": "typeinfo for ", "TS": "typeinfo name for ", "GV": OBJECTS[0], "TW": OBJECTS[1],
    "TH": OBJECTS[2],
}  # fmt: skip
QUALIFIERS = {"r": " restrict", "V": " volatile", "K": " const"}


@dataclass(frozen=True, slots=True)
class Type:
    """A type as what stands before and after a declared name: `int (*` and `)[3]`."""

    left: str
    right: str = ""

    def __str__(self) -> str:
        return self.left + self.right


Argument = Type | list[Type]
"""A template argument, a value included; a list is a pack."""


def bare(name: str) -> str:
    """What constructors and destructors of that class are called, without its arguments and tags; a lambda has no name."""
    return "" if name.startswith("'") else name.partition("<")[0].partition("[")[0]


def angled(arguments: list[Argument]) -> str:
    """Template arguments as written; packs lose their bounds."""
    flat = [str(kind) for argument in arguments for kind in (argument if isinstance(argument, list) else [argument])]
    return f"<{', '.join(text for text in flat if text)}>"


def pointer(mark: str, to: Type) -> Type:
    """A pointer or reference to a type; references to references collapse."""
    if to.right.startswith(("(", " [")):
        return Type(f"{to.left.rstrip()} ({mark}", f"){to.right}")
    if mark in ("&", "&&") and to.left.endswith("&"):
        both = "&&" if mark == "&&" and to.left.endswith("&&") else "&"
        return Type(to.left.rstrip("&") + both, to.right)
    space = " " if mark[0].isalnum() else ""
    return Type(f"{to.left}{space}{mark}", to.right)
