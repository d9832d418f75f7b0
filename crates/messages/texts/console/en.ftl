### What the console says. The four files hold the same keys with the same variables in the same order.

## The frame

ui-home = Home
ui-tasks = Tasks
ui-clusters = Clusters
ui-repositories = Repositories
ui-account = Account
ui-navigation = Main navigation
ui-way = Where you are
ui-skip = Skip to the content
ui-log-in = Log in
ui-log-out = Log out
ui-user = User
ui-password = Password
ui-language = Language
ui-colours = Colours
ui-light = Light
ui-dark = Dark
ui-automatic = Auto
ui-choose = Choose
ui-login-wrong = This user and this password do not go together
ui-login-wait = Too many failed logins: wait { $n } seconds
ui-refused = That did not work
ui-refused-unknown = There is nothing here
ui-refused-forbidden = You may not do this
ui-refused-broken = Something broke on this node
ui-to-home = To the first page
ui-form-media = this form has to be sent as the page sends it
ui-form-stale = the form is not of this login: load the page again and repeat
ui-form-faults = Something below needs another look

## Times and numbers

ui-milliseconds = { $n } ms
ui-seconds = { $n } s
ui-minutes-seconds = { $m } min { $s } s
ui-hours-minutes = { $h } h { $m } min
ui-days-hours = { $d } d { $h } h
ui-now = just now
ui-ago-seconds = { $n } s ago
ui-ago-minutes = { $n } min ago
ui-ago-hours = { $n } h ago
ui-ago-days = { $n } d ago
ui-in-seconds = in { $n } s
ui-in-minutes = in { $n } min
ui-in-hours = in { $n } h
ui-in-days = in { $n } d
ui-time-left = about { $time } left
ui-artifacts = { $count ->
    [one] { $n } artifact
   *[other] { $n } artifacts
}
ui-artifacts-of-about = { $n } of about { $all } artifacts

## States

ui-waiting = Waiting
ui-running = Running
ui-stopping = Stopping
ui-succeeded = Succeeded
ui-failed = Failed
ui-stopped = Stopped
ui-failing = Failing
ui-fresh = Up to date
ui-silent = Silent
ui-healthy = Healthy
ui-unhealthy = Unhealthy
ui-copied = copied
ui-unchanged = unchanged
ui-skipped = skipped, other content there
ui-deleted = deleted
ui-failed-artifacts = failed
ui-nothing-yet = nothing yet

## The first page

ui-no-tasks-yet = Nothing is replicated yet
ui-all-arrives = Everything arrives
ui-clusters-ill = { $n ->
    [one] { $n } cluster does not answer
   *[other] { $n } clusters do not answer
}
ui-tasks-in-trouble = { $n ->
    [one] { $n } task needs attention
   *[other] { $n } tasks need attention
}
ui-tasks-failing = failing
ui-tasks-silent = silent
ui-tasks-fresh = up to date
ui-not-arrived = { $n ->
    [one] { $n } artifact has not arrived
   *[other] { $n } artifacts have not arrived
}
ui-hours = Carried, the last 24 hours
ui-hour = { $time }: { $n } artifacts, { $failed } failed, { $bytes }
ui-runs-going-on = Running now
ui-clusters-healthy = clusters healthy
ui-needs-attention = Needs attention
ui-should-have-run = Its schedule should have started it and did not
ui-recent-runs = Latest runs
ui-no-runs-yet = Nothing has run yet
ui-no-clusters-yet = No other cluster is registered yet
ui-task = Task
ui-state = State
ui-why = Why
ui-since = Since
ui-result = Result
ui-bytes = Bytes
ui-duration = Duration
ui-started = Started
ui-name = Name
ui-address = Address

## Words of many pages

ui-any = Any
ui-filter = Filter
ui-no-filter = No filter
ui-nothing-found = Nothing matches
ui-pages = Pages
ui-previous = Previous
ui-next = Next
ui-older = Older
ui-first-page = First page
ui-save = Save
ui-cancel = Cancel
ui-edit = Edit
ui-copy = Copy
ui-delete = Delete
ui-stop = Stop
ui-make = Create
ui-created = Created
ui-changed = Changed
ui-by = By
ui-made-by = Created by
ui-kind = Type
ui-size = Size
ui-time = Time
ui-key = Key
ui-description = Description
ui-description-hint = For people; may stay empty
ui-expires = Expires
ui-from = From
ui-to = To
ui-from-to = From → to
ui-cluster = Cluster
ui-repository = Repository
ui-project = Project
ui-projects = Projects
ui-artifact = Artifact
ui-version = Version
ui-fault-empty = This is needed
ui-fault-number = This is not a number that can be used here
ui-fault-taken = This name is taken
ui-fault-path = { $path } is not a path
ui-fault-no-repository = There is no repository { $name } on this node
ui-fault-other-project = All repositories of a task are in one project, here { $project }
ui-fault-one-repository = Files, folders and packages are chosen in one repository: remove the others, or take whole repositories
ui-fault-versions-named = The versions of every package are named: there is nothing left to choose
ui-fault-pattern = { $text } is not a pattern: { $why }
ui-fault-platform = { $platform } is not a platform, such as linux/amd64 or linux/arm/v7
ui-fault-password = This is not your password

## Tasks

ui-tasks-number = { $n ->
    [one] { $n } task
   *[other] { $n } tasks
}
ui-no-tasks-hint = A task says what is replicated, where to and when. Make the first one.
ui-new-task = New task
ui-edit-task = Edit task
ui-make-task = Create task
ui-copy-task = Copy task
ui-copy-name = { $name } copy
ui-copy-hint = The copy starts disabled and without runs
ui-delete-task = Delete { $name }?
ui-delete-task-says = This deletes the task and its whole log: { $runs } runs with all their details. A run that goes on is stopped. It cannot be undone.
ui-delete-task-keeps = The artifacts themselves stay, here and at every target.
ui-name-contains = Name contains
ui-last-run = Last run
ui-next-run = Next run
ui-enabled = Enabled
ui-enabled-says = Starts by itself as said above
ui-disabled = Disabled
ui-enable = Enable
ui-disable = Disable
ui-never-ran = Never ran
ui-run-now = Run now
ui-runs = Runs
ui-runs-number = { $n } in all
ui-what-it-does = What it does
ui-trend = Trend, run by run
ui-at-most = at most { $value }
ui-bytes-moved-head = Bytes moved
ui-bytes-moved = bytes moved
ui-artifacts-head = Artifacts
ui-started-by = Started by
ui-by-schedule = schedule
ui-by-change = change
ui-no-limit = No limit
ui-log = Log
ui-keeps-all = Every artifact, for { $n } days
ui-keeps-failures = Only what failed, for { $n } days

## The form of a task

ui-name-hint = 2 to 256 characters, unique on this node
ui-repository-hint = project/repository on this node
ui-repository-number = Repository { $n }
ui-one-more-repository = Add a repository
ui-what = What of it
ui-scope-repository = The whole repository
ui-scope-repository-says = Everything in it, also what comes later
ui-scope-paths = Some files and folders
ui-scope-paths-says = Files by name, and folders with all below them
ui-scope-packages = Some packages
ui-scope-packages-says = Images, npm packages, charts and others, with all or some versions
ui-packages = Packages
ui-packages-hint = One per line, then its versions unless all are meant: docker://library/nginx 1.27 1.28
ui-target-versions = Called there
ui-target-versions-hint = For one version of one package: its names there, such as stable latest; empty: its own
ui-some-versions = Only some versions or platforms
ui-some-versions-says = Of packages whose versions are not named one by one. A pattern is a glob (1.2.*), regex: with an expression, or semver: with a range (semver:>=1.2, <2).
ui-include = Take
ui-include-hint = One pattern per line; empty: every version
ui-exclude = Leave out
ui-exclude-hint = One pattern per line, for example *-rc*
ui-newest = Newest
ui-newest-hint = How many of those that are left; empty: all
ui-platforms = Platforms
ui-platforms-hint = Of images from a registry elsewhere: linux/amd64 linux/arm64; empty: all
ui-scope-some-paths = { $n ->
    [one] ({ $n } path)
   *[other] ({ $n } paths)
}
ui-scope-some-packages = { $n ->
    [one] ({ $n } package)
   *[other] ({ $n } packages)
}
ui-chosen-include = versions { $patterns }
ui-chosen-exclude = without { $patterns }
ui-chosen-newest = the newest { $n } of each package
ui-chosen-platforms = platforms { $platforms }
ui-called-there = called { $names } there
ui-paths = Paths
ui-paths-hint = One per line, for example /releases/2026
ui-other-name-there = Another name there
ui-remote-project = Project there
ui-remote-repository = Repository there
ui-same-name-hint = Empty: the same name
ui-create-there = Create what is missing there
ui-create-there-says = A project or repository the target does not have yet is made there
ui-starts = Starts
ui-when = When
ui-trigger-cron = On a schedule
ui-trigger-cron-says = Again and again, at the times a cron expression names
ui-trigger-real-time = When something changes
ui-trigger-real-time-says = Each change of the repository is carried on within seconds
ui-trigger-now = At once
ui-trigger-now-says = One run, as soon as it is saved
ui-trigger-at = At a time
ui-trigger-at-says = One run, at the time below
ui-trigger-at-time = Once, at { $time }
ui-trigger-by-cron = On the schedule { $cron }
ui-trigger-manual = By hand
ui-trigger-manual-says = Only when somebody runs it
ui-cron = Cron expression
ui-cron-hint = Seconds, minutes, hours, day of month, month, day of week; clocks of { $zone }
ui-cron-hourly = every hour
ui-cron-nightly = every night at 02:30
ui-cron-weekdays = weekdays at 06:00
ui-cron-quarters = every 15 minutes
ui-next-firings = The next five runs:
ui-never-fires = It never fires again
ui-time-hint = On the clocks of { $zone }
ui-when-it-differs = When something is in the way
ui-other-content = Other content stands there
ui-conflict-skip = Leave it
ui-conflict-skip-says = What stands there stays; the artifact counts as skipped
ui-conflict-overwrite = Replace it
ui-conflict-overwrite-says = The target gets what stands here
ui-conflict-fail = Fail
ui-conflict-fail-says = Nothing is touched, the artifact counts as failed
ui-after-failure = After a failed artifact
ui-error-continue = Go on
ui-error-continue-says = The rest is carried; the run ends as failed
ui-error-stop = Stop there
ui-error-stop-says = Nothing more goes to that target; other targets go on
ui-limits-and-log = Limits and log
ui-rate = Rate limit
ui-rate-hint = MiB per second over all targets; empty: none
ui-days = Keep runs for days
ui-days-hint = 1 to 60
ui-keep-details = Log every artifact
ui-keep-details-says = Otherwise only those that failed
ui-metadata = Properties travel too
ui-metadata-says = The properties of files are replicated with them
ui-preview = Preview
ui-would-do = What it would do now
ui-would-copy = to copy
ui-would-move = bytes to move, at most
ui-would-keep = equal already
ui-would-conflict = conflicts
ui-would-nothing = Nothing: everything is there already
ui-would-more = There is more that was not looked at: a preview ends after 20 seconds, or 10,000 artifacts of a repository
ui-more-problems = { $n } more of this kind
ui-would = Would
ui-first-named = The first { $n } are named
ui-action-copy = copy
ui-action-overwrite = replace
ui-action-metadata = replace properties
ui-action-keep = keep
ui-action-skip = skip
ui-action-refuse = fail

## Records

ui-run = Run
ui-run-of = Run of { $time }
ui-retry-of-run = Repeats a part of an earlier run
ui-repeated-by = Repeated in part:
ui-retry-failed = Retry what failed
ui-retry-these = Retry these
ui-overview = Overview
ui-why-not = Why not everything arrived
ui-details = Artifacts, one by one
ui-historical = An imported run: it has no counts.
ui-outcome = Outcome
ui-class = Class of failure
ui-attempts = Tries
ui-arrived = Arrived
ui-overwritten = replaced
ui-skipped-short = skipped
ui-conflict = conflict
ui-words-contain = Error contains
ui-notes = Notes
ui-noted = with notes
ui-noted-artifacts = { $n } with notes
ui-causes = Root causes of what failed
ui-what-was-said = What was said, and what to do
ui-no-cause-known = failed without a cause that is known: imported, or of an earlier version
ui-for-example = For example
ui-show = Show
ui-actions = Actions
ui-too-many-to-sort = Of what a prefix, a version, an outcome, a failure or a note selects, at most { $n } artifacts are put in this order: narrow them down. Shown are the newest.
ui-path-begins = Path begins with
ui-package-begins = Package begins with

## Clusters

ui-clusters-says = The places this node replicates to
ui-new-cluster = Register cluster
ui-edit-cluster = Edit cluster
ui-delete-cluster = Remove { $name }?
ui-delete-cluster-says = Only what this node knows of it goes: its address, login and health. The artifacts there stay.
ui-tasks-will-fail = These tasks write to it and will fail
ui-cluster-center = This cluster
ui-cluster-edge = Edge
ui-cluster-standalone = Standalone
ui-cluster-remote = Other registry
ui-this-node = this node
ui-latency = Latency
ui-latencies = { $usual } ms usual, { $most } ms for 95 of 100
ui-looked-at = Last check
ui-looks = Language and colours
ui-connection = Connection
ui-health = Health, last 24 hours
ui-check-looks = { $failed } of { $all } checks failed
ui-check-now = Check now
ui-replicates-there = What replicates there
ui-nothing-replicates = No task writes to it
ui-access-key = Access key
ui-secret-key = Secret key
ui-app-id = Application id
ui-certificate = Certificate authority
ui-certificate-hint = PEM; empty: the public authorities
ui-own-certificate = Its own
ui-public-certificates = The public ones
ui-secret-kept = Empty: it stays as it is. It is never shown.
ui-cluster-name-hint = 2 to 256 characters; it cannot be changed later
ui-url-hint = For example https://edge-1.example:8080
ui-cluster-user-hint = A user there with the role replicator
ui-password-or-token = Password or token
ui-more-logins = Signed login, own certificate
ui-check-first = Check that it answers
ui-check-first-says = It is only saved when it does

## Repositories

ui-repositories-says = What this node keeps
ui-new-repository = New repository
ui-no-repositories-yet = No repository yet
ui-more-projects = More projects
ui-holds = Holds
ui-quota = Quota
ui-public = Public
ui-public-says = Anybody may read it, without a login
ui-project-hint = An administrator may name a new one
ui-repository-name-hint = Letters, digits, - _ .
ui-entries = { $n ->
    [one] { $n } entry
   *[other] { $n } entries
}
ui-empty-folder = Nothing is in here
ui-replicate-this = Replicate this
ui-replicated-by = Replicated by
ui-files = Files
ui-upload = Upload
ui-download = Download
ui-replace = If it is there already
ui-replace-no = Refuse
ui-replace-yes = Replace
ui-delete-file-ask = Delete { $name }?
ui-properties = Properties
ui-no-properties = It has no properties
ui-property = Property
ui-value = Value
ui-add = Add
ui-remove = Remove
ui-fault-property-there = It has a property of this name already: change that one
ui-package = Package
ui-latest-version = Latest version
ui-versions = Versions
ui-no-packages = No package is in here
ui-all-packages = All packages
ui-place = Where its bytes are
ui-place-here = On this node
ui-place-here-says = This node keeps what is uploaded
ui-place-elsewhere = In a registry elsewhere
ui-place-elsewhere-says = Tasks read from there; nothing is kept here
ui-elsewhere = elsewhere
ui-elsewhere-says = It stands for this registry: tasks read from there. What it holds is not listed here.
ui-type-hint = This node keeps { $kept }; other types stand for a registry elsewhere
ui-fault-type-elsewhere = This node does not keep { $kind }: choose a registry elsewhere
ui-registry-url-hint = For example https://registry.example/team or npm+https://registry.example
ui-registry-user-hint = Empty: without a login

## Webhooks

ui-webhooks = Webhooks
ui-webhooks-says = Who is called when nobody looks
ui-new-webhook = New webhook
ui-edit-webhook = Edit webhook
ui-no-webhooks-yet = Nobody is called yet. A webhook tells a chat, a pager or a script that a run failed.
ui-told-of = Told of
ui-every-task = Every task
ui-latest-call = Latest call
ui-event = Event
ui-event-failed = A run failed
ui-event-failed-says = Once for each set of causes, until the task succeeds again
ui-event-recovered = A run recovered
ui-event-recovered-says = A run succeeded after one that failed, and nothing is owed any more
ui-event-silent = A schedule fell silent
ui-event-silent-says = A task should have started two minutes ago or earlier, and did not
ui-event-test = Test
ui-webhook-name-hint = 1 to 64 characters, unique on this node
ui-webhook-url-hint = http or https, for example https://hooks.example/waybill
ui-webhook-task-hint = Name of the only task it is told of; empty: every task
ui-webhook-enabled-says = Otherwise nothing is sent
ui-secret = Secret
ui-secret-made = Calls are signed with it, 16 to 256 characters; empty: one is made
ui-webhook-made = Secret of { $name }
ui-webhook-secret-once = Its calls are signed with it. It is shown this once: copy it now.
ui-call-now = Send a test
ui-delete-webhook = Delete { $name }?
ui-delete-webhook-says = This deletes the webhook and the log of its deliveries. What is still to be told is not told.
ui-deliveries = Deliveries
ui-deliveries-says = Kept for 30 days
ui-no-deliveries-yet = It was not told anything yet
ui-delivery-waiting = Waiting
ui-delivery-delivered = Delivered
ui-delivery-given-up = Given up
ui-answer = Answer
ui-tried-again = Next try
ui-deliver-again = Send again
ui-fault-no-task = There is no task { $name }

## Accounts

ui-users = Users
ui-new-user = New user
ui-delete-user-ask = Delete { $name }, with all tokens?
ui-role = Role
ui-role-admin = Administrator
ui-role-replicator = Replicator of { $projects }
ui-role-replicator-short = Replicator
ui-role-none = User
ui-role-projects-hint = Only for replicators: names, with commas
ui-may = May
ui-allow = Allow
ui-take-away = Take away
ui-access-read = Read
ui-access-write = Read and write
ui-access-manage = Manage
ui-current-password = Present password
ui-new-password = New password
ui-change-password = Change password
ui-password-says = At least 8 characters. Every login ends, this one too.
ui-tokens = Tokens
ui-tokens-says = For scripts and other clusters, instead of the password
ui-new-token = Create token
ui-token-hint = What it is for
ui-token-days = Days it is good for
ui-token-days-hint = Empty: until it is revoked
ui-token-made = Token { $name }
ui-token-once = It is shown this once: copy it now.
ui-copy-text = Copy
ui-copied-text = Copied
ui-last-used = Last used
ui-revoke = Revoke
ui-revoke-ask = Revoke { $name }? Whatever uses it stops working.

## One artifact

ui-where-is-it = Where is it?
ui-where-it-is = Where it is
ui-asked-now = Every target was asked just now
ui-not-here = not on this node
ui-there = there, the same
ui-other-there = other content there
ui-perhaps-there = there, not compared
ui-not-there = not there
ui-no-answer = no answer
ui-no-task-carries-it = No task carries it anywhere
ui-on-its-way = it is on its way
ui-changed-since = one side changed since the latest attempt
ui-task-is-off = the task is disabled
ui-did-not-start = the task should have run and did not
ui-next-run-carries-it = the next run carries it
ui-start-it-by-hand = it waits for somebody to start the task
ui-left-alone = the task leaves other content alone
ui-more-targets = { $n ->
    [one] One more target was not asked
   *[other] { $n } more targets were not asked
}
ui-not-tried = no run has tried it yet
ui-every-attempt = Every attempt
