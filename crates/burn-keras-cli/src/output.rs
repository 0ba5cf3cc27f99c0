//! Standard output, where a reader may go away, and progress on a terminal.

use std::fmt::Arguments;
use std::io::{self, ErrorKind, IsTerminal, Write};

use crate::error::CliError;

/// Where results go.
pub struct Output {
    to: Box<dyn Write>,
    closed: bool,
}

impl Output {
    /// The standard output.
    pub fn stdout() -> Self {
        Self::new(io::stdout())
    }

    fn new(to: impl Write + 'static) -> Self {
        Self {
            to: Box::new(to),
            closed: false,
        }
    }

    /// Writes a line. Once the reader is gone, nothing more is written, and that is no error.
    pub fn line(&mut self, text: Arguments<'_>) -> Result<(), CliError> {
        if self.closed {
            return Ok(());
        }
        let written = writeln!(self.to, "{text}").and_then(|()| self.to.flush());
        match written {
            Err(error) if error.kind() == ErrorKind::BrokenPipe => {
                self.closed = true;
                Ok(())
            }
            other => other.map_err(CliError::Stdout),
        }
    }
}

/// A message on standard error; nobody may be listening.
pub fn message(text: Arguments<'_>) {
    let _ = writeln!(io::stderr(), "{text}");
}

/// The line on standard error that says what is being done; only on a terminal.
#[derive(Debug)]
pub struct Progress {
    shown: bool,
}

impl Progress {
    /// Nothing is shown yet.
    pub fn new() -> Self {
        Self {
            shown: io::stderr().is_terminal(),
        }
    }

    /// Replaces the line.
    pub fn show(&self, text: impl std::fmt::Display) {
        if self.shown {
            let _ = write!(io::stderr(), "\r\x1b[K{text}…");
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.shown {
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Fails(ErrorKind);

    impl Write for Fails {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(self.0.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_reader_that_is_gone_is_no_error() {
        let mut output = Output::new(Fails(ErrorKind::BrokenPipe));
        assert!(output.line(format_args!("one")).is_ok());
        assert!(output.closed);
        assert!(output.line(format_args!("two")).is_ok());
    }

    #[test]
    fn a_full_disk_is_an_error() {
        let mut output = Output::new(Fails(ErrorKind::StorageFull));
        assert!(output.line(format_args!("one")).is_err());
    }
}
