//! A real proxy, or another server, as a process.

use std::{
    env,
    ffi::OsStr,
    fs,
    net::{SocketAddr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{self, Child, Command, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

/// A running proxy, with a folder of its own.
pub(crate) struct Proxy {
    pub(crate) child: Child,
    pub(crate) address: SocketAddr,
    directory: PathBuf,
}

impl Proxy {
    /// Starts a program of Debian's package, or one with a path. The function returns its arguments, given an address to listen on and an empty folder.
    pub(crate) fn start(program: &str, arguments: impl FnOnce(SocketAddr, &Path) -> Vec<String>) -> Self {
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let name = Path::new(program).file_name().and_then(OsStr::to_str).unwrap();
        let directory =
            env::temp_dir().join(format!("cache_page-{name}-{}-{}", process::id(), address.port()));
        fs::create_dir(&directory).unwrap();
        let arguments = arguments(address, &directory);
        // Debian's folder for servers is not in the path of every user.
        let path = Path::new("/usr/sbin").join(program);
        let child = Command::new(if path.exists() { &path } else { Path::new(program) })
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(fs::File::create(directory.join("log")).unwrap())
            .spawn()
            .unwrap_or_else(|error| panic!("{program}: {error}; `cargo xtask test` installs it"));
        let mut proxy = Self { child, address, directory };
        let deadline = Instant::now() + Duration::from_secs(60);
        while TcpStream::connect(address).is_err() {
            let log = || fs::read_to_string(proxy.directory.join("log")).unwrap();
            let has_ended = proxy.child.try_wait().unwrap().is_some();
            assert!(!has_ended, "{program} has ended: {}", log());
            assert!(Instant::now() < deadline, "{program} does not listen");
            sleep(Duration::from_millis(10));
        }
        proxy
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_dir_all(&self.directory);
    }
}
