"""How a call is aborted, in the chain's own words: a path of variants, Debug text, Display text.

Source: near/nearcore@bc4e9e8cfb03d9e82f027883055624e18576993e:runtime/near-vm-runner/src/logic/errors.rs.
"""

from __future__ import annotations

_DISPLAY = {
    "HostError/BadUTF8": "String encoding is bad UTF-8 sequence.",
    "HostError/GasExceeded": "Exceeded the prepaid gas.",
    "HostError/GasLimitExceeded": "Exceeded the maximum amount of gas allowed to burn per contract.",
    "HostError/BalanceExceeded": "Exceeded the account balance.",
    "HostError/IntegerOverflow": "Integer overflow.",
    "HostError/MemoryAccessViolation": "Accessed memory outside the bounds.",
    "HostError/InvalidAccountId": "VM Logic returned an invalid account id",
    "HostError/InvalidRegisterId": "Accessed invalid register id: {register_id}",
    "HostError/InvalidPromiseIndex": "{promise_idx} does not correspond to existing promises",
    "HostError/ProhibitedInView": "{method_name} is not allowed in view calls",
    "HostError/NumberOfLogsExceeded": "The number of logs will exceed the limit {limit}",
    "HostError/TotalLogLengthExceeded": "The length of a log message {length} exceeds the limit {limit}",
    "HostError/KeyLengthExceeded": "The length of a storage key {length} exceeds the limit {limit}",
    "HostError/ValueLengthExceeded": "The length of a storage value {length} exceeds the limit {limit}",
    "HostError/ReturnedValueLengthExceeded": "The length of a returned value {length} exceeds the limit {limit}",
    "HostError/NumberPromisesExceeded": "The number of promises within a FunctionCall {number_of_promises} exceeds the limit {limit}",
    "HostError/ECRecoverError": "ECDSA recover error: {msg}",
    "HostError/GuestPanic": "{panic_msg}",  # the VM program, too, gives the panic's own text here
    "MethodResolveError/MethodEmptyName": "MethodEmptyName",
    "MethodResolveError/MethodNotFound": "MethodNotFound",
    "MethodResolveError/MethodInvalidSignature": "MethodInvalidSignature",
    "LinkError": "{msg}",
    "LoadingError": "Loading error: {msg}",
    "CompilationError/WasmtimeCompileError": "Wasmtime compilation error: {msg}",
    "WasmTrap/Unreachable": "WebAssembly trap: An `unreachable` opcode was executed.",
    "WasmTrap/MemoryOutOfBounds": "WebAssembly trap: Memory out of bounds trap.",
    "WasmTrap/IllegalArithmetic": "WebAssembly trap: An arithmetic exception, e.g. divided by zero.",
    "WasmTrap/IndirectCallToNull": "WebAssembly trap: Indirect call to null.",
    "WasmTrap/IncorrectCallIndirectSignature": "WebAssembly trap: Call indirect incorrect signature trap.",
}

_PREPARE = {
    "Deserialization": "Error happened while deserializing the module.",
    "Instantiate": "Error happened during instantiation.",
    "Memory": "Error creating memory.",
    "TooManyFunctions": "Too many functions in contract.",
    "TooManyLocals": "Too many locals declared in the contract.",
    "TooManyTables": "Too many tables declared in the contract.",
    "TooManyTableElements": "Too many table elements declared in the contract.",
    "FunctionBodyTooLarge": "A function body in the contract exceeds the size limit.",
    "TooManyBlocksPerFunction": "Too many basic blocks in a function.",
    "TooManyBlocksPerContract": "Too many basic blocks in a contract.",
    "TooManyTypes": "Too many type-section entries declared in the contract.",
    "TooManyParamsPerContract": "Too many function parameters in the contract",
    "TooManyParamsPerFunction": "Too many parameters in a single function",
    "OperandStackTooLarge": "A function uses too much operand stack.",
    "InstrumentedCodeTooLarge": "The instrumented code exceeds the size limit.",
}
_DISPLAY |= {f"CompilationError/PrepareError/{name}": f"PrepareError: {text}" for name, text in _PREPARE.items()}

_ESCAPES = {"\0": "\\0", "\t": "\\t", "\n": "\\n", "\r": "\\r", '"': '\\"', "\\": "\\\\"}


class Abort(Exception):
    """The call ends here; `path` such as "HostError/GuestPanic", `fields` in the chain's order."""

    def __init__(self, path: str, **fields: int | str) -> None:
        super().__init__(path)
        self.path = path
        self.fields = fields

    @property
    def message(self) -> str:
        """The Display text; a panic's own text for a panic."""
        return _DISPLAY[self.path].format(**self.fields)

    @property
    def debug(self) -> str:
        """The Debug text, as `HostError(GuestPanic { panic_msg: "no" })`."""
        *outer, last = self.path.split("/")
        fields = ", ".join(f"{name}: {_quoted(value)}" for name, value in self.fields.items())
        text = f"{last} {{ {fields} }}" if fields else last
        return "(".join([*outer, text]) + ")" * len(outer)


def _quoted(value: int | str) -> str:
    if isinstance(value, int):
        return str(value)
    return '"' + "".join(_ESCAPES.get(char) or (char if char.isprintable() else f"\\u{{{ord(char):x}}}") for char in value) + '"'
