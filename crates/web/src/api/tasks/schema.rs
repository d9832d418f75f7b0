//! The shapes of what tasks are made from, in the document of the native API; the contract's `body` reads them.

#![expect(dead_code, reason = "describes what Members reads")]

use utoipa::ToSchema;

use crate::contract::names::{ObjectTypeName, ReplicaTypeName};
use crate::contract::tasks::schema::{ObjectBody, SettingBody};

/// A task that is to be.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(super) struct NativeTaskBody {
    /// Its name, unlike that of any other task.
    #[schema(min_length = 2, max_length = 256)]
    name: String,
    /// Project of the repositories it replicates.
    local_project_id: String,
    replica_object_type: ObjectTypeName,
    #[schema(min_items = 1)]
    replica_task_objects: Vec<ObjectBody>,
    replica_type: Option<ReplicaTypeName>,
    /// How it replicates; at once, and going on after failures, unless said otherwise.
    setting: Option<SettingBody>,
    /// Ids of the clusters it replicates to.
    #[schema(min_items = 1)]
    remote_cluster_ids: Vec<String>,
    /// Whether it runs; true unless said otherwise.
    enabled: Option<bool>,
    description: Option<String>,
    /// Whether rows of its runs are kept; true unless said otherwise. Failed rows always are.
    record: Option<bool>,
    /// Days for which records are kept; 30 unless said otherwise.
    #[schema(minimum = 1, maximum = 60)]
    record_reserve_days: Option<i64>,
}

/// What a task becomes: all of it is replaced, but for its key, its past and whether it is switched on.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(super) struct TaskChange {
    #[schema(min_length = 2, max_length = 256)]
    name: String,
    local_project_id: String,
    replica_object_type: ObjectTypeName,
    #[schema(min_items = 1)]
    replica_task_objects: Vec<ObjectBody>,
    replica_type: Option<ReplicaTypeName>,
    setting: Option<SettingBody>,
    #[schema(min_items = 1)]
    remote_cluster_ids: Vec<String>,
    description: Option<String>,
    record: Option<bool>,
    #[schema(minimum = 1, maximum = 60)]
    record_reserve_days: Option<i64>,
}

/// A task to be made like another one, switched off.
#[derive(ToSchema)]
pub(super) struct CopyBody {
    /// Its name, unlike that of any other task.
    #[schema(min_length = 2, max_length = 256)]
    name: String,
    /// That of the other one unless said otherwise.
    description: Option<String>,
}
