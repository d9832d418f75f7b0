//! The folders that files are written to.

use domain::failure::Stage;
use domain::path::FilePath;
use domain::ports::ConnectorResult;

use super::DRAFTS;
use super::client::Standing;
use super::target::DavTarget;
use super::write::drafts_path;
use crate::files::conflict;
use crate::http::answered;

impl DavTarget {
    /// Makes the folder that the repository is, with those above it.
    pub(super) async fn make_base(&self) -> ConnectorResult<()> {
        let base = self.dav.server.base().clone();
        let names: Vec<&str> = base.path().split('/').filter(|name| !name.is_empty()).collect();
        for depth in 1..=names.len() {
            let mut url = base.clone();
            url.set_path(&format!("/{}/", names[..depth].join("/")));
            let subject = url.path().to_owned();
            let activity = self.dav.server.activity();
            let request = self.dav.own("MKCOL", url);
            let answer = self
                .dav
                .server
                .send(request, &activity, Stage::Describe, &subject)
                .await?;
            // Those above need not be ours to see; the look that follows decides.
            if depth == names.len() && !matches!(answer.status().as_u16(), 405 | 301) {
                answered(answer, &activity, Stage::Describe, &subject).await?;
            }
        }
        Ok(())
    }

    /// Finds out whether files can be moved, making the folder for drafts.
    pub(super) async fn can_move(&self) -> ConnectorResult<bool> {
        let path = drafts_path(&format!("/{DRAFTS}"));
        let activity = self.dav.server.activity();
        let request = self.dav.own("MKCOL", self.dav.url(path.as_str(), true));
        let answer = self
            .dav
            .server
            .send(request, &activity, Stage::Write, path.as_str())
            .await?;
        if answer.status().is_success() {
            return Ok(true);
        }
        if matches!(answer.status().as_u16(), 400..=403 | 407 | 409 | 429 | 502..=599) {
            answered(answer, &activity, Stage::Write, path.as_str()).await?;
        }
        // It is there already, or the server knows neither folders nor moves.
        Ok(self.dav.look(path.as_str(), Stage::Write).await? == Standing::Folder)
    }

    /// Makes the folders above `path` that are not known to be there.
    pub(super) async fn make_parents(&self, path: &FilePath) -> ConnectorResult<()> {
        let is_known = path.parent().is_none_or(|parent| self.knows_folder(&parent));
        if is_known {
            return Ok(());
        }
        let _one_at_a_time = self.making.lock().await;
        let mut folders: Vec<FilePath> = path
            .ancestors()
            .take_while(|folder| !self.knows_folder(folder))
            .collect();
        while let Some(folder) = folders.pop() {
            let activity = self.dav.server.activity();
            let request = self.dav.own("MKCOL", self.dav.url(folder.as_str(), true));
            let answer = self
                .dav
                .server
                .send(request, &activity, Stage::Write, path.as_str())
                .await?;
            if !answer.status().is_success() {
                match self.dav.look(folder.as_str(), Stage::Write).await? {
                    Standing::Folder => {}
                    Standing::File(_) => return Err(conflict(path, "a file stands where a folder should")),
                    // A plain server makes folders by itself, or does not; the write will tell.
                    Standing::Nothing if !self.can_still_move() => continue,
                    Standing::Nothing => {
                        answered(answer, &activity, Stage::Write, path.as_str()).await?;
                    }
                }
            }
            self.note_folder(&folder);
        }
        Ok(())
    }
}
