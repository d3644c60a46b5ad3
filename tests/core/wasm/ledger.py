"""Just enough of the interface to run the example contracts outside of any host: on the oracle's memory and on an engine's alike."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from core.wasm.engines import Instance, Stop
from core.wasm.interpreter import M32, Interpreter, Stopped


@dataclass
class Ledger:
    """One contract's storage, and the call that is running; `log` is what it did there, in order."""

    storage: dict[bytes, bytes] = field(default_factory=dict)
    caller: bytes = b""
    input: bytes = b""
    value: int = 0
    time: int = 0
    log: list[tuple[object, ...]] = field(default_factory=list)

    def imports(self, read: Callable[[int, int], bytes], write: Callable[[int, bytes], None]) -> dict[str, Callable[..., int | None]]:
        """The host functions over a memory; `revert` raises LookupError."""

        def word(at: int) -> int:
            return int.from_bytes(read(at, 4), "little")

        def blob(at: int) -> bytes:
            return read(at + 4, word(at))

        def fill(at: int, data: bytes) -> int:
            if len(data) <= word(at):
                write(at, len(data).to_bytes(4, "little") + data)
            return len(data)

        def storage_read(key: int, out: int) -> int:
            found = self.storage.get(blob(key))
            return M32 if found is None else fill(out, found)

        def storage_write(key: int, at: int, length: int) -> None:
            self.storage[blob(key)] = read(at, length)
            self.log.append(("write", blob(key), read(at, length)))

        def storage_remove(key: int) -> int:
            self.log.append(("remove", blob(key)))
            return int(self.storage.pop(blob(key), None) is not None)

        def transfer(to: int, amount: int) -> int:
            self.log.append(("transfer", blob(to), read(amount, 16)))
            return 0

        def revert(at: int, length: int) -> None:
            raise LookupError(read(at, length).decode())

        return {
            "input": lambda out: fill(out, self.input),
            "caller": lambda out: fill(out, self.caller),
            "value": lambda out: write(out, self.value.to_bytes(16, "little")),
            "block_time": lambda: self.time,
            "storage_read": storage_read,
            "storage_write": storage_write,
            "storage_remove": storage_remove,
            "transfer": transfer,
            "emit": lambda topic, at, length: self.log.append(("emit", blob(topic), read(at, length))),
            "set_return": lambda at, length: self.log.append(("return", read(at, length))),
            "revert": revert,
        }

    def for_interpreter(self, interpreter: Interpreter) -> None:
        """Give the oracle its host functions."""

        def write(at: int, data: bytes) -> None:
            interpreter.memory[at : at + len(data)] = data

        imports = self.imports(lambda at, length: bytes(interpreter.memory[at : at + length]), write)

        def host(name: str) -> Callable[..., list[int]]:
            def run(*args: int) -> list[int]:
                try:
                    result = imports[name](*args)
                except LookupError as reverted:
                    raise Stopped(str(reverted)) from None
                return [] if result is None else [result]

            return run

        interpreter.hosts = {at: host(entry.name) for at, entry in enumerate(interpreter.module.imports)}

    def for_engine(self) -> dict[str, Callable[..., object]]:
        """Imports for an `Instance`."""

        def host(name: str) -> Callable[..., object]:
            def run(instance: Instance, *args: int) -> int | None:
                imports = self.imports(instance.read, instance.write)
                try:
                    result = imports[name](*[arg % (1 << 32) for arg in args])
                except LookupError as reverted:
                    raise Stop(str(reverted)) from None
                return result - (1 << 32) if name != "block_time" and result is not None and result >> 31 else result

            return run

        return {f"env.{name}": host(name) for name in self.imports(lambda _at, _length: b"", lambda _at, _data: None)}
