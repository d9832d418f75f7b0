//! The properties of a file: what travels along with it, changed one at a time.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::response::Response;
use domain::artifact::PROPERTY_BYTES;
use hosted::{HostedError, Node};
use maud::{Markup, html};
use messages::{Text, text};

use super::super::controls::Field;
use super::super::form::{Form, Typed, csrf_field};
use super::super::look::{Look, Person};
use super::super::surround::see_other;
use super::folder::{Place, file_page, link};
use crate::app::App;
use crate::artifacts::{node_at, path_of, writable};
use crate::error::{ApiError, ApiResult};
use crate::params::Segments;

/// Shows the properties of `node`; with `action`, where they are changed, as forms that say what is wrong with `typed`.
pub(super) fn panel(look: &Look, node: &Node, action: Option<&str>, typed: &Typed) -> Markup {
    html! {
        (typed.summary(look))
        section .panel aria-labelledby="properties" {
            header { h2 #properties { (look.say(text!("ui-properties"))) } }
            @if node.metadata.is_empty() { p .empty { (look.say(text!("ui-no-properties"))) } }
            @match action {
                None => @if !node.metadata.is_empty() {
                    div .body { dl .facts { @for (name, value) in &node.metadata { dt { (name) } dd { code { (value) } } } } }
                },
                Some(action) => {
                    @if !node.metadata.is_empty() {
                        ul .properties { @for (index, (name, value)) in node.metadata.iter().enumerate() {
                            li { (row(look, action, typed, index, (name, value))) }
                        } }
                    }
                    (added(look, action, typed))
                },
            }
        }
    }
}

/// Says whether what was typed is about the property `name`, which is there.
fn is_about(typed: &Typed, name: &str) -> bool {
    !typed.faults.is_empty() && typed.value("do") != "add" && typed.value("name") == name
}

fn row(look: &Look, action: &str, typed: &Typed, index: usize, (name, value): (&str, &str)) -> Markup {
    let here = is_about(typed, name);
    let value = if here { typed.value("value") } else { value };
    let wrong = typed.wrong("value").or(typed.wrong("name")).filter(|_| here);
    let (id, says) = (format!("property-{index}"), format!("property-{index}-says"));
    html! {
        form method="post" action=(action) {
            (csrf_field(look))
            input type="hidden" name="name" value=(name);
            label .mono.break for=(id) { (name) }
            input .mono id=(id) name="value" value=(value) autocomplete="off" spellcheck="false"
                aria-invalid=[wrong.map(|_| "true")] aria-describedby=[wrong.map(|_| says.as_str())];
            span .actions {
                button type="submit" name="do" value="change" { (look.say(text!("ui-save"))) span .sr { " " (name) } }
                button .danger type="submit" name="do" value="remove" { (look.say(text!("ui-remove"))) span .sr { " " (name) } }
            }
            @if let Some(wrong) = wrong { p .wrong id=(says) { (wrong) } }
        }
    }
}

/// Shows the form of one more property.
fn added(look: &Look, action: &str, typed: &Typed) -> Markup {
    let none = Typed::default();
    let typed = if typed.value("do") == "add" { typed } else { &none };
    let field = |name, label: Text| Field {
        name,
        label: look.say(label),
        hint: None,
    };
    html! {
        form .body.add method="post" action=(action) {
            (csrf_field(look))
            (field("name", text!("ui-property")).input(typed, "text", true))
            (field("value", text!("ui-value")).input(typed, "text", false))
            button type="submit" name="do" value="add" { (look.say(text!("ui-add"))) }
        }
    }
}

/// Adds, changes or removes one property and shows the file.
pub(super) async fn change(
    State(app): State<App>,
    Person { look, caller }: Person,
    Segments(place): Segments<Place>,
    Form(form): Form,
) -> ApiResult<Response> {
    let repository = writable(&app, &caller, &place.project, &place.repository).await?;
    let path = path_of(&format!("/{}", place.path))?;
    let mut typed = Typed::of(form);
    let name = match typed.value("do") {
        // What stands there is called as it is called.
        "change" | "remove" => typed.value("name").to_owned(),
        "add" => typed.value("name").trim().to_owned(),
        other => return Err(ApiError::invalid("do", other)),
    };
    let node = node_at(&repository, &path).await?;
    if typed.value("do") == "add" && node.metadata.contains_key(&name) {
        typed.fault("name", look.say(text!("ui-fault-property-there")));
        return Ok(file_page(&look, &repository, &node, true, &typed));
    }
    let value = (typed.value("do") != "remove").then(|| typed.value("value").to_owned());
    let changes = BTreeMap::from([(name, value)]);
    match repository.change_properties(&path, changes, &caller.name).await {
        Ok(_) => Ok(see_other(&format!(
            "{}#properties",
            link("/repositories", &repository.info().name, &path)
        ))),
        Err(error) => {
            fault_of(&look, &mut typed, error)?;
            Ok(file_page(&look, &repository, &node, true, &typed))
        }
    }
}

/// Notes what is wrong at the field it is about; what is wrong with no field is an error of the page.
fn fault_of(look: &Look, typed: &mut Typed, error: HostedError) -> ApiResult<()> {
    let (field, reason) = match error {
        HostedError::PropertyName(_) => ("name", text!("property-name")),
        HostedError::PropertyValue(_) => ("value", text!("property-value")),
        HostedError::PropertiesTooLong(_) => ("value", text!("properties-too-long", most = PROPERTY_BYTES)),
        other => return Err(other.into()),
    };
    typed.fault(field, look.say(reason));
    Ok(())
}
