//! A browser without scripts.

use axum::http::Method;
use url::form_urlencoded::Serializer;

use crate::world::{Answer, World};

/// Keeps cookies and what the latest page's forms carry.
pub struct Browser<'a> {
    world: &'a World,
    pub cookies: Vec<(String, String)>,
    pub language: &'static str,
    csrf: String,
}

impl<'a> Browser<'a> {
    /// Starts one that nobody has logged in with.
    pub fn new(world: &'a World) -> Self {
        Self {
            world,
            cookies: Vec::new(),
            language: "en",
            csrf: String::new(),
        }
    }

    /// Starts one that the administrator has logged in with.
    pub async fn of_admin(world: &'a World) -> Self {
        let mut browser = Self::new(world);
        let answer = browser.log_in("admin", "secret").await;
        assert_eq!(answer.header("location"), Some("/"), "{}", answer.text);
        browser
    }

    pub async fn log_in(&mut self, user: &str, password: &str) -> Answer {
        self.send("/login", &[("user", user), ("password", password)])
            .await
    }

    /// Asks for a page.
    pub async fn open(&mut self, path: &str) -> Answer {
        let answer = self.ask(Method::GET, path).send().await;
        self.keep(&answer);
        let marked = answer.text.split_once("name=\"csrf\" value=\"");
        if let Some((_, rest)) = marked {
            self.csrf = rest.split('"').next().unwrap_or_default().into();
        }
        answer
    }

    /// Sends a form of the latest page.
    pub async fn send(&mut self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let csrf = self.csrf.clone();
        let mut fields = fields.to_vec();
        fields.push(("csrf", &csrf));
        self.send_bare(path, &fields).await
    }

    /// Sends fields that no page of ours made into a form.
    pub async fn send_bare(&mut self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let mut body = Serializer::new(String::new());
        body.extend_pairs(fields);
        let answer = self
            .ask(Method::POST, path)
            .header("content-type", "application/x-www-form-urlencoded")
            .body(body.finish())
            .send()
            .await;
        self.keep(&answer);
        answer
    }

    fn ask(&self, method: Method, path: &str) -> crate::world::Ask<'a> {
        let pairs: Vec<String> = self
            .cookies
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        self.world
            .ask(method, path)
            .anonymous()
            .header("cookie", &pairs.join("; "))
            .header("accept-language", self.language)
    }

    fn keep(&mut self, answer: &Answer) {
        for cookie in answer.headers.get_all("set-cookie") {
            let cookie = cookie.to_str().expect("a cookie is text");
            let (name, value) = cookie
                .split(';')
                .next()
                .and_then(|pair| pair.split_once('='))
                .expect("a pair");
            self.cookies.retain(|(known, _)| known != name);
            if !value.is_empty() {
                self.cookies.push((name.into(), value.into()));
            }
        }
    }

    /// Returns the cookie that keeps the login.
    pub fn session(&self) -> Option<&str> {
        let found = self.cookies.iter().find(|(name, _)| name == "waybill_session");
        found.map(|(_, value)| value.as_str())
    }
}

/// Returns what the long form of a page sends when nobody changes anything in it.
pub fn fields(page: &str) -> Vec<(String, String)> {
    let (_, form) = page.split_once("<form class=\"form\"").expect("a form");
    let (form, _) = form.split_once("</form>").expect("its end");
    let mut fields = Vec::new();
    for tag in form.split('<').skip(1) {
        let (tag, content) = tag.split_once('>').expect("a tag ends");
        let attribute = |name: &str| {
            let (_, rest) = tag.split_once(&format!(" {name}=\""))?;
            rest.split('"').next().map(unescaped)
        };
        let left_out =
            matches!(attribute("type").as_deref(), Some("checkbox" | "radio")) && !tag.ends_with(" checked");
        let value = match tag.split(' ').next() {
            Some("input") if !left_out => attribute("value").unwrap_or_default(),
            Some("textarea") => unescaped(content),
            _ => continue,
        };
        fields.push((attribute("name").expect("a field has a name"), value));
    }
    fields
}

fn unescaped(text: &str) -> String {
    let text = text
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"");
    text.replace("&amp;", "&")
}
