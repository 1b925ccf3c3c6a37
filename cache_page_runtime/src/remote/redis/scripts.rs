//! The Lua scripts, which execute atomically on the server.

use ::redis::{ErrorKind, RedisError, ServerErrorKind, Value, cmd};

use super::connection::Connection;

/// One script. `redis::Script` is not used to run it: it panics if the reply to `SCRIPT LOAD` is corrupt.
pub(super) struct Script {
    sha1: String,
    source: String,
}

impl Script {
    fn new(source: String) -> Self {
        Self { sha1: ::redis::Script::new(&source).get_hash().to_owned(), source }
    }

    /// Runs the script, and sends its source only if the server does not have it.
    pub(super) async fn run(
        &self,
        connection: &mut Connection,
        keys: &[&[u8]],
        arguments: &[&[u8]],
    ) -> Result<Value, RedisError> {
        let command = |name, script: &str| {
            let mut command = cmd(name);
            command.arg(script).arg(keys.len()).arg(keys).arg(arguments);
            command
        };
        match command("EVALSHA", &self.sha1).query_async(connection).await {
            Err(error) if error.kind() == ErrorKind::Server(ServerErrorKind::NoScript) => {
                command("EVAL", &self.source).query_async(connection).await
            }
            reply => reply,
        }
    }
}

pub(super) struct Scripts {
    pub(super) check_run_id: Script,
    pub(super) get: Script,
    pub(super) put: Script,
    pub(super) release: Script,
    pub(super) purge: Script,
    pub(super) publish: Script,
    pub(super) poll_changes: Script,
}

impl Scripts {
    pub(super) fn new() -> Self {
        let script = |source: &str| Script::new([include_str!("lua/common.lua"), source].concat());
        Self {
            check_run_id: script(include_str!("lua/check_run_id.lua")),
            get: script(include_str!("lua/get.lua")),
            put: script(include_str!("lua/put.lua")),
            release: script(include_str!("lua/release.lua")),
            purge: script(include_str!("lua/purge.lua")),
            publish: script(include_str!("lua/publish.lua")),
            poll_changes: script(include_str!("lua/poll_changes.lua")),
        }
    }
}

/// Returns the string that a script has returned.
pub(super) fn parse_string(reply: Value) -> Option<Vec<u8>> {
    match reply {
        Value::BulkString(text) => Some(text),
        _ => None,
    }
}
