//! Reading lines of bounded length: what comes in is not trusted to end.

use std::io::{self, BufRead, Read as _};

/// A buffer above this is given back after use: one large module should not hold its memory for ever.
pub const KEEP: usize = 1024 * 1024;

#[derive(Debug, PartialEq)]
pub enum Line {
    /// In the buffer, without its newline.
    Read,
    /// Passed over; the buffer is empty.
    TooLong,
    End,
}

/// Reads one line of at most `limit` bytes into `line`; of a longer one no more than that is ever held.
pub fn read_line(input: &mut impl BufRead, line: &mut Vec<u8>, limit: usize) -> io::Result<Line> {
    line.clear();
    line.shrink_to(KEEP);
    input.by_ref().take(limit as u64 + 1).read_until(b'\n', line)?;
    if line.last() == Some(&b'\n') {
        line.pop();
        return Ok(Line::Read);
    }
    if line.len() > limit {
        line.clear();
        input.skip_until(b'\n')?;
        return Ok(Line::TooLong);
    }
    Ok(if line.is_empty() { Line::End } else { Line::Read })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(mut input: &[u8], limit: usize) -> Vec<(Line, Vec<u8>)> {
        let mut line = Vec::new();
        std::iter::from_fn(|| match read_line(&mut input, &mut line, limit).unwrap() {
            Line::End => None,
            kind => Some((kind, line.clone())),
        })
        .collect()
    }

    #[test]
    fn the_limit_counts_a_line_without_its_newline() {
        let read = |text: &[u8]| (Line::Read, text.to_vec());
        assert_eq!(all(b"abc\nabcd\nab\n", 3), [read(b"abc"), (Line::TooLong, vec![]), read(b"ab")]);
    }

    #[test]
    fn a_last_line_may_lack_its_newline_and_an_empty_line_is_a_line() {
        assert_eq!(all(b"\nab", 3), [(Line::Read, vec![]), (Line::Read, b"ab".to_vec())]);
    }
}
