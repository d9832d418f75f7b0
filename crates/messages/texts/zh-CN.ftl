### Simplified Chinese; see `en.ftl`.

## Codes: common

SystemBusy = 系统繁忙，请稍后再试
ParameterMissing = 缺少参数{ $subject }
ParameterEmpty = 参数{ $subject }为空
ParameterInvalid = 参数{ $subject }无效
ContentInvalid = 请求内容无效
Exists = { $subject }已存在
NotFound = 找不到{ $subject }
MethodNotAllowed = 此处不允许使用{ $subject }方法
AccessDenied = 拒绝访问：{ $subject }
Unauthenticated = 认证失败：{ $subject }
HeaderMissing = 缺少请求头{ $subject }
MediaTypeUnsupported = 不支持的媒体类型，请使用application/json
RangeInvalid = 范围无效
TooManyRequests = 请求过多：{ $subject }
QueryTooLarge = 查询过大：{ $subject }
UrlUnknown = 找不到地址{ $subject }
ValidationFailed = 校验失败：{ $subject }
PreconditionFailed = 前置条件不满足：{ $subject }

## Codes: replication

PeerUnreachable = 无法连接远程集群{ $subject }
PeerCertificate = 远程集群{ $subject }的证书不受信任
TaskState = 任务正在执行，请等待其结束或先停止
TaskDisabled = 任务已停用
ClusterExists = 集群节点{ $subject }已存在
ClusterUnknown = 集群节点{ $subject }不存在
TaskNotLoaded = 任务{ $subject }即将自动执行，请稍后重试
TaskFrozen = 任务{ $subject }不可再修改
SecondCenter = 中心节点已存在
TaskUnknown = 未找到同步任务{ $subject }
TargetUnknown = 找不到同步集群{ $subject }
PeerVersion = 不支持远程集群{ $subject }的版本
FailureUnknown = 未找到失败记录{ $subject }

## Codes: artifacts, nodes, projects and repositories

DigestMismatch = 摘要校验不一致：{ $subject }
ProjectUnknown = 项目{ $subject }不存在
ProjectExists = 项目{ $subject }已存在
RepositoryUnknown = 仓库{ $subject }不存在
RepositoryExists = 仓库{ $subject }已存在
RepositoryNotEmpty = 仓库{ $subject }不为空
FolderNotEmpty = 目录{ $subject }不为空
NodeUnknown = 节点{ $subject }不存在
PathInvalid = 路径{ $subject }无效
NodeExists = 节点{ $subject }已存在
NodeConflict = { $subject }处存在冲突
ListTooLarge = 列表过大：{ $subject }
PackageUnknown = 包{ $subject }不存在
DataMissing = { $subject }的数据缺失
OverQuota = { $subject }的配额已用完
ArtifactForbidden = { $subject }禁止访问
SizeMismatch = 大小不一致：{ $subject }

## Codes: files

UploadUnknown = 找不到上传{ $subject }
ListingForbidden = 不允许列出{ $subject }
BlockMissing = 分块上传不完整：缺少分块{ $subject }
UploadIdEmpty = 上传ID为空

## Sentences that codes are followed or filled by

with-reason = { $message }：{ $reason }
login-absent = 未提供凭据
login-wrong = 用户名或密码错误
logins-failed = 登录失败次数过多
login-token-unknown = 未知的令牌
login-unreadable = 凭据不是name:secret的base64编码
login-platform-wrong = accessKey或secretKey错误
login-signature-wrong = 签名错误
login-signature-used = 该签名已被使用：每次调用都须重新签名
login-sign-time = sign_time须为“开始;结束”（Unix秒）
login-key-unfit = 该token不是用本节点公钥加密的密码
signature-ended = 签名仅在{ $end }（Unix秒）之前有效
signatures-not-now = 签名调用
other-site = 请求来自其他站点
user-name-reserved = 该名称为保留名称
need-permission = 用户{ $user }，操作{ $action }，项目{ $project }
last-administrator = 该用户是本节点最后一个管理员
only-replicators-have-projects = 只有replicator角色可以限定项目
choose-among = 可选：{ $choices }
user-name-form = 须为1至64个字母、数字或. _ - @
import-line = 第{ $line }行：{ $reason }；此前各行已保存，可重复导入
body-broken-off = 请求体传输中断
line-too-long = 长度超过{ $limit }字节
body-too-long = 超过{ $limit }字节或传输中断
archives-being-made = 正在生成的压缩包
parts-missing = 分块不完整
a-block = 分块{ $sequence }
wrong-size = 收到{ $arrived }字节，声明为{ $announced }字节
a-record = 记录{ $id }
a-platform = 平台账号{ $name }
a-token = 令牌{ $name }
a-user = 用户{ $name }
open-uploads = 未完成的上传
upload-budget = 已占用{ $bytes }字节
transfer-broken = 传输中断：{ $words }
disk-full = 磁盘空间不足
sha256-form = 须为64位十六进制数字
send-form = 请使用multipart/form-data
too-many-fields = 字段超过{ $most }个

## Why a value is refused

file-or-folder = 文件不能取代目录，目录也不能取代文件
file-in-the-way = 该处已有文件，且未设置overwrite
within-itself = 目录不能移入自身，也不能上移到同名目录中
path-too-long = 在目标处的路径过长
property-name = 名称为 1 到 128 个字符，不含控制字符，首尾不能有空格
property-value = 值只能是一行，不含控制字符
properties-too-long = 一个文件的属性（名称和值合计）最多 { $most } 字节
search-too-long = 耗时过长，请指定仓库和路径前缀
search-needs-project = 规则必须在最外层AND中指定项目：projectId EQ
search-rules = 最多{ $rules }条规则、{ $depth }层嵌套、{ $values }个值
search-fields = 可用字段为{ $fields }和metadata.<key>
search-text-only = 此操作只适用于文本
pattern-refused = { $words }
quota-below-used = 仓库已占用{ $used }字节
paths-at-once = 一次最多{ $most }个路径
not-supported = 当前版本不支持
between = 取值范围为{ $least }至{ $most }
cursor-gone = 上一页末尾的明细已不存在：请从第一页重新开始
too-many-to-sort = 按前缀、版本、结果、失败或附注筛选出的明细超过 { $n } 条时只能按时间排序：请缩小范围
length = 长度须为{ $least }至{ $most }个字符
past = 该时间不在未来（按时区{ $zone }解释）
not-cron = 不是有效的Quartz表达式：{ $fault }
own-cluster = 集群不能以自身为同步目标
cluster-in-use = 以下任务写入该集群：{ $tasks }
own-repository = 同步目标就是该仓库本身
shared-target = 任务中有两个对象写入同一仓库
not-url = 须为http或https地址，且不得包含登录信息
run-once-by-hand = RUN_ONCE任务只能由人执行
real-time-by-change = REAL_TIME任务在内容变化时执行
immediately-is-true = 策略IMMEDIATELY要求该值为true
task-says-nothing = 该任务随导入的记录而来，未说明要同步的内容
enable-apart = 启用或停用任务请 POST 到 …/enable 或 …/disable
record-says-nothing = 历史记录未说明其执行内容
task-being-removed = 同键或同名的任务正在删除，请稍后重试
files-only = 该仓库存放文件而非包：请提供pathConstraints，或以replicaObjectType REPOSITORY同步整个仓库
packages-only = 该仓库存放包而非文件：请以replicaObjectType PACKAGE提供packageConstraints，或以replicaObjectType REPOSITORY同步整个仓库
other-repository-type = 本地仓库的类型是{ $found }
pairing-impossible = 集群{ $target }不接收此类型仓库的内容
no-events-from-registry = 该仓库代表别处的制品库，其变更不会通知本节点：请提供计划（replicaType SCHEDULED）
one-version-renamed = 只有单个包的单个版本才能在目标端使用其他名称
not-a-registry = 这是节点或文件夹的地址，不是外部制品库
foreign-repository = 该仓库代表别处的制品库：本节点不保存其内容，由任务从中读取
registry-url-missing = REMOTE类别的仓库需要其制品库的地址
push-files = 该仓库存放文件而非包：请用包含这些路径的RUN_ONCE任务分发
not-a-node = 其有应答，但不是Waybill或bk-repo节点，目前不支持其他类型的仓库服务作为目标
cluster-or-registry = clusterId与registry只能提供一个
nothing-selected = 请提供pathConstraints，或以replicaObjectType REPOSITORY同步整个仓库
entry-name = 须为2至128个字母、数字、_或-，且以字母或_开头
named-twice = 请求中有两个配置使用此名称
own-entry = 它是该配置由其registry生成的集群：请提供registry
packages-with-versions = packageName与versions须同时提供
only-edge-pull = 此处须为EDGE_PULL
not-run-once = 它不是RUN_ONCE任务
run-goes-on = 它正在执行，请等待其结束或先停止
host-not-allowed = 仅管理员可指定该主机，其他用户只能使用本节点outgoing.user_hosts中列出的主机
remote-user-refused = 用户{ $user }在目标集群上无权写入{ $repository }

## What is wrong with a line of an import

about-member = `{ $member }`：{ $reason }
absent = 缺失
not-json-object = 不是一个JSON对象
record-or-detail = 须有`record`或`detail`
running-not-imported = RUNNING状态的内容不能导入
not-object = 不是对象
not-text = 不是文本
not-whole-number = 不是整数
negative = 为负数
not-hex = 不是{ $digits }位小写十六进制数
not-date = 不是形如2021-05-12T12:19:08.813的日期
not-of-contract = 不是约定的取值

## What is wrong with a cron expression, and its fields

cron-field-count = 须有6或7个字段（秒 分 时 日 月 星期，可加年），现有{ $found }个
cron-no-days = `?`只能用于日或星期之一，不能同时用于两者
cron-both-days = 日与星期不能同时指定，其中之一须为`?`
cron-last-day-in-list = `L`和`LW`不能与其他日期并列
cron-last-weekday-in-list = `L`不能与其他星期并列
cron-second-nth = 只能使用一个`#`
cron-empty = { $field }字段为空：须填值或`*`
cron-unexpected = { $field }字段含有意外字符：`{ $text }`
cron-after-unspecified = `?`之后不得有内容：`{ $text }`
cron-unspecified = `?`只能用于日或星期，不能用于{ $field }字段
cron-option = `{ $option }`不能用于{ $field }字段
cron-last-offset = `L-`之后须为数字，而非`{ $text }`
cron-last-offset-too-large = 距月末的偏移最多为30，而非{ $offset }
cron-name = { $field }字段中的名称未知：`{ $text }`（可用{ $names }）
cron-number = 缺少数字或数字过大：`{ $text }`
cron-nth = `#`之后须为1至5，而非`{ $text }`
cron-step = `/`之后须为数字：`{ $text }`
cron-after-step = `/`之后有意外字符：`{ $text }`
cron-value = { $field }须在{ $least }至{ $most }之间，而非{ $value }
cron-step-too-large = { $field }字段的步长最多为{ $most }，而非{ $step }
cron-years = 起始年{ $start }不得晚于终止年{ $end }
field-second = 秒
field-minute = 分
field-hour = 时
field-day-of-month = 日
field-month = 月
field-day-of-week = 星期
field-year = 年

## Reasons of records: one line per failing target

reason-artifacts-failed = { $cluster }：{ $failed }个制品同步失败，首个为`{ $artifact }`：{ $first }
reason-not-attempted-from = { $cluster }：仓库`{ $repository }`自`{ $key }`起未同步：{ $failure }
reason-not-attempted = { $cluster }：仓库`{ $repository }`未同步：{ $failure }
reason-stopped-by = 已由{ $user }停止
reason-no-plan = 该记录未说明执行内容
reason-broke-off = 本节点因自身程序错误中断了执行：{ $words }；详情见节点日志，重试会处理剩余部分

## Failures: `step/class: what happened; what to do`

failure = { $step }/{ $class }: { $said }{ $tries ->
        [1] {""}
       *[other] （已尝试{ $tries }次）
    }；{ $advice }
failure-answered-words = { $subject } 返回 { $status } "{ $words }"
failure-answered = { $subject } 返回 { $status }
failure-words = { $subject }: { $words }
failure-silent = { $subject } 失败
advice-unreachable = 请检查网络及集群是否运行，然后重试
advice-tls = 请检查证书，或配置集群的CA证书
advice-unauthorised = 请检查集群的用户、密码和角色
advice-not-found = 请确认其存在且名称正确
advice-conflict = 请选择SKIP或OVERWRITE，或移除已有内容
advice-limit = 请降低任务速率或稍后重试
advice-corrupt = 请检查途中的代理和磁盘，然后重试
advice-changed = 读取期间内容发生变化，请重新执行
advice-disk = 请释放空间或修复磁盘，然后重试
advice-protocol = 请确认地址指向正确的服务，然后重试
advice-stopped = 请重试该记录以传输剩余内容

## Notes: what a reader should know of an artifact that is there all the same

note-yanked = 来源已撤回（yank）该版本；无法告知目标，目标仍像其他版本一样提供
note-yanked-why = 来源已撤回（yank）该版本（“{ $why }”）；无法告知目标，目标仍像其他版本一样提供
note-files-yanked = { $files }：来源已撤回（yank）；无法告知目标，目标仍像其他文件一样提供
note-files-yanked-why = { $files }：来源已撤回（yank）（“{ $why }”）；无法告知目标，目标仍像其他文件一样提供
note-properties-unkept = 目标不保存这些属性：{ $names }
note-properties-differ = 目标的属性不同，按冲突策略保持不变：{ $names }
note-files-stay = 来源没有的文件仍留在目标，与新文件并存：{ $files }
