//! Paths of the page, each method with the role that it asks for. A handler runs only for an
//! operator who has signed in and has that role, and what a form sends only with the form's token.

use std::{
    collections::BTreeMap,
    fmt,
    future::{Ready, ready},
    rc::Rc,
    sync::Arc,
};

use actix_web::{
    Error, FromRequest, Handler, HttpMessage as _, HttpRequest, HttpResponse, Resource, Responder, ResponseError,
    body::{EitherBody, MessageBody},
    dev::{self, HttpServiceFactory, ServiceRequest, ServiceResponse},
    http::{Method, StatusCode},
    middleware::{Next, from_fn},
    web::{self, Data, Payload},
};
use url::form_urlencoded;

use super::{
    layout::{self, Page},
    see,
    session::{self, Session},
    sign_in,
};
use crate::{
    http::{admin::Asker, reply::Refusal, state::State},
    store::Role,
};

/// Adds paths, or only lists what they ask for.
pub(super) trait Paths {
    /// Adds a path.
    fn add(&mut self, path: Guarded);
}

impl Paths for web::ServiceConfig {
    fn add(&mut self, path: Guarded) {
        self.service(path.into_service());
    }
}

/// What a path asks for.
type Asked = (Method, Role);

/// A path, its methods, and what each asks for; nothing where it is open to every visitor.
pub(super) struct Guarded {
    path: &'static str,
    asked: Option<Vec<Asked>>,
    resource: Resource,
}

/// A path for operators who have signed in.
pub(super) fn page(path: &'static str) -> Guarded {
    Guarded {
        path,
        asked: Some(Vec::new()),
        resource: web::resource(path),
    }
}

/// A path for every visitor.
pub(super) fn open(path: &'static str) -> Guarded {
    Guarded {
        path,
        asked: None,
        resource: web::resource(path),
    }
}

impl Guarded {
    /// Adds a method, for operators who have this role.
    pub(super) fn on<H, Args>(mut self, method: Method, role: Role, handler: H) -> Self
    where
        H: Handler<Args>,
        Args: FromRequest + 'static,
        H::Output: Responder + 'static,
    {
        if let Some(asked) = &mut self.asked {
            asked.push((method.clone(), role));
            self.resource = self.resource.route(web::method(method).to(handler));
        }
        self
    }

    /// Adds `GET` to an open path.
    pub(super) fn get<H, Args>(mut self, handler: H) -> Self
    where
        H: Handler<Args>,
        Args: FromRequest + 'static,
        H::Output: Responder + 'static,
    {
        self.resource = self.resource.route(web::get().to(handler));
        self
    }

    /// Adds `POST` to an open path.
    pub(super) fn post<H, Args>(mut self, handler: H) -> Self
    where
        H: Handler<Args>,
        Args: FromRequest + 'static,
        H::Output: Responder + 'static,
    {
        self.resource = self.resource.route(web::post().to(handler));
        self
    }

    fn into_service(self) -> impl HttpServiceFactory + 'static {
        let (path, asked): (_, Option<Rc<[Asked]>>) = (self.path, self.asked.map(Into::into));
        let methods = asked.iter().flat_map(|asked| asked.iter());
        let methods: Vec<&str> = methods.map(|(method, _)| method.as_str()).collect();
        let allowed = if methods.is_empty() {
            "GET, POST".to_owned()
        } else {
            methods.join(", ")
        };
        self.resource
            .default_service(web::to(move || {
                ready(Err::<HttpResponse, _>(Trouble::from(Refusal::no_method(
                    allowed.clone(),
                ))))
            }))
            .wrap(from_fn(move |request: ServiceRequest, next: Next<_>| {
                permitted((path, asked.clone()), request, next)
            }))
    }
}

/// Lets operators through who have signed in and have the role that the method asks for.
async fn permitted(
    (path, asked): (&'static str, Option<Rc<[Asked]>>),
    mut request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<EitherBody<impl MessageBody>>, Error> {
    let Some(state) = request.app_data::<Data<State>>().cloned() else {
        return Err(Refusal::failed(&"the application has no state").into());
    };
    if !state.tokens.exist() {
        return Err(Refusal::no_path().into());
    }
    // a browser says so itself; one that does not is held by the form's token
    if *request.method() != Method::GET && is_from_elsewhere(&request) {
        return Err(Trouble::from(foreign()).into());
    }
    let Some(asked) = asked else {
        return next.call(request).await.map(ServiceResponse::map_into_left_body);
    };
    let Some(visitor) = visitor(request.request(), &state) else {
        let to = sign_in::path_for(request.request());
        return Ok(request.into_response(see(&to).finish()).map_into_right_body());
    };
    let role = asked.iter().find(|(method, _)| method == request.method());
    if let Some((_, role)) = role
        && visitor.asker.operator.role < *role
    {
        let message = format!(
            "the token of {:?} may not: {} {path} takes the role {}",
            visitor.asker.operator.label,
            request.method(),
            role.name()
        );
        return Err(Trouble::from(Refusal::new(StatusCode::FORBIDDEN, message)).into());
    }
    if *request.method() != Method::GET {
        let payload = request.extract::<Payload>().await?;
        let (body, _room) = state.body(payload).await.map_err(Trouble::from)?;
        let sent = Sent::read(&body);
        if !session::is_form_token(&visitor.form, sent.text("form")) {
            return Err(Trouble::from(foreign()).into());
        }
        request.extensions_mut().insert(sent);
    }
    request.extensions_mut().insert(visitor);
    next.call(request).await.map(ServiceResponse::map_into_left_body)
}

fn foreign() -> Refusal {
    Refusal::new(
        StatusCode::FORBIDDEN,
        "the form is not one of this session: load the page again, and send it from there",
    )
}

/// Whether a browser says that another site made it send this.
fn is_from_elsewhere(request: &ServiceRequest) -> bool {
    let site = request.headers().get("sec-fetch-site");
    site.is_some_and(|site| site != "same-origin" && site != "none")
}

/// Who has signed in with this browser, and may still.
fn visitor(request: &HttpRequest, state: &State) -> Option<Visitor> {
    let now = state.now().tick;
    let cookie = session::cookie_of(request)?;
    let session = state.sessions.find(&cookie, now)?;
    // a token that was revoked or has ended ends its sessions
    let operator = state.tokens.of(session.token(), now)?;
    Some(Visitor {
        asker: Asker {
            operator,
            from: state.peer(request),
        },
        form: session::form_token(&cookie),
        session,
        path: request.path().to_owned(),
    })
}

/// The operator who looks at the page.
#[derive(Debug, Clone)]
pub(super) struct Visitor {
    pub(super) asker: Asker,
    /// What every form of the session carries.
    pub(super) form: String,
    pub(super) session: Arc<Session>,
    /// The path that is looked at.
    pub(super) path: String,
}

impl Visitor {
    /// Whether they may do what takes this role: what they may not is not shown.
    pub(super) fn may(&self, role: Role) -> bool {
        self.asker.operator.role >= role
    }

    pub(super) fn sees(&self, fleet: &str) -> bool {
        self.asker.operator.sees(fleet)
    }
}

impl FromRequest for Visitor {
    type Error = Refusal;
    type Future = Ready<Result<Self, Refusal>>;

    fn from_request(request: &HttpRequest, _: &mut dev::Payload) -> Self::Future {
        let visitor = request.extensions().get::<Self>().cloned();
        ready(visitor.ok_or_else(|| Refusal::failed(&"a path of the page is not guarded")))
    }
}

/// What a form sent.
#[derive(Debug, Clone, Default)]
pub(super) struct Sent(BTreeMap<String, String>);

impl Sent {
    /// Reads what a form sends, or a query.
    pub(super) fn read(body: &[u8]) -> Self {
        Self(form_urlencoded::parse(body).into_owned().collect())
    }

    /// The query of a request.
    pub(super) fn asked(request: &HttpRequest) -> Self {
        Self::read(request.query_string().as_bytes())
    }

    /// A field, without white space around it; nothing where it was not sent.
    pub(super) fn text(&self, field: &str) -> &str {
        self.0.get(field).map(|text| text.trim()).unwrap_or_default()
    }

    /// What follows this in the names of fields: of boxes, those that are ticked.
    pub(super) fn named<'s>(&'s self, begin: &'s str) -> impl Iterator<Item = String> + use<'s> {
        let rest = self.0.keys().filter_map(move |field| field.strip_prefix(begin));
        rest.map(str::to_owned)
    }

    /// A field for a length of time, in seconds; none where it says nothing.
    pub(super) fn seconds(&self, field: &str) -> Result<Option<u64>, Refusal> {
        let not_seconds = |_| Refusal::bad_request("the length is not a number of seconds");
        self.given(field).map(str::parse).transpose().map_err(not_seconds)
    }

    /// A field that says something.
    pub(super) fn given(&self, field: &str) -> Option<&str> {
        Some(self.text(field)).filter(|text| !text.is_empty())
    }
}

impl FromRequest for Sent {
    type Error = Refusal;
    type Future = Ready<Result<Self, Refusal>>;

    fn from_request(request: &HttpRequest, _: &mut dev::Payload) -> Self::Future {
        let sent = request.extensions().get::<Self>().cloned();
        ready(sent.ok_or_else(|| Refusal::failed(&"a form of the page was not read")))
    }
}

/// A refusal that people read in a browser.
#[derive(Debug)]
pub(super) struct Trouble(Refusal);

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl From<Refusal> for Trouble {
    fn from(refusal: Refusal) -> Self {
        Self(refusal)
    }
}

impl From<crate::store::StoreError> for Trouble {
    fn from(error: crate::store::StoreError) -> Self {
        Self(error.into())
    }
}

impl ResponseError for Trouble {
    fn status_code(&self) -> StatusCode {
        self.0.status()
    }

    fn error_response(&self) -> HttpResponse {
        layout::trouble(&self.0)
    }
}

/// A page, or why there is none.
pub(super) type Answer = Result<Page, Trouble>;

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// What every path asks for.
    #[derive(Debug, Default)]
    pub(crate) struct Listed {
        pub(crate) guarded: Vec<(&'static str, Method, Role)>,
        pub(crate) open: Vec<&'static str>,
    }

    impl Paths for Listed {
        fn add(&mut self, path: Guarded) {
            match path.asked {
                Some(asked) => self
                    .guarded
                    .extend(asked.into_iter().map(|(method, role)| (path.path, method, role))),
                None => self.open.push(path.path),
            }
        }
    }
}
