//! The frame around every page: navigation, who is logged in, language and colours.

use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Response};
use maud::{DOCTYPE, Markup, PreEscaped, html};
use messages::text;

use super::assets;
use super::form::csrf_field;
use super::look::{LANGUAGES, Look, THEMES};
use super::surround::own_place;

/// Settings of htmx: nothing it would evaluate, no style it would write inline, answers of refusals shown too.
const HTMX: &str = r#"{"allowEval":false,"includeIndicatorStyles":false,"selfRequestsOnly":true,"historyCacheSize":0,"refreshOnHistoryMiss":true,"responseHandling":[{"code":"204","swap":false},{"code":"[23]..","swap":true},{"code":"422","swap":true},{"code":"[45]..","swap":false,"error":true}]}"#;

/// The parts of the console.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Section {
    Home,
    Tasks,
    Clusters,
    Repositories,
    Webhooks,
    Account,
}

/// One page.
pub(super) struct Page {
    pub(super) title: String,
    pub(super) section: Section,
    pub(super) body: Markup,
}

impl Page {
    /// Shows the page to `look`.
    pub(super) fn show(self, look: &Look) -> Response {
        self.show_with(look, StatusCode::OK)
    }

    /// Shows the page to `look` as an answer of another status.
    pub(super) fn show_with(self, look: &Look, status: StatusCode) -> Response {
        let main = html! { main #main tabindex="-1" { (self.body) } };
        let frame = html! { (side(look, Some(self.section))) (main) };
        (
            status,
            Html(document(look, &self.title, None, &frame).into_string()),
        )
            .into_response()
    }
}

/// Shows a card by itself: the login.
pub(super) fn card(look: &Look, status: StatusCode, title: &str, body: &Markup) -> Response {
    let frame = html! { main #main .card tabindex="-1" { (body) } };
    (
        status,
        Html(document(look, title, Some("bare"), &frame).into_string()),
    )
        .into_response()
}

/// Shows why something was refused.
pub(super) fn refusal(look: &Look, status: StatusCode, message: &str) -> Response {
    let title = look.say(match status {
        StatusCode::NOT_FOUND => text!("ui-refused-unknown"),
        StatusCode::FORBIDDEN | StatusCode::UNAUTHORIZED => text!("ui-refused-forbidden"),
        status if status.is_server_error() => text!("ui-refused-broken"),
        _ => text!("ui-refused"),
    });
    let body = html! {
        h1 { (title) }
        p .note.bad role="alert" { (message) }
        p { a .button href="/" { (look.say(text!("ui-to-home"))) } }
    };
    if look.session.is_none() {
        return card(look, status, &title, &body);
    }
    let main = html! { main #main tabindex="-1" { (body) } };
    let frame = html! { (side(look, None)) (main) };
    (status, Html(document(look, &title, None, &frame).into_string())).into_response()
}

fn document(look: &Look, title: &str, class: Option<&str>, frame: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang=(look.language.tag()) data-theme=(look.theme) {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="htmx-config" content=(HTMX);
                title { (title) " · " (look.cluster) " · Waybill" }
                link rel="icon" href=(assets::path("mark.svg"));
                link rel="stylesheet" href=(assets::path("console.css"));
                script defer src=(assets::path("htmx.min.js")) {}
                script defer src=(assets::path("htmx-sse.min.js")) {}
                script defer src=(assets::path("console.js")) {}
            }
            body class=[class] hx-ext="sse" {
                a .skip href="#main" { (look.say(text!("ui-skip"))) }
                (frame)
            }
        }
    }
}

/// Shows the part `id` of the page, and renews it when something changes that `about` (a query) names; with it those
/// named by `others`, which stand elsewhere within `whole`.
pub(super) fn live(
    look: &Look,
    about: &str,
    whole: impl FnOnce(&dyn Fn(&Markup) -> Markup) -> Markup,
    others: Option<&str>,
) -> Markup {
    let part = |part: &Markup| {
        html! {
            // It stays, only what is in it is renewed: the stream would hold on to every part that listened to it.
            div #live .stack hx-get=(look.place) hx-trigger="sse:changed delay:100ms, sse:reset" hx-select="#live > *"
                hx-select-oob=[others] hx-swap="innerHTML" { (part) }
        }
    };
    let separator = if about.is_empty() { "" } else { "&" };
    html! {
        div .stack sse-connect=(format!("/live?after={}{separator}{about}", look.position)) { (whole(&part)) }
    }
}

/// Returns the mark of Waybill.
pub(super) fn mark() -> Markup {
    PreEscaped(
        r##"<svg viewBox="0 0 32 32" aria-hidden="true"><rect width="32" height="32" rx="7" fill="#0b6b86"/><path d="M6 10l4.2 13L16 12l5.8 11L26 10" fill="none" stroke="#fff" stroke-width="3" stroke-linecap="round" stroke-linejoin="round"/></svg>"##.into(),
    )
}

fn side(look: &Look, here: Option<Section>) -> Markup {
    let name = |section| match section {
        Section::Home => (look.say(text!("ui-home")), "/"),
        Section::Tasks => (look.say(text!("ui-tasks")), "/tasks"),
        Section::Clusters => (look.say(text!("ui-clusters")), "/clusters"),
        Section::Repositories => (look.say(text!("ui-repositories")), "/repositories"),
        Section::Webhooks => (look.say(text!("ui-webhooks")), "/webhooks"),
        Section::Account => (look.say(text!("ui-account")), "/account"),
    };
    let sections: &[Section] = if look.is_admin() {
        &[
            Section::Home,
            Section::Tasks,
            Section::Clusters,
            Section::Repositories,
            Section::Webhooks,
            Section::Account,
        ]
    } else {
        &[Section::Repositories, Section::Account]
    };
    html! {
        header .side {
            a .brand href="/" { (mark()) span { "Waybill" small { (look.cluster) } } }
            nav aria-label=(look.say(text!("ui-navigation"))) {
                ul {
                    @for section in sections {
                        @let (name, path) = name(*section);
                        li { a href=(path) aria-current=[(here == Some(*section)).then_some("page")] { (icon(*section)) (name) } }
                    }
                }
            }
            div .foot {
                div .looks { (looks(look)) }
                div .row {
                    a .break href="/account" { (look.user()) }
                    form method="post" action="/logout" {
                        (csrf_field(look))
                        button .link type="submit" { (look.say(text!("ui-log-out"))) }
                    }
                }
            }
        }
    }
}

/// Returns the choice of language and colours, which sends back to where it was made.
pub(super) fn looks(look: &Look) -> Markup {
    let back = own_place(&look.place);
    html! {
        form .row method="post" action="/look" data-at-once {
            input type="hidden" name="back" value=(back);
            select name="language" aria-label=(look.say(text!("ui-language"))) {
                @for (language, name) in LANGUAGES {
                    option value=(language.tag()) lang=(language.tag()) selected[language == look.language] { (name) }
                }
            }
            select name="theme" aria-label=(look.say(text!("ui-colours"))) {
                @for theme in THEMES {
                    option value=(theme) selected[theme == look.theme] { (theme_name(look, theme)) }
                }
            }
            button type="submit" data-plain { (look.say(text!("ui-choose"))) }
        }
    }
}

fn theme_name(look: &Look, theme: &str) -> String {
    look.say(match theme {
        "light" => text!("ui-light"),
        "dark" => text!("ui-dark"),
        _ => text!("ui-automatic"),
    })
}

fn icon(section: Section) -> Markup {
    let lines = match section {
        Section::Home => "M2.5 7.5L8 3l5.5 4.5V13h-4V9.5h-3V13h-4z",
        Section::Tasks => "M2.5 4.5h7M2.5 8h11M2.5 11.5h7M12 2.5l2 2-2 2",
        Section::Clusters => "M2.5 3h11v4h-11zM2.5 9h11v4h-11zM5 5h.01M5 11h.01",
        Section::Repositories => "M2.5 4.5L8 2l5.5 2.5v7L8 14l-5.5-2.5zM2.5 4.5L8 7l5.5-2.5M8 7v7",
        Section::Webhooks => "M4 11V7a4 4 0 018 0v4l1 1.5H3zM6.5 14h3",
        Section::Account => "M8 8a2.5 2.5 0 100-5 2.5 2.5 0 000 5zM3 13.5c.6-2.4 2.5-3.5 5-3.5s4.4 1.1 5 3.5",
    };
    html! { svg viewBox="0 0 16 16" aria-hidden="true" { path d=(lines) {} } }
}

/// Returns the way to a page: names with their links, the page itself left out.
pub(super) fn crumbs(look: &Look, way: &[(&str, String)]) -> Markup {
    html! {
        nav .crumbs aria-label=(look.say(text!("ui-way"))) {
            ol { @for (name, path) in way { li { a href=(path) { (name) } } } }
        }
    }
}
