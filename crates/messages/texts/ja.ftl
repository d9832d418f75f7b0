### Japanese; see `en.ftl`.

## Codes: common

SystemBusy = システムが混み合っています。しばらくしてから再試行してください
ParameterMissing = パラメーター { $subject } がありません
ParameterEmpty = パラメーター { $subject } が空です
ParameterInvalid = パラメーター { $subject } が無効です
ContentInvalid = リクエストの内容が無効です
Exists = { $subject } は既に存在します
NotFound = { $subject } が見つかりません
MethodNotAllowed = ここではメソッド { $subject } を使用できません
AccessDenied = アクセスが拒否されました：{ $subject }
Unauthenticated = 認証に失敗しました：{ $subject }
HeaderMissing = ヘッダー { $subject } がありません
MediaTypeUnsupported = このメディアタイプには対応していません。application/json で送信してください
RangeInvalid = 範囲が無効です
TooManyRequests = リクエストが多すぎます：{ $subject }
QueryTooLarge = 検索が大きすぎます：{ $subject }
UrlUnknown = URL { $subject } が見つかりません
ValidationFailed = 検証に失敗しました：{ $subject }
PreconditionFailed = 前提条件を満たしていません：{ $subject }

## Codes: replication

PeerUnreachable = リモートクラスター { $subject } に接続できません
PeerCertificate = リモートクラスター { $subject } の証明書は信頼されていません
TaskState = タスクは実行中です。終了を待つか、停止してください
TaskDisabled = タスクは無効になっています
ClusterExists = クラスター { $subject } は既に存在します
ClusterUnknown = クラスター { $subject } は存在しません
TaskNotLoaded = タスク { $subject } はまもなく自動実行されます。しばらくしてから再試行してください
TaskFrozen = タスク { $subject } はもう変更できません
SecondCenter = センタークラスターは既に存在します
TaskUnknown = レプリケーションタスク { $subject } が見つかりません
TargetUnknown = レプリケーション先クラスター { $subject } が見つかりません
PeerVersion = リモートクラスター { $subject } のバージョンには対応していません
FailureUnknown = 失敗レコード { $subject } が見つかりません

## Codes: artifacts, nodes, projects and repositories

DigestMismatch = ダイジェストが一致しません：{ $subject }
ProjectUnknown = プロジェクト { $subject } が見つかりません
ProjectExists = プロジェクト { $subject } は既に存在します
RepositoryUnknown = リポジトリ { $subject } が見つかりません
RepositoryExists = リポジトリ { $subject } は既に存在します
RepositoryNotEmpty = リポジトリ { $subject } は空ではありません
FolderNotEmpty = フォルダー { $subject } は空ではありません
NodeUnknown = ノード { $subject } が見つかりません
PathInvalid = パス { $subject } が無効です
NodeExists = ノード { $subject } は既に存在します
NodeConflict = { $subject } が競合しています
ListTooLarge = リストが大きすぎます：{ $subject }
PackageUnknown = パッケージ { $subject } が見つかりません
DataMissing = { $subject } のデータが失われています
OverQuota = { $subject } のクォータを使い切りました
ArtifactForbidden = { $subject } へのアクセスは禁止されています
SizeMismatch = サイズが一致しません：{ $subject }

## Codes: files

UploadUnknown = アップロード { $subject } が見つかりません
ListingForbidden = { $subject } の一覧表示は許可されていません
BlockMissing = アップロードが不完全です：ブロック { $subject } がありません
UploadIdEmpty = アップロード ID が空です

## Sentences that codes are followed or filled by

with-reason = { $message }：{ $reason }
login-absent = 認証情報がありません
login-wrong = ユーザー名またはパスワードが違います
logins-failed = ログインの失敗
login-token-unknown = 不明なトークンです
login-unreadable = 認証情報が name:secret の base64 ではありません
login-platform-wrong = アクセスキーまたはシークレットキーが違います
login-signature-wrong = 署名が違います
login-signature-used = この署名は使用済みです。呼び出しごとに署名し直してください
login-sign-time = sign_time は「開始;終了」（Unix 秒）でなければなりません
login-key-unfit = token はこのノードの公開鍵で暗号化されたパスワードではありません
signature-ended = 署名の有効期限は { $end }（Unix 秒）でした
signatures-not-now = 署名付き呼び出し
other-site = 別のサイトからのリクエストです
user-name-reserved = この名前は予約されています
need-permission = ユーザー { $user }、操作 { $action }、プロジェクト { $project }
last-administrator = このノードの最後の管理者です
only-replicators-have-projects = プロジェクトを限定できるのはロール replicator だけです
choose-among = 次から選んでください：{ $choices }
user-name-form = 1～64 文字の英数字または . _ - @ でなければなりません
import-line = { $line } 行目：{ $reason }。それより前の行は保存済みで、再送しても問題ありません
body-broken-off = 本文が途中で切れました
line-too-long = { $limit } バイトを超えています
body-too-long = { $limit } バイトを超えたか、途中で切れました
archives-being-made = 同時に作成中のアーカイブ
parts-missing = 一部のパートが足りません
a-block = ブロック { $sequence }
wrong-size = { $announced } バイトのはずが { $arrived } バイト届きました
a-record = 記録 { $id }
a-platform = プラットフォーム { $name }
a-token = トークン { $name }
a-user = ユーザー { $name }
open-uploads = 未完了のアップロード
upload-budget = { $bytes } バイトを使い切っています
transfer-broken = 転送が途中で切れました：{ $words }
disk-full = ディスクがいっぱいです
sha256-form = 64 桁の 16 進数でなければなりません
send-form = multipart/form-data で送ってください
too-many-fields = フィールドが { $most } 個を超えています

## Why a value is refused

file-or-folder = ファイルをフォルダーで、フォルダーをファイルで置き換えることはできません
file-in-the-way = そこにはファイルがあり、overwriteが指定されていません
within-itself = フォルダーを自分自身の中や、同名の上位フォルダーへ移すことはできません
path-too-long = 移動先のパスが長すぎます
property-name = 名前は 1～128 文字で、制御文字を含まず、前後に空白を置けません
property-value = 値は制御文字を含まない 1 行です
properties-too-long = 1 つのファイルのプロパティは名前と値を合わせて { $most } バイトまでです
search-too-long = 時間がかかりすぎます。リポジトリとパスの先頭を指定してください
search-needs-project = 規則の最上位（AND）でプロジェクトを指定してください：projectId EQ
search-rules = 規則は{ $rules }個、深さは{ $depth }段、値は{ $values }個までです
search-fields = 使えるフィールドは{ $fields }とmetadata.<key>です
search-text-only = この操作はテキスト専用です
pattern-refused = { $words }
quota-below-used = リポジトリはすでに{ $used }バイトを使用しています
paths-at-once = 一度に指定できるパスは{ $most }個までです
not-supported = このバージョンでは対応していません
between = { $least } から { $most } の間でなければなりません
cursor-gone = 前のページの最後の明細がなくなりました。最初のページからやり直してください
too-many-to-sort = 接頭辞・バージョン・結果・失敗・注記で選んだ明細が { $n } 件を超えると、時刻順にしか並べられません。絞り込んでください
length = { $least } 文字以上 { $most } 文字以下でなければなりません
past = 時刻が未来ではありません（タイムゾーン { $zone } で解釈）
not-cron = Quartz の cron 式ではありません：{ $fault }
own-cluster = クラスター自身をレプリケーション先にはできません
cluster-in-use = このクラスターに書き込むタスクがあります: { $tasks }
own-repository = レプリケーション先がこのリポジトリ自身です
shared-target = タスクの 2 つのオブジェクトが同じリポジトリに書き込みます
not-url = ログイン情報を含まない http または https のアドレスでなければなりません
run-once-by-hand = RUN_ONCE タスクは手動で実行したときだけ動きます
real-time-by-change = REAL_TIME タスクは変更があるたびに動きます
immediately-is-true = 戦略 IMMEDIATELY では true でなければなりません
task-says-nothing = インポートした記録と共に作られたタスクで、複製する対象がありません
enable-apart = タスクの有効・無効は …/enable か …/disable への POST で切り替えます
record-says-nothing = 過去の記録には実行した内容がありません
task-being-removed = 同じキーまたは名前のタスクを削除中です。しばらくしてから再試行してください
files-only = このリポジトリはパッケージではなくファイルを保持します：pathConstraints を指定するか、replicaObjectType REPOSITORY で全体を指定してください
packages-only = このリポジトリはファイルではなくパッケージを保持します：replicaObjectType PACKAGE で packageConstraints を指定するか、replicaObjectType REPOSITORY で全体を指定してください
other-repository-type = ローカルリポジトリの種別は { $found } です
pairing-impossible = クラスター { $target } はこの種別のリポジトリの内容を受け付けません
no-events-from-registry = このリポジトリは別の場所のレジストリを表し、その変更は通知されません：計画（replicaType SCHEDULED）を指定してください
one-version-renamed = 別名を付けられるのは一つのパッケージの一つのバージョンだけです
not-a-registry = ノードまたはフォルダーのアドレスであり、外部レジストリではありません
foreign-repository = このリポジトリは別の場所のレジストリを表します：このノードは内容を保持せず、タスクがそこから読み取ります
registry-url-missing = カテゴリ REMOTE のリポジトリにはレジストリのアドレスが必要です
push-files = このリポジトリはパッケージではなくファイルを保持します：そのパスを指定した RUN_ONCE タスクで配布してください
not-a-node = 応答はありますが、Waybill または bk-repo のノードではありません。ほかのレジストリはまだ対象にできません
cluster-or-registry = clusterId と registry はどちらか一方を指定してください
nothing-selected = pathConstraints を指定するか、replicaObjectType REPOSITORY でリポジトリ全体を指定してください
entry-name = 2〜128 文字の英数字、_ または - で、先頭は英字または _ でなければなりません
named-twice = リクエスト内の二つの設定が同じ名前です
own-entry = この設定が registry から作成したクラスターです：registry を指定してください
packages-with-versions = packageName と versions は同時に指定してください
only-edge-pull = ここでは EDGE_PULL でなければなりません
not-run-once = RUN_ONCE タスクではありません
run-goes-on = 実行中です。終了を待つか停止してください
host-not-allowed = このホストを指定できるのは管理者だけです。ほかのユーザーはこのノードの outgoing.user_hosts にあるホストだけを指定できます
remote-user-refused = ユーザー { $user } は対象クラスターの { $repository } に書き込めません

## What is wrong with a line of an import

about-member = `{ $member }`：{ $reason }
absent = ありません
not-json-object = 1 つの JSON オブジェクトではありません
record-or-detail = `record` か `detail` が必要です
running-not-imported = RUNNING のものはインポートできません
not-object = オブジェクトではありません
not-text = 文字列ではありません
not-whole-number = 整数ではありません
negative = 負の数です
not-hex = { $digits } 桁の小文字の 16 進数ではありません
not-date = 2021-05-12T12:19:08.813 のような日時ではありません
not-of-contract = 決められた値ではありません

## What is wrong with a cron expression, and its fields

cron-field-count = 6 個か 7 個のフィールド（秒 分 時 日 月 曜日、任意で年）が必要ですが、{ $found } 個です
cron-no-days = `?` は日か曜日のどちらか一方だけに使えます
cron-both-days = 日と曜日を同時に指定できません。どちらかを `?` にしてください
cron-last-day-in-list = `L` と `LW` は他の日と並べられません
cron-last-weekday-in-list = `L` は他の曜日と並べられません
cron-second-nth = `#` は 1 つだけ使えます
cron-empty = { $field }のフィールドが空です。値か `*` が必要です
cron-unexpected = { $field }のフィールドに予期しない文字があります：`{ $text }`
cron-after-unspecified = `?` の後には何も書けません：`{ $text }`
cron-unspecified = `?` は日か曜日にだけ使えます。{ $field }のフィールドには使えません
cron-option = `{ $option }` は{ $field }のフィールドでは使えません
cron-last-offset = `L-` の後は数値でなければなりません：`{ $text }`
cron-last-offset-too-large = 末日からのずれは 30 以下でなければなりません：{ $offset }
cron-name = { $field }のフィールドに不明な名前があります：`{ $text }`（使える名前は { $names }）
cron-number = 数値がないか大きすぎます：`{ $text }`
cron-nth = `#` の後は 1 から 5 でなければなりません：`{ $text }`
cron-step = `/` の後は数値でなければなりません：`{ $text }`
cron-after-step = `/` の後に予期しない文字があります：`{ $text }`
cron-value = { $field }は { $least } から { $most } の間でなければなりません：{ $value }
cron-step-too-large = { $field }のフィールドの間隔は { $most } 以下でなければなりません：{ $step }
cron-years = 開始年 { $start } は終了年 { $end } より後にできません
field-second = 秒
field-minute = 分
field-hour = 時
field-day-of-month = 日
field-month = 月
field-day-of-week = 曜日
field-year = 年

## Reasons of records: one line per failing target

reason-artifacts-failed = { $cluster }：{ $failed } 個のアーティファクトが失敗しました。最初は `{ $artifact }`：{ $first }
reason-not-attempted-from = { $cluster }：`{ $repository }` は `{ $key }` 以降を試みていません：{ $failure }
reason-not-attempted = { $cluster }：`{ $repository }` は試みていません：{ $failure }
reason-stopped-by = { $user } が停止しました
reason-no-plan = この記録には実行する内容がありません
reason-broke-off = このノード自身のプログラムの不具合により実行が中断されました: { $words }。詳しくはノードのログを参照してください。再試行すると残りが処理されます

## Failures: `step/class: what happened; what to do`

failure = { $step }/{ $class }: { $said }{ $tries ->
        [1] {""}
       *[other] （{ $tries } 回試行）
    }。{ $advice }
failure-answered-words = { $subject } の応答 { $status } "{ $words }"
failure-answered = { $subject } の応答 { $status }
failure-words = { $subject }: { $words }
failure-silent = { $subject } 失敗
advice-unreachable = ネットワークとクラスターの稼働を確認してから再試行してください
advice-tls = 証明書を確認するか、クラスターの CA 証明書を設定してください
advice-unauthorised = クラスターのユーザー、パスワード、ロールを確認してください
advice-not-found = 存在することと名前が正しいことを確認してください
advice-conflict = SKIP か OVERWRITE を選ぶか、既存の内容を取り除いてください
advice-limit = タスクの速度を下げるか、しばらくしてから再試行してください
advice-corrupt = 経路上のプロキシとディスクを確認してから再試行してください
advice-changed = 読み取り中に内容が変わりました。もう一度実行してください
advice-disk = 空き容量を増やすかディスクを修復してから再試行してください
advice-protocol = アドレスが正しいサービスを指すことを確認してから再試行してください
advice-stopped = 残りを転送するには記録を再試行してください

## Notes: what a reader should know of an artifact that is there all the same

note-yanked = 複製元で取り下げ（yank）済みです。複製先には伝えられず、ほかのバージョンと同じように提供されます
note-yanked-why = 複製元で取り下げ（yank）済みです（「{ $why }」）。複製先には伝えられず、ほかのバージョンと同じように提供されます
note-files-yanked = { $files }：複製元で取り下げ（yank）済みです。複製先には伝えられず、ほかのファイルと同じように提供されます
note-files-yanked-why = { $files }：複製元で取り下げ（yank）済みです（「{ $why }」）。複製先には伝えられず、ほかのファイルと同じように提供されます
note-properties-unkept = 複製先が保持しない属性：{ $names }
note-properties-differ = 複製先の属性は異なりますが、競合時の方針によりそのままです：{ $names }
note-files-stay = 複製元にないファイルが、新しいファイルと並んで複製先に残っています：{ $files }
