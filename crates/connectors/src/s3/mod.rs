//! Buckets of S3 and of stores that speak its protocol: every object below a prefix is an artifact.
//!
//! The entity tag of an object that was written at once is its MD5: a listing tells what is the same. Large objects are
//! written in parts, each of which is checked, and appear when all are there; parts that are there already are not
//! sent again. The SHA-256 of what was written stands in the object's metadata (`waybill-sha256`).
//!
//! Protocol: <https://docs.aws.amazon.com/AmazonS3/latest/API/>.

mod client;
mod parts;
mod sign;
mod source;
mod state;
mod survey;
mod target;
mod upload;
mod wire;

use std::sync::Arc;

use domain::ports::ConnectorResult;

use crate::http::Server;
use crate::registry::{Connector, Opened};
use client::Bucket;
use source::S3Source;
use target::S3Target;

/// Requests that are on their way for one call at the same time.
const PARALLEL: usize = 32;

/// `s3+https://[key@]host[:port]/bucket[/prefix]`, and `s3://bucket[/prefix]` for Amazon's.
pub(crate) struct S3Connector;

impl Connector for S3Connector {
    fn scheme(&self) -> &'static str {
        "s3"
    }

    fn form(&self) -> &'static str {
        "s3+https://[key@]host[:port]/bucket[/prefix] or s3://[key@]bucket[/prefix]"
    }

    fn repository_types(&self) -> &'static [&'static str] {
        &["GENERIC"]
    }

    fn open(&self, server: Server) -> ConnectorResult<Opened> {
        let bucket = Arc::new(Bucket::new(server)?);
        Ok(Opened {
            source: Arc::new(S3Source::new(Arc::clone(&bucket))),
            target: Arc::new(S3Target::new(bucket)),
        })
    }
}
