//! Every code an answer can carry: its number, its HTTP status, and its text in each language.
//!
//! Numbers and arguments are the contract's; the words are ours. `{0}` and `{1}` are replaced by the
//! error's arguments.

use axum::http::StatusCode;
use domain::failure::Language;

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $number:literal, $status:ident, $english:literal, $chinese:literal;)*) => {
        /// What went wrong, as a number programs can branch on.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Code {
            $($(#[$doc])* $name,)*
        }

        impl Code {
            /// Every code there is.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// Returns the number the envelope shows.
            pub fn number(self) -> u32 {
                match self { $(Self::$name => $number,)* }
            }

            /// Returns the HTTP status an answer with this code has unless it says otherwise.
            pub fn status(self) -> StatusCode {
                match self { $(Self::$name => StatusCode::$status,)* }
            }

            fn text(self, language: Language) -> &'static str {
                match (self, language) {
                    $(
                        (Self::$name, Language::English) => $english,
                        (Self::$name, Language::SimplifiedChinese) => $chinese,
                    )*
                }
            }
        }
    };
}

codes! {
    /// Something broke here; details are in the log only.
    SystemBusy = 250102, INTERNAL_SERVER_ERROR, "the system is busy, try again later", "系统繁忙，请稍后再试";
    /// A required parameter or member is absent.
    ParameterMissing = 250103, BAD_REQUEST, "parameter {0} is missing", "缺少参数{0}";
    /// A required parameter or member is blank.
    ParameterEmpty = 250104, BAD_REQUEST, "parameter {0} is empty", "参数{0}为空";
    /// A parameter or member has a value that is not allowed.
    ParameterInvalid = 250105, BAD_REQUEST, "parameter {0} is invalid", "参数{0}无效";
    /// The body cannot be read, or a member of it is missing or of the wrong type.
    ContentInvalid = 250106, BAD_REQUEST, "the content of the request is invalid", "请求内容无效";
    /// It exists already.
    Exists = 250107, BAD_REQUEST, "{0} already exists", "{0}已存在";
    /// It does not exist.
    NotFound = 250108, BAD_REQUEST, "{0} is not found", "找不到{0}";
    /// The method does not fit the URL.
    MethodNotAllowed = 250112, METHOD_NOT_ALLOWED, "method {0} is not allowed here", "此处不允许使用{0}方法";
    /// The caller may not do this.
    AccessDenied = 250113, FORBIDDEN, "access denied: {0}", "拒绝访问：{0}";
    /// The caller is unknown or the credentials are wrong.
    Unauthenticated = 250114, UNAUTHORIZED, "authentication failed: {0}", "认证失败：{0}";
    /// A required header is absent.
    HeaderMissing = 250118, BAD_REQUEST, "header {0} is missing", "缺少请求头{0}";
    /// The body is of a type that is not read here.
    MediaTypeUnsupported = 250119, UNSUPPORTED_MEDIA_TYPE,
        "this media type is not supported, send application/json", "不支持的媒体类型，请使用application/json";
    /// The range cannot be served.
    RangeInvalid = 250120, RANGE_NOT_SATISFIABLE, "the range is invalid", "范围无效";
    /// Too many requests of one kind.
    TooManyRequests = 250124, TOO_MANY_REQUESTS, "too many requests: {0}", "请求过多：{0}";
    /// Unknown URL.
    UrlUnknown = 250130, NOT_FOUND, "URL {0} is not found", "找不到地址{0}";
    /// A filter or paging value cannot be read.
    ValidationFailed = 250131, BAD_REQUEST, "validation failed: {0}", "校验失败：{0}";
    /// A condition the caller set does not hold.
    PreconditionFailed = 250133, BAD_REQUEST, "precondition failed: {0}", "前置条件不满足：{0}";

    /// A peer does not answer as a peer does.
    PeerUnreachable = 250301, BAD_REQUEST, "cannot connect to remote cluster {0}", "无法连接远程集群{0}";
    /// A peer's certificate is not trusted.
    PeerCertificate = 250302, BAD_REQUEST,
        "the certificate of remote cluster {0} is not trusted", "远程集群{0}的证书不受信任";
    /// The task is in a state that does not allow this.
    TaskState = 250303, BAD_REQUEST,
        "a run of the task is going on, wait for it or stop it", "任务正在执行，请等待其结束或先停止";
    /// The task is switched off.
    TaskDisabled = 250304, BAD_REQUEST, "the task is disabled", "任务已停用";
    /// The cluster's name is taken.
    ClusterExists = 250305, BAD_REQUEST, "cluster {0} already exists", "集群节点{0}已存在";
    /// There is no such cluster.
    ClusterUnknown = 250306, BAD_REQUEST, "cluster {0} does not exist", "集群节点{0}不存在";
    /// The task is about to run by itself.
    TaskNotLoaded = 250307, BAD_REQUEST,
        "task {0} is about to run by itself, try again shortly", "任务{0}即将自动执行，请稍后重试";
    /// The task has run and may not be edited any more.
    TaskFrozen = 250308, BAD_REQUEST, "task {0} may no longer be edited", "任务{0}不可再修改";
    /// There is a centre already.
    SecondCenter = 250309, BAD_REQUEST, "a center cluster already exists", "中心节点已存在";
    /// There is no such task or record.
    TaskUnknown = 250310, BAD_REQUEST, "replication task {0} is not found", "未找到同步任务{0}";
    /// There is no such target cluster.
    TargetUnknown = 250313, BAD_REQUEST, "replication cluster {0} is not found", "找不到同步集群{0}";
    /// The peer speaks a version that is not understood.
    PeerVersion = 250316, BAD_REQUEST,
        "the version of remote cluster {0} is not supported", "不支持远程集群{0}的版本";

    /// Bytes that arrived are not the ones announced.
    DigestMismatch = 251003, BAD_REQUEST, "digest mismatch: {0}", "摘要校验不一致：{0}";
    /// There is no such project.
    ProjectUnknown = 251004, BAD_REQUEST, "project {0} is not found", "项目{0}不存在";
    /// The project's name is taken.
    ProjectExists = 251005, BAD_REQUEST, "project {0} already exists", "项目{0}已存在";
    /// There is no such repository.
    RepositoryUnknown = 251006, NOT_FOUND, "repository {0} is not found", "仓库{0}不存在";
    /// The repository's name is taken.
    RepositoryExists = 251007, BAD_REQUEST, "repository {0} already exists", "仓库{0}已存在";
    /// The repository holds something.
    RepositoryNotEmpty = 251008, BAD_REQUEST, "repository {0} is not empty", "仓库{0}不为空";
    /// The folder holds something.
    FolderNotEmpty = 251009, BAD_REQUEST, "folder {0} is not empty", "目录{0}不为空";
    /// There is no such file or folder.
    NodeUnknown = 251010, NOT_FOUND, "{0} is not found", "节点{0}不存在";
    /// The text is no path.
    PathInvalid = 251011, BAD_REQUEST, "path {0} is invalid", "路径{0}无效";
    /// The file or folder exists.
    NodeExists = 251012, BAD_REQUEST, "{0} already exists", "节点{0}已存在";
    /// A file stands where a folder should, or the other way round.
    NodeConflict = 251013, BAD_REQUEST,
        "{0} is a file where a folder is needed, or the reverse", "节点{0}冲突：文件与目录不一致";
    /// There are too many of them.
    ListTooLarge = 251014, BAD_REQUEST, "the list is too large: {0}", "列表过大：{0}";
    /// The bytes are gone.
    DataMissing = 251024, NOT_FOUND, "the data of {0} is missing", "{0}的数据缺失";
    /// A quota is used up.
    OverQuota = 251025, BAD_REQUEST, "the quota of {0} is used up", "{0}的配额已用完";
    /// The artifact may not be read.
    ArtifactForbidden = 251029, FORBIDDEN, "{0} is forbidden", "{0}禁止访问";
    /// The size is not the one announced.
    SizeMismatch = 251031, BAD_REQUEST, "size mismatch: {0}", "大小不一致：{0}";
    /// There is no such upload.
    UploadUnknown = 251201, BAD_REQUEST, "upload {0} is not found", "找不到上传{0}";
    /// Folders are not listed here.
    ListingForbidden = 251202, FORBIDDEN, "listing {0} is not allowed", "不允许列出{0}";
    /// The blocks of an upload cannot be joined.
    BlockMissing = 251212, BAD_REQUEST, "the upload is broken: block {0} is missing", "分块上传不完整：缺少分块{0}";
    /// The id of an upload is blank.
    UploadIdEmpty = 251213, BAD_REQUEST, "the upload id is empty", "上传ID为空";
}

impl Code {
    /// Returns the text in `language` with its arguments filled in.
    pub fn message(self, language: Language, arguments: &[String]) -> String {
        let mut message = String::new();
        let mut rest = self.text(language);
        while let Some(open) = rest.find('{') {
            message.push_str(&rest[..open]);
            let close = rest[open..]
                .find('}')
                .map_or(rest.len(), |close| open + close + 1);
            let argument = rest[open + 1..close - 1].parse::<usize>().ok();
            if let Some(argument) = argument.and_then(|index| arguments.get(index)) {
                message.push_str(argument);
            }
            rest = &rest[close..];
        }
        message.push_str(rest);
        message
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_code_has_its_own_number_and_takes_the_same_arguments_in_both_languages() {
        let numbers: HashSet<u32> = Code::ALL.iter().map(|code| code.number()).collect();

        assert_eq!(numbers.len(), Code::ALL.len());
        for code in Code::ALL {
            let holes = |language| code.text(language).matches("{0}").count();
            assert_eq!(
                holes(Language::English),
                holes(Language::SimplifiedChinese),
                "{code:?}"
            );
        }
    }

    #[test]
    fn an_argument_is_never_taken_for_a_hole() {
        let message = Code::Exists.message(Language::English, &["{0}{1}".into()]);

        assert_eq!(message, "{0}{1} already exists");
    }
}
