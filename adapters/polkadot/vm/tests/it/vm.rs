//! The built program over pipes, and requests for it with everything filled in that a test does not care about.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

/// What every account of a test has to spend.
pub const RICH: &str = "1000000000000000000";

pub fn base64(bytes: impl AsRef<[u8]>) -> String {
    STANDARD.encode(bytes)
}

pub fn bytes(value: &Value) -> Vec<u8> {
    STANDARD.decode(value.as_str().unwrap()).unwrap()
}

pub fn alice() -> String {
    base64([0xa1; 32])
}

pub fn bob() -> String {
    base64([0xb0; 32])
}

/// An account that does not exist.
pub fn nobody() -> String {
    base64([0; 32])
}

pub struct Vm {
    process: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Vm {
    pub fn start() -> Self {
        let mut process = Command::new(env!("CARGO_BIN_EXE_sshi-polkadot-vm"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let input = process.stdin.take().unwrap();
        let output = BufReader::new(process.stdout.take().unwrap());
        Vm { process, input, output }
    }

    /// With a world in which Alice and Bob are rich.
    pub fn with_world() -> Self {
        let mut vm = Vm::start();
        vm.reset();
        vm
    }

    pub fn reset(&mut self) {
        self.ok(json!({"op": "reset", "profile": "polkadot@51"}));
        for address in [alice(), bob()] {
            self.ok(json!({"op": "account", "address": address, "balance": RICH}));
        }
    }

    /// One line there, one line back.
    pub fn line(&mut self, line: &[u8]) -> Value {
        self.input.write_all(line).unwrap();
        self.input.write_all(b"\n").unwrap();
        self.input.flush().unwrap();
        let mut answer = String::new();
        self.output.read_line(&mut answer).unwrap();
        serde_json::from_str(&answer).unwrap()
    }

    /// The whole answer to a request, with its id checked.
    pub fn ask(&mut self, mut request: Value) -> Value {
        request["id"] = json!(7);
        let answer = self.line(request.to_string().as_bytes());
        assert_eq!(answer["id"], 7);
        answer
    }

    pub fn ok(&mut self, request: Value) -> Value {
        let answer = self.ask(request);
        assert!(answer["error"].is_null(), "{answer}");
        answer["ok"].clone()
    }

    /// The code of the problem that the answer must be.
    pub fn problem(&mut self, request: Value) -> String {
        self.ask(request)["error"]["code"].as_str().unwrap().to_owned()
    }

    /// Alice's deployment of a module written as text, with the given fields on top.
    pub fn deploy(&mut self, wat: &str, fields: Value) -> Value {
        self.ok(deployment(wat, fields))
    }

    /// Deploys what must deploy; its address.
    pub fn deployed(&mut self, wat: &str, fields: Value) -> String {
        let result = self.deploy(wat, fields);
        assert_eq!(result["outcome"]["kind"], "returned", "{result}");
        result["address"].as_str().unwrap().to_owned()
    }

    /// Alice's call, with the given fields on top.
    pub fn call(&mut self, contract: &str, fields: Value) -> Value {
        self.ok(call(contract, fields))
    }

    pub fn balance(&mut self, address: &str) -> Value {
        self.ok(json!({"op": "balance", "address": address}))["balance"].clone()
    }

    pub fn storage(&mut self, contract: &str) -> Value {
        self.ok(json!({"op": "storage", "contract": contract}))["storage"].clone()
    }

    /// Ends the input; whether the program ended well.
    pub fn end(mut self) -> bool {
        drop(self.input);
        self.process.wait().unwrap().success()
    }
}

pub fn deployment(wat: &str, fields: Value) -> Value {
    let code = base64(wat::parse_str(wat).unwrap());
    with(json!({"op": "deploy", "code": code, "caller": alice()}), fields)
}

pub fn call(contract: &str, fields: Value) -> Value {
    with(json!({"op": "call", "contract": contract, "caller": alice()}), fields)
}

fn with(mut request: Value, fields: Value) -> Value {
    request.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    request
}
