//! A proxy between two nodes that breaks what passes: the faults real servers will not produce on demand.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use super::world::Draw;

/// What may happen to a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Nothing.
    None,
    /// The answer ends early, politely.
    Truncate,
    /// One bit of what is sent to the target is another.
    FlipBit,
    /// The connection is reset in the middle.
    Reset,
    /// From some byte on nothing moves any more.
    Stall,
    /// 200 and no body.
    EmptyOk,
    /// 429 with Retry-After: 1.
    SlowDown,
    /// 500 and words.
    Broken,
    /// 503 with Retry-After: 1.
    Unavailable,
}

/// Every fault there is.
pub const FAULTS: [Fault; 8] = [
    Fault::Truncate,
    Fault::FlipBit,
    Fault::Reset,
    Fault::Stall,
    Fault::EmptyOk,
    Fault::SlowDown,
    Fault::Broken,
    Fault::Unavailable,
];

struct State {
    fault: Fault,
    percent: u64,
    draw: Draw,
}

/// A listening proxy.
pub struct Proxy {
    pub address: SocketAddr,
    state: Arc<Mutex<State>>,
    cut: watch::Sender<u64>,
}

impl Proxy {
    /// Starts a proxy to `target` that breaks nothing yet.
    pub async fn to(target: SocketAddr, seed: u64) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0")
            .await
            .expect("loopback has a free port");
        let address = listener.local_addr().expect("a bound socket has an address");
        let state = Arc::new(Mutex::new(State {
            fault: Fault::None,
            percent: 0,
            draw: Draw::new(seed),
        }));
        let cut = watch::Sender::new(0);
        let proxy = Self {
            address,
            state: state.clone(),
            cut: cut.clone(),
        };
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let state = state.clone();
                let mut cut = cut.subscribe();
                tokio::spawn(async move {
                    tokio::select! {
                        () = serve(client, target, state) => {}
                        _ = cut.changed() => {}
                    }
                });
            }
        });
        proxy
    }

    /// Lets `fault` befall `percent` of the connections made from now on, and cuts the old ones.
    pub fn set(&self, fault: Fault, percent: u64) {
        let mut state = self.state.lock().expect("no connection panicked");
        state.fault = fault;
        state.percent = percent;
        drop(state);
        self.cut.send_modify(|times| *times += 1);
    }
}

async fn serve(mut client: TcpStream, target: SocketAddr, state: Arc<Mutex<State>>) {
    let (fault, after, bit) = {
        let mut state = state.lock().expect("no connection panicked");
        let struck = state.draw.below(100) < state.percent;
        let fault = if struck { state.fault } else { Fault::None };
        (fault, state.draw.below(300_000), state.draw.below(8))
    };
    match fault {
        Fault::EmptyOk => answer(client, "200 OK", "", "").await,
        Fault::SlowDown => answer(client, "429 Too Many Requests", "Retry-After: 1\r\n", "slow down").await,
        Fault::Broken => answer(client, "500 Internal Server Error", "", "something broke").await,
        Fault::Unavailable => answer(client, "503 Service Unavailable", "Retry-After: 1\r\n", "later").await,
        Fault::None | Fault::Truncate | Fault::FlipBit | Fault::Reset | Fault::Stall => {
            let Ok(mut server) = TcpStream::connect(target).await else {
                return reset(&client);
            };
            relay(&mut client, &mut server, fault, after, bit as u8).await;
        }
    }
}

async fn relay(client: &mut TcpStream, server: &mut TcpStream, fault: Fault, after: u64, bit: u8) {
    let mut up = vec![0; 64 * 1024];
    let mut down = vec![0; 64 * 1024];
    let mut sent_up = 0_u64;
    let mut sent_down = 0_u64;
    loop {
        tokio::select! {
            read = client.read(&mut up) => {
                let Ok(count @ 1..) = read else { return };
                let here = sent_up..sent_up + count as u64;
                if fault == Fault::FlipBit && here.contains(&after) {
                    up[(after - sent_up) as usize] ^= 1 << bit;
                }
                if fault == Fault::Reset && here.contains(&after) {
                    reset(client);
                    return reset(server);
                }
                if fault == Fault::Stall && here.contains(&after) {
                    return std::future::pending().await;
                }
                sent_up += count as u64;
                if server.write_all(&up[..count]).await.is_err() { return }
            }
            read = server.read(&mut down) => {
                let Ok(count @ 1..) = read else { return };
                let end = after / 100;
                if fault == Fault::Truncate && (sent_down..sent_down + count as u64).contains(&end) {
                    let left = (end - sent_down) as usize;
                    let _ = client.write_all(&down[..left]).await;
                    let _ = client.shutdown().await;
                    return;
                }
                sent_down += count as u64;
                if client.write_all(&down[..count]).await.is_err() { return }
            }
        }
    }
}

async fn answer(mut client: TcpStream, status: &str, header: &str, words: &str) {
    let mut head = vec![0; 16 * 1024];
    let _ = client.read(&mut head).await;
    let length = words.len();
    let text =
        format!("HTTP/1.1 {status}\r\n{header}Content-Length: {length}\r\nConnection: close\r\n\r\n{words}");
    let _ = client.write_all(text.as_bytes()).await;
    // The client may still be sending: hear it out, so that it reads the answer and not a reset.
    let drain = async { while matches!(client.read(&mut head).await, Ok(1..)) {} };
    let _ = tokio::time::timeout(Duration::from_secs(2), drain).await;
}

fn reset(stream: &TcpStream) {
    // Closing with nothing lingering sends a reset instead of a goodbye.
    let _ = stream.set_zero_linger();
}
