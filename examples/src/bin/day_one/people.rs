//! What honest people send: most of them share an address with others, in an office or behind a
//! carrier.

use std::{net::Ipv4Addr, time::Duration};

use fastrand::Rng;
use serde_json::json;

use crate::{
    request::{Planned, Sender, Visit, encoded},
    site::{Kind, PICTURES},
};

/// People behind one address of an office.
const OFFICE: usize = 50;

/// What people search for: words that look like commands, statements and markup to a program.
const SEARCHES: &[&str] = &[
    "select one of our range, 50% off",
    "rock 'n' roll or jazz",
    "O'Neill & Sons",
    "drop a table at the door",
    "5' 11\" tall; slim",
    "C# or C++",
    "union of teachers -- select committee",
    "tom & jerry; cat toys",
    "where is my order #1042?",
    "1+1=2",
    "50% > 30%",
    "<3 hearts",
    "what's new?",
    "rm 12 (green)",
    "data: the missing manual",
    "Dr. No / Goldfinger",
    "sleep (5 hours)",
    "a=b",
    "e.g. size=10 and colour=red",
    "Grep & awk for beginners",
    "`quoted` titles",
    "äöü ß 日本語",
    "price between 10 and 20",
    "and thanks like",
    "like new and unused",
    "insert coin",
    "ping pong",
    "net curtains",
    "echo dot 5",
    "file cabinet",
    "admin' chair",
    "who is who 2026",
];

/// What people write to each other.
const COMMENTS: &[&str] = &[
    "I ran `npm install` and then `npm test`; it works now, thanks!\n\nBut the docs say: use --force?",
    "SELECT * FROM orders WHERE id = 5 gives me an error. What's wrong?",
    "You can't just say <b>no</b>; that's not how it works...",
    "Try: cat file.txt | grep foo > out.txt && echo done",
    "Location: Berlin\nDate: 5 May; all day\nBring: a friend, 2 chairs & a table",
    "He said \"it's fine\" -- and it wasn't. (See page 12, #4.)",
    "The path is C:\\Users\\anna\\Documents\\report.docx, or ../shared/report.docx",
    "function f(x) { return x * 2; } // works for me",
    "My config:\n\nhosts:\n  - name: ${env:HOSTNAME}\n    port: 8080\n",
    "Hello {{ first_name }}, is what the mail says; shouldn't it be my name?",
];

/// Signs of passwords.
const SIGNS: &[u8] = b"ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz0123456789!\"#$%&'()*+,-./:;<=>?@[]^_`{|}~";

/// The digits of Base64.
const BASE64: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// All that people send on a day.
pub(crate) fn day(people: usize, kind: Kind, random: &mut Rng) -> Vec<Visit> {
    let mut visits = Vec::new();
    for person in 0..people {
        let client = address(person);
        for _ in 0..random.usize(1..=2) {
            let opening = Duration::from_secs(random.u64(6 * 3600..23 * 3600));
            let mut session = Session {
                client,
                kind,
                at: opening,
                visits: &mut visits,
                random: &mut *random,
            };
            session.play(person);
        }
    }
    visits
}

/// Two thirds share the addresses of offices and carriers, the others have one of their own.
fn address(person: usize) -> Ipv4Addr {
    let number = |number: usize| u8::try_from(number % 250 + 1).unwrap_or(1);
    if person.is_multiple_of(3) {
        Ipv4Addr::new(198, 51, number(person / 250), number(person))
    } else {
        Ipv4Addr::new(203, 0, 113, number(person / OFFICE))
    }
}

struct Session<'s> {
    client: Ipv4Addr,
    kind: Kind,
    at: Duration,
    visits: &'s mut Vec<Visit>,
    random: &'s mut Rng,
}

impl Session<'_> {
    fn play(&mut self, person: usize) {
        self.send("pages", Planned::get("/"));
        self.resources(12);
        if person.is_multiple_of(4) {
            self.send("galleries", Planned::get("/gallery"));
            self.resources(PICTURES);
        }
        for _ in 0..self.random.usize(1..4) {
            let words = self.random.choice(SEARCHES).copied().unwrap_or_default();
            self.send("searches", Planned::get(format!("/search?q={}&page=1", encoded(words))));
            self.resources(12);
        }
        match person % 13 {
            0 => self.sign_in(),
            1 => self.shop_in_a_web_view(),
            2 => self.comment(),
            3 => self.walk_the_application(),
            4 => self.import(),
            5 => self.come_back_from_sign_in(),
            6 => self.report_errors(),
            7 => self.change_password(),
            8 => self.administrate(),
            9 => self.save_a_photo(),
            10 => self.browse_without_a_place(),
            11 => self.write_an_article(),
            _ => self.follow_old_links(),
        }
    }

    /// Sends a request some seconds after the one before.
    fn send(&mut self, what: &'static str, request: Planned) {
        self.at += Duration::from_millis(self.random.u64(1_000..12_000));
        self.push(what, request);
    }

    fn push(&mut self, what: &'static str, request: Planned) {
        self.visits.push(Visit {
            at: self.at,
            client: self.client,
            sender: Sender::Honest(what),
            request,
        });
    }

    /// What a page needs is asked for within a second or two.
    fn resources(&mut self, many: usize) {
        for number in 0..many {
            self.at += Duration::from_millis(self.random.u64(1..12));
            let picture = Planned::get(format!("/static/img/{number}.webp?v={}", self.random.u32(..9)))
                .with("Accept", "image/avif,image/webp,*/*")
                .with("Sec-Fetch-Mode", "no-cors")
                .with("Sec-Fetch-Dest", "image");
            self.push("resources", picture);
        }
        self.push("icons that are not there", Planned::get("/favicon.ico"));
    }

    fn password(&mut self) -> String {
        let long = self.random.usize(8..28);
        (0..long)
            .map(|_| self.random.choice(SIGNS).map_or('x', |sign| char::from(*sign)))
            .collect()
    }

    fn sign_in(&mut self) {
        for _ in 0..3 {
            let password = self.password();
            self.send(
                "sign-ins",
                Planned::form(
                    "/login",
                    &[("user", "anna.o'neill@example.com"), ("password", &password)],
                ),
            );
        }
    }

    fn change_password(&mut self) {
        let (old, new) = (self.password(), self.password());
        let body = json!({"current_password": old, "new_password": new, "new_password_confirmation": new});
        self.send(
            "password changes",
            Planned::post("/account/password", "application/json", body.to_string()),
        );
    }

    fn shop_in_a_web_view(&mut self) {
        for origin in [
            "capacitor://localhost",
            "ionic://localhost",
            "tauri://localhost",
            "file://",
            "null",
        ] {
            let order = json!({"sku": "A-17", "count": 2, "note": "Ring at Müller's; 2nd floor, \"blue\" door"});
            let request = Planned::post("/api/cart", "application/json", order.to_string())
                .with("Origin", origin)
                .with("Sec-Fetch-Site", "cross-site")
                .with("Sec-Fetch-Mode", "cors");
            self.send("web views", request);
        }
    }

    fn comment(&mut self) {
        for _ in 0..3 {
            let text = self.random.choice(COMMENTS).copied().unwrap_or_default();
            self.send(
                "comments",
                Planned::form("/comments", &[("title", "Re: your question"), ("text", text)]),
            );
        }
    }

    /// A photo as pages hold it that let their users crop it: JPEG in a URL, in JSON, in a form and
    /// within rich text.
    fn save_a_photo(&mut self) {
        // how every JPEG of the JFIF kind begins, and bytes of a picture in Base64
        let pixels: String = (0..4_000)
            .map(|_| self.random.choice(BASE64).map_or('A', |digit| char::from(*digit)))
            .collect();
        let photo = format!("data:image/jpeg;base64,/9j/4AAQSkZJRgABAQEASABIAAD/2wBD{pixels}");
        self.send(
            "photos",
            Planned::post(
                "/account/password",
                "application/json",
                json!({"avatar": photo}).to_string(),
            ),
        );
        self.send(
            "photos",
            Planned::form("/comments", &[("title", "My cat"), ("photo", &photo)]),
        );
        let pasted = format!("<p>Look:</p><p><img src=\"{photo}\" alt=\"cat\"></p>");
        self.send(
            "photos",
            Planned::form("/comments", &[("title", "My cat"), ("text", &pasted)]),
        );
    }

    /// What a browser tells of a machine that was never told where it stands.
    fn browse_without_a_place(&mut self) {
        for zone in ["Etc/UTC", "Etc/GMT+5", "Etc/Unknown"] {
            self.send(
                "time zones",
                Planned::get("/").with("Cookie", format!("tz={}", encoded(zone))),
            );
            let search = Planned::get(format!("/search?q=events&tz={}", encoded(zone)));
            self.send("time zones", search.with("X-Timezone", zone));
        }
    }

    /// Markup is quoted as editors of rich text quote it.
    fn write_an_article(&mut self) {
        for text in [
            "<p>Type <code>&lt;script&gt;</code> to start, and <code>&lt;?php echo 1; ?&gt;</code> on the server.</p>",
            "<p>&lt;b&gt; is bold; &lt;img src=\"x\" onerror=\"y\"&gt; is what no page should have.</p>",
            "<pre class=\"ql-syntax\">&lt;script src=\"a.js\"&gt;&lt;/script&gt;\nalert('hi')</pre>",
        ] {
            self.send(
                "articles",
                Planned::form("/comments", &[("title", "How pages work"), ("text", text)]),
            );
            let page = json!({"title": "How pages work", "body": text});
            self.send(
                "articles",
                Planned::post("/api/templates", "application/json", page.to_string()),
            );
        }
    }

    fn walk_the_application(&mut self) {
        for path in [
            "/login",
            "/admin",
            "/orders/17",
            "/settings/api.php",
            "/logs",
            "/version",
            "/console/jobs",
            "/config.json",
            "/.well-known",
        ] {
            let target = format!("{}{path}", self.kind.application());
            self.send("single-page routes", Planned::get(target));
        }
    }

    fn import(&mut self) {
        let rows: String = (0..200)
            .map(|row| {
                format!(
                    "{row};\"O'Brien; Anne\";12,50;=SUM(A1:A3);05.03.2026;http://localhost:3000/a?b=1;-- none --\r\n"
                )
            })
            .collect();
        let file = format!(
            "--day-one\r\nContent-Disposition: form-data; name=\"file\"; filename=\"Screenshot 2026-03-05 at 10.15.22 (2).csv\"\r\nContent-Type: text/csv\r\n\r\n{rows}\r\n--day-one--\r\n"
        );
        self.send(
            "imports",
            Planned::post("/api/import", "multipart/form-data; boundary=day-one", file),
        );
    }

    fn come_back_from_sign_in(&mut self) {
        for redirect in [
            "http://127.0.0.1:49152/callback",
            "http://localhost:3000/auth/callback?next=/home",
            "com.example.app:/oauth2redirect",
            "http://[::1]:8000/done",
        ] {
            let target = format!(
                "/oauth/authorize?client_id=cli&response_type=code&scope=openid+profile&redirect_uri={}",
                encoded(redirect)
            );
            self.send("callbacks", Planned::get(target));
        }
    }

    fn report_errors(&mut self) {
        let stack = "TypeError: can't read 'x' of undefined\n    at load (http://localhost:5173/src/app.ts?t=17:10:5)\n    at /home/anna/site/node_modules/vite/dist/node.js:1:2\n    at ../lib/index.js:3:4";
        let report = json!({"message": "it's broken", "stack": stack, "url": "http://localhost:5173/?debug=true", "file": "/etc/nginx/conf.d/site.conf"});
        self.send(
            "error reports",
            Planned::post("/api/errors", "application/json", report.to_string()),
        );
        let violation = json!({"csp-report": {"document-uri": "https://shop.example.com/", "blocked-uri": "data", "violated-directive": "script-src 'self' 'unsafe-inline'", "script-sample": "alert(1)"}});
        self.send(
            "policy reports",
            Planned::post("/csp-report", "application/csp-report", violation.to_string()),
        );
    }

    fn administrate(&mut self) {
        self.send("administration", Planned::get("/admin"));
        self.send("administration", Planned::get("/admin/"));
        let mail = json!({"subject": "Welcome, {{ user.first_name | capitalize }}", "body": "<p>Hi {{user.first_name}},</p>{% if order %}<p>Order {{ order.id }}</p>{% endif %}"});
        self.send(
            "templates",
            Planned::post("/api/templates", "application/json", mail.to_string()),
        );
        let settings = [
            ("robots", "User-agent: *\nDisallow: /admin/\n"),
            (
                "footer_html",
                "<p class=\"small\">© 2026 <a href=\"/imprint\">Imprint</a></p>",
            ),
            ("date_format", "%d.%m.%Y"),
        ];
        self.send("settings", Planned::form("/admin/settings", &settings));
    }

    fn follow_old_links(&mut self) {
        for path in [
            "/contact.php",
            "/index.php?id=12",
            "/user/login",
            "/version",
            "/logs",
            "/blog/2019/05/old-post",
            "/apple-touch-icon.png",
            "/robots.txt",
            "/.well-known/security.txt",
        ] {
            self.send("old links", Planned::get(path));
        }
    }
}
