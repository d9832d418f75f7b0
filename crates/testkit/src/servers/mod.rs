//! Real servers of other projects, as processes on loopback, for as long as a test needs them.
//!
//! `scripts/needs.sh` installs the programs. A server is started on a free port with a folder of its own,
//! is waited for until it answers, and ends when it is dropped. One file beside this for each server.

mod dav;
mod nginx;
mod programs;
mod pypi;
mod registry;
mod s3;
#[cfg(test)]
mod tests;
mod verdaccio;

use std::fs::File;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

pub use dav::DavServer;
pub use nginx::{Nginx, NginxOptions};
pub use programs::{npm_tool, program, python_tool, python_tools, run};
pub use pypi::{Devpi, PypiOptions, PypiServer, python_packages};
pub use registry::{OciRegistry, RegistryLogin};
pub use s3::S3Server;
pub use verdaccio::{Verdaccio, VerdaccioLogin};

/// How long a server may take to answer, or to end, before the test gives up on it.
const HANG_GUARD: Duration = Duration::from_secs(120);
/// Starts before the test gives up: another process may take the free port first.
const STARTS: usize = 5;

/// How it is known that a server can be used.
#[derive(Debug, Clone, Copy)]
pub enum Ready {
    /// It accepts connections.
    Connects,
    /// It answers `GET` of this path, whatever it says.
    Answers(&'static str),
}

/// Where a server listens and what it may write to.
#[derive(Debug)]
pub struct Place {
    /// A loopback address that was free a moment ago.
    pub address: SocketAddr,
    /// A folder of its own, which lasts as long as the [`Server`].
    pub folder: PathBuf,
}

impl Place {
    /// Writes a file into the folder (making the folders it lies in) and returns where it is.
    pub fn file(&self, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.folder.join(name);
        let parent = path.parent().expect("a file lies in a folder");
        std::fs::create_dir_all(parent).expect("the folder can be made");
        std::fs::write(&path, text).expect("the file can be written");
        path
    }

    /// Makes a folder in the folder and returns where it is.
    pub fn subfolder(&self, name: &str) -> PathBuf {
        let path = self.folder.join(name);
        std::fs::create_dir_all(&path).expect("the folder can be made");
        path
    }
}

type Prepare = Box<dyn Fn(&Place) -> Command + Send + Sync>;

/// One running process; ends when dropped.
pub struct Server {
    place: Place,
    ready: Ready,
    prepare: Prepare,
    child: Option<Child>,
    _folder: TempDir,
}

impl Server {
    /// Starts what `prepare` says and waits until it is ready. `prepare` may be asked again, with another address.
    pub async fn start(ready: Ready, prepare: impl Fn(&Place) -> Command + Send + Sync + 'static) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let place = Place {
            address: free_address(),
            folder: folder.path().to_owned(),
        };
        let mut server = Self {
            place,
            ready,
            prepare: Box::new(prepare),
            child: None,
            _folder: folder,
        };
        for _ in 0..STARTS {
            if server.try_start().await {
                return server;
            }
            server.place.address = free_address();
        }
        unreachable!("it does not start:\n{}", server.log())
    }

    /// Returns where it listens.
    pub fn address(&self) -> SocketAddr {
        self.place.address
    }

    /// Returns `http://` and its address, without a slash at the end.
    pub fn url(&self) -> String {
        format!("http://{}", self.place.address)
    }

    /// Returns its folder.
    pub fn folder(&self) -> &Path {
        &self.place.folder
    }

    /// Returns what it wrote to its output and error output, of all its starts.
    pub fn log(&self) -> String {
        let bytes = std::fs::read(self.log_file()).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Returns the id of its process; it must be running.
    pub fn pid(&self) -> u32 {
        self.child.as_ref().expect("the server runs").id()
    }

    /// Ends it without a goodbye (SIGKILL); what it keeps in its folder stays.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Asks it to end (SIGTERM) and waits until it has; what it keeps in its folder stays.
    pub fn stop(&mut self) {
        let Some(child) = &mut self.child else { return };
        let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
        let asked = pid.map(|pid| kill_process(pid, Signal::TERM));
        let begin = Instant::now();
        // Some programs take their time over a goodbye nobody waits for.
        while asked == Some(Ok(())) && begin.elapsed() < Duration::from_secs(3) {
            if !matches!(child.try_wait(), Ok(None)) {
                break;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        self.kill();
    }

    /// Starts it again on the same address, with what it kept, and waits until it is ready.
    pub async fn start_again(&mut self) {
        self.stop();
        assert!(self.try_start().await, "it does not start again:\n{}", self.log());
    }

    fn log_file(&self) -> PathBuf {
        self.place.folder.join("server.log")
    }

    /// Starts the process; says whether it became ready (otherwise it has ended).
    async fn try_start(&mut self) -> bool {
        let log = File::options()
            .create(true)
            .append(true)
            .open(self.log_file())
            .expect("a log file");
        let mut command = (self.prepare)(&self.place);
        command
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a log file"))
            .stderr(log);
        let spawned = command.spawn();
        let name = command.get_program().to_string_lossy().into_owned();
        self.child = Some(spawned.unwrap_or_else(|error| unreachable!("cannot start {name}: {error}")));
        let begin = Instant::now();
        loop {
            let ready = answers(self.place.address, self.ready).await;
            let child = self.child.as_mut().expect("it was just started");
            if !matches!(child.try_wait(), Ok(None)) {
                self.child = None;
                return false;
            }
            if ready {
                return true;
            }
            assert!(
                begin.elapsed() < HANG_GUARD,
                "{name} does not answer:\n{}",
                self.log()
            );
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Returns a loopback address nobody listens on.
pub fn free_address() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
    listener.local_addr().expect("a bound socket has an address")
}

async fn answers(address: SocketAddr, ready: Ready) -> bool {
    let Ok(mut stream) = TcpStream::connect(address).await else {
        return false;
    };
    let Ready::Answers(path) = ready else {
        return true;
    };
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    let mut head = [0; 5];
    let exchange = async {
        stream.write_all(request.as_bytes()).await?;
        stream.read_exact(&mut head).await
    };
    let answered = tokio::time::timeout(Duration::from_secs(5), exchange).await;
    matches!(answered, Ok(Ok(_))) && head == *b"HTTP/"
}
