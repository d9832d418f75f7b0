//! Clusters: rows with sealed secrets.

use domain::cluster::{Cluster, ClusterStatus, Credentials, Secret};
use domain::failure::Failure;
use domain::id::ClusterId;

use crate::Store;
use crate::db::{Row, StoreResult, Value, Write, blob, int, maybe, text};
use crate::live::Subject;
use crate::rows::{audit, audit_values, from_word, json, one_row, word};

/// The clusters known to this node.
pub struct Clusters<'a>(pub(crate) &'a Store);

const COLUMNS: usize = 19;
const INSERT: &str = "INSERT INTO cluster (id, name, cluster_type, url, username, password, app_id, access_key, \
    secret_key, certificate, udp_port, detect_type, status, error_reason, last_report_ms, \
    created_by, created_ms, modified_by, modified_ms) VALUES ";
const UPDATE: &str = "UPDATE cluster SET name = $2, cluster_type = $3, url = $4, username = $5, password = $6, \
    app_id = $7, access_key = $8, secret_key = $9, certificate = $10, udp_port = $11, detect_type = $12, \
    status = $13, error_reason = $14, last_report_ms = $15, created_by = $16, created_ms = $17, \
    modified_by = $18, modified_ms = $19 WHERE id = $1";
const DELETE: &str = "DELETE FROM cluster WHERE id = $1";
const GET: &str = "SELECT * FROM cluster WHERE id = $1";
const BY_NAME: &str = "SELECT * FROM cluster WHERE name = $1";
const ALL: &str = "SELECT * FROM cluster ORDER BY created_ms DESC, id DESC";
const SET_STATUS: &str =
    "UPDATE cluster SET status = $2, error_reason = $3, last_report_ms = $4 WHERE id = $1";

impl Clusters<'_> {
    /// Adds `cluster`; [`crate::StoreError::Taken`] when its name is.
    pub async fn insert(&self, cluster: &Cluster) -> StoreResult<()> {
        let sql = format!("{INSERT}{}", one_row(COLUMNS));
        self.write(sql, self.values(cluster)?, cluster.id).await?;
        Ok(())
    }

    /// Replaces everything kept under the id of `cluster`.
    pub async fn update(&self, cluster: &Cluster) -> StoreResult<()> {
        self.write(UPDATE.into(), self.values(cluster)?, cluster.id)
            .await?;
        Ok(())
    }

    /// Replaces everything kept under the id of `cluster`, or adds it, within a transaction.
    pub(crate) async fn put(&self, write: &mut Write, cluster: &Cluster) -> StoreResult<()> {
        if write.execute(UPDATE, self.values(cluster)?).await? == 0 {
            let sql = format!("{INSERT}{}", one_row(COLUMNS));
            write.execute(sql, self.values(cluster)?).await?;
        }
        write.changed(Subject::Cluster(cluster.id));
        Ok(())
    }

    /// Removes a cluster; says whether there was one.
    pub async fn delete(&self, id: ClusterId) -> StoreResult<bool> {
        let removed = self.write(DELETE.into(), vec![blob(*id.as_bytes())], id).await?;
        Ok(removed > 0)
    }

    /// Returns the cluster with this id.
    pub async fn get(&self, id: ClusterId) -> StoreResult<Option<Cluster>> {
        let row = self
            .0
            .db()
            .fetch_optional(GET, vec![blob(*id.as_bytes())])
            .await?;
        row.map(|row| self.read(&row)).transpose()
    }

    /// Returns the cluster with this name.
    pub async fn by_name(&self, name: &str) -> StoreResult<Option<Cluster>> {
        let row = self.0.db().fetch_optional(BY_NAME, vec![text(name)]).await?;
        row.map(|row| self.read(&row)).transpose()
    }

    /// Returns every cluster, the newest first: a node knows hundreds at most.
    pub async fn all(&self) -> StoreResult<Vec<Cluster>> {
        let rows = self.0.db().fetch_all(ALL, vec![]).await?;
        rows.iter().map(|row| self.read(row)).collect()
    }

    /// Notes what the last look at a cluster found; `failure` is why it is not well.
    pub async fn set_status(
        &self,
        id: ClusterId,
        status: ClusterStatus,
        failure: Option<&Failure>,
        now_ms: i64,
    ) -> StoreResult<()> {
        let values = vec![
            blob(*id.as_bytes()),
            text(word(&status)),
            maybe(failure, json),
            int(now_ms),
        ];
        self.write(SET_STATUS.into(), values, id).await?;
        Ok(())
    }

    async fn write(&self, sql: String, values: Vec<Value>, id: ClusterId) -> StoreResult<u64> {
        let mut write = self.0.db().begin().await?;
        let touched = write.execute(sql, values).await?;
        write.changed(Subject::Cluster(id));
        write.commit().await?;
        Ok(touched)
    }

    fn values(&self, cluster: &Cluster) -> StoreResult<Vec<Value>> {
        let credentials = &cluster.credentials;
        let seal = |secret: &Option<Secret>, column: &str| -> StoreResult<Value> {
            Ok(match secret {
                Some(secret) => blob(self.0.vault().seal(
                    secret,
                    "cluster",
                    column,
                    &cluster.id.to_string(),
                )?),
                None => Value::Null,
            })
        };
        let mut values = vec![
            blob(*cluster.id.as_bytes()),
            text(&cluster.name),
            text(word(&cluster.cluster_type)),
            text(&cluster.url),
            maybe(credentials.username.as_deref(), text),
            seal(&credentials.password, "password")?,
            maybe(credentials.app_id.as_deref(), text),
            maybe(credentials.access_key.as_deref(), text),
            seal(&credentials.secret_key, "secret_key")?,
            maybe(credentials.certificate.as_deref(), text),
            maybe(cluster.udp_port, int),
            text(word(&cluster.detect_type)),
            text(word(&cluster.status)),
            maybe(cluster.error_reason.as_ref(), json),
            maybe(cluster.last_report_ms, int),
        ];
        values.extend(audit_values(&cluster.audit));
        Ok(values)
    }

    fn read(&self, row: &Row) -> StoreResult<Cluster> {
        let id = ClusterId::from(row.bytes("id")?);
        let open = |column: &'static str| -> StoreResult<Option<Secret>> {
            row.maybe_blob(column)?
                .map(|sealed| self.0.vault().open(&sealed, "cluster", column, &id.to_string()))
                .transpose()
        };
        Ok(Cluster {
            id,
            name: row.text("name")?,
            cluster_type: from_word("cluster", row.text("cluster_type")?)?,
            url: row.text("url")?,
            credentials: Credentials {
                username: row.maybe_text("username")?,
                password: open("password")?,
                app_id: row.maybe_text("app_id")?,
                access_key: row.maybe_text("access_key")?,
                secret_key: open("secret_key")?,
                certificate: row.maybe_text("certificate")?,
            },
            udp_port: row.maybe_int("udp_port")?,
            detect_type: from_word("cluster", row.text("detect_type")?)?,
            status: from_word("cluster", row.text("status")?)?,
            // Words written by earlier versions are not understood: the next look writes it anew.
            error_reason: row
                .maybe_text("error_reason")?
                .and_then(|failure| serde_json::from_str(&failure).ok()),
            last_report_ms: row.maybe_int("last_report_ms")?,
            audit: audit(row)?,
        })
    }
}
