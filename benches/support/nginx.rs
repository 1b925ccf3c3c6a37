//! nginx with one worker.

use std::{fs, net::SocketAddr, path::Path};

use super::proxy::Proxy;

/// Starts nginx with what `site` returns for its address and its folder in the block `http`.
pub(crate) fn start(site: impl FnOnce(SocketAddr, &Path) -> String) -> Proxy {
    Proxy::start("nginx", |address, folder| {
        let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map(|name| format!("{name}_temp_path {name};"))
            .concat();
        let configuration = format!(
            "daemon off; master_process off; pid nginx.pid; events {{ }}
             http {{ access_log off; keepalive_requests 1000000000; {temporary} {} }}",
            site(address, folder)
        );
        fs::write(folder.join("nginx.conf"), configuration).unwrap();
        let folder = folder.display().to_string();
        ["-e", "stderr", "-c", "nginx.conf", "-p", &folder].map(str::to_owned).into()
    })
}
