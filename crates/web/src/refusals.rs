//! The engine's refusals in the contract's codes and in the reader's words.

use domain::failure::{ErrorKind, Language};
use engine::error::{EngineError, Why};

use crate::codes::Code;
use crate::error::ApiError;
use crate::json::unreadable_member;

impl From<EngineError> for ApiError {
    fn from(error: EngineError) -> Self {
        match error {
            EngineError::Missing(member) => Self::missing(member),
            EngineError::Empty(member) => Self::new(Code::ParameterEmpty, [member]),
            EngineError::Invalid {
                member,
                value,
                reason,
            } => {
                let [english, chinese] = words(&reason);
                Self::invalid(&member, &value).because(english, chinese)
            }
            EngineError::Contradiction(member) => unreadable_member(member),
            EngineError::PathInvalid(path) => Self::new(Code::PathInvalid, [&path]),
            EngineError::TaskExists(name) | EngineError::Exists(name) => Self::new(Code::Exists, [&name]),
            EngineError::TaskUnknown(key) | EngineError::RecordUnknown(key) => {
                Self::new(Code::TaskUnknown, [&key])
            }
            EngineError::FailureUnknown(id) => Self::new(Code::FailureUnknown, [&id]),
            EngineError::TaskDisabled => Self::new(Code::TaskDisabled, []),
            EngineError::RunGoingOn => Self::new(Code::TaskState, []),
            EngineError::TaskNotLoaded(key) => Self::new(Code::TaskNotLoaded, [&key]),
            EngineError::TaskFrozen(key) => Self::new(Code::TaskFrozen, [&key]),
            EngineError::ClusterExists(name) => Self::new(Code::ClusterExists, [&name]),
            EngineError::ClusterUnknown(name) => Self::new(Code::ClusterUnknown, [&name]),
            EngineError::SecondCenter => Self::new(Code::SecondCenter, []),
            EngineError::ClusterUnreachable { name, failure } => {
                let code = match failure.class {
                    ErrorKind::Tls => Code::PeerCertificate,
                    _ => Code::PeerUnreachable,
                };
                let english = failure.render(Language::English);
                let chinese = failure.render(Language::SimplifiedChinese);
                Self::new(code, [&name]).because(english, chinese)
            }
            EngineError::NotFound(what) => Self::new(Code::NotFound, [&what]),
            EngineError::Store(error) => error.into(),
        }
    }
}

/// Returns why a value is refused, in English and in Simplified Chinese.
fn words(reason: &Why) -> [String; 2] {
    match reason {
        Why::NotSupported => ["this version does not support it".into(), "当前版本不支持".into()],
        Why::Between { least, most } => [
            format!("it has to be between {least} and {most}"),
            format!("取值范围为{least}至{most}"),
        ],
        Why::Length { least, most } => [
            format!("it has to have {least} to {most} characters"),
            format!("长度须为{least}至{most}个字符"),
        ],
        Why::Past { zone } => [
            format!("the time is not in the future (read in zone {zone})"),
            format!("该时间不在未来（按时区{zone}解释）"),
        ],
        Why::Cron(words) => [
            format!("it is no Quartz cron expression: {words}"),
            format!("不是有效的Quartz表达式：{words}"),
        ],
        Why::OwnCluster => [
            "a cluster cannot be its own target".into(),
            "集群不能以自身为同步目标".into(),
        ],
        Why::OwnRepository => [
            "the target is this very repository".into(),
            "同步目标就是该仓库本身".into(),
        ],
        Why::SharedTarget => [
            "two objects of the task would write to it".into(),
            "任务中有两个对象写入同一仓库".into(),
        ],
        Why::Url => [
            "it has to be an http or https address of a host, without a login in it".into(),
            "须为http或https地址，且不得包含登录信息".into(),
        ],
        Why::Text(text) => [text.clone(), text.clone()],
    }
}
