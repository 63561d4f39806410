//! The application in actix-web.

use std::sync::mpsc;

use actix_web::{
    App, HttpResponse, HttpServer,
    body::SizedStream,
    http::{StatusCode, header::CONTENT_ENCODING},
    web::{self, ServiceConfig},
};
use buckler::Agent;

use super::{
    host::Started,
    pages::{Application, Page, SIZED, Shape, at_once, length, pages, slowly},
};

pub(super) fn serve(agent: &Agent, application: &Application, tell: &mpsc::Sender<Started>) {
    let buckler = buckler_actix_web::Buckler::new(agent);
    let application = application.clone();
    actix_rt::System::new().block_on(async move {
        let server = HttpServer::new(move || {
            App::new()
                .app_data(web::PayloadConfig::new(16 << 20))
                .app_data(web::Data::new(application.clone()))
                .configure(shop)
                .configure(watched)
                .wrap(buckler.clone())
        })
        .workers(2)
        .disable_signals()
        .bind(("127.0.0.1", 0))
        .unwrap();
        let address = server.addrs()[0];
        let running = server.run();
        let handle = running.handle();
        tell.send((address, Box::new(move || drop(handle.stop(false)))))
            .unwrap();
        running.await.unwrap();
    });
}

fn shop(config: &mut ServiceConfig) {
    config
        .route("/", web::get().to(async || "welcome"))
        .route(
            "/items/{id}",
            web::get().to(async |id: web::Path<u32>| format!("item {id}")),
        )
        .route("/login", web::get().to(async || "a form"))
        .route("/missing", web::get().to(HttpResponse::NotFound))
        .route("/staff/", web::get().to(async || "staff"))
        .service(web::scope("/client").default_service(web::get().to(async || "a single-page application")))
        .route("/echo", web::post().to(async |body: web::Bytes| body));
}

fn watched(config: &mut ServiceConfig) {
    type Shared = web::Data<Application>;
    config
        .route(
            "/tell",
            web::to(
                async |application: Shared, body: web::Payload| match application.read(body).await {
                    true => HttpResponse::Accepted().body("accepted"),
                    false => HttpResponse::BadRequest().body("failed"),
                },
            ),
        )
        .route(
            "/pieces",
            web::get().to(async |application: Shared| {
                let pieces = application.pieces().await;
                HttpResponse::Ok().content_type("text/plain").streaming(pieces)
            }),
        )
        .route(
            "/sized",
            web::get().to(async |application: Shared| {
                let body = SizedStream::new(SIZED, application.pieces().await);
                HttpResponse::Ok().content_type("text/plain").body(body)
            }),
        );
    for page in pages() {
        let path = page.path;
        config.route(path, web::to(move || std::future::ready(answer(&page))));
    }
}

fn answer(page: &Page) -> HttpResponse {
    let mut response = HttpResponse::build(StatusCode::from_u16(page.status).unwrap());
    response.content_type(page.content_type);
    if let Some(encoding) = page.encoding {
        response.insert_header((CONTENT_ENCODING, encoding));
    }
    match page.shape.clone() {
        Shape::Whole(body) => response.body(body),
        Shape::Stream(pieces) => response.streaming(at_once(pieces)),
        Shape::File(pieces) => response.body(SizedStream::new(length(pieces), slowly(pieces))),
    }
}
