//! A proxy in front of a server, which injects faults.

use std::{
    io::{ErrorKind, Read as _, Write as _},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread::{self, sleep},
    time::Duration,
};

use socket2::SockRef;

/// What the proxy does with the bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    Pass,
    /// Holds them until the mode changes.
    Stall,
    /// Resets all connections.
    Reset,
    /// Flips a bit in one of this number of chunks.
    Corrupt(u64),
    /// Delays each chunk by milliseconds: to the server, and from the server.
    Slow(u64, u64),
    /// Ends the connection of a worker when it sends a lookup.
    EndLookups,
}

pub(crate) struct Proxy {
    address: SocketAddr,
    state: Arc<State>,
}

struct State {
    server: SocketAddr,
    mode: Mutex<Mode>,
    is_closed: AtomicBool,
    random: Mutex<Random>,
    connections: AtomicU64,
    ended_lookups: AtomicU64,
}

/// How often the mode is checked.
const TICK: Duration = Duration::from_millis(10);

impl Proxy {
    pub(crate) fn in_front_of(port: u16) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(State {
            server: SocketAddr::from(([127, 0, 0, 1], port)),
            mode: Mutex::new(Mode::Pass),
            is_closed: AtomicBool::new(false),
            random: Mutex::new(Random(0x9e37_79b9_7f4a_7c15)),
            connections: AtomicU64::new(0),
            ended_lookups: AtomicU64::new(0),
        });
        let of_thread = Arc::clone(&state);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if of_thread.is_closed.load(Ordering::SeqCst) {
                    return;
                }
                of_thread.connect(stream);
            }
        });
        Self { address, state }
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://{}", self.address)
    }

    #[cfg(feature = "redis-tls")]
    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }

    /// Returns the number of connections so far.
    #[cfg(feature = "redis-tls")]
    pub(crate) fn connections(&self) -> u64 {
        self.state.connections.load(Ordering::SeqCst)
    }

    /// Returns the number of connections that were ended by a lookup.
    pub(crate) fn ended_lookups(&self) -> u64 {
        self.state.ended_lookups.load(Ordering::SeqCst)
    }

    pub(crate) fn set(&self, mode: Mode) {
        *self.state.mode.lock().unwrap() = mode;
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.state.is_closed.store(true, Ordering::SeqCst);
        // Wakes the thread, which waits for a connection.
        let _ = TcpStream::connect(self.address);
    }
}

impl State {
    fn mode(&self) -> Mode {
        if self.is_closed.load(Ordering::SeqCst) { Mode::Reset } else { *self.mode.lock().unwrap() }
    }

    fn connect(self: &Arc<Self>, client: TcpStream) {
        self.connections.fetch_add(1, Ordering::SeqCst);
        // Closing sends a reset.
        let reset = |stream: &TcpStream| SockRef::from(stream).set_linger(Some(Duration::ZERO));
        let (Ok(server), Ok(()), true) =
            (TcpStream::connect(self.server), reset(&client), self.mode() != Mode::Reset)
        else {
            return;
        };
        reset(&server).unwrap();
        let (from_client, from_server) = (client.try_clone().unwrap(), server.try_clone().unwrap());
        let (of_one, of_other) = (Arc::clone(self), Arc::clone(self));
        thread::spawn(move || of_one.pump(from_client, server, true));
        thread::spawn(move || of_other.pump(from_server, client, false));
    }

    /// Forwards one direction. Both sockets are reset when both directions have ended.
    fn pump(&self, mut from: TcpStream, mut to: TcpStream, is_to_server: bool) {
        from.set_read_timeout(Some(TICK)).unwrap();
        from.set_nodelay(true).unwrap();
        to.set_nodelay(true).unwrap();
        let mut buffer = vec![0; 16 * 1024];
        let mut is_of_worker = None;
        loop {
            let read = match from.read(&mut buffer) {
                Ok(0) => break,
                Ok(read) => read,
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                    if self.mode() == Mode::Reset {
                        break;
                    }
                    continue;
                }
                Err(_) => break,
            };
            let piece = &mut buffer[..read];
            // The first command of a worker asks for the run id.
            let is_of_worker = is_to_server
                && *is_of_worker.get_or_insert_with(|| piece.starts_with(b"*2\r\n$4\r\nINFO\r\n"));
            match self.mode() {
                Mode::EndLookups if is_of_worker && piece.windows(4).any(|word| word == b"MGET") => {
                    self.ended_lookups.fetch_add(1, Ordering::SeqCst);
                    break;
                }
                Mode::Corrupt(one_of) => self.random.lock().unwrap().corrupt(piece, one_of),
                Mode::Slow(to_server, from_server) => {
                    let time = if is_to_server { to_server } else { from_server };
                    sleep(Duration::from_millis(time));
                }
                Mode::Stall => {
                    while self.mode() == Mode::Stall {
                        sleep(TICK);
                    }
                }
                Mode::Pass | Mode::Reset | Mode::EndLookups => {}
            }
            if self.mode() == Mode::Reset || to.write_all(piece).is_err() {
                break;
            }
        }
        // Ends the other direction, too.
        if self.mode() != Mode::Reset {
            let _ = to.shutdown(Shutdown::Both);
            let _ = from.shutdown(Shutdown::Both);
        }
    }
}

/// Pseudorandom numbers, the same in each run.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        // Marsaglia's xorshift64*.
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 16
    }

    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    fn corrupt(&mut self, piece: &mut [u8], one_of: u64) {
        if self.below(one_of) == 0 {
            let at = usize::try_from(self.below(piece.len() as u64)).unwrap();
            piece[at] ^= 1 << self.below(8);
        }
    }
}
