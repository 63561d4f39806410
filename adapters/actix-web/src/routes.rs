//! The application's routes, as the agent tells the server about them when it registers.

use buckler::protocol::{Route, Routes};

/// The routes of an application, from a list that the host writes: `"GET /"`, `"GET,POST /orders"`, or a path alone where
/// the method does not matter. Entries of one path are put together.
///
/// ```
/// let routes = buckler_actix_web::routes(["GET /", "GET /orders", "POST /orders"]);
/// assert_eq!(routes["/orders"].methods, ["GET", "POST"]);
/// ```
pub fn routes<I>(entries: I) -> Routes
where
    I: IntoIterator,
    I::Item: AsRef<str>,
{
    let mut routes = Routes::new();
    for entry in entries {
        let (methods, path) = split(entry.as_ref().trim());
        add(&mut routes, path, path, methods.split(',').map(str::trim));
    }
    routes
}

/// The methods and the path of an entry.
fn split(entry: &str) -> (&str, &str) {
    match entry.split_once(char::is_whitespace) {
        Some((methods, path)) if !entry.starts_with('/') => (methods, path.trim_start()),
        Some(_) | None => ("", entry),
    }
}

fn add<'m>(routes: &mut Routes, name: &str, path: &str, methods: impl Iterator<Item = &'m str>) {
    let route = routes.entry(name.into()).or_insert_with(|| Route {
        methods: Vec::new(),
        path: path.into(),
    });
    for method in methods.map(str::to_ascii_uppercase) {
        if !method.is_empty() && !route.methods.contains(&method) {
            route.methods.push(method);
        }
    }
}

/// The routes that a configuration function registers, read from a throw-away application with actix-web's introspection.
///
/// Give it the function that also configures the real application, so that there is one list of routes:
///
/// ```
/// # use actix_web::{HttpResponse, web};
/// fn shop(config: &mut web::ServiceConfig) {
///     config.route("/items/{id}", web::get().to(HttpResponse::Ok));
/// }
///
/// # #[actix_web::main]
/// # async fn main() {
/// let routes = buckler_actix_web::introspect(shop).await;
/// assert_eq!(routes["/items/{id}"].methods, ["GET"]);
/// # }
/// ```
///
/// Application data that the function registers is made once more and dropped. Where actix-web cannot build the throw-away
/// application, the result is empty: routes only inform the server, no verdict depends on them.
#[cfg(feature = "introspection")]
pub async fn introspect(configure: impl FnOnce(&mut actix_web::web::ServiceConfig)) -> Routes {
    use actix_web::introspection::IntrospectionReportItem;

    let mut routes = Routes::new();
    let Some(tree) = introspection_tree(configure).await else {
        return routes;
    };
    for item in Vec::<IntrospectionReportItem>::from(&tree.root) {
        if item.resource_type == "resource" {
            let name = item.resource_name.as_deref().unwrap_or(&item.full_path);
            add(
                &mut routes,
                name,
                &item.full_path,
                item.methods.iter().map(String::as_str),
            );
        }
    }
    routes
}

/// Builds the application and asks it for the tree, which actix-web puts among the data of a request.
#[cfg(feature = "introspection")]
async fn introspection_tree(
    configure: impl FnOnce(&mut actix_web::web::ServiceConfig),
) -> Option<actix_web::web::Data<actix_web::introspection::IntrospectionTree>> {
    use std::{cell::RefCell, rc::Rc};

    use actix_service::{IntoServiceFactory as _, Service as _, ServiceFactory as _};
    use actix_web::{App, HttpResponse, dev::AppConfig, dev::ServiceRequest, test::TestRequest};

    let tree = Rc::new(RefCell::new(None));
    let found = Rc::clone(&tree);
    let application = App::new()
        .configure(configure)
        .wrap_fn(move |request: ServiceRequest, _routing| {
            *found.borrow_mut() = request.app_data().cloned();
            std::future::ready(Ok(request.into_response(HttpResponse::Ok().finish())))
        });
    let service = application
        .into_factory()
        .new_service(AppConfig::default())
        .await
        .ok()?;
    service.call(TestRequest::default().to_request()).await.ok()?;
    tree.take()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_of_one_path_are_put_together() {
        let routes = routes([
            "GET /",
            " get,PUT  /items/{id}",
            "DELETE /items/{id}",
            "GET /items/{id}",
            "/any",
        ]);
        assert_eq!(routes.keys().collect::<Vec<_>>(), ["/", "/any", "/items/{id}"]);
        assert_eq!(
            routes["/items/{id}"],
            Route {
                methods: vec!["GET".into(), "PUT".into(), "DELETE".into()],
                path: "/items/{id}".into()
            }
        );
        assert_eq!(
            routes["/any"],
            Route {
                methods: Vec::new(),
                path: "/any".into()
            }
        );
    }

    #[test]
    fn a_path_may_hold_blanks() {
        assert_eq!(routes(["/a b"])["/a b"].path, "/a b");
        assert_eq!(routes(["GET /a b"])["/a b"].methods, ["GET"]);
    }

    #[cfg(feature = "introspection")]
    #[actix_web::test]
    async fn introspection_lists_resources_scopes_and_names() {
        use actix_web::{HttpResponse, web};

        let routes = introspect(|config| {
            config
                .route("/", web::get().to(HttpResponse::Ok))
                .service(
                    web::scope("/api").service(
                        web::resource("/orders")
                            .name("orders")
                            .route(web::get().to(HttpResponse::Ok))
                            .route(web::post().to(HttpResponse::Ok)),
                    ),
                )
                .external_resource("elsewhere", "https://example.com/{name}");
        })
        .await;
        assert_eq!(routes["/"].methods, ["GET"]);
        assert_eq!(
            routes["orders"],
            Route {
                methods: vec!["GET".into(), "POST".into()],
                path: "/api/orders".into()
            }
        );
        assert_eq!(routes.len(), 2, "{routes:?}");
    }
}
