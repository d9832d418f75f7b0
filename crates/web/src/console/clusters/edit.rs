//! Registering and changing a cluster; secrets can be written and never read.

use axum::extract::State;
use axum::response::Response;
use domain::cluster::{Cluster, ClusterType, Credentials, DetectType, Secret};
use engine::clusters::ClusterDraft;
use engine::error::EngineError;
use maud::{Markup, html};
use messages::{Text, text};

use super::super::controls::{Field, check};
use super::super::form::{Form, Typed, csrf_field};
use super::super::look::{ForAdmin, Look};
use super::super::shell::{Page, Section, crumbs};
use super::super::surround::see_other;
use super::health::kind;
use super::view::cluster;
use crate::app::App;
use crate::error::{ApiError, ApiResult};
use crate::params::{Params, Segments};
use crate::refusals::words;

const TYPES: [(&str, ClusterType); 3] = [
    ("standalone", ClusterType::Standalone),
    ("edge", ClusterType::Edge),
    ("remote", ClusterType::Remote),
];

/// Shows the form of a new cluster.
pub(super) async fn new(ForAdmin(look): ForAdmin) -> Response {
    let typed = Typed::of(Params::from(vec![
        ("type".into(), "standalone".into()),
        ("check".into(), "on".into()),
    ]));
    page(&look, &typed, None)
}

/// Shows the form of a cluster, without its secrets.
pub(super) async fn edit(
    State(app): State<App>,
    ForAdmin(look): ForAdmin,
    Segments(id): Segments<String>,
) -> ApiResult<Response> {
    let known = cluster(&app, &id).await?;
    let credentials = &known.credentials;
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let typed = Typed::of(Params::from(vec![
        ("name".into(), known.name.clone()),
        ("url".into(), known.url.clone()),
        ("user".into(), text(&credentials.username)),
        ("access_key".into(), text(&credentials.access_key)),
        ("app_id".into(), text(&credentials.app_id)),
        ("certificate".into(), text(&credentials.certificate)),
    ]));
    Ok(page(&look, &typed, Some(&known)))
}

fn page(look: &Look, typed: &Typed, known: Option<&Cluster>) -> Response {
    let title = look.say(if known.is_some() {
        text!("ui-edit-cluster")
    } else {
        text!("ui-new-cluster")
    });
    let place = known.map_or_else(|| "/clusters".into(), |known| format!("/clusters/{}", known.id));
    let body = html! {
        div .head { div { (crumbs(look, &[(&look.say(text!("ui-clusters")), "/clusters".into())])) h1 { (title) } } }
        (typed.summary(look))
        form .form method="post" action=(place) {
            (csrf_field(look))
            (fields(look, typed, known))
            div .actions {
                button .main type="submit" { (look.say(text!("ui-save"))) }
                a .button href=(place) { (look.say(text!("ui-cancel"))) }
            }
        }
    };
    Page {
        title,
        section: Section::Clusters,
        body,
    }
    .show_with(look, typed.status())
}

fn fields(look: &Look, typed: &Typed, known: Option<&Cluster>) -> Markup {
    let field = |name, label: Text, hint: Option<Text>| Field {
        name,
        label: look.say(label),
        hint: hint.map(|hint| look.say(hint)),
    };
    let kept = known.map(|_| text!("ui-secret-kept"));
    let secret = |name, label: Text| field(name, label, kept.clone()).secret(typed, false);
    let types: Vec<(String, String)> = TYPES
        .iter()
        .map(|(value, of)| ((*value).into(), look.say(kind(*of))))
        .collect();
    html! {
        @if known.is_none() {
            div .pair {
                (field("name", text!("ui-name"), Some(text!("ui-cluster-name-hint"))).input(typed, "text", true))
                (field("type", text!("ui-kind"), None).select(typed, &types))
            }
        }
        (field("url", text!("ui-address"), Some(text!("ui-url-hint"))).input(typed, "text", true))
        div .pair {
            (field("user", text!("ui-user"), Some(text!("ui-cluster-user-hint"))).input(typed, "text", false))
            (secret("password", text!("ui-password-or-token")))
        }
        details open[!typed.value("access_key").is_empty() || !typed.value("certificate").is_empty()] {
            summary { (look.say(text!("ui-more-logins"))) }
            div .stack {
                div .pair {
                    (field("app_id", text!("ui-app-id"), None).input(typed, "text", false))
                    (field("access_key", text!("ui-access-key"), None).input(typed, "text", false))
                    (secret("secret_key", text!("ui-secret-key")))
                }
                (field("certificate", text!("ui-certificate"), Some(text!("ui-certificate-hint"))).area(typed))
            }
        }
        @if known.is_none() {
            (check(look, typed, "check", text!("ui-check-first"), text!("ui-check-first-says")))
        }
    }
}

/// Registers a cluster and shows it.
pub(super) async fn create(
    State(app): State<App>,
    ForAdmin(look): ForAdmin,
    Form(form): Form,
) -> ApiResult<Response> {
    let cluster_type = form.filter("type", &TYPES)?.unwrap_or(ClusterType::Standalone);
    let draft = ClusterDraft {
        name: form.get("name").unwrap_or_default().trim().into(),
        cluster_type,
        ping: form.get("check") == Some("on"),
        ..draft(&form, None)
    };
    match app.engine().create_cluster(draft, look.user()).await {
        Ok(made) => Ok(see_other(&format!("/clusters/{}", made.id))),
        Err(error) => Ok(page(&look, &refused(&look, form, error)?, None)),
    }
}

/// Changes a cluster and shows it; a secret that was left blank stays.
pub(super) async fn update(
    State(app): State<App>,
    ForAdmin(look): ForAdmin,
    Segments(id): Segments<String>,
    Form(form): Form,
) -> ApiResult<Response> {
    let known = cluster(&app, &id).await?;
    match app
        .engine()
        .update_cluster(draft(&form, Some(&known)), look.user())
        .await
    {
        Ok(_) => Ok(see_other(&format!("/clusters/{id}"))),
        Err(error) => Ok(page(&look, &refused(&look, form, error)?, Some(&known))),
    }
}

fn draft(form: &Params, known: Option<&Cluster>) -> ClusterDraft {
    let before = known.map(|known| &known.credentials);
    let secret = |name: &str, login: &str, kept: Option<&Option<Secret>>| {
        let typed = form.filled(name).map(Secret::new);
        // Without the login it belongs to, a secret is of no use.
        typed
            .or_else(|| kept.cloned().flatten())
            .filter(|_| form.filled(login).is_some())
    };
    let text = |name: &str| form.filled(name).map(|text| text.trim().to_owned());
    ClusterDraft {
        name: known.map(|known| known.name.clone()).unwrap_or_default(),
        url: text("url"),
        cluster_type: known.map_or(ClusterType::Standalone, |known| known.cluster_type),
        credentials: Credentials {
            username: text("user"),
            password: secret("password", "user", before.map(|before| &before.password)),
            app_id: text("app_id"),
            access_key: text("access_key"),
            secret_key: secret(
                "secret_key",
                "access_key",
                before.map(|before| &before.secret_key),
            ),
            certificate: text("certificate"),
        },
        udp_port: known.and_then(|known| known.udp_port),
        ping: true,
        detect_type: known.map_or(Some(DetectType::Ping), |known| Some(known.detect_type)),
    }
}

fn refused(look: &Look, form: Params, error: EngineError) -> ApiResult<Typed> {
    let mut typed = Typed::of(form);
    let (field, says) = match error {
        EngineError::Store(_) => return Err(error.into()),
        EngineError::Missing(member) | EngineError::Empty(member) => {
            (member, look.say(text!("ui-fault-empty")))
        }
        EngineError::Invalid { member, reason, .. } if member == "name" => ("name", look.say(words(reason))),
        EngineError::Invalid { reason, .. } => ("url", look.say(words(reason))),
        EngineError::ClusterExists(_) => ("name", look.say(text!("ui-fault-taken"))),
        EngineError::ClusterUnreachable { failure, .. } => ("url", look.say(&*failure)),
        other => ("", ApiError::from(other).message(look.language)),
    };
    typed.fault(field, says);
    Ok(typed)
}
