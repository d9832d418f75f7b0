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
QueryTooLarge = the query is too large: { $subject }
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
NodeConflict = { $subject } is in the way
ListTooLarge = the list is too large: { $subject }
PackageUnknown = package { $subject } is not found
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
logins-failed = failed logins
login-token-unknown = unknown token
login-unreadable = the credentials are no base64 of name:secret
login-platform-wrong = wrong access key or secret key
login-signature-wrong = wrong signature
login-signature-used = this signature was used before: sign each call anew
login-sign-time = sign_time has to be start;end in Unix seconds
login-key-unfit = the token is no password encrypted with the key of this node
signature-ended = the signature was good until { $end } only (Unix seconds)
signatures-not-now = signed calls; sign again
other-site = the request was made by another site
user-name-reserved = this name is reserved
need-permission = user { $user }, action { $action }, project { $project }
last-administrator = it is the last administrator of this node
only-replicators-have-projects = only the role replicator is limited to projects
choose-among = choose among { $choices }
user-name-form = it has to have 1 to 64 letters, digits or . _ - @
import-line = line { $line }: { $reason }; the lines before it are stored, sending them again is harmless
body-broken-off = the body broke off
line-too-long = it is longer than { $limit } bytes
body-too-long = more than { $limit } bytes, or broken off
archives-being-made = archives being made at the same time
parts-missing = parts of it are missing
a-block = block { $sequence }
wrong-size = { $arrived } bytes arrived, { $announced } were announced
a-record = record { $id }
a-platform = platform { $name }
a-token = token { $name }
a-user = user { $name }
open-uploads = open uploads
upload-budget = they use up { $bytes } bytes
transfer-broken = the transfer broke off: { $words }
disk-full = the disk is full
sha256-form = it has to have 64 hexadecimal digits
send-form = send multipart/form-data
too-many-fields = there are more than { $most } fields

## Why a value is refused

file-or-folder = a file cannot stand where a folder is, nor a folder where a file is
file-in-the-way = a file stands there, and overwrite is not set
within-itself = a folder cannot go into itself, nor up into a folder of its own name
path-too-long = its path there would be too long
property-name = a name has 1 to 128 characters, none of them a control character, and no blank at its ends
property-value = a value is one line without control characters
properties-too-long = the properties of a file are at most { $most } bytes, names and values together
search-too-long = it takes too long, name a repository and the beginning of the path
search-needs-project = the rule has to name the project: projectId EQ, at its top and under AND
search-rules = at most { $rules } rules, { $depth } levels deep, with { $values } values
search-fields = fields are { $fields } and metadata.<key>
search-text-only = this operation is for texts
pattern-refused = { $words }
quota-below-used = the repository holds { $used } bytes already
paths-at-once = at most { $most } paths at once
not-supported = this version does not support it
between = it has to be between { $least } and { $most }
cursor-gone = the detail that the page before ended with is gone: begin with the first page
too-many-to-sort = more than { $n } details that a prefix, a version, an outcome, a failure or a note selects come in the order of time only: narrow them down
length = it has to have { $least } to { $most } characters
past = the time is not in the future (read in zone { $zone })
not-cron = it is no Quartz cron expression: { $fault }
own-cluster = a cluster cannot be its own target
cluster-in-use = tasks write to it: { $tasks }
own-repository = the target is this very repository
shared-target = two objects of the task would write to it
not-url = it has to be an http or https address of a host, without a login in it
run-once-by-hand = a RUN_ONCE task runs only when somebody executes it
real-time-by-change = a REAL_TIME task runs whenever something changes
immediately-is-true = the strategy IMMEDIATELY needs it to be true
task-says-nothing = it came with imported records and says nothing of what to replicate
enable-apart = POST to …/enable or …/disable switches a task on or off
record-says-nothing = a historical record does not say what it ran with
task-being-removed = a task of this key or name is being removed, try again later
files-only = the repository holds files, not packages: give pathConstraints, or replicaObjectType REPOSITORY for all of it
packages-only = the repository holds packages, not files: give packageConstraints with replicaObjectType PACKAGE, or replicaObjectType REPOSITORY for all of it
other-repository-type = the local repository is of type { $found }
pairing-impossible = cluster { $target } does not take what repositories of this type hold
no-events-from-registry = the repository stands for a registry elsewhere, which tells nobody what changes in it: give a plan (replicaType SCHEDULED)
one-version-renamed = only one version of one package can be given other names at the target
not-a-registry = it names a node or a folder, not a foreign registry
foreign-repository = the repository stands for a registry elsewhere: this node keeps none of its bytes, tasks read from it
registry-url-missing = a repository of category REMOTE needs the address of its registry
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

## What is wrong with a line of an import

about-member = `{ $member }`: { $reason }
absent = it is missing
not-json-object = it is not one JSON object
record-or-detail = it needs a `record` or a `detail`
running-not-imported = what is RUNNING cannot be imported
not-object = it is not an object
not-text = it is not a text
not-whole-number = it is not a whole number
negative = it is negative
not-hex = it is not { $digits } lowercase hex digits
not-date = it is not a date such as 2021-05-12T12:19:08.813
not-of-contract = it is none of the contract's values

## What is wrong with a cron expression, and its fields

cron-field-count = it needs 6 or 7 fields (second minute hour day-of-month month day-of-week, perhaps year) and has { $found }
cron-no-days = `?` can only be given for day-of-month or day-of-week, not for both
cron-both-days = day-of-month and day-of-week cannot both be given: one of them must be `?`
cron-last-day-in-list = `L` and `LW` cannot be given with other days of the month
cron-last-weekday-in-list = `L` cannot be given with other days of the week
cron-second-nth = only one `#` can be given
cron-empty = the { $field } field is empty: it needs a value or `*`
cron-unexpected = unexpected character in the { $field } field: `{ $text }`
cron-after-unspecified = nothing may follow `?`: `{ $text }`
cron-unspecified = `?` can only be given for day-of-month or day-of-week, not in the { $field } field
cron-option = `{ $option }` is not valid in the { $field } field
cron-last-offset = a number must follow `L-`, not `{ $text }`
cron-last-offset-too-large = the offset from the last day must be at most 30, not { $offset }
cron-name = unknown name in the { $field } field: `{ $text }` (the names are { $names })
cron-number = a number is missing or too large: `{ $text }`
cron-nth = a number between 1 and 5 must follow `#`, not `{ $text }`
cron-step = `/` must be followed by a number: `{ $text }`
cron-after-step = unexpected character after `/`: `{ $text }`
cron-value = { $field } values must be between { $least } and { $most }, not { $value }
cron-step-too-large = the increment in the { $field } field must be at most { $most }, not { $step }
cron-years = the start year { $start } must not be after the stop year { $end }
field-second = second
field-minute = minute
field-hour = hour
field-day-of-month = day-of-month
field-month = month
field-day-of-week = day-of-week
field-year = year

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
reason-broke-off = this node broke the run off by a fault of its own: { $words }; its log says more, and a retry takes what is left

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

## Notes: what a reader should know of an artifact that is there all the same

note-yanked = yanked at the source; the target cannot be told so, and offers it like any other version
note-yanked-why = yanked at the source ("{ $why }"); the target cannot be told so, and offers it like any other version
note-files-yanked = { $files }: yanked at the source; the target cannot be told so, and offers them like any other files
note-files-yanked-why = { $files }: yanked at the source ("{ $why }"); the target cannot be told so, and offers them like any other files
note-properties-unkept = the target keeps no such properties: { $names }
note-properties-differ = other properties stand there, which the conflict strategy leaves alone: { $names }
note-files-stay = files that the source does not have stay there beside the new ones: { $files }
