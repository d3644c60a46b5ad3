"""A world in a file: SQLite, one transaction a call, so that a process killed at any moment leaves the world between two calls.

Nothing is loaded before it is asked for, and only what a call changed is written.  A file belongs to one process at a time.
Whatever is wrong with the file is a StateError that names it.
"""

from __future__ import annotations

import contextlib
import hashlib
import sqlite3
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sshi.errors import ManifestError, StateError
from sshi.host.chain import Code
from sshi.host.state import FIRST_BLOCK, Change, Contract, MemoryStorage, MemoryWorld
from sshi.spec.manifest import encode_manifest, parse_manifest

APPLICATION = 0x53534849
"""`SSHI`, in the header of every world file."""
SCHEMA = 1

_TABLES = """
CREATE TABLE block (height TEXT NOT NULL, time TEXT NOT NULL);
CREATE TABLE account (address BLOB PRIMARY KEY, balance TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE code (hash BLOB PRIMARY KEY, wasm BLOB NOT NULL);
CREATE TABLE contract (address BLOB PRIMARY KEY, code BLOB NOT NULL, manifest BLOB NOT NULL);
CREATE TABLE storage (contract BLOB NOT NULL, key BLOB NOT NULL, value BLOB NOT NULL, PRIMARY KEY (contract, key)) WITHOUT ROWID;
"""  # amounts and the block's numbers are decimal text: SQLite's integers have 63 bits
_ADVICE = "start a new world with another file"
_CONTENT = ("block", "account", "code", "contract", "storage")


class StoredWorld:
    """The world in the file at `path`, made when there is none; `height` and `time` are saved with the next change."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._contracts: dict[bytes, Contract] = {}
        with self._blamed():
            self._db = sqlite3.connect(path, isolation_level=None, timeout=0, check_same_thread=False)
            try:
                self.height, self.time = self._open()
            except BaseException:
                self._db.close()
                raise

    def balance(self, address: bytes) -> int | None:
        """What an account owns; None when there is none."""
        found = self._one("SELECT balance FROM account WHERE address = ?", address)
        return None if found is None else self._number(found[0])

    def contract(self, address: bytes) -> Contract | None:
        """The contract at the address."""
        contract = self._contracts.get(address)
        if contract is None:
            found = self._one("SELECT wasm, manifest FROM contract JOIN code ON code = hash WHERE address = ?", address)
            if found is None:
                return None
            with self._blamed():
                code = Code(self._bytes(found[0]), parse_manifest(self._bytes(found[1]), where=str(self._path)))
            contract = self._contracts[address] = Contract(code, StoredStorage(self, address))
        return contract

    def value(self, contract: bytes, key: bytes) -> bytes | None:
        """One value of a contract's storage."""
        found = self._one("SELECT value FROM storage WHERE contract = ? AND key = ?", contract, key)
        return None if found is None else self._bytes(found[0])

    def values(self, contract: bytes) -> dict[bytes, bytes]:
        """All of a contract's storage."""
        with self._blamed():
            rows = self._db.execute("SELECT key, value FROM storage WHERE contract = ?", (contract,))
            return {self._bytes(key): self._bytes(value) for key, value in rows}

    def set_balance(self, address: bytes, balance: int) -> None:
        """Make an account, or set what it owns."""
        with self._transaction():
            self._save_balances([(address, balance)])

    def apply(self, change: Change) -> None:
        """All of the change in one transaction."""
        with self._transaction():
            self._save_balances(change.balances.items())
            if change.deployed is not None:
                self._save_contract(change.contract, change.deployed)
            self._save_storage(change.contract, change.storage.items())

    def copy(self) -> MemoryWorld:
        """The whole world in memory."""
        with self._blamed():
            rows = self._db.execute("SELECT address, balance FROM account")
            accounts = {self._bytes(address): self._number(balance) for address, balance in rows}
            addresses = [self._bytes(address) for (address,) in self._db.execute("SELECT address FROM contract")]
        contracts: dict[bytes, tuple[Code, MemoryStorage]] = {}
        for address in addresses:
            contract = self.contract(address)
            if contract is not None:
                contracts[address] = contract.code, MemoryStorage(contract.storage.all())
        return MemoryWorld(self.height, self.time, accounts, contracts)

    def become(self, other: MemoryWorld) -> None:
        """Be a copy of the other, in one transaction."""
        self._contracts = {}
        self.height, self.time = other.height, other.time
        with self._transaction():
            for table in _CONTENT:
                self._db.execute(f"DELETE FROM {table}")  # noqa: S608  our own names
            self._db.execute("INSERT INTO block VALUES (?, ?)", (str(self.height), str(self.time)))
            self._save_balances(other.accounts.items())
            for address, (code, storage) in other.contracts.items():
                self._save_contract(address, code)
                self._save_storage(address, storage.all().items())

    def close(self) -> None:
        """Let go of the file."""
        self._db.close()

    def _open(self) -> tuple[int, int]:
        self._db.execute("PRAGMA locking_mode = EXCLUSIVE")
        self._db.execute("PRAGMA synchronous = FULL")  # a call that was answered is on the disk
        self._db.execute("BEGIN EXCLUSIVE")
        found = self._pragma("application_id"), self._pragma("user_version")
        if found == (0, 0) and self._pragma("schema_version") == 0:
            self._db.execute(f"PRAGMA application_id = {APPLICATION}")
            self._db.execute(f"PRAGMA user_version = {SCHEMA}")
            for statement in _TABLES.split(";")[:-1]:
                self._db.execute(statement)
            self._db.execute("INSERT INTO block VALUES (?, ?)", (str(FIRST_BLOCK), "0"))
        elif found[0] != APPLICATION:
            raise StateError("it is a database, and not a world of this program", where=str(self._path), advice=_ADVICE)
        elif found[1] != SCHEMA:
            raise StateError(f"its format is {found[1]}, this release reads {SCHEMA}", where=str(self._path), advice=_ADVICE)
        block = self._db.execute("SELECT height, time FROM block").fetchall()
        self._db.execute("COMMIT")
        if len(block) != 1:
            raise self._damaged(f"it has {len(block)} blocks")
        return self._number(block[0][0]), self._number(block[0][1])

    def _pragma(self, name: str) -> int:
        return self._db.execute(f"PRAGMA {name}").fetchone()[0]

    def _save_balances(self, balances: Iterable[tuple[bytes, int]]) -> None:
        self._db.executemany("REPLACE INTO account VALUES (?, ?)", [(address, str(balance)) for address, balance in balances])

    def _save_contract(self, address: bytes, code: Code) -> None:
        digest = hashlib.sha256(code.wasm).digest()
        self._db.execute("INSERT OR IGNORE INTO code VALUES (?, ?)", (digest, code.wasm))
        self._db.execute("INSERT INTO contract VALUES (?, ?, ?)", (address, digest, encode_manifest(code.manifest)))

    def _save_storage(self, contract: bytes, entries: Iterable[tuple[bytes, bytes | None]]) -> None:
        for key, value in entries:
            if value is None:
                self._db.execute("DELETE FROM storage WHERE contract = ? AND key = ?", (contract, key))
            else:
                self._db.execute("REPLACE INTO storage VALUES (?, ?, ?)", (contract, key, value))

    def _bytes(self, value: object) -> bytes:
        if not isinstance(value, bytes):
            raise self._damaged(f"{str(value)[:40]!r} stands where bytes should")
        return value

    def _number(self, value: object) -> int:
        if not isinstance(value, str) or not value.isdecimal() or not value.isascii():
            raise self._damaged(f"{str(value)[:40]!r} stands where a number should")
        return int(value)

    def _damaged(self, what: object) -> StateError:
        return StateError(f"it is damaged or no world at all: {what}", where=str(self._path), advice=_ADVICE)

    def _one(self, statement: str, *values: bytes) -> Any:
        with self._blamed():
            return self._db.execute(statement, values).fetchone()

    @contextmanager
    def _transaction(self) -> Generator[None]:
        with self._blamed():
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._db.execute("UPDATE block SET height = ?, time = ?", (str(self.height), str(self.time)))
                self._db.execute("COMMIT")
            except BaseException:
                with contextlib.suppress(sqlite3.Error):
                    self._db.execute("ROLLBACK")
                raise

    @contextmanager
    def _blamed(self) -> Generator[None]:
        """Turn what SQLite says into a StateError."""
        try:
            yield
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode == sqlite3.SQLITE_BUSY:
                raise StateError(
                    "another process has it open", where=str(self._path), advice="end that one, or use another file"
                ) from error
            raise StateError(str(error), where=str(self._path)) from error
        except (sqlite3.Error, ManifestError) as error:
            raise self._damaged(error) from error


class StoredStorage:
    """One contract's storage in the file."""

    def __init__(self, world: StoredWorld, contract: bytes) -> None:
        self._world = world
        self._contract = contract

    def get(self, key: bytes, /) -> bytes | None:
        """The value, or None."""
        return self._world.value(self._contract, key)

    def all(self) -> dict[bytes, bytes]:
        """Everything, as a copy."""
        return self._world.values(self._contract)
