### Traditional Chinese; see `en.ftl`.

## Codes: common

SystemBusy = 系統繁忙，請稍後再試
ParameterMissing = 缺少參數{ $subject }
ParameterEmpty = 參數{ $subject }為空
ParameterInvalid = 參數{ $subject }無效
ContentInvalid = 請求內容無效
Exists = { $subject }已存在
NotFound = 找不到{ $subject }
MethodNotAllowed = 此處不允許使用{ $subject }方法
AccessDenied = 拒絕存取：{ $subject }
Unauthenticated = 驗證失敗：{ $subject }
HeaderMissing = 缺少請求標頭{ $subject }
MediaTypeUnsupported = 不支援的媒體類型，請使用application/json
RangeInvalid = 範圍無效
TooManyRequests = 請求過多：{ $subject }
QueryTooLarge = 查詢過大：{ $subject }
UrlUnknown = 找不到位址{ $subject }
ValidationFailed = 驗證不通過：{ $subject }
PreconditionFailed = 前置條件不滿足：{ $subject }

## Codes: replication

PeerUnreachable = 無法連線遠端叢集{ $subject }
PeerCertificate = 遠端叢集{ $subject }的憑證不受信任
TaskState = 任務正在執行，請等待其結束或先停止
TaskDisabled = 任務已停用
ClusterExists = 叢集節點{ $subject }已存在
ClusterUnknown = 叢集節點{ $subject }不存在
TaskNotLoaded = 任務{ $subject }即將自動執行，請稍後重試
TaskFrozen = 任務{ $subject }不可再修改
SecondCenter = 中心節點已存在
TaskUnknown = 未找到同步任務{ $subject }
TargetUnknown = 找不到同步叢集{ $subject }
PeerVersion = 不支援遠端叢集{ $subject }的版本
FailureUnknown = 未找到失敗記錄{ $subject }

## Codes: artifacts, nodes, projects and repositories

DigestMismatch = 摘要校驗不一致：{ $subject }
ProjectUnknown = 專案{ $subject }不存在
ProjectExists = 專案{ $subject }已存在
RepositoryUnknown = 倉庫{ $subject }不存在
RepositoryExists = 倉庫{ $subject }已存在
RepositoryNotEmpty = 倉庫{ $subject }不為空
FolderNotEmpty = 目錄{ $subject }不為空
NodeUnknown = 節點{ $subject }不存在
PathInvalid = 路徑{ $subject }無效
NodeExists = 節點{ $subject }已存在
NodeConflict = { $subject }處存在衝突
ListTooLarge = 清單過大：{ $subject }
PackageUnknown = 套件{ $subject }不存在
DataMissing = { $subject }的資料缺失
OverQuota = { $subject }的配額已用盡
ArtifactForbidden = { $subject }禁止存取
SizeMismatch = 大小不一致：{ $subject }

## Codes: files

UploadUnknown = 找不到上傳{ $subject }
ListingForbidden = 不允許列出{ $subject }
BlockMissing = 分塊上傳不完整：缺少分塊{ $subject }
UploadIdEmpty = 上傳ID為空

## Sentences that codes are followed or filled by

with-reason = { $message }：{ $reason }
login-absent = 未提供憑證
login-wrong = 使用者名稱或密碼錯誤
logins-failed = 登入失敗次數過多
login-token-unknown = 未知的權杖
login-unreadable = 憑證不是name:secret的base64編碼
login-platform-wrong = accessKey或secretKey錯誤
login-signature-wrong = 簽章錯誤
login-signature-used = 該簽章已被使用：每次呼叫都須重新簽章
login-sign-time = sign_time須為「開始;結束」（Unix秒）
login-key-unfit = 該token不是以本節點公鑰加密的密碼
signature-ended = 簽章僅在{ $end }（Unix秒）之前有效
signatures-not-now = 簽章呼叫
other-site = 請求來自其他網站
user-name-reserved = 該名稱為保留名稱
need-permission = 使用者{ $user }，操作{ $action }，專案{ $project }
last-administrator = 該使用者是本節點最後一位管理員
only-replicators-have-projects = 只有replicator角色可以限定專案
choose-among = 可選：{ $choices }
user-name-form = 須為1至64個字母、數字或. _ - @
import-line = 第{ $line }行：{ $reason }；此前各行已儲存，可重複匯入
body-broken-off = 請求內容傳輸中斷
line-too-long = 長度超過{ $limit }位元組
body-too-long = 超過{ $limit }位元組或傳輸中斷
archives-being-made = 正在產生的壓縮檔
parts-missing = 分塊不完整
a-block = 分塊{ $sequence }
wrong-size = 收到{ $arrived }位元組，宣告為{ $announced }位元組
a-record = 記錄{ $id }
a-platform = 平台帳號{ $name }
a-token = 權杖{ $name }
a-user = 使用者{ $name }
open-uploads = 未完成的上傳
upload-budget = 已佔用{ $bytes }位元組
transfer-broken = 傳輸中斷：{ $words }
disk-full = 磁碟空間不足
sha256-form = 須為64位十六進位數字
send-form = 請使用multipart/form-data
too-many-fields = 欄位超過{ $most }個

## Why a value is refused

file-or-folder = 檔案不能取代目錄，目錄也不能取代檔案
file-in-the-way = 該處已有檔案，且未設定overwrite
within-itself = 目錄不能移入自身，也不能上移到同名目錄中
path-too-long = 在目標處的路徑過長
property-name = 名稱為 1 到 128 個字元，不含控制字元，首尾不能有空格
property-value = 值只能是一行，不含控制字元
properties-too-long = 一個檔案的屬性（名稱和值合計）最多 { $most } 位元組
search-too-long = 耗時過長，請指定倉庫和路徑前綴
search-needs-project = 規則必須在最外層AND中指定專案：projectId EQ
search-rules = 最多{ $rules }條規則、{ $depth }層巢狀、{ $values }個值
search-fields = 可用欄位為{ $fields }和metadata.<key>
search-text-only = 此操作只適用於文字
pattern-refused = { $words }
quota-below-used = 倉庫已占用{ $used }位元組
paths-at-once = 一次最多{ $most }個路徑
not-supported = 目前版本不支援
between = 取值範圍為{ $least }至{ $most }
cursor-gone = 上一頁末尾的明細已不存在：請從第一頁重新開始
too-many-to-sort = 按前綴、版本、結果、失敗或附註篩選出的明細超過 { $n } 條時只能按時間排序：請縮小範圍
length = 長度須為{ $least }至{ $most }個字元
past = 該時間不在未來（按時區{ $zone }解釋）
not-cron = 不是有效的Quartz運算式：{ $fault }
own-cluster = 叢集不能以自身為同步目標
cluster-in-use = 以下任務寫入該叢集：{ $tasks }
own-repository = 同步目標就是該倉庫本身
shared-target = 任務中有兩個物件寫入同一倉庫
not-url = 須為http或https位址，且不得包含登入資訊
run-once-by-hand = RUN_ONCE任務只能由人執行
real-time-by-change = REAL_TIME任務在內容變化時執行
immediately-is-true = 策略IMMEDIATELY要求該值為true
task-says-nothing = 該任務隨匯入的記錄而來，未說明要同步的內容
enable-apart = 啟用或停用任務請 POST 到 …/enable 或 …/disable
record-says-nothing = 歷史記錄未說明其執行內容
task-being-removed = 同鍵或同名的任務正在刪除，請稍後重試
files-only = 該倉庫存放檔案而非套件：請提供pathConstraints，或以replicaObjectType REPOSITORY同步整個倉庫
packages-only = 該倉庫存放套件而非檔案：請以replicaObjectType PACKAGE提供packageConstraints，或以replicaObjectType REPOSITORY同步整個倉庫
other-repository-type = 本地倉庫的類型是{ $found }
pairing-impossible = 叢集{ $target }不接收此類型倉庫的內容
no-events-from-registry = 該倉庫代表別處的製品庫，其變更不會通知本節點：請提供計畫（replicaType SCHEDULED）
one-version-renamed = 只有單一套件的單一版本才能在目標端使用其他名稱
not-a-registry = 這是節點或資料夾的位址，不是外部製品庫
foreign-repository = 該倉庫代表別處的製品庫：本節點不保存其內容，由任務從中讀取
registry-url-missing = REMOTE類別的倉庫需要其製品庫的位址
push-files = 該倉庫存放檔案而非套件：請用包含這些路徑的RUN_ONCE任務分發
not-a-node = 其有回應，但不是Waybill或bk-repo節點，目前不支援其他類型的倉庫服務作為目標
cluster-or-registry = clusterId與registry只能提供一個
nothing-selected = 請提供pathConstraints，或以replicaObjectType REPOSITORY同步整個倉庫
entry-name = 須為2至128個字母、數字、_或-，且以字母或_開頭
named-twice = 請求中有兩個設定使用此名稱
own-entry = 它是該設定由其registry產生的叢集：請提供registry
packages-with-versions = packageName與versions須同時提供
only-edge-pull = 此處須為EDGE_PULL
not-run-once = 它不是RUN_ONCE任務
run-goes-on = 它正在執行，請等待其結束或先停止
host-not-allowed = 僅管理員可指定該主機，其他使用者只能使用本節點outgoing.user_hosts中列出的主機
remote-user-refused = 使用者{ $user }在目標叢集上無權寫入{ $repository }

## What is wrong with a line of an import

about-member = `{ $member }`：{ $reason }
absent = 缺失
not-json-object = 不是一個JSON物件
record-or-detail = 須有`record`或`detail`
running-not-imported = RUNNING狀態的內容不能匯入
not-object = 不是物件
not-text = 不是文字
not-whole-number = 不是整數
negative = 為負數
not-hex = 不是{ $digits }位小寫十六進位數
not-date = 不是形如2021-05-12T12:19:08.813的日期
not-of-contract = 不是約定的取值

## What is wrong with a cron expression, and its fields

cron-field-count = 須有6或7個欄位（秒 分 時 日 月 星期，可加年），現有{ $found }個
cron-no-days = `?`只能用於日或星期之一，不能同時用於兩者
cron-both-days = 日與星期不能同時指定，其中之一須為`?`
cron-last-day-in-list = `L`和`LW`不能與其他日期並列
cron-last-weekday-in-list = `L`不能與其他星期並列
cron-second-nth = 只能使用一個`#`
cron-empty = { $field }欄位為空：須填值或`*`
cron-unexpected = { $field }欄位含有非預期字元：`{ $text }`
cron-after-unspecified = `?`之後不得有內容：`{ $text }`
cron-unspecified = `?`只能用於日或星期，不能用於{ $field }欄位
cron-option = `{ $option }`不能用於{ $field }欄位
cron-last-offset = `L-`之後須為數字，而非`{ $text }`
cron-last-offset-too-large = 距月底的偏移最多為30，而非{ $offset }
cron-name = { $field }欄位中的名稱未知：`{ $text }`（可用{ $names }）
cron-number = 缺少數字或數字過大：`{ $text }`
cron-nth = `#`之後須為1至5，而非`{ $text }`
cron-step = `/`之後須為數字：`{ $text }`
cron-after-step = `/`之後有非預期字元：`{ $text }`
cron-value = { $field }須在{ $least }至{ $most }之間，而非{ $value }
cron-step-too-large = { $field }欄位的間隔最多為{ $most }，而非{ $step }
cron-years = 起始年{ $start }不得晚於終止年{ $end }
field-second = 秒
field-minute = 分
field-hour = 時
field-day-of-month = 日
field-month = 月
field-day-of-week = 星期
field-year = 年

## Reasons of records: one line per failing target

reason-artifacts-failed = { $cluster }：{ $failed }個製品同步失敗，首個為`{ $artifact }`：{ $first }
reason-not-attempted-from = { $cluster }：倉庫`{ $repository }`自`{ $key }`起未同步：{ $failure }
reason-not-attempted = { $cluster }：倉庫`{ $repository }`未同步：{ $failure }
reason-stopped-by = 已由{ $user }停止
reason-no-plan = 該記錄未說明執行內容
reason-broke-off = 本節點因自身程式錯誤中斷了執行：{ $words }；詳情見節點日誌，重試會處理剩餘部分

## Failures: `step/class: what happened; what to do`

failure = { $step }/{ $class }: { $said }{ $tries ->
        [1] {""}
       *[other] （已嘗試{ $tries }次）
    }；{ $advice }
failure-answered-words = { $subject } 回應 { $status } "{ $words }"
failure-answered = { $subject } 回應 { $status }
failure-words = { $subject }: { $words }
failure-silent = { $subject } 失敗
advice-unreachable = 請檢查網路及叢集是否運作，然後重試
advice-tls = 請檢查憑證，或設定叢集的CA憑證
advice-unauthorised = 請檢查叢集的使用者、密碼和角色
advice-not-found = 請確認其存在且名稱正確
advice-conflict = 請選擇SKIP或OVERWRITE，或移除已有內容
advice-limit = 請降低任務速率或稍後重試
advice-corrupt = 請檢查途中的代理和磁碟，然後重試
advice-changed = 讀取期間內容發生變化，請重新執行
advice-disk = 請釋放空間或修復磁碟，然後重試
advice-protocol = 請確認位址指向正確的服務，然後重試
advice-stopped = 請重試該記錄以傳輸剩餘內容

## Notes: what a reader should know of an artifact that is there all the same

note-yanked = 來源已撤回（yank）該版本；無法告知目標，目標仍像其他版本一樣提供
note-yanked-why = 來源已撤回（yank）該版本（「{ $why }」）；無法告知目標，目標仍像其他版本一樣提供
note-files-yanked = { $files }：來源已撤回（yank）；無法告知目標，目標仍像其他檔案一樣提供
note-files-yanked-why = { $files }：來源已撤回（yank）（「{ $why }」）；無法告知目標，目標仍像其他檔案一樣提供
note-properties-unkept = 目標不保存這些屬性：{ $names }
note-properties-differ = 目標的屬性不同，依衝突策略保持不變：{ $names }
note-files-stay = 來源沒有的檔案仍留在目標，與新檔案並存：{ $files }
