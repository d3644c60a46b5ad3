"""C++ names as their authors wrote them: the part of the Itanium ABI's mangling that names of functions use.

wasm-ld demangles by itself; this is for modules linked with `--no-demangle`, or by other linkers.  Expressions in template arguments
are not read: such a name stays as it is.  Source: Itanium C++ ABI, 5.1 (External Names).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from sshi.wasm.itanium_words import BUILTIN, OBJECTS, OPERATORS, QUALIFIERS, SPECIAL, STANDARD, Argument, Type, angled, bare, pointer

T = TypeVar("T")

_NUMBER = re.compile(r"\d+")
_LONGEST = 4_000
_DEEPEST = 80


class NotCxx(Exception):
    """No C++ name, or one with an expression in it."""


@dataclass(slots=True)
class _Name:
    """A name; `arguments` are its template arguments, None when it is no template, `plain` is true where no return type is mangled."""

    text: str
    arguments: list[Argument] | None = None
    qualifiers: str = ""
    plain: bool = False


def demangle_cxx(name: str) -> str:
    """The name for a person; NotCxx when it is none that this reads."""
    try:
        reader = _Reader(name)
        text = reader.encoding()
        if reader.rest() and not reader.rest().startswith("."):
            raise NotCxx
    except (IndexError, ValueError) as error:
        raise NotCxx from error
    return text


@dataclass(slots=True)
class _Reader:
    _text: str
    _at: int = 2
    _seen: list[Type | str | int] = field(default_factory=list["Type | str | int"])
    """What substitutions can name; a type that depends on a pack is where it stands, to be read again for each member."""
    _arguments: list[Argument] = field(default_factory=list[Argument])
    _member: int = 0
    _members: int | None = None
    _packs: int = 0
    _types: int = 0
    _lambdas: int = 0
    _depth: int = 0
    _spent: int = 0

    def rest(self) -> str:
        """What was not read."""
        return self._text[self._at :]

    def encoding(self) -> str:
        """A function or object, from where the reader stands: its name, then its parameters' types."""
        if special := SPECIAL.get(self._peek(2)):
            self._at += 2
            return special + (self._name().text if special in OBJECTS else str(self._type()))
        if self._skip("TC"):
            whole = str(self._type())
            self._offset()
            return f"construction vtable for {self._type()}-in-{whole}"
        if self._peek(2) in ("Th", "Tv"):
            kind = "virtual" if self._peek(2) == "Tv" else "non-virtual"
            self._at += 2
            self._offset()
            if kind == "virtual":
                self._offset()
            return f"{kind} thunk to {self._nested(self.encoding)}"
        name = self._name()
        if not self.rest() or self._peek() in ".E":
            return name.text
        result = Type("") if name.arguments is None or name.plain else self._type()
        space = " " if result.left and not result.right else ""
        parameters = self._until(lambda: str(self._type()), ends=".E")
        inside = "" if parameters == ["void"] else ", ".join(parameters)
        return self._spend(f"{result.left}{space}{name.text}({inside}){name.qualifiers}{result.right}")

    def _offset(self) -> None:
        """How far a thunk moves its object, or where in the whole a part stands."""
        self._skip("n")
        self._number()
        if not self._skip("_"):
            raise NotCxx

    # -- names ---------------------------------------------------------------------------------------------------------------------

    def _name(self) -> _Name:
        if self._skip("N"):
            return self._nested_name()
        if self._skip("Z"):
            return self._local_name()
        is_substitution = self._peek() == "S" and self._peek(2) != "St"
        name = _Name(self._substitution() if is_substitution else self._unscoped())
        if self._peek() == "I":
            if not is_substitution:
                self._seen.append(name.text)
            name.arguments = self._template_arguments()
            name.text += angled(name.arguments)
        return name

    def _unscoped(self) -> str:
        return f"std::{self._unqualified('')}" if self._skip("St") else self._unqualified("")

    def _nested_name(self) -> _Name:
        qualifiers = ""
        while self._peek() in QUALIFIERS:
            qualifiers = QUALIFIERS[self._take()] + qualifiers
        qualifiers += " &" if self._skip("R") else " &&" if self._skip("O") else ""
        name = _Name("", qualifiers=qualifiers)
        last = ""
        while not self._skip("E"):
            match self._peek():
                case "S" if self._peek(2) != "St":
                    name.text = self._substitution()
                    last = name.text.rpartition("::")[2]
                    continue
                case "S":
                    self._at += 2
                    name.text = "std"
                    continue
                case "T":
                    name.text = str(self._template_parameter())
                case "I":
                    name.arguments = self._template_arguments()
                    name.text += angled(name.arguments)
                case found:
                    name.plain = found in ("C", "D") or self._peek(2) == "cv"
                    part = self._unqualified(last)
                    last = part
                    name.arguments = None
                    name.text = f"{name.text}::{part}" if name.text else part
            if self._peek() != "E":
                self._seen.append(self._spend(name.text))
        return name

    def _local_name(self) -> _Name:
        function = self._inner_encoding()
        if not self._skip("E"):
            raise NotCxx
        if self._skip("s"):
            name = _Name("string literal")
        else:
            name = self._name()
        if self._skip("_"):
            self._skip("_")
            self._number()
        name.text = f"{function}::{name.text}"
        return name

    def _inner_encoding(self) -> str:
        """A function within another name, with template arguments of its own."""
        outside = self._arguments, self._types
        self._types = 0
        text = self._nested(self.encoding)
        self._arguments, self._types = outside
        return text

    def _unqualified(self, parent: str) -> str:
        """One component; `parent` names constructors and destructors."""
        self._skip("L")  # it has internal linkage
        two = self._peek(2)
        if self._peek().isdigit():
            name = self._source_name()
        elif two == "Ul":
            self._at += 2
            self._lambdas += 1
            parameters = self._until(lambda: str(self._type()), ends="E")
            self._lambdas -= 1
            self._take()
            name = f"'lambda{self._counter()}'({'' if parameters == ['void'] else ', '.join(parameters)})"
        elif two == "Ut":
            self._at += 2
            name = f"'unnamed{self._counter()}'"
        elif self._peek() == "C" and two[1] in "12345":
            self._at += 2
            name = bare(parent)
        elif self._peek() == "D" and two[1] in "012345":
            self._at += 2
            name = f"~{bare(parent)}"
        elif two == "cv":
            self._at += 2
            name = f"operator {self._type()}"
        elif two == "li":
            self._at += 2
            name = f'operator"" {self._source_name()}'
        elif two in OPERATORS:
            self._at += 2
            word = OPERATORS[two]
            name = f"operator{' ' * word[0].isalpha()}{word}"
        else:
            raise NotCxx
        while self._skip("B"):
            name += f"[abi:{self._source_name()}]"
        return self._spend(name)

    def _source_name(self) -> str:
        size = self._number()
        name = self._text[self._at : self._at + size]
        if len(name) != size or not size:
            raise NotCxx
        self._at += size
        return "(anonymous namespace)" if name.startswith("_GLOBAL__N") else name

    # -- types ---------------------------------------------------------------------------------------------------------------------

    def _type(self) -> Type:
        self._types += 1
        found = self._nested(self._read_type)
        self._types -= 1
        return found

    def _read_type(self) -> Type:
        start, packs = self._at, self._packs
        for size in (1, 2):
            if (word := self._peek(size)) in BUILTIN:
                self._at += size
                return Type(BUILTIN[word])
        match self._peek():
            case "S" if self._peek(2) != "St":
                found = self._seen_or_standard()
                if self._peek() != "I":
                    return found if isinstance(found, Type) else Type(found)
                kind = Type(f"{found}{angled(self._template_arguments())}")
            case "T":
                kind = self._template_parameter()
                if self._peek() == "I":
                    self._seen.append(kind)
                    kind = Type(f"{kind}{angled(self._template_arguments())}")
            case "r" | "V" | "K":
                qualifiers = ""
                while self._peek() in QUALIFIERS:
                    qualifiers = QUALIFIERS[self._take()] + qualifiers
                inner = self._type()
                is_function = inner.right.startswith("(")
                kind = Type(inner.left, inner.right + qualifiers) if is_function else Type(inner.left + qualifiers, inner.right)
            case "P" | "R" | "O":
                kind = pointer({"P": "*", "R": "&", "O": "&&"}[self._take()], self._type())
            case "F":
                kind = self._function_type()
            case "A":
                self._take()
                size = "" if self._peek() == "_" else str(self._number())
                if not self._skip("_"):
                    raise NotCxx
                inner = self._type()
                kind = Type(inner.left, f" [{size}]{inner.right}".replace("] [", "]["))
            case "M":
                self._take()
                owner, member = self._type(), self._type()
                kind = pointer(f"{owner}::*", member)
            case "D" if self._peek(2) == "Dp":
                kind = self._expansion()
                packs = self._packs
            case _:
                kind = Type(self._name().text)
        self._spend(str(kind))
        self._seen.append(kind if packs == self._packs else start)
        return kind

    def _expansion(self) -> Type:
        """A pattern once for each member of the pack in it."""
        self._at += 2
        start, self._member, self._members = self._at, 0, None
        found = [str(self._type())]
        end, seen = self._at, len(self._seen)
        members = 1 if self._members is None else self._members
        for self._member in range(1, members):
            self._at = start
            found.append(str(self._type()))
            del self._seen[seen:]
        self._at, self._member = end, 0
        return Type(", ".join(found) if members else "")

    def _function_type(self) -> Type:
        self._take()
        self._skip("Y")
        result = self._type()
        parameters = self._until(lambda: str(self._type()), ends="E")
        self._take()
        return Type(f"{result.left} ", f"({'' if parameters == ['void'] else ', '.join(parameters)}){result.right}")

    def _template_arguments(self) -> list[Argument]:
        self._take()
        found: list[Argument] = []
        while not self._skip("E"):
            found.append(self._nested(self._template_argument))
        if not self._types:
            self._arguments = found
        return found

    def _template_argument(self) -> Argument:
        if self._skip("J"):
            pack: list[Type] = []
            while not self._skip("E"):
                inner = self._nested(self._template_argument)
                pack += inner if isinstance(inner, list) else [inner]
            return pack
        if self._skip("X"):
            found = self._template_parameter()  # the one expression that is read
            if not self._skip("E"):
                raise NotCxx
            return found
        if not self._skip("L"):
            return self._type()
        if self._skip("_Z"):
            text = self._inner_encoding()
        else:
            kind = str(self._type())
            digits = self._text[self._at : self._text.index("E", self._at)]
            self._at += len(digits)
            value = digits.replace("n", "-", 1)
            suffix = {"unsigned int": "u", "long": "l", "unsigned long": "ul", "long long": "ll", "unsigned long long": "ull"}.get(kind, "")
            text = {"0": "false", "1": "true"}[value] if kind == "bool" else f"{value}{suffix}"
            text = text if kind in ("bool", "int") or suffix else f"({kind}){text}"
        if not self._skip("E"):
            raise NotCxx
        return Type(text)

    def _template_parameter(self) -> Type:
        self._take()
        at = 0 if self._peek() == "_" else self._number() + 1
        if not self._skip("_"):
            raise NotCxx
        if self._lambdas:
            return Type("auto")
        if at >= len(self._arguments):
            raise NotCxx
        found = self._arguments[at]
        if isinstance(found, Type):
            return found
        self._packs += 1
        self._members = len(found)
        return found[self._member] if self._member < len(found) else Type("")

    def _substitution(self) -> str:
        return str(self._seen_or_standard())

    def _seen_or_standard(self) -> Type | str:
        self._take()
        if (word := self._peek()) in STANDARD:
            self._take()
            return STANDARD[word]
        digits = self._text[self._at : self._text.index("_", self._at)]
        self._at += len(digits) + 1
        at = int(digits, 36) + 1 if digits else 0
        if at >= len(self._seen):
            raise NotCxx
        found = self._seen[at]
        if not isinstance(found, int):
            return found
        here, seen, self._at = self._at, len(self._seen), found
        kind = self._type()
        self._at = here
        del self._seen[seen:]
        return kind

    # -- the cursor ----------------------------------------------------------------------------------------------------------------

    def _until(self, read: Callable[[], str], *, ends: str) -> list[str]:
        found: list[str] = []
        while self.rest() and self._peek() not in ends:
            found.append(read())
        return [text for text in found if text]

    def _nested(self, read: Callable[[], T]) -> T:
        if self._depth == _DEEPEST:
            raise NotCxx
        self._depth += 1
        found = read()
        self._depth -= 1
        return found

    def _spend(self, text: str) -> str:
        """The text, while all of them together stay short: a substitution can double what it names, again and again."""
        self._spent += len(text) + 1
        if self._spent > 10 * _LONGEST or len(text) > _LONGEST:
            raise NotCxx
        return text

    def _counter(self) -> str:
        digits = "" if self._peek() == "_" else str(self._number())
        if not self._skip("_"):
            raise NotCxx
        return digits

    def _number(self) -> int:
        digits = _NUMBER.match(self._text, self._at)
        if digits is None or len(digits[0]) > 6:
            raise NotCxx
        self._at = digits.end()
        return int(digits[0])

    def _peek(self, size: int = 1) -> str:
        return self._text[self._at : self._at + size]

    def _take(self) -> str:
        self._at += 1
        return self._text[self._at - 1]

    def _skip(self, word: str) -> bool:
        found = self._text.startswith(word, self._at)
        self._at += len(word) * found
        return found
