//! The built program over pipes, and requests for it with everything filled in that a test does not care about.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

pub fn base64(bytes: impl AsRef<[u8]>) -> String {
    STANDARD.encode(bytes)
}

pub struct Vm {
    process: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Vm {
    pub fn start() -> Self {
        let mut process = Command::new(env!("CARGO_BIN_EXE_sshi-near-vm"))
            .env("SSHI_CACHE_DIR", env!("CARGO_TARGET_TMPDIR"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let input = process.stdin.take().unwrap();
        let output = BufReader::new(process.stdout.take().unwrap());
        Vm { process, input, output }
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

    /// Loads a module written as text; its hash and its length.
    pub fn load(&mut self, wat: &str) -> (Value, u64) {
        let wasm = wat::parse_str(wat).unwrap();
        let hash = self.ok(json!({"op": "code", "code": base64(&wasm)}))["hash"].clone();
        (hash, wasm.len() as u64)
    }

    /// Ends the input; whether the program ended well.
    pub fn end(mut self) -> bool {
        drop(self.input);
        self.process.wait().unwrap().success()
    }
}

/// A run of `main` at near@86 from the empty state, with the given fields instead of the usual ones.
pub fn run(code: &Value, fields: Value) -> Value {
    let mut request = json!({
        "op": "run",
        "profile": "near@86",
        "code": code,
        "state": 0,
        "method": "main",
        "input": "",
        "account": "alice.near",
        "signer": "bob.near",
        "predecessor": "bob.near",
        "balance": "1000000000000000000000000",
        "deposit": "0",
        "storage_usage": "100",
        "height": "5",
        "time_ns": "6000000000",
        "gas": "300000000000000",
    });
    request.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    request
}
