//! Foreign repositories: where the registry is that a repository of category `REMOTE` stands for.

use domain::cluster::{Credentials, Secret};

use crate::db::{StoreResult, Write, blob, int, maybe, text};
use crate::hosted::HostedData;

/// A registry elsewhere, and how to log in there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ForeignPlace {
    /// Where it is, in a form that connectors understand: `https://...` or `npm+https://...`.
    pub url: String,
    /// User to log in as.
    pub username: Option<String>,
    /// The user's password or token.
    pub password: Option<Secret>,
}

const PUT: &str = "INSERT INTO foreign_repositories (repository_no, url, username, password) \
     VALUES ($1, $2, $3, $4) ON CONFLICT (repository_no) DO UPDATE SET url = excluded.url, \
     username = excluded.username, password = excluded.password";
const GET: &str = "SELECT url, username, password FROM foreign_repositories WHERE repository_no = $1";

impl ForeignPlace {
    /// Returns how to log in there.
    pub fn credentials(&self) -> Credentials {
        Credentials {
            username: self.username.clone(),
            password: self.password.clone(),
            ..Credentials::default()
        }
    }
}

impl HostedData {
    /// Returns the registry that repository `no` stands for; `None` when this node keeps its bytes.
    pub async fn foreign(&self, no: i64) -> StoreResult<Option<ForeignPlace>> {
        let Some(row) = self.db().fetch_optional(GET, vec![int(no)]).await? else {
            return Ok(None);
        };
        let sealed = row.maybe_blob("password")?;
        let password = sealed
            .map(|sealed| {
                self.vault()
                    .open(&sealed, "foreign_repositories", "password", &no.to_string())
            })
            .transpose()?;
        Ok(Some(ForeignPlace {
            url: row.text("url")?,
            username: row.maybe_text("username")?,
            password,
        }))
    }

    /// Notes, or replaces, the registry that repository `no` stands for.
    pub(crate) async fn put_foreign(
        &self,
        write: &mut Write,
        no: i64,
        place: &ForeignPlace,
    ) -> StoreResult<()> {
        let seal = |secret: &Secret| {
            self.vault()
                .seal(secret, "foreign_repositories", "password", &no.to_string())
        };
        let sealed = place.password.as_ref().map(seal).transpose()?;
        let values = vec![
            int(no),
            text(&place.url),
            maybe(place.username.as_deref(), text),
            maybe(sealed, blob),
        ];
        write.execute(PUT, values).await?;
        Ok(())
    }
}
