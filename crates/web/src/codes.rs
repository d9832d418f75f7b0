//! Every code an answer can carry: its number and its HTTP status.
//!
//! Numbers are the contract's. The words are ours and stand in the files of `messages`, under the code's
//! name; `$subject` there is what the code is about.

use axum::http::StatusCode;
use messages::Text;

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $number:literal, $status:ident;)*) => {
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

            /// Returns the key of the code's text: its name.
            pub fn key(self) -> &'static str {
                match self { $(Self::$name => stringify!($name),)* }
            }
        }
    };
}

codes! {
    /// Something broke here; details are in the log only.
    SystemBusy = 250102, INTERNAL_SERVER_ERROR;
    /// A required parameter or member is absent.
    ParameterMissing = 250103, BAD_REQUEST;
    /// A required parameter or member is blank.
    ParameterEmpty = 250104, BAD_REQUEST;
    /// A parameter or member has a value that is not allowed.
    ParameterInvalid = 250105, BAD_REQUEST;
    /// The body cannot be read, or a member of it is missing or of the wrong type.
    ContentInvalid = 250106, BAD_REQUEST;
    /// It exists already.
    Exists = 250107, BAD_REQUEST;
    /// It does not exist.
    NotFound = 250108, BAD_REQUEST;
    /// The method does not fit the URL.
    MethodNotAllowed = 250112, METHOD_NOT_ALLOWED;
    /// The caller may not do this.
    AccessDenied = 250113, FORBIDDEN;
    /// The caller is unknown or the credentials are wrong.
    Unauthenticated = 250114, UNAUTHORIZED;
    /// A required header is absent.
    HeaderMissing = 250118, BAD_REQUEST;
    /// The body is of a type that is not read here.
    MediaTypeUnsupported = 250119, UNSUPPORTED_MEDIA_TYPE;
    /// The range cannot be served.
    RangeInvalid = 250120, RANGE_NOT_SATISFIABLE;
    /// Too many requests of one kind.
    TooManyRequests = 250124, TOO_MANY_REQUESTS;
    /// Answering would take too much.
    QueryTooLarge = 250127, BAD_REQUEST;
    /// Unknown URL.
    UrlUnknown = 250130, NOT_FOUND;
    /// A filter or paging value cannot be read.
    ValidationFailed = 250131, BAD_REQUEST;
    /// A condition the caller set does not hold.
    PreconditionFailed = 250133, BAD_REQUEST;

    /// A peer does not answer as a peer does.
    PeerUnreachable = 250301, BAD_REQUEST;
    /// A peer's certificate is not trusted.
    PeerCertificate = 250302, BAD_REQUEST;
    /// The task is in a state that does not allow this.
    TaskState = 250303, BAD_REQUEST;
    /// The task is switched off.
    TaskDisabled = 250304, BAD_REQUEST;
    /// The cluster's name is taken.
    ClusterExists = 250305, BAD_REQUEST;
    /// There is no such cluster.
    ClusterUnknown = 250306, BAD_REQUEST;
    /// The task is about to run by itself.
    TaskNotLoaded = 250307, BAD_REQUEST;
    /// The task has run and may not be edited any more.
    TaskFrozen = 250308, BAD_REQUEST;
    /// There is a centre already.
    SecondCenter = 250309, BAD_REQUEST;
    /// There is no such task or record.
    TaskUnknown = 250310, BAD_REQUEST;
    /// There is no such target cluster.
    TargetUnknown = 250313, BAD_REQUEST;
    /// The peer speaks a version that is not understood.
    PeerVersion = 250316, BAD_REQUEST;
    /// There is no such failure.
    FailureUnknown = 250325, BAD_REQUEST;

    /// Bytes that arrived are not the ones announced.
    DigestMismatch = 251003, BAD_REQUEST;
    /// There is no such project.
    ProjectUnknown = 251004, BAD_REQUEST;
    /// The project's name is taken.
    ProjectExists = 251005, BAD_REQUEST;
    /// There is no such repository.
    RepositoryUnknown = 251006, NOT_FOUND;
    /// The repository's name is taken.
    RepositoryExists = 251007, BAD_REQUEST;
    /// The repository holds something.
    RepositoryNotEmpty = 251008, BAD_REQUEST;
    /// The folder holds something.
    FolderNotEmpty = 251009, BAD_REQUEST;
    /// There is no such file or folder.
    NodeUnknown = 251010, NOT_FOUND;
    /// The text is no path.
    PathInvalid = 251011, BAD_REQUEST;
    /// The file or folder exists.
    NodeExists = 251012, BAD_REQUEST;
    /// A file stands where a folder should, or the other way round.
    NodeConflict = 251013, BAD_REQUEST;
    /// There are too many of them.
    ListTooLarge = 251014, BAD_REQUEST;
    /// There is no such package.
    PackageUnknown = 251017, NOT_FOUND;
    /// The bytes are gone.
    DataMissing = 251024, NOT_FOUND;
    /// A quota is used up.
    OverQuota = 251025, BAD_REQUEST;
    /// The artifact may not be read.
    ArtifactForbidden = 251029, FORBIDDEN;
    /// The size is not the one announced.
    SizeMismatch = 251031, BAD_REQUEST;
    /// There is no such upload.
    UploadUnknown = 251201, BAD_REQUEST;
    /// Folders are not listed here.
    ListingForbidden = 251202, FORBIDDEN;
    /// The blocks of an upload cannot be joined.
    BlockMissing = 251212, BAD_REQUEST;
    /// The id of an upload is blank.
    UploadIdEmpty = 251213, BAD_REQUEST;
}

impl Code {
    /// Returns the text that says this about `subject`.
    pub(crate) fn about(self, subject: Option<Text>) -> Text {
        let text = Text::new(self.key());
        match subject {
            Some(subject) => text.with("subject", subject),
            None => text,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_code_has_its_own_number() {
        let numbers: HashSet<u32> = Code::ALL.iter().map(|code| code.number()).collect();

        assert_eq!(numbers.len(), Code::ALL.len());
    }

    #[test]
    fn every_code_has_a_text_and_every_text_of_a_code_has_one() {
        let file = include_str!("../../messages/texts/en.ftl");
        let keys = file
            .lines()
            .filter_map(|line| line.split_once(" = "))
            .map(|(key, _)| key);
        let texts: HashSet<&str> = keys
            .filter(|key| key.starts_with(|c: char| c.is_uppercase()))
            .collect();
        let codes: HashSet<&str> = Code::ALL.iter().map(|code| code.key()).collect();

        assert_eq!(texts, codes);
    }
}
