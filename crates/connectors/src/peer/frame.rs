//! Frames: how the exchange cuts a stream of bytes into headers and bodies, each with a checksum.
//!
//! A frame is `header bytes`, `body bytes`, `CRC-32 of both lengths and the header`, `CRC-32 of the body` (four
//! big-endian `u32`), then the header (JSON, or nothing) and the body. Nothing is taken for true before its
//! checksum was compared, and bodies are never copied while they are taken apart. A frame without header and
//! body means nothing: it keeps a slow exchange from looking dead.

use bytes::{Buf, BufMut, Bytes, BytesMut};
use domain::failure::{ErrorKind, Stage};
use domain::ports::{ByteStream, ConnectorError, ConnectorResult};
use futures_util::StreamExt;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Most raw bytes of one frame.
pub const BODY_BYTES: usize = 1024 * 1024;
/// Most bytes of one JSON header: a thousand longest keys and more.
pub const HEADER_BYTES: usize = 4 * 1024 * 1024;
/// Bytes before the header of a frame.
pub const PREFIX_BYTES: usize = 16;

/// Why bytes are no frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadFrame {
    /// A checksum differs.
    #[error("a checksum differs: bytes were changed on the way")]
    Checksum,
    /// A length is beyond its bound.
    #[error("a frame is longer than the exchange allows")]
    TooLong,
    /// The bytes end within a frame.
    #[error("the bytes end within a frame")]
    Short,
    /// The header is not what is expected here.
    #[error("a frame says something that has no place there")]
    Unexpected,
}

impl BadFrame {
    /// Returns what a port says of it.
    pub fn kind(self) -> ErrorKind {
        match self {
            Self::Checksum | Self::Short => ErrorKind::Corrupt,
            Self::TooLong | Self::Unexpected => ErrorKind::Protocol,
        }
    }
}

/// Appends a frame to `out`: `header` as JSON, then `body`.
pub fn put_frame<H: Serialize>(out: &mut BytesMut, header: &H, body: &[u8]) {
    put_head(out, Some(header), body);
    out.extend_from_slice(body);
}

/// Appends the head of a frame without header whose bytes are `body`; the caller sends those after it.
pub fn put_body_head(out: &mut BytesMut, body: &[u8]) {
    put_head::<()>(out, None, body);
}

/// Returns a frame that says nothing but that work goes on.
pub fn still_working() -> Bytes {
    let mut out = BytesMut::with_capacity(PREFIX_BYTES);
    put_body_head(&mut out, b"");
    out.freeze()
}

fn put_head<H: Serialize>(out: &mut BytesMut, header: Option<&H>, body: &[u8]) {
    let start = out.len();
    out.put_bytes(0, PREFIX_BYTES);
    if let Some(header) = header {
        serde_json::to_writer(out.writer(), header).expect("what travels is plain data");
    }
    let header_bytes = length(out.len() - start - PREFIX_BYTES);
    let body_bytes = length(body.len());
    let header_crc = header_crc(header_bytes, body_bytes, &out[start + PREFIX_BYTES..]);
    let mut prefix = &mut out[start..start + PREFIX_BYTES];
    prefix.put_u32(header_bytes);
    prefix.put_u32(body_bytes);
    prefix.put_u32(header_crc);
    prefix.put_u32(crc32fast::hash(body));
}

fn length(bytes: usize) -> u32 {
    u32::try_from(bytes).expect("frames are bounded far below 4 GiB")
}

fn header_crc(header_bytes: u32, body_bytes: u32, header: &[u8]) -> u32 {
    let mut crc = crc32fast::Hasher::new();
    crc.update(&header_bytes.to_be_bytes());
    crc.update(&body_bytes.to_be_bytes());
    crc.update(header);
    crc.finalize()
}

/// What a [`Decoder`] found next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// The header of a frame, empty for one of raw bytes; `body_bytes` of body follow.
    Head {
        /// JSON.
        header: Bytes,
        /// Bytes of the body that follow, in `Body` pieces.
        body_bytes: usize,
    },
    /// The next bytes of the body. With the last of them, the checksum of all of them was right.
    Body(Bytes),
}

/// Takes frames apart as bytes arrive.
#[derive(Debug, Default)]
pub struct Decoder {
    /// The beginning of a head that is not complete.
    carry: BytesMut,
    input: Bytes,
    body: Option<Body>,
}

#[derive(Debug)]
struct Body {
    left_bytes: usize,
    crc: crc32fast::Hasher,
    expected_crc: u32,
}

impl Decoder {
    /// Takes the next bytes; all earlier ones must have been used up.
    pub fn push(&mut self, input: Bytes) {
        debug_assert!(self.input.is_empty(), "pieces are taken until there are none");
        self.input = input;
    }

    /// Says whether the bytes taken so far end with a frame.
    pub fn is_between_frames(&self) -> bool {
        self.body.is_none() && self.carry.is_empty() && self.input.is_empty()
    }

    /// Returns the next piece; `None` when more bytes are needed.
    pub fn take(&mut self) -> Result<Option<Piece>, BadFrame> {
        match self.body.take() {
            Some(body) => self.next_of_body(body),
            None => self.next_head(),
        }
    }

    fn next_of_body(&mut self, mut body: Body) -> Result<Option<Piece>, BadFrame> {
        let bytes = self.input.split_to(body.left_bytes.min(self.input.len()));
        body.left_bytes -= bytes.len();
        body.crc.update(&bytes);
        if body.left_bytes > 0 {
            self.body = Some(body);
        } else if body.crc.finalize() != body.expected_crc {
            return Err(BadFrame::Checksum);
        }
        Ok(if bytes.is_empty() {
            None
        } else {
            Some(Piece::Body(bytes))
        })
    }

    fn next_head(&mut self) -> Result<Option<Piece>, BadFrame> {
        if !self.carry_up_to(PREFIX_BYTES) {
            return Ok(None);
        }
        let mut prefix = &self.carry[..PREFIX_BYTES];
        let (header_length, body_length) = (prefix.get_u32(), prefix.get_u32());
        let (expected_header_crc, expected_crc) = (prefix.get_u32(), prefix.get_u32());
        let (header_bytes, body_bytes) = (header_length as usize, body_length as usize);
        if header_bytes > HEADER_BYTES || body_bytes > BODY_BYTES {
            return Err(BadFrame::TooLong);
        }
        if !self.carry_up_to(PREFIX_BYTES + header_bytes) {
            return Ok(None);
        }
        let header = self.carry.split().freeze().slice(PREFIX_BYTES..);
        if header_crc(header_length, body_length, &header) != expected_header_crc {
            return Err(BadFrame::Checksum);
        }
        let body = Body {
            left_bytes: body_bytes,
            crc: crc32fast::Hasher::new(),
            expected_crc,
        };
        if body_bytes > 0 {
            self.body = Some(body);
        } else if body.crc.finalize() != expected_crc {
            return Err(BadFrame::Checksum);
        }
        Ok(Some(Piece::Head { header, body_bytes }))
    }

    /// Moves input into `carry` until that holds `bytes`; says whether it does.
    fn carry_up_to(&mut self, bytes: usize) -> bool {
        let lacking = bytes.saturating_sub(self.carry.len()).min(self.input.len());
        self.carry.extend_from_slice(&self.input.split_to(lacking));
        self.carry.len() >= bytes
    }
}

/// Reads frames from a stream of bytes.
pub struct Frames {
    input: ByteStream,
    decoder: Decoder,
    stage: Stage,
    subject: String,
    body_left_bytes: usize,
}

impl Frames {
    /// Reads from `input`; errors name `stage` and `subject`.
    pub fn new(input: ByteStream, stage: Stage, subject: impl Into<String>) -> Self {
        Self {
            input,
            decoder: Decoder::default(),
            stage,
            subject: subject.into(),
            body_left_bytes: 0,
        }
    }

    /// Returns the header of the next frame, dropping what is left of the body before it; `None` at a clean end.
    ///
    /// `Some(None)` is a frame of raw bytes. Empty frames, which only say that work goes on, are skipped.
    pub async fn head<H: DeserializeOwned>(&mut self) -> ConnectorResult<Option<Option<H>>> {
        loop {
            match self.piece().await? {
                Some(Piece::Body(_)) => {}
                Some(Piece::Head { header, body_bytes }) => {
                    self.body_left_bytes = body_bytes;
                    match (header.is_empty(), body_bytes) {
                        (true, 0) => continue,
                        (true, _) => return Ok(Some(None)),
                        (false, _) => {}
                    }
                    let header = serde_json::from_slice(&header);
                    return header
                        .map(|header| Some(Some(header)))
                        .map_err(|_| self.bad(BadFrame::Unexpected));
                }
                None => return Ok(None),
            }
        }
    }

    /// Returns the next bytes of the present frame's body; `None` after the last.
    pub async fn body_piece(&mut self) -> ConnectorResult<Option<Bytes>> {
        if self.body_left_bytes == 0 {
            return Ok(None);
        }
        match self.piece().await? {
            Some(Piece::Body(bytes)) => {
                self.body_left_bytes -= bytes.len();
                Ok(Some(bytes))
            }
            Some(Piece::Head { .. }) | None => Err(self.bad(BadFrame::Short)),
        }
    }

    /// Returns the rest of the present frame's body whole.
    pub async fn body(&mut self) -> ConnectorResult<Bytes> {
        let whole = self.body_left_bytes;
        let Some(first) = self.body_piece().await? else {
            return Ok(Bytes::new());
        };
        if first.len() == whole {
            return Ok(first);
        }
        let mut body = BytesMut::with_capacity(whole);
        body.extend_from_slice(&first);
        while let Some(piece) = self.body_piece().await? {
            body.extend_from_slice(&piece);
        }
        Ok(body.freeze())
    }

    /// Makes sure that nothing follows.
    pub async fn ended(&mut self) -> ConnectorResult<()> {
        match self.piece().await? {
            None => Ok(()),
            Some(_) => Err(self.bad(BadFrame::Unexpected)),
        }
    }

    /// Returns `bad` as an error of this exchange.
    pub fn bad(&self, bad: BadFrame) -> ConnectorError {
        ConnectorError::new(bad.kind(), self.stage, &self.subject).words(bad.to_string())
    }

    /// Returns what errors of this exchange are about.
    pub fn subject(&self) -> &str {
        &self.subject
    }

    async fn piece(&mut self) -> ConnectorResult<Option<Piece>> {
        loop {
            if let Some(piece) = self.decoder.take().map_err(|bad| self.bad(bad))? {
                return Ok(Some(piece));
            }
            match self.input.next().await {
                Some(input) => self.decoder.push(input?),
                None if self.decoder.is_between_frames() => return Ok(None),
                None => return Err(self.bad(BadFrame::Short)),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes `bytes` apart, given in pieces of `step`, into (header, body) pairs.
    fn decode(bytes: &[u8], step: usize) -> Result<Vec<(Bytes, Vec<u8>)>, BadFrame> {
        let mut decoder = Decoder::default();
        let mut frames: Vec<(Bytes, Vec<u8>)> = Vec::new();
        for input in bytes.chunks(step) {
            decoder.push(Bytes::copy_from_slice(input));
            while let Some(piece) = decoder.take()? {
                match piece {
                    Piece::Head { header, .. } => frames.push((header, Vec::new())),
                    Piece::Body(bytes) => frames
                        .last_mut()
                        .expect("a head came first")
                        .1
                        .extend_from_slice(&bytes),
                }
            }
        }
        if decoder.is_between_frames() {
            Ok(frames)
        } else {
            Err(BadFrame::Short)
        }
    }

    fn three_frames() -> BytesMut {
        let mut out = BytesMut::new();
        put_frame(&mut out, &"first", b"body of the first");
        put_frame(&mut out, &"second", b"");
        put_body_head(&mut out, b"raw");
        out.extend_from_slice(b"raw");
        out
    }

    #[test]
    fn frames_read_back_however_the_bytes_are_cut() {
        let bytes = three_frames();

        for step in 1..=bytes.len() {
            let frames = decode(&bytes, step).expect("whole frames");
            assert_eq!(frames.len(), 3);
            assert_eq!(
                frames[0],
                (Bytes::from_static(b"\"first\""), b"body of the first".to_vec())
            );
            assert_eq!(frames[1], (Bytes::from_static(b"\"second\""), Vec::new()));
            assert_eq!(frames[2], (Bytes::new(), b"raw".to_vec()));
        }
    }

    #[test]
    fn every_flipped_bit_is_noticed() {
        let bytes = three_frames();

        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.to_vec();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(decode(&flipped, flipped.len()).is_err(), "bit {bit}");
        }
    }

    #[test]
    fn frames_cut_short_are_noticed() {
        let bytes = three_frames();
        let whole = [0, PREFIX_BYTES + 7 + 17, PREFIX_BYTES + 7 + 17 + PREFIX_BYTES + 8];

        for end in (0..bytes.len()).filter(|end| !whole.contains(end)) {
            assert_eq!(decode(&bytes[..end], 7), Err(BadFrame::Short), "cut at {end}");
        }
    }
}
