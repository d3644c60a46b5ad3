//! `sshi-near-vm`: runs single NEAR function calls on the chain's own VM, one JSON line in, one out.
//!
//! It holds modules and storage maps and applies nothing: accounts, receipts and blocks are its caller's affair.

mod cache;
mod errors;
mod external;
mod judge;
mod lines;
mod profiles;
mod protocol;
mod receipts;
mod run;
mod store;
mod wire;

use std::io::{BufReader, Write as _, stdin, stdout};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::thread;

use judge::Judge;
use lines::{KEEP, Line, read_line};
use protocol::{MAX_LINE, Problem, reply};

/// The VM limits a guest's stack by metering, and relies on the native one being large enough for that.
const STACK: usize = 64 * 1024 * 1024;

const FAILED: u8 = 1;
const NO_CACHE: u8 = 2;
const PANICKED: u8 = 101;

fn main() -> ExitCode {
    let cache = match cache::open() {
        Ok(cache) => cache,
        Err(why) => {
            eprintln!("sshi-near-vm: no directory for compiled modules: {why}; set SSHI_CACHE_DIR to one");
            return NO_CACHE.into();
        }
    };
    let serving = thread::Builder::new().stack_size(STACK).spawn(move || serve(Judge::new(cache)));
    match serving.map(thread::JoinHandle::join) {
        Ok(Ok(Ok(code))) => code,
        Ok(Ok(Err(why))) | Err(why) => {
            eprintln!("sshi-near-vm: {why}");
            FAILED.into()
        }
        Ok(Err(_)) => PANICKED.into(),
    }
}

/// Answers every line until the input ends or a request panics.
fn serve(mut judge: Judge) -> std::io::Result<ExitCode> {
    let mut input = BufReader::with_capacity(1 << 16, stdin().lock());
    let mut output = stdout().lock();
    let (mut line, mut answer) = (vec![], vec![]);
    loop {
        answer.clear();
        answer.shrink_to(KEEP);
        let mut panicked = false;
        match read_line(&mut input, &mut line, MAX_LINE)? {
            Line::End => return Ok(ExitCode::SUCCESS),
            Line::TooLong => {
                let problem = Problem::new("line-too-long", format!("a request has at most {MAX_LINE} bytes"));
                reply(&mut answer, None, Err::<(), _>(problem));
            }
            Line::Read => panicked = !respond(&mut judge, &line, &mut answer),
        }
        output.write_all(&answer)?;
        output.flush()?;
        if panicked {
            return Ok(PANICKED.into());
        }
    }
}

/// Appends the answer to one line; false when it is the last this process can vouch for.
fn respond(judge: &mut Judge, line: &[u8], answer: &mut Vec<u8>) -> bool {
    let head = match protocol::head(line) {
        Ok(head) => head,
        Err((id, problem)) => {
            reply(answer, id, Err::<(), _>(problem));
            return true;
        }
    };
    guarded(head.id, answer, |answer| judge.answer(head, line, answer))
}

/// Does the work, or undoes what it wrote and answers with its panic; false then, for what it left behind is not known.
fn guarded(id: u64, answer: &mut Vec<u8>, work: impl FnOnce(&mut Vec<u8>)) -> bool {
    let Err(panic) = catch_unwind(AssertUnwindSafe(|| work(answer))) else {
        return true;
    };
    let said = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref().copied());
    answer.clear();
    reply(answer, Some(id), Err::<(), _>(Problem::new("panic", said.unwrap_or("no message"))));
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_the_requests_only_answer_and_the_last_one() {
        let mut answer = vec![];
        let goes_on = guarded(7, &mut answer, |answer| {
            answer.extend(b"half an ans");
            panic!("lost {}", "it");
        });
        assert!(!goes_on);
        assert_eq!(answer, b"{\"id\":7,\"error\":{\"code\":\"panic\",\"message\":\"lost it\"}}\n");
    }
}
