//! Making and changing a webhook; its secret is shown once, when it is made.

use axum::extract::State;
use axum::response::Response;
use domain::cluster::Secret;
use domain::id::TaskKey;
use domain::notice::NoticeKind;
use engine::error::EngineError;
use engine::webhooks::WebhookDraft;
use maud::{Markup, html};
use messages::{Text, text};
use storage::PageRequest;
use storage::tasks::TaskFilter;
use storage::webhooks::Webhook;

use super::super::controls::{Field, check, shown_once};
use super::super::form::{Form, Typed, csrf_field};
use super::super::look::{ForAdmin, Look};
use super::super::shell::{Page, Section, crumbs};
use super::super::surround::see_other;
use super::{event_name, view};
use crate::app::App;
use crate::error::{ApiError, ApiResult};
use crate::params::{Params, Segments};
use crate::refusals::words;

/// Tasks offered at most; any other can be typed.
const MOST_OFFERED: u32 = 500;

/// Shows the form of a new webhook.
pub(super) async fn new(State(app): State<App>, ForAdmin(look): ForAdmin) -> ApiResult<Response> {
    let mut pairs: Vec<(String, String)> = vec![("enabled".into(), "on".into())];
    pairs.extend(NoticeKind::TOLD.map(|kind| ("events".into(), kind.as_str().into())));
    page(&app, &look, &Typed::of(Params::from(pairs)), None).await
}

/// Shows the form of a webhook, without its secret.
pub(super) async fn edit(
    State(app): State<App>,
    ForAdmin(look): ForAdmin,
    Segments(id): Segments<String>,
) -> ApiResult<Response> {
    let known = app.engine().webhook(&id).await?;
    let names = app.engine().task_names(known.task.as_slice()).await?;
    let task = known
        .task
        .as_ref()
        .map(|key| names.get(key).map_or(key.0.as_str(), String::as_str));
    let mut pairs: Vec<(String, String)> = vec![
        ("name".into(), known.name.clone()),
        ("url".into(), known.url.clone()),
        ("task".into(), task.unwrap_or_default().into()),
    ];
    pairs.extend(
        known
            .events
            .iter()
            .map(|kind| ("events".into(), kind.as_str().into())),
    );
    if known.enabled {
        pairs.push(("enabled".into(), "on".into()));
    }
    page(&app, &look, &Typed::of(Params::from(pairs)), Some(&known)).await
}

async fn page(app: &App, look: &Look, typed: &Typed, known: Option<&Webhook>) -> ApiResult<Response> {
    let title = look.say(match known {
        Some(_) => text!("ui-edit-webhook"),
        None => text!("ui-new-webhook"),
    });
    let tasks = app
        .engine()
        .task_page(&TaskFilter::default(), PageRequest::new(1, MOST_OFFERED))
        .await?
        .rows;
    let place = known.map_or_else(|| "/webhooks".into(), |known| format!("/webhooks/{}", known.id));
    let body = html! {
        div .head { div { (crumbs(look, &[(&look.say(text!("ui-webhooks")), "/webhooks".into())])) h1 { (title) } } }
        (typed.summary(look))
        form .form method="post" action=(place) {
            (csrf_field(look))
            (fields(look, typed, tasks.iter().map(|task| task.name.as_str()), known.is_some()))
            div .actions {
                button .main type="submit" { (look.say(text!("ui-save"))) }
                a .button href=(place) { (look.say(text!("ui-cancel"))) }
            }
        }
    };
    Ok(Page {
        title,
        section: Section::Webhooks,
        body,
    }
    .show_with(look, typed.status()))
}

fn fields<'a>(look: &Look, typed: &Typed, tasks: impl Iterator<Item = &'a str>, known: bool) -> Markup {
    let field = |name, label: Text, hint: Text| Field {
        name,
        label: look.say(label),
        hint: Some(look.say(hint)),
    };
    let secret_hint = if known {
        text!("ui-secret-kept")
    } else {
        text!("ui-secret-made")
    };
    html! {
        (field("name", text!("ui-name"), text!("ui-webhook-name-hint")).input(typed, "text", true))
        (field("url", text!("ui-address"), text!("ui-webhook-url-hint")).input(typed, "url", true))
        fieldset .field {
            legend { (look.say(text!("ui-told-of"))) }
            @for kind in NoticeKind::TOLD {
                @let id = format!("event-{}", kind.as_str().replace('.', "-"));
                div .choice {
                    input id=(id) type="checkbox" name="events" value=(kind.as_str()) checked[typed.is("events", kind.as_str())];
                    label for=(id) { b { (look.say(event_name(kind))) } span { (look.say(explained(kind))) } }
                }
            }
            @if let Some(wrong) = typed.wrong("events") { p .wrong { (wrong) } }
        }
        div .pair {
            (field("task", text!("ui-task"), text!("ui-webhook-task-hint")).show(typed, |field| html! {
                input #task name="task" list="tasks" value=(field.value) autocomplete="off"
                    aria-invalid=[field.invalid] aria-describedby=[field.described];
                datalist #tasks { @for name in tasks { option value=(name) {} } }
            }))
            (field("secret", text!("ui-secret"), secret_hint).secret(typed, false))
        }
        (check(look, typed, "enabled", text!("ui-enabled"), text!("ui-webhook-enabled-says")))
    }
}

fn explained(kind: NoticeKind) -> Text {
    match kind {
        NoticeKind::RunFailed => text!("ui-event-failed-says"),
        NoticeKind::RunRecovered => text!("ui-event-recovered-says"),
        NoticeKind::ScheduleSilent => text!("ui-event-silent-says"),
        NoticeKind::Test => text!("ui-event-test"),
    }
}

/// Makes a webhook and shows it, with its secret this once.
pub(super) async fn create(
    State(app): State<App>,
    ForAdmin(look): ForAdmin,
    Form(form): Form,
) -> ApiResult<Response> {
    let mut typed = Typed::of(form);
    if let Some(draft) = draft(&app, &look, &mut typed).await? {
        match app.engine().create_webhook(draft, look.user()).await {
            Ok(webhook) => {
                let title = text!("ui-webhook-made", name = &webhook.name);
                let made = shown_once(
                    &look,
                    &title,
                    webhook.secret.reveal(),
                    &text!("ui-webhook-secret-once"),
                );
                return view::page(&app, &look, &webhook, None, made).await;
            }
            Err(error) => refused(&look, &mut typed, error)?,
        }
    }
    page(&app, &look, &typed, None).await
}

/// Changes a webhook and shows it; a secret that was left blank stays.
pub(super) async fn update(
    State(app): State<App>,
    ForAdmin(look): ForAdmin,
    Segments(id): Segments<String>,
    Form(form): Form,
) -> ApiResult<Response> {
    let known = app.engine().webhook(&id).await?;
    let mut typed = Typed::of(form);
    if let Some(draft) = draft(&app, &look, &mut typed).await? {
        match app.engine().update_webhook(&id, draft, look.user()).await {
            Ok(_) => return Ok(see_other(&format!("/webhooks/{id}"))),
            Err(error) => refused(&look, &mut typed, error)?,
        }
    }
    page(&app, &look, &typed, Some(&known)).await
}

/// Reads the form; what cannot be read is noted as a fault, and then there is no draft.
async fn draft(app: &App, look: &Look, typed: &mut Typed) -> ApiResult<Option<WebhookDraft>> {
    let told = NoticeKind::TOLD.into_iter();
    let events: Vec<NoticeKind> = told.filter(|kind| typed.is("events", kind.as_str())).collect();
    if events.is_empty() {
        typed.fault("events", look.say(text!("ui-fault-empty")));
    }
    let task = task(app, look, typed).await?;
    if !typed.faults.is_empty() {
        return Ok(None);
    }
    let form = &typed.values;
    Ok(Some(WebhookDraft {
        name: form.get("name").unwrap_or_default().trim().into(),
        url: form.get("url").unwrap_or_default().trim().into(),
        task,
        events,
        secret: form.filled("secret").map(Secret::new),
        enabled: form.get("enabled") == Some("on"),
    }))
}

/// Finds the task that the form names, by its name or its key.
async fn task(app: &App, look: &Look, typed: &mut Typed) -> ApiResult<Option<TaskKey>> {
    let named = typed.value("task").trim().to_owned();
    if named.is_empty() {
        return Ok(None);
    }
    let tasks = app.store().tasks();
    let found = match tasks.by_name(&named).await? {
        Some(task) => Some(task),
        None => tasks.by_key(&TaskKey(named.clone())).await?,
    };
    if found.is_none() {
        typed.fault("task", look.say(text!("ui-fault-no-task", name = named)));
    }
    Ok(found.map(|task| task.key))
}

/// Notes at its field why the engine refused a draft.
fn refused(look: &Look, typed: &mut Typed, error: EngineError) -> ApiResult<()> {
    let (field, says) = match error {
        EngineError::Store(_) | EngineError::NotFound(_) => return Err(error.into()),
        EngineError::Missing(member) | EngineError::Empty(member) => {
            (member.to_owned(), look.say(text!("ui-fault-empty")))
        }
        EngineError::Invalid { member, reason, .. } => (member, look.say(words(reason))),
        EngineError::Exists(_) => ("name".into(), look.say(text!("ui-fault-taken"))),
        EngineError::TaskUnknown(key) => ("task".into(), look.say(text!("ui-fault-no-task", name = key))),
        other => (String::new(), ApiError::from(other).message(look.language)),
    };
    typed.fault(&field, says);
    Ok(())
}
