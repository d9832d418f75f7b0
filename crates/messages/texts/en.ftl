### Every text a reader is shown. The four files hold the same keys with the same variables in the same order.
### Keys of codes are named as in `web::codes`; `$subject` is what the code is about.

## Codes: common

SystemBusy = the system is busy, try again later
ParameterMissing = parameter { $subject } is missing
ParameterEmpty = parameter { $subject } is empty
ParameterInvalid = parameter { $subject } is invalid
ContentInvalid = the content of the request is invalid
Exists = { $subject } already exists
NotFound = { $subject } is not found
MethodNotAllowed = method { $subject } is not allowed here
AccessDenied = access denied: { $subject }
Unauthenticated = authentication failed: { $subject }
HeaderMissing = header { $subject } is missing
MediaTypeUnsupported = this media type is not supported, send application/json
RangeInvalid = the range is invalid
TooManyRequests = too many requests: { $subject }
UrlUnknown = URL { $subject } is not found
ValidationFailed = validation failed: { $subject }
PreconditionFailed = precondition failed: { $subject }

## Codes: replication

PeerUnreachable = cannot connect to remote cluster { $subject }
PeerCertificate = the certificate of remote cluster { $subject } is not trusted
TaskState = a run of the task is going on, wait for it or stop it
TaskDisabled = the task is disabled
ClusterExists = cluster { $subject } already exists
ClusterUnknown = cluster { $subject } does not exist
TaskNotLoaded = task { $subject } is about to run by itself, try again shortly
TaskFrozen = task { $subject } may no longer be edited
SecondCenter = a center cluster already exists
TaskUnknown = replication task { $subject } is not found
TargetUnknown = replication cluster { $subject } is not found
PeerVersion = the version of remote cluster { $subject } is not supported
FailureUnknown = failure record { $subject } is not found

## Codes: artifacts, nodes, projects and repositories

DigestMismatch = digest mismatch: { $subject }
ProjectUnknown = project { $subject } is not found
ProjectExists = project { $subject } already exists
RepositoryUnknown = repository { $subject } is not found
RepositoryExists = repository { $subject } already exists
RepositoryNotEmpty = repository { $subject } is not empty
FolderNotEmpty = folder { $subject } is not empty
NodeUnknown = { $subject } is not found
PathInvalid = path { $subject } is invalid
NodeExists = { $subject } already exists
NodeConflict = { $subject } is a file where a folder is needed, or the reverse
ListTooLarge = the list is too large: { $subject }
DataMissing = the data of { $subject } is missing
OverQuota = the quota of { $subject } is used up
ArtifactForbidden = { $subject } is forbidden
SizeMismatch = size mismatch: { $subject }

## Codes: files

UploadUnknown = upload { $subject } is not found
ListingForbidden = listing { $subject } is not allowed
BlockMissing = the upload is broken: block { $subject } is missing
UploadIdEmpty = the upload id is empty

## Sentences that codes are followed or filled by

with-reason = { $message }: { $reason }
login-absent = no credentials
login-wrong = wrong user or password
login-token-unknown = unknown token
login-schemes = send Basic or Bearer credentials
logins-failed = failed logins
need-permission = user { $user }, action { $action }, project { $project }
last-administrator = it is the last administrator of this node
only-replicators-have-projects = only the role replicator is limited to projects
choose-among = choose among { $choices }
user-name-form = it has to have 1 to 64 letters, digits or . _ - @
import-line = line { $line }: { $reason }; the lines before it are stored, sending them again is harmless
body-broken-off = the body broke off
line-too-long = it is longer than { $limit } bytes
body-too-long = more than { $limit } bytes, or broken off
folders-not-downloaded = folders cannot be downloaded
blocks-not-supported = block uploads are not supported
parts-missing = parts of it are missing
a-block = block { $sequence }
open-uploads = open uploads
upload-budget = they use up { $bytes } bytes
transfer-broken = the transfer broke off: { $words }
disk-full = the disk is full

## Why a value is refused

not-supported = this version does not support it
between = it has to be between { $least } and { $most }
length = it has to have { $least } to { $most } characters
past = the time is not in the future (read in zone { $zone })
not-cron = it is no Quartz cron expression: { $words }
own-cluster = a cluster cannot be its own target
own-repository = the target is this very repository
shared-target = two objects of the task would write to it
not-url = it has to be an http or https address of a host, without a login in it
run-once-by-hand = a RUN_ONCE task runs only when somebody executes it
real-time-by-change = a REAL_TIME task runs whenever something changes
immediately-is-true = the strategy IMMEDIATELY needs it to be true
task-says-nothing = it came with imported records and says nothing of what to replicate
record-says-nothing = a historical record does not say what it ran with
task-being-removed = a task of this key or name is being removed, try again later
files-only = the repository holds files, not packages: give pathConstraints, or replicaObjectType REPOSITORY for all of it
push-files = the repository holds files, not packages: carry them with a RUN_ONCE task of their paths
not-a-node = it answers, but not as a Waybill or bk-repo node, and other registries cannot be targets yet
cluster-or-registry = give clusterId or registry, not both
nothing-selected = give pathConstraints, or replicaObjectType REPOSITORY for the whole repository
entry-name = it has to have 2 to 128 letters, digits, _ or -, and to begin with a letter or _
named-twice = two entries of the request have this name
own-entry = it is the cluster this entry made of its registry: give the registry
packages-with-versions = packageName and versions are given together
only-edge-pull = it has to be EDGE_PULL here
not-run-once = it is no RUN_ONCE task
run-goes-on = a run of it is going on, wait for it or stop it
host-not-allowed = only administrators may name this host, others those that outgoing.user_hosts of this node lists
remote-user-refused = user { $user } may not write to { $repository } there

## Reasons of records: one line per failing target

reason-artifacts-failed =
    { $failed ->
        [1] { $cluster }: `{ $artifact }` failed: { $first }
       *[other] { $cluster }: { $failed } artifacts failed, the first is `{ $artifact }`: { $first }
    }
reason-not-attempted-from = { $cluster }: `{ $repository }` was not attempted from `{ $key }` on: { $failure }
reason-not-attempted = { $cluster }: `{ $repository }` was not attempted: { $failure }
reason-stopped-by = stopped by { $user }
reason-no-plan = the record does not say what it runs with

## Failures: `step/class: what happened; what to do`

failure = { $step }/{ $class }: { $said }{ $tries ->
        [1] {""}
       *[other] {" "}after { $tries } tries
    }; { $advice }
failure-answered-words = { $subject } answered { $status } "{ $words }"
failure-answered = { $subject } answered { $status }
failure-words = { $subject }: { $words }
failure-silent = { $subject } failed
advice-unreachable = check the network and that the cluster runs, then retry
advice-tls = check the certificate, or give the cluster's CA certificate
advice-unauthorised = check the cluster's user, password and role
advice-not-found = check that it exists and the name is right
advice-conflict = choose SKIP or OVERWRITE, or remove the other content
advice-limit = lower the task's rate or retry later
advice-corrupt = check proxies and disks on the way, then retry
advice-changed = it changed while it was read; run again
advice-disk = free space or mend the disk, then retry
advice-protocol = check that the address is the right service, then retry
advice-stopped = retry the record to carry what is left
