//! Certificates for servers on this machine.

use std::{fs, path::Path, process::Command};

/// Creates the certificate of a server, and returns the path of the certificate of its issuer.
pub(crate) fn certificates(directory: &Path) -> String {
    fs::write(directory.join("names"), "subjectAltName=DNS:localhost").unwrap();
    for line in [
        "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=issuer -keyout issuer.key -out issuer.crt",
        "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=issuer -keyout stranger.key -out stranger.crt",
        "req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=localhost -keyout server.key -out server.csr",
        "x509 -req -days 2 -in server.csr -CA issuer.crt -CAkey issuer.key -set_serial 1 -extfile names -out server.crt",
    ] {
        let filled = Command::new("openssl").args(line.split(' ')).current_dir(directory).output();
        let filled = filled.expect("`cargo xtask test` installs openssl, or `apt-get install openssl`");
        assert!(filled.status.success(), "openssl {line}: {}", String::from_utf8_lossy(&filled.stderr));
    }
    directory.join("issuer.crt").to_str().unwrap().to_owned()
}
