//! Who is logged in, and the token that each form of a session has.

use std::future::{Ready, ready};

use actix_session::{Session, SessionExt as _, SessionMiddleware, storage::CookieSessionStore};
use actix_web::{
    Error, FromRequest, HttpRequest, Responder, Result,
    cookie::Key,
    dev::Payload,
    error::{ErrorForbidden, ErrorInternalServerError, ErrorUnauthorized},
    get, post,
    web::{self, Redirect},
};
use serde::Deserialize;

use super::html::{form, page};

/// The password of the only user. A real site stores a hash, and limits how often a client may try.
pub(crate) struct Password(pub(crate) String);

/// A visitor who is logged in. As an argument, it rejects all others.
pub(crate) struct User {
    pub(crate) name: String,
    /// The token of the session, which a form must have, so that no other site can send it.
    pub(crate) csrf: String,
}

impl User {
    pub(crate) fn check(&self, csrf: &str) -> Result<()> {
        if csrf == self.csrf { Ok(()) } else { Err(ErrorForbidden("The form has expired. Load it again.\n")) }
    }
}

impl FromRequest for User {
    type Error = Error;
    type Future = Ready<Result<Self>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let session = request.get_session();
        ready(match (session.get("user"), session.get("csrf")) {
            (Ok(Some(name)), Ok(Some(csrf))) => Ok(Self { name, csrf }),
            _ => Err(ErrorUnauthorized("Log in first.\n")),
        })
    }
}

/// A form that has nothing but a button.
#[derive(Deserialize)]
pub(crate) struct Confirmation {
    #[serde(default)]
    pub(crate) csrf: String,
}

#[derive(Deserialize)]
struct Login {
    password: String,
    #[serde(default)]
    csrf: String,
}

/// Has no attribute: it begins a session, whose token is in the page. The cache would not store it either (`no_store_if`, or the
/// feature `actix-session`).
#[get("/login")]
pub(crate) async fn login_form(session: Session) -> Result<impl Responder> {
    let csrf = match session.get("csrf")? {
        Some(csrf) => csrf,
        None => new_token(&session)?,
    };
    let password = "<label>Password <input type=\"password\" name=\"password\" autocomplete=\"current-password\"></label>";
    Ok(page(None, "Log in", &form("/login", password, "Log in", &csrf)))
}

#[post("/login")]
pub(crate) async fn login(
    session: Session,
    form: web::Form<Login>,
    password: web::Data<Password>,
) -> Result<impl Responder> {
    if session.get::<String>("csrf")?.as_ref() != Some(&form.csrf) {
        return Err(ErrorForbidden("The form has expired. Load it again.\n"));
    }
    if form.password != password.0 {
        return Err(ErrorUnauthorized("This is not the password.\n"));
    }
    session.renew();
    session.insert("user", "The author").map_err(ErrorInternalServerError)?;
    new_token(&session)?;
    Ok(Redirect::to("/").see_other())
}

#[post("/logout")]
pub(crate) async fn logout(
    user: User,
    session: Session,
    form: web::Form<Confirmation>,
) -> Result<impl Responder> {
    user.check(&form.csrf)?;
    session.purge();
    Ok(Redirect::to("/").see_other())
}

fn new_token(session: &Session) -> Result<String> {
    let token = random();
    session.insert("csrf", &token).map_err(ErrorInternalServerError)?;
    Ok(token)
}

/// Returns 32 random hexadecimal digits.
pub(crate) fn random() -> String {
    Key::generate().signing().iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

/// Sessions in a signed and encrypted cookie.
pub(crate) fn sessions(key: Key) -> SessionMiddleware<CookieSessionStore> {
    // Behind TLS, leave `cookie_secure` at `true`.
    SessionMiddleware::builder(CookieSessionStore::default(), key).cookie_secure(false).build()
}
