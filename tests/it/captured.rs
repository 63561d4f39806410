//! Takes down what is written, to be read by a test.

use std::{cell::RefCell, io, sync::mpsc};

use buckler_tests::fault::{Answer, FaultServer, Seen, Step};

use crate::{between::between, cloud::Cloud, site::Site};

/// All that was written by its pens.
#[derive(Debug)]
pub(crate) struct Captured {
    came: mpsc::Receiver<Vec<u8>>,
    read: RefCell<Vec<u8>>,
}

/// Writes for a [`Captured`].
#[derive(Debug, Clone)]
struct Pen(mpsc::Sender<Vec<u8>>);

impl Captured {
    fn with_pen() -> (Self, Pen) {
        let (pen, came) = mpsc::channel();
        let read = RefCell::default();
        (Self { came, read }, Pen(pen))
    }

    /// Takes down what this process logs by `tracing` from now on.
    pub(crate) fn of_tracing() -> Self {
        let (captured, pen) = Self::with_pen();
        tracing_subscriber::fmt()
            .with_ansi(false)
            .with_writer(move || pen.clone())
            .init();
        captured
    }

    /// A server that passes on what agents say to the real one, and takes it down.
    pub(crate) fn before(cloud: &Cloud) -> (FaultServer, Self) {
        let (captured, pen) = Self::with_pen();
        let server = between(cloud, move |seen: &Seen, answer: Answer| {
            pen.note(&seen.body);
            Step::from(answer)
        });
        (server, captured)
    }

    /// All that was taken down so far.
    pub(crate) fn read(&self) -> String {
        let mut read = self.read.borrow_mut();
        read.extend(self.came.try_iter().flatten());
        String::from_utf8_lossy(&read).into_owned()
    }

    /// The first line that holds a text, once there is one.
    #[track_caller]
    pub(crate) fn line(&self, site: &Site, text: &str) -> String {
        let mut found = None;
        site.wait_until(text, || {
            found = self.read().lines().find(|line| line.contains(text)).map(str::to_owned);
            found.is_some()
        });
        found.unwrap()
    }
}

impl Pen {
    fn note(&self, bytes: &[u8]) {
        // once the test is over, no one reads
        self.0.send(bytes.to_vec()).unwrap_or_default();
    }
}

impl io::Write for Pen {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.note(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
