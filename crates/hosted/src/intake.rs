//! Small uploads that arrive together become durable together.
//!
//! Whoever comes while a group is being stored waits for the next group; nobody waits for a timer. Each
//! group is one pack, one sync and one transaction.

use std::collections::BTreeMap;
use std::sync::Mutex;

use storage::publish::{Viewer, Written};
use tokio::sync::oneshot;

use crate::Hosted;
use crate::error::{HostedError, HostedResult};
use crate::publish::{Checked, publish_checked};

/// Most files of one group.
const GROUP_FILES: usize = 512;

/// Uploads that wait for the next group.
#[derive(Default)]
pub(crate) struct Intake(Mutex<Waiting>);

#[derive(Default)]
struct Waiting {
    uploads: Vec<Upload>,
    storing: bool,
}

struct Upload {
    repository_no: i64,
    viewer: Viewer,
    item: Checked,
    answer: oneshot::Sender<HostedResult<Written>>,
}

impl Hosted {
    /// Publishes one small file together with whatever else waits.
    pub(crate) async fn take_in(
        &self,
        repository_no: i64,
        viewer: &Viewer,
        item: Checked,
    ) -> HostedResult<Written> {
        let (answer, answered) = oneshot::channel();
        let upload = Upload {
            repository_no,
            viewer: viewer.clone(),
            item,
            answer,
        };
        let idle = {
            let mut waiting = self
                .intake()
                .0
                .lock()
                .unwrap_or_else(|poisoned| poisoned.into_inner());
            waiting.uploads.push(upload);
            !std::mem::replace(&mut waiting.storing, true)
        };
        if idle {
            let hosted = self.clone();
            tokio::spawn(async move { hosted.store_groups().await });
        }
        let gone = || HostedError::Disk(std::io::Error::other("the upload was given up"));
        answered.await.map_err(|_| gone())?
    }

    /// Stores group after group until nothing waits.
    async fn store_groups(&self) {
        loop {
            // Whoever is ready to come along does so now.
            tokio::task::yield_now().await;
            let group = {
                let mut waiting = self
                    .intake()
                    .0
                    .lock()
                    .unwrap_or_else(|poisoned| poisoned.into_inner());
                let count = waiting.uploads.len().min(GROUP_FILES);
                if count == 0 {
                    waiting.storing = false;
                    return;
                }
                waiting.uploads.drain(..count).collect()
            };
            self.store_group(group).await;
        }
    }

    async fn store_group(&self, group: Vec<Upload>) {
        let mut batches: BTreeMap<(i64, String), Vec<Upload>> = BTreeMap::new();
        for upload in group {
            let key = (upload.repository_no, upload.viewer.user.clone());
            batches.entry(key).or_default().push(upload);
        }
        for ((repository_no, _), uploads) in batches {
            let Some(viewer) = uploads.first().map(|upload| upload.viewer.clone()) else {
                continue;
            };
            let (items, answers): (Vec<Checked>, Vec<_>) = uploads
                .into_iter()
                .map(|upload| (upload.item, upload.answer))
                .unzip();
            // Whoever went away meanwhile does not take the answer; the file is stored all the same.
            match publish_checked(self, repository_no, &viewer, items).await {
                Ok(written) => {
                    for (answer, written) in answers.into_iter().zip(written) {
                        let _ = answer.send(Ok(written));
                    }
                }
                Err(error) => {
                    for answer in answers {
                        let _ = answer.send(Err(error.again()));
                    }
                }
            }
        }
    }
}
