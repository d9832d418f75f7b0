//! One exchange, passed on with its fault.

use std::net::SocketAddr;
use std::sync::Mutex;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::rule::Fault;
use super::{Seen, State, lock};

/// Longest head of a request or an answer.
const HEAD_BYTES: usize = 64 * 1024;

/// First line and headers of a message, and what of its body came with them.
struct Head {
    line: String,
    headers: Vec<(String, String)>,
    rest: Vec<u8>,
}

impl Head {
    /// Reads a head; `None` when the other side closed or sent something else.
    async fn read(stream: &mut (impl AsyncRead + Unpin), mut bytes: Vec<u8>) -> Option<Self> {
        let end = loop {
            if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
                break end;
            }
            if bytes.len() > HEAD_BYTES || stream.read_buf(&mut bytes).await.ok()? == 0 {
                return None;
            }
        };
        let rest = bytes.split_off(end + 4);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let mut lines = text.lines();
        let line = lines.next()?.to_owned();
        let headers = lines.filter_map(|line| {
            let (name, value) = line.split_once(':')?;
            Some((name.to_ascii_lowercase(), value.trim().to_owned()))
        });
        Some(Self {
            line,
            headers: headers.collect(),
            rest,
        })
    }

    /// Returns its bytes, asking for the connection to end with this message.
    fn bytes(&self) -> Vec<u8> {
        let mut text = format!("{}\r\n", self.line);
        for (name, value) in &self.headers {
            if !matches!(name.as_str(), "connection" | "keep-alive") {
                text += &format!("{name}: {value}\r\n");
            }
        }
        text += "connection: close\r\n\r\n";
        text.into_bytes()
    }

    fn length_bytes(&mut self) -> Option<(&mut String, u64)> {
        let found = self.headers.iter_mut().find(|(name, _)| name == "content-length");
        let (_, value) = found?;
        let length = value.parse().ok()?;
        Some((value, length))
    }
}

/// Passes one request on.
pub(super) async fn serve(mut client: TcpStream, target: SocketAddr, state: &Mutex<State>) {
    let Some(request) = Head::read(&mut client, Vec::new()).await else {
        return;
    };
    let mut words = request.line.split(' ');
    let method = words.next().unwrap_or_default().to_owned();
    let path = words.next().unwrap_or_default().to_owned();
    let fault = {
        let mut state = lock(state);
        let fault = state.rules.iter_mut().find_map(|rule| rule.meet(&method, &path));
        state.seen.push(Seen {
            method: method.clone(),
            path,
            headers: request.headers.clone(),
            struck: fault.is_some(),
        });
        fault
    };
    match fault {
        Some(Fault::Reset) => reset(&client),
        Some(Fault::Answer {
            status,
            headers,
            body,
        }) => answer(client, status, &headers, &body).await,
        Some(Fault::Endless {
            media_type,
            begin,
            piece,
        }) => answer_on_and_on(client, media_type, begin, &piece).await,
        fault => {
            let Ok(server) = TcpStream::connect(target).await else {
                return reset(&client);
            };
            exchange(client, server, &request, method == "HEAD", fault).await;
        }
    }
}

async fn exchange(
    mut client: TcpStream,
    mut server: TcpStream,
    request: &Head,
    bodiless: bool,
    fault: Option<Fault>,
) {
    if server.write_all(&request.bytes()).await.is_err() {
        return reset(&client);
    }
    let (mut from_client, mut to_client) = client.split();
    let (mut from_server, mut to_server) = server.split();
    let up = async {
        let mut moved = 0;
        let mut piece = request.rest.clone();
        loop {
            if !pass_request(&fault, &mut piece, &mut moved).await
                || to_server.write_all(&piece).await.is_err()
            {
                return;
            }
            piece.clear();
            if !matches!(from_client.read_buf(&mut piece).await, Ok(1..)) {
                // The client has said all; the server's answer is still to come.
                return std::future::pending().await;
            }
        }
    };
    let down = async {
        let mut rest = Vec::new();
        loop {
            let Some(mut head) = Head::read(&mut from_server, std::mem::take(&mut rest)).await else {
                return;
            };
            if head.line.split(' ').nth(1) == Some("100") {
                rest = std::mem::take(&mut head.rest);
                if to_client
                    .write_all(b"HTTP/1.1 100 Continue\r\n\r\n")
                    .await
                    .is_err()
                {
                    return;
                }
                continue;
            }
            if fault != Some(Fault::LoseAnswer) {
                pass_answer(head, &mut from_server, &mut to_client, bodiless, &fault).await;
            }
            return;
        }
    };
    tokio::select! {
        () = up => {}
        () = down => {}
    }
    if matches!(fault, Some(Fault::LoseAnswer | Fault::CutRequest(_))) {
        reset(&client);
    }
}

/// Applies a fault to a piece of the request's body; says whether the request goes on.
async fn pass_request(fault: &Option<Fault>, piece: &mut [u8], moved: &mut u64) -> bool {
    let begin = *moved;
    *moved += piece.len() as u64;
    match fault {
        Some(Fault::CutRequest(at)) => *moved <= *at,
        Some(Fault::StallRequest(at)) if *moved > *at => std::future::pending().await,
        Some(Fault::ChangeRequest(at)) if (begin..*moved).contains(at) => {
            piece[(at - begin) as usize] ^= 1;
            true
        }
        _ => true,
    }
}

async fn pass_answer(
    mut head: Head,
    from_server: &mut (impl AsyncRead + Unpin),
    to_client: &mut (impl AsyncWriteExt + Unpin),
    bodiless: bool,
    fault: &Option<Fault>,
) {
    let mut end = u64::MAX;
    let mut more = 0;
    match (fault, head.length_bytes()) {
        (Some(Fault::CutAnswer(at)), _) => end = *at,
        (Some(Fault::ShortenAnswer(by)), Some((value, length))) => {
            end = length.saturating_sub(*by);
            *value = end.to_string();
        }
        (Some(Fault::LengthenAnswer(by)), Some((value, length))) => {
            more = *by;
            *value = (length + by).to_string();
        }
        _ => {}
    }
    if to_client.write_all(&head.bytes()).await.is_err() || bodiless {
        return;
    }
    let mut piece = head.rest;
    let mut moved = 0_u64;
    loop {
        let begin = moved;
        moved += piece.len() as u64;
        match fault {
            Some(Fault::StallAnswer(at)) if moved > *at => {
                let _ = to_client.write_all(&piece[..(at - begin) as usize]).await;
                return std::future::pending().await;
            }
            Some(Fault::ChangeAnswer(at)) if (begin..moved).contains(at) => {
                piece[(at - begin) as usize] ^= 1;
            }
            _ => {}
        }
        let kept = piece.len().min((end.saturating_sub(begin)) as usize);
        if to_client.write_all(&piece[..kept]).await.is_err() || moved >= end {
            break;
        }
        piece.clear();
        if !matches!(from_server.read_buf(&mut piece).await, Ok(1..)) {
            break;
        }
    }
    let _ = to_client.write_all(&vec![b'+'; more as usize]).await;
    let _ = to_client.shutdown().await;
}

async fn answer(mut client: TcpStream, status: u16, headers: &[(String, String)], body: &str) {
    let mut text = format!("HTTP/1.1 {status} Struck\r\ncontent-length: {}\r\n", body.len());
    for (name, value) in headers {
        text += &format!("{name}: {value}\r\n");
    }
    text += "connection: close\r\n\r\n";
    text += body;
    let _ = client.write_all(text.as_bytes()).await;
    let _ = client.shutdown().await;
    // The client may still be sending: hear it out, so that it reads the answer and not a reset.
    let mut heard = vec![0; 64 * 1024];
    let drain = async { while matches!(client.read(&mut heard).await, Ok(1..)) {} };
    let _ = tokio::time::timeout(Duration::from_secs(2), drain).await;
}

async fn answer_on_and_on(mut client: TcpStream, media_type: &str, begin: String, piece: &str) {
    let head = format!("HTTP/1.1 200 Struck\r\ncontent-type: {media_type}\r\nconnection: close\r\n\r\n");
    let mut text = head + &begin;
    while client.write_all(text.as_bytes()).await.is_ok() {
        // Many of them at once, so that the end of a long patience is soon reached.
        text = piece.repeat(1_000_000 / piece.len().max(1) + 1);
    }
}

fn reset(stream: &TcpStream) {
    // Closing with nothing lingering sends a reset instead of a goodbye.
    let _ = stream.set_zero_linger();
}
