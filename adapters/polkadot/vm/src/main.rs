//! `sshi-polkadot-vm`: runs contracts on the real pallet-contracts inside a FRAME runtime, one JSON line in, one out.
//!
//! It holds one world of accounts and contracts; there are no blocks beyond their number and time, and no fees.

mod accounts;
mod effects;
mod heap;
mod hello;
mod ledger;
mod lines;
mod logs;
mod outcome;
mod protocol;
mod run;
mod runtime;
mod wire;
mod world;

use std::io::{self, BufReader, Write as _, stdin, stdout};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;

use lines::{KEEP, Line, read_line};
use protocol::{MAX_LINE, Problem, reply};
use world::World;

const FAILED: u8 = 1;
const PANICKED: u8 = 101;

fn main() -> ExitCode {
    logs::install();
    serve(World::new()).unwrap_or_else(|why| {
        eprintln!("sshi-polkadot-vm: {why}");
        FAILED.into()
    })
}

/// Answers every line until the input ends or a request panics.
fn serve(mut world: World) -> io::Result<ExitCode> {
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
            Line::Read => panicked = !respond(&mut world, &line, &mut answer),
        }
        output.write_all(&answer)?;
        output.flush()?;
        if panicked {
            return Ok(PANICKED.into());
        }
    }
}

/// Appends the answer to one line; false when it is the last this process can vouch for.
fn respond(world: &mut World, line: &[u8], answer: &mut Vec<u8>) -> bool {
    let head = match protocol::head(line) {
        Ok(head) => head,
        Err((id, problem)) => {
            reply(answer, id, Err::<(), _>(problem));
            return true;
        }
    };
    guarded(head.id, answer, |answer| world.answer(head, line, answer))
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
