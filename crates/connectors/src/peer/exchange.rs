//! One question to a peer and its answer: the plumbing below [`PeerSource`](super::PeerSource) and
//! [`PeerTarget`](super::PeerTarget).

use std::future::Future;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use domain::failure::{ErrorKind, Stage};
use domain::ports::{ByteStream, ConnectorError, ConnectorResult};
use futures_util::stream;
use reqwest::header::CONTENT_TYPE;
use reqwest::{Body, Method, Response};
use serde::Serialize;
use tokio::sync::mpsc;

use super::Peer;
use super::frame::{BODY_BYTES, BadFrame, Frames, PREFIX_BYTES, put_body_head, put_frame, still_working};
use super::wire::{Answer, FRAMES, Parcel, Question};
use crate::http::{Activity, Secrets, answered, send};

/// How long a sender is silent before it says that it still works.
const SIGN_OF_LIFE: Duration = Duration::from_secs(2);
/// Pieces of a request on their way to the connection.
const PIECES: usize = 2;
/// Frames are gathered up to this size before they are handed on.
const PIECE_BYTES: usize = 256 * 1024;
/// Room for a piece and the frame that fills it.
const ROOM_BYTES: usize = PIECE_BYTES + 64 * 1024;

/// A request on its way: where to, what it is about, and when something last moved.
pub(super) struct Exchange<'a> {
    peer: &'a Peer,
    question: &'a Question,
    stage: Stage,
    activity: Arc<Activity>,
}

impl Peer {
    /// Begins to ask `question`; errors name `stage`.
    pub(super) fn exchange<'a>(&'a self, question: &'a Question, stage: Stage) -> Exchange<'a> {
        Exchange {
            peer: self,
            question,
            stage,
            activity: Arc::new(Activity::new(self.0.way.idle_timeout)),
        }
    }

    /// Asks `question` and returns its only answer.
    pub(super) async fn ask(&self, question: &Question, stage: Stage) -> ConnectorResult<Answer> {
        self.exchange(question, stage).ask().await?.only().await
    }

    /// Returns the error for an answer that does not belong to the question.
    pub(super) fn unexpected(&self, stage: Stage) -> ConnectorError {
        ConnectorError::new(ErrorKind::Protocol, stage, &self.0.way.name)
            .words("it answered something else than it was asked")
    }
}

impl Exchange<'_> {
    /// Sends the question alone.
    pub(super) async fn ask(self) -> ConnectorResult<Answers> {
        let mut body = BytesMut::new();
        put_frame(&mut body, self.question, b"");
        self.send(Body::from(body.freeze())).await
    }

    /// Returns a way to send parcels after the question, and the request body they arrive in.
    pub(super) fn feed(&self) -> (Feed, Body) {
        let (sender, mut receiver) = mpsc::channel::<Bytes>(PIECES);
        let activity = Arc::clone(&self.activity);
        let pieces = stream::poll_fn(move |context| {
            activity.touch();
            receiver
                .poll_recv(context)
                .map(|piece| piece.map(Ok::<_, io::Error>))
        });
        let mut feed = Feed {
            sender,
            gathered: BytesMut::with_capacity(ROOM_BYTES),
            frames: 0,
        };
        put_frame(&mut feed.gathered, self.question, b"");
        (feed, Body::wrap_stream(pieces))
    }

    /// Sends `body` and returns the answers, once the other side begins to give them.
    pub(super) async fn send(self, body: Body) -> ConnectorResult<Answers> {
        let name = self.peer.0.way.name.clone();
        let request = self.peer.request(Method::POST, self.question.endpoint());
        let request = request.header(CONTENT_TYPE, FRAMES).body(body);
        let answer = send(request, &self.activity, self.stage, &name).await?;
        let answer = answered(answer, &self.activity, self.stage, &name).await?;
        let is_frames = answer
            .headers()
            .get(CONTENT_TYPE)
            .is_some_and(|value| value == FRAMES);
        if !is_frames {
            return Err(ConnectorError::new(ErrorKind::Protocol, self.stage, name)
                .status(answer.status().as_u16())
                .words("its answer is not one of the peer exchange"));
        }
        let secrets = Secrets::of(&answer);
        let pieces = pieces(answer, self.activity, self.stage, name.clone());
        Ok(Answers {
            secrets,
            frames: Frames::new(pieces, self.stage, name),
            seen: 0,
            ended: false,
        })
    }
}

fn pieces(answer: Response, activity: Arc<Activity>, stage: Stage, name: String) -> ByteStream {
    let state = (answer, activity, name);
    Box::pin(stream::try_unfold(
        state,
        move |(mut answer, activity, name)| async move {
            let piece = activity.chunk(&mut answer, stage, &name).await?;
            Ok(piece.map(|piece| (piece, (answer, activity, name))))
        },
    ))
}

/// The other side hung up; its answer says why.
pub(super) struct HungUp;

/// Sends parcels after a question.
pub(super) struct Feed {
    sender: mpsc::Sender<Bytes>,
    gathered: BytesMut,
    frames: u64,
}

impl Feed {
    /// Sends `header` with `body`, perhaps later together with others.
    pub(super) async fn frame<H: Serialize>(&mut self, header: &H, body: &[u8]) -> Result<(), HungUp> {
        put_frame(&mut self.gathered, header, body);
        self.frames += 1;
        if self.gathered.len() >= PIECE_BYTES {
            self.flush().await?;
        }
        Ok(())
    }

    /// Sends `bytes` as frames without header.
    pub(super) async fn raw(&mut self, mut bytes: Bytes) -> Result<(), HungUp> {
        while !bytes.is_empty() {
            let body = bytes.split_to(bytes.len().min(BODY_BYTES));
            let mut head = BytesMut::with_capacity(PREFIX_BYTES);
            put_body_head(&mut head, &body);
            self.frames += 1;
            self.flush().await?;
            self.sender.send(head.freeze()).await.map_err(|_| HungUp)?;
            self.sender.send(body).await.map_err(|_| HungUp)?;
        }
        Ok(())
    }

    /// Sends the end.
    pub(super) async fn end(mut self) -> Result<(), HungUp> {
        put_frame(&mut self.gathered, &Parcel::<()>::End(self.frames), b"");
        self.flush().await
    }

    /// Waits for `work`, telling the other side now and then that it goes on.
    pub(super) async fn during<T>(&mut self, work: impl Future<Output = T>) -> Result<T, HungUp> {
        let mut work = pin!(work);
        loop {
            match tokio::time::timeout(SIGN_OF_LIFE, &mut work).await {
                Ok(done) => return Ok(done),
                Err(_) => {
                    self.flush().await?;
                    self.sender.send(still_working()).await.map_err(|_| HungUp)?;
                }
            }
        }
    }

    async fn flush(&mut self) -> Result<(), HungUp> {
        if self.gathered.is_empty() {
            return Ok(());
        }
        let gathered = std::mem::replace(&mut self.gathered, BytesMut::with_capacity(ROOM_BYTES));
        self.sender.send(gathered.freeze()).await.map_err(|_| HungUp)
    }
}

/// The answers to one question.
pub(super) struct Answers {
    /// What the words of the answers must not repeat.
    secrets: Secrets,
    frames: Frames,
    seen: u64,
    ended: bool,
}

impl Answers {
    /// Returns the next answer; `None` after the last, once it is sure that none is lacking.
    pub(super) async fn next(&mut self) -> ConnectorResult<Option<Answer>> {
        if self.ended {
            return Ok(None);
        }
        match self.head().await? {
            Some(Some(Answer::End(frames))) if frames == self.seen => {
                self.ended = true;
                Ok(None)
            }
            Some(Some(Answer::Refused(trouble))) => Err(trouble.into_error(self.frames.subject())),
            Some(Some(Answer::End(_))) | None => Err(self.frames.bad(BadFrame::Short)),
            Some(Some(answer)) => {
                self.seen += 1;
                Ok(Some(answer))
            }
            Some(None) => Err(self.frames.bad(BadFrame::Unexpected)),
        }
    }

    /// Returns the header of the next frame, without secrets in its words.
    async fn head(&mut self) -> ConnectorResult<Option<Option<Answer>>> {
        let mut head = self.frames.head::<Answer>().await?;
        if let Some(Some(answer)) = &mut head {
            for trouble in answer.troubles() {
                trouble.words = trouble.words.as_deref().map(|words| self.secrets.masked(words));
            }
        }
        Ok(head)
    }

    /// Returns the only answer.
    pub(super) async fn only(mut self) -> ConnectorResult<Answer> {
        let answer = self.next().await?;
        let surplus = self.next().await?;
        match (answer, surplus) {
            (Some(answer), None) => Ok(answer),
            (None, _) | (_, Some(_)) => Err(self.frames.bad(BadFrame::Unexpected)),
        }
    }

    /// Returns the bytes that came with the last answer.
    pub(super) async fn body(&mut self) -> ConnectorResult<Bytes> {
        self.frames.body().await
    }

    /// Returns the next raw bytes; `None` after the last, once it is sure that none is lacking.
    pub(super) async fn raw(&mut self) -> ConnectorResult<Option<Bytes>> {
        loop {
            if let Some(piece) = self.frames.body_piece().await? {
                return Ok(Some(piece));
            }
            match self.head().await? {
                Some(None) => self.seen += 1,
                Some(Some(Answer::End(frames))) if frames == self.seen => return Ok(None),
                Some(Some(Answer::Refused(trouble))) => return Err(trouble.into_error(self.frames.subject())),
                Some(Some(Answer::End(_))) | None => return Err(self.frames.bad(BadFrame::Short)),
                Some(Some(_)) => return Err(self.frames.bad(BadFrame::Unexpected)),
            }
        }
    }
}
