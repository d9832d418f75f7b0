//! What a repository of packages holds: its packages, and the versions of one. A repository that stands for a registry
//! elsewhere is not looked into.

use domain::artifact::ArtifactKey;
use hosted::{ForeignPlace, HostedRepository, Package, PackageFilter, PackageVersion};
use maud::{Markup, html};
use messages::text;
use url::form_urlencoded::Serializer;

use super::super::artifact;
use super::super::look::{Look, or_dash};
use super::super::show::{bytes, count, when};
use crate::error::ApiResult;
use crate::params::Params;

/// Packages or versions of one page.
const ROWS: u64 = 100;

/// Shows the packages of a repository, or the versions of the one that `params` name.
pub(super) async fn section(
    look: &Look,
    repository: &HostedRepository,
    params: &Params,
) -> ApiResult<Markup> {
    let number = params.parsed::<u64>("page")?.unwrap_or(1).max(1);
    let filter = PackageFilter {
        name_prefix: None,
        after: None,
        offset: (number - 1).saturating_mul(ROWS),
        limit: ROWS,
    };
    let name = &repository.info().name;
    let here = format!("/repositories/{}/{}", name.project, name.name);
    let Some(key) = params.filled("package") else {
        let packages = repository.packages(&filter).await?;
        let total = repository.package_count(&filter).await?;
        return Ok(html! {
            section .panel {
                @if packages.is_empty() { p .empty { (look.say(text!("ui-no-packages"))) } }
                @else { div .scroll { (table(look, &here, &packages)) } }
                (pager(look, &here, None, number, total))
            }
        });
    };
    let versions = repository.versions(key, &filter).await?;
    let total = repository.version_count(key, &filter).await?;
    Ok(html! {
        section .panel aria-labelledby="versions" {
            header {
                h2 #versions .mono { (key) }
                a href=(here) { (look.say(text!("ui-all-packages"))) }
            }
            @if versions.is_empty() { p .empty { (look.say(text!("ui-no-packages"))) } }
            @else { div .scroll { (version_table(look, repository, key, &versions)) } }
            (pager(look, &here, Some(key), number, total))
        }
    })
}

fn link(here: &str, package: Option<&str>, page: u64) -> String {
    let mut query = Serializer::new(String::new());
    if let Some(key) = package {
        query.append_pair("package", key);
    }
    if page > 1 {
        query.append_pair("page", &page.to_string());
    }
    format!("{here}?{}", query.finish())
}

fn table(look: &Look, here: &str, packages: &[Package]) -> Markup {
    html! {
        table {
            thead { tr {
                th { (look.say(text!("ui-package"))) }
                th { (look.say(text!("ui-latest-version"))) }
                th .num { (look.say(text!("ui-versions"))) }
                th .num { (look.say(text!("ui-changed"))) }
                th .wide { (look.say(text!("ui-by"))) }
            } }
            tbody { @for package in packages {
                tr {
                    td .grow.break { a .mono href=(link(here, Some(&package.key), 1)) { (package.name) } }
                    td .break { (package.latest) }
                    td .num { (count(package.versions)) }
                    td .num { (when(look, package.modified_ms)) }
                    td .wide { (package.modified_by) }
                }
            } }
        }
    }
}

fn version_table(
    look: &Look,
    repository: &HostedRepository,
    key: &str,
    versions: &[PackageVersion],
) -> Markup {
    let name = &repository.info().name;
    let artifact_of = |version: &PackageVersion| ArtifactKey {
        name: key.into(),
        version: Some(version.version.clone()),
    };
    html! {
        table {
            thead { tr {
                th { (look.say(text!("ui-version"))) }
                th .wide { "SHA-256" }
                th .num { (look.say(text!("ui-size"))) }
                th .num { (look.say(text!("ui-changed"))) }
                th .wide { (look.say(text!("ui-by"))) }
            } }
            tbody { @for version in versions {
                @let digest = version.digest.to_hex();
                tr {
                    td .grow.break {
                        @if look.is_admin() { a .mono href=(artifact::link(&name.project, &name.name, &artifact_of(version))) { (version.version) } }
                        @else { span .mono { (version.version) } }
                    }
                    td .wide { code title=(digest) { (&digest[..12]) "…" } }
                    td .num { (bytes(version.size_bytes)) }
                    td .num { (when(look, version.modified_ms)) }
                    td .wide { (version.modified_by) }
                }
            } }
        }
    }
}

fn pager(look: &Look, here: &str, package: Option<&str>, number: u64, total: u64) -> Markup {
    html! {
        @if total > ROWS {
            nav .pager aria-label=(look.say(text!("ui-pages"))) {
                @if number > 1 { a rel="prev" href=(link(here, package, number - 1)) { (look.say(text!("ui-previous"))) } } @else { span {} }
                span .tab { (number) " / " (total.div_ceil(ROWS)) }
                @if number < total.div_ceil(ROWS) { a rel="next" href=(link(here, package, number + 1)) { (look.say(text!("ui-next"))) } } @else { span {} }
            }
        }
    }
}

/// Shows the registry that a repository stands for.
pub(super) fn elsewhere(look: &Look, place: &ForeignPlace) -> Markup {
    html! {
        section .panel {
            header { h2 { (look.say(text!("ui-place-elsewhere"))) } }
            div .body.stack {
                p .soft { (look.say(text!("ui-elsewhere-says"))) }
                dl .facts {
                    dt { (look.say(text!("ui-address"))) }
                    dd { span .mono { (place.url) } }
                    @if look.is_admin() {
                        dt { (look.say(text!("ui-user"))) }
                        dd { (or_dash(place.username.as_deref())) }
                        dt { (look.say(text!("ui-password-or-token"))) }
                        dd { (if place.password.is_some() { "••••••" } else { "–" }) }
                    }
                }
            }
        }
    }
}
