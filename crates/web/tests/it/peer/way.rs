//! A way between two nodes that counts what passes and breaks it where it is told to.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};

/// What befalls the bytes of one direction, once; counted from when it was set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// One bit of this byte is turned.
    Flip(u64),
    /// The connection ends before this byte.
    Cut(u64),
    /// Nothing moves from this byte on.
    Stall(u64),
}

#[derive(Default)]
struct Direction {
    fault: Mutex<Option<Fault>>,
    passed_bytes: AtomicU64,
}

/// The way.
#[derive(Clone)]
pub struct Way {
    pub address: SocketAddr,
    up: Arc<Direction>,
    down: Arc<Direction>,
    /// What is answered instead of asking the node.
    answer: Arc<Mutex<Option<&'static str>>>,
}

impl Way {
    pub async fn to(node: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let way = Self {
            address: listener.local_addr().expect("an address"),
            up: Arc::default(),
            down: Arc::default(),
            answer: Arc::default(),
        };
        let listening = way.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(listening.clone().carry(client, node));
            }
        });
        way
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Breaks what the client sends, once.
    pub fn break_up(&self, fault: Fault) {
        self.up.passed_bytes.store(0, Ordering::SeqCst);
        *self.up.fault.lock().expect("no connection panicked") = Some(fault);
    }

    /// Breaks what the node answers, once.
    pub fn break_down(&self, fault: Fault) {
        self.down.passed_bytes.store(0, Ordering::SeqCst);
        *self.down.fault.lock().expect("no connection panicked") = Some(fault);
    }

    /// Answers connections made from now on with `text` instead.
    pub fn answer(&self, text: Option<&'static str>) {
        *self.answer.lock().expect("no connection panicked") = text;
    }

    /// Says whether a fault is still waiting for its byte.
    pub fn is_whole(&self) -> bool {
        self.up.fault.lock().expect("no connection panicked").is_some()
            || self.down.fault.lock().expect("no connection panicked").is_some()
    }

    async fn carry(self, mut client: TcpStream, node: SocketAddr) {
        let answer = *self.answer.lock().expect("no connection panicked");
        if let Some(answer) = answer {
            let mut request = vec![0; 64 * 1024];
            let _ = client.read(&mut request).await;
            let _ = client.write_all(answer.as_bytes()).await;
            // What is still being sent is heard out, so that the answer is read and not a reset.
            let _ = client.shutdown().await;
            while matches!(client.read(&mut request).await, Ok(1..)) {}
            return;
        }
        let Ok(server) = TcpStream::connect(node).await else {
            return;
        };
        let (from_client, to_client) = client.into_split();
        let (from_server, to_server) = server.into_split();
        // When one direction ends the connection is over.
        tokio::select! {
            () = relay(from_client, to_server, &self.up) => {}
            () = relay(from_server, to_client, &self.down) => {}
        }
    }
}

async fn relay(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, direction: &Direction) {
    let mut piece = vec![0; 64 * 1024];
    while let Ok(count @ 1..) = from.read(&mut piece).await {
        let begin = direction.passed_bytes.fetch_add(count as u64, Ordering::SeqCst);
        let fault = strike(direction, begin, count as u64);
        match fault {
            None => {}
            Some((Fault::Flip(_), place)) => piece[place] ^= 0x10,
            Some((Fault::Cut(_), place)) => {
                let _ = to.write_all(&piece[..place]).await;
                return;
            }
            Some((Fault::Stall(_), place)) => {
                let _ = to.write_all(&piece[..place]).await;
                return std::future::pending().await;
            }
        }
        if to.write_all(&piece[..count]).await.is_err() {
            return;
        }
    }
}

/// Returns the fault that strikes within the `count` bytes from `begin` on, and where among them.
fn strike(direction: &Direction, begin: u64, count: u64) -> Option<(Fault, usize)> {
    let mut fault = direction.fault.lock().expect("no connection panicked");
    let (Fault::Flip(at) | Fault::Cut(at) | Fault::Stall(at)) = (*fault)?;
    let place = at.checked_sub(begin).filter(|place| *place < count)?;
    Some((fault.take()?, usize::try_from(place).ok()?))
}
